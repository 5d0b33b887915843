//! The command `httptrace`.

mod cli;
mod exit;
mod options;

fn main() {}
