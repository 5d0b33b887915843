//! The command `httptrace`: parse, check, run, render.

mod cli;
mod command;
mod demo;
mod exit;
mod failure;
mod options;
mod output;
mod render;

use std::time::{Duration, Instant};

use clap::Parser;

use crate::cli::{Cli, Command};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::options::Options;
use crate::output::Output;

/// How long what is still going on has to say its last events. A hung name lookup does not hold up the exit.
const LAST_WORDS: Duration = Duration::from_millis(50);

fn main() {
    let epoch = Instant::now();
    let exit = match Cli::try_parse() {
        Ok(cli) => run(cli, epoch).unwrap_or_else(|failure| {
            Output::stderr().print(&failure.render());
            failure.exit
        }),
        Err(told) => {
            // Nobody is left to be told if this fails.
            let _ = told.print();
            match told.use_stderr() {
                true => Exit::Usage,
                false => Exit::Done,
            }
        }
    };
    std::process::exit(exit.code());
}

fn run(cli: Cli, epoch: Instant) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::of_start(&error))?;
    let exit = match cli.command {
        Some(Command::Demo) => runtime.block_on(command::demo()),
        None => {
            let options = Options::new(cli.trace)?;
            runtime.block_on(command::trace(options, epoch))
        }
    };
    runtime.shutdown_timeout(LAST_WORDS);
    exit
}
