//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::Error;
use crate::client::Client;
use crate::drive::{self, Plan};
use crate::figure::Figure;
use crate::load::Load;
use crate::report::Format;
use crate::serve;
use crate::work::{self, Mode, Work};

/// Measures what a request costs, with us and with others.
///
/// Without options all is measured, which takes the better part of an hour.
#[derive(Debug, Parser)]
#[command(name = "bench", args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    part: Option<Part>,
    #[command(flatten)]
    measure: Measure,
}

#[derive(Debug, Args)]
struct Measure {
    /// Loads; all unless given
    #[arg(long, value_delimiter = ',')]
    load: Vec<Load>,
    /// Figures; all unless given
    #[arg(long, value_delimiter = ',')]
    figure: Vec<Figure>,
    /// Clients; all unless given
    #[arg(long, value_delimiter = ',')]
    client: Vec<Client>,
    /// Rounds of what differs from run to run
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Threads of the client, where time is measured
    #[arg(long, value_delimiter = ',', default_value = "1", value_parser = clap::value_parser!(u32).range(1..=64))]
    threads: Vec<u32>,
    /// Two minutes: h1_get_64 and h2_get_100, instructions and CPU time (unless other loads or figures are given)
    #[arg(long)]
    quick: bool,
    /// Print one JSON object a line
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Print the page for BENCHMARKS.md
    #[arg(long)]
    markdown: bool,
    /// A folder for callgrind's profiles, which callgrind_annotate reads
    #[arg(long, value_name = "FOLDER")]
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
    #[arg(long)]
    threads: usize,
    #[arg(long)]
    latencies: bool,
    #[arg(long, conflicts_with = "latencies")]
    allocations: bool,
}

/// Does what the command line says.
pub(crate) fn run() -> Result<(), Error> {
    let cli = Cli::parse();
    match cli.part {
        None => drive::run(plan(cli.measure)),
        Some(Part::Serve { load, core }) => serve::run(load, core),
        Some(Part::Work(args)) => work::run(&to_do(&args)),
    }
}

fn plan(measure: Measure) -> Plan {
    let Measure {
        load,
        figure,
        client,
        rounds,
        threads,
        quick,
        json,
        markdown,
        keep,
    } = measure;
    let loads = match (load.is_empty(), quick) {
        (false, _) => load,
        (true, true) => vec![Load::H1Get64, Load::H2Get100],
        (true, false) => Load::all(),
    };
    let figures = match (figure.is_empty(), quick) {
        (false, _) => figure,
        (true, true) => vec![Figure::Instructions, Figure::CpuUs],
        (true, false) => Figure::all(),
    };
    Plan {
        loads,
        figures,
        clients: if client.is_empty() {
            Client::all()
        } else {
            client
        },
        rounds: rounds as usize,
        threads: threads
            .into_iter()
            .map(|threads| threads as usize)
            .collect(),
        is_quick: quick,
        format: match (json, markdown) {
            (true, _) => Format::Json,
            (_, true) => Format::Markdown,
            _ => Format::Text,
        },
        keep,
    }
}

fn to_do(args: &WorkArgs) -> Work {
    Work {
        load: args.load,
        client: args.client,
        port: args.port,
        calls: args.calls,
        threads: args.threads,
        mode: match (args.latencies, args.allocations) {
            (true, _) => Mode::Latencies,
            (_, true) => Mode::Allocations,
            _ => Mode::Plain,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(line: &str) -> Result<Plan, clap::Error> {
        let words = std::iter::once("bench").chain(line.split_whitespace());
        Ok(plan(Cli::try_parse_from(words)?.measure))
    }

    #[test]
    fn without_options_all_is_measured() {
        let plan = planned("").unwrap();
        assert_eq!(plan.loads.len(), 15);
        assert_eq!(plan.clients.len(), 10);
        assert_eq!((plan.rounds, plan.threads), (9, vec![1]));
    }

    #[test]
    fn quick_is_two_loads_and_two_figures() {
        let plan = planned("--quick --json").unwrap();
        assert_eq!(plan.loads, [Load::H1Get64, Load::H2Get100]);
        assert_eq!(plan.figures, [Figure::Instructions, Figure::CpuUs]);
        assert_eq!(plan.format, Format::Json);
    }

    #[test]
    fn lists_are_separated_by_commas() {
        let plan =
            planned("--load h1_body,cold_tls --client ours_none,hyper_util --threads 1,2").unwrap();
        assert_eq!(plan.loads, [Load::H1Body, Load::ColdTls]);
        assert_eq!(plan.clients, [Client::OursNone, Client::HyperUtil]);
        assert_eq!(plan.threads, [1, 2]);
    }

    #[test]
    fn wrong_usage_is_refused() {
        assert!(planned("--load h3_get_1").is_err());
        assert!(planned("--rounds 0").is_err());
        assert!(planned("--json --markdown").is_err());
    }
}
