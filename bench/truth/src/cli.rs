//! The command line.

use clap::Parser;

/// Holds the instant of each event against its packet's.
#[derive(Debug, Parser)]
#[command(name = "bench-truth", max_term_width = 100)]
pub(crate) struct Cli {
    /// Requests of each client over each protocol, two on a connection
    #[arg(long, value_name = "N", default_value_t = 600)]
    pub(crate) requests: usize,
    /// How long the server takes for an answer, in microseconds
    #[arg(long, value_name = "MICROSECONDS", default_value_t = 0)]
    pub(crate) pause: u64,
    /// Builds http-stat as well, and holds it against its packets
    #[arg(long)]
    pub(crate) http_stat: bool,
    /// Takes tcpdump if it is there, and does not install it
    #[arg(long)]
    pub(crate) no_install: bool,
    /// The table as JSON
    #[arg(long, conflicts_with = "markdown")]
    pub(crate) json: bool,
    /// The table in Markdown
    #[arg(long)]
    pub(crate) markdown: bool,
}
