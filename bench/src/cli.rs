//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::Error;
use crate::drive::{self, Figure, Plan};
use crate::load::Load;
use crate::peer::Client;
use crate::serve;
use crate::work::{self, Work};

/// Measures what a request costs, with us and with others.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    part: Option<Part>,
    #[command(flatten)]
    measure: Measure,
}

#[derive(Debug, Args)]
struct Measure {
    /// Loads, all unless given
    #[arg(long, value_delimiter = ',')]
    load: Vec<Load>,
    /// Figures, all unless given
    #[arg(long, value_delimiter = ',')]
    figure: Vec<Figure>,
    /// Clients, all unless given
    #[arg(long, value_delimiter = ',')]
    client: Vec<Client>,
    /// Rounds of what differs from run to run
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    /// Threads of the client, for CPU time
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// A folder for callgrind's profiles, which callgrind_annotate reads
    #[arg(long)]
    keep: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// The server; ends with its standard input
    #[command(hide = true)]
    Serve {
        #[arg(long)]
        load: Load,
        #[arg(long)]
        core: Option<usize>,
    },
    /// The process that is measured
    #[command(hide = true)]
    Work(WorkArgs),
}

#[derive(Debug, Args)]
struct WorkArgs {
    #[arg(long)]
    load: Load,
    #[arg(long)]
    client: Client,
    #[arg(long)]
    port: u16,
    #[arg(long)]
    calls: u64,
    #[arg(long, default_value_t = 0)]
    warm_up: u64,
    #[arg(long, default_value_t = 1)]
    threads: usize,
    #[arg(long, value_delimiter = ',')]
    cores: Vec<usize>,
    #[arg(long)]
    count_allocations: bool,
}

/// Does what the command line says.
pub(crate) fn run() -> Result<(), Error> {
    let cli = Cli::parse();
    match cli.part {
        None => drive::run(&plan(cli.measure)),
        Some(Part::Serve { load, core }) => serve::run(load, core),
        Some(Part::Work(args)) => work::run(&to_do(args)),
    }
}

fn plan(measure: Measure) -> Plan {
    Plan {
        loads: or_all(measure.load),
        figures: or_all(measure.figure),
        clients: or_all(measure.client),
        rounds: measure.rounds,
        threads: measure.threads,
        keep: measure.keep,
    }
}

fn or_all<T: ValueEnum + Clone>(chosen: Vec<T>) -> Vec<T> {
    if chosen.is_empty() {
        return T::value_variants().to_vec();
    }
    chosen
}

fn to_do(args: WorkArgs) -> Work {
    Work {
        load: args.load,
        client: args.client,
        port: args.port,
        calls: args.calls,
        warm_up: args.warm_up,
        threads: args.threads,
        cores: args.cores,
        count_allocations: args.count_allocations,
    }
}
