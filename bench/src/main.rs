//! What a request costs with us, and with others: instructions, CPU time, allocations and memory.
//!
//! `bench` starts itself twice for each measurement: as the server (`bench serve`) and as the client that is measured
//! (`bench work`), each on a core of its own.

mod allocator;
mod certificate;
mod cli;
mod client;
mod drive;
mod figure;
mod load;
mod peer;
mod report;
mod serve;
mod usage;
mod work;

use std::process::ExitCode;

/// Whatever went wrong. It ends the program, so that it has only to be read.
pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    match cli::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}
