//! Compares the instant of each event with its packet's: see the README of this folder.

mod capture;
mod cli;
mod clients;
mod clock;
mod compare;
mod cores;
mod moment;
mod protocol;
mod run;
mod server;
mod table;
mod wire;

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser as _;
use httptrace::BoxError;

use crate::cli::Cli;
use crate::run::Results;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to be told if this fails.
            let _ = writeln!(io::stderr(), "bench-truth: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Result<(), BoxError> {
    if !capture::install(!cli.no_install) {
        writeln!(
            io::stdout(),
            "skipped: tcpdump is not at hand, and packets are seen by it alone"
        )?;
        return Ok(());
    }
    let Results {
        rows,
        setting,
        notes,
    } = run::all(cli)?;
    for note in notes {
        writeln!(io::stderr(), "{note}")?;
    }
    let table = if cli.json {
        format!("{:#}\n", table::json(&rows, &setting))
    } else if cli.markdown {
        table::caption(&setting) + "\n" + &table::markdown(&rows)
    } else {
        table::caption(&setting) + &table::text(&rows)
    };
    io::stdout().write_all(table.as_bytes())?;
    Ok(())
}
