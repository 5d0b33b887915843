//! The command line as it is typed. Nothing after `options` sees it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

const EXAMPLES: &str = "\
Examples:
  httptrace demo                        a tour with a built-in server; needs no network
  httptrace https://example.com         the waterfall of one request
  httptrace -L example.com example.com  redirects followed, then the same on warm connections
";

const AFTER: &str = "\
A response with a 4xx or 5xx status is a success: the request was traced to its end.

Exit codes:
  0    done
  2    wrong usage
  3    no connection: name lookup, connect, proxy or TLS failed
  4    failed after connecting
  5    timed out
  130  interrupted by Ctrl-C; what happened so far is drawn and exported
  143  ended by SIGTERM, in the same way
With several URLs, the code of the first that failed.

Environment:
  HTTP_PROXY     the proxy for http; HTTPS_PROXY is the one for https, ALL_PROXY the one for either
  NO_PROXY       hosts to reach without a proxy, as this machine is anyway
  NO_COLOR       if set, no colour; a pipe or file gets none anyway
  SSLKEYLOGFILE  if set, the file that the secrets of TLS sessions are appended to, for Wireshark
Those of proxies also in lower case.
";

/// Trace HTTP requests: where the time went, on which connection, over which attempts.
#[derive(Debug, Parser)]
#[command(
    name = "httptrace",
    version,
    before_help = EXAMPLES,
    after_help = AFTER,
    help_template = "{before-help}{about-with-newline}\n{usage-heading} {usage}\n\n{all-args}{after-help}",
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) trace: TraceArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// A tour: start a built-in server on this machine and trace requests to it
    Demo,
}

#[derive(Debug, Args)]
pub(crate) struct TraceArgs {
    /// What to request, one after the other on one client; without a scheme, http://
    #[arg(value_name = "URL", required = true)]
    pub(crate) urls: Vec<String>,

    #[command(flatten)]
    pub(crate) request: RequestArgs,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
    #[command(flatten)]
    pub(crate) proxy: ProxyArgs,
    #[command(flatten)]
    pub(crate) tls: TlsArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Request")]
pub(crate) struct RequestArgs {
    /// Method (default: GET, with --data POST)
    #[arg(short = 'X', long, value_name = "METHOD")]
    pub(crate) request: Option<String>,

    /// Add a header field: 'Name: value'; 'Name;' sends it empty, 'Name:' removes a default one; repeatable
    #[arg(short = 'H', long, value_name = "FIELD")]
    pub(crate) header: Vec<String>,

    /// Send a form body: text, @FILE or @- for stdin (line breaks of files are dropped, as in curl); repeatable, joined by &
    #[arg(short = 'd', long, value_name = "DATA", allow_hyphen_values = true)]
    pub(crate) data: Vec<String>,

    /// The same, but files are sent byte for byte
    #[arg(
        long,
        value_name = "DATA",
        allow_hyphen_values = true,
        conflicts_with = "data"
    )]
    pub(crate) data_binary: Vec<String>,

    /// Send the body without its length; in chunks, where it is HTTP/1.1
    #[arg(long)]
    pub(crate) chunked: bool,

    /// Offer to take the body compressed (gzip, deflate, br, zstd), and decompress it; with an Accept-Encoding or a Range
    /// of your own it stays as it comes
    #[arg(long)]
    pub(crate) compressed: bool,

    /// Ask for the head only (HEAD)
    #[arg(short = 'I', long, conflicts_with_all = ["data", "data_binary"])]
    pub(crate) head: bool,

    /// Basic authentication
    #[arg(short = 'u', long, value_name = "USER:PASSWORD")]
    pub(crate) user: Option<String>,

    /// User-Agent; '' sends none
    #[arg(short = 'A', long, value_name = "NAME")]
    pub(crate) user_agent: Option<String>,

    /// Follow redirects
    #[arg(short = 'L', long)]
    pub(crate) location: bool,

    /// With --location, how many redirects to follow; -1: no limit; the default makes ten requests, as Go does
    #[arg(
        long,
        value_name = "COUNT",
        default_value = "9",
        allow_negative_numbers = true
    )]
    pub(crate) max_redirs: i64,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct ConnectionArgs {
    /// Give up after this time, all included, for each URL
    #[arg(
        short = 'm',
        long,
        value_name = "SECONDS",
        allow_negative_numbers = true
    )]
    pub(crate) max_time: Option<String>,

    /// Give up on connecting (name lookup to TLS) after this time
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    pub(crate) connect_timeout: Option<String>,

    /// With -H 'Expect: 100-continue', send the body after this time if the server has not asked for it; 0: at once
    /// [default: 1]
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    pub(crate) expect100_timeout: Option<String>,

    /// Wait between two URLs
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    pub(crate) pause: Option<String>,

    /// Use these addresses for a host and port instead of asking DNS; HOST may be *; repeatable
    #[arg(long, value_name = "HOST:PORT:ADDR[,ADDR]")]
    pub(crate) resolve: Vec<String>,

    /// Connect over IPv4 only
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    pub(crate) ipv4: bool,

    /// Connect over IPv6 only
    #[arg(short = '6', long)]
    pub(crate) ipv6: bool,

    /// Connect to this Unix socket instead of the URL's host or a proxy
    #[cfg(unix)]
    #[arg(long, value_name = "PATH")]
    pub(crate) unix_socket: Option<PathBuf>,

    /// The same with a name of Linux's abstract namespace
    #[cfg(any(target_os = "android", target_os = "linux"))]
    #[arg(long, value_name = "NAME", conflicts_with = "unix_socket")]
    pub(crate) abstract_unix_socket: Option<String>,

    /// Connect through this network interface, or from this address of ours
    #[arg(long, value_name = "NAME|ADDRESS")]
    pub(crate) interface: Option<String>,

    #[command(flatten)]
    pub(crate) protocol: ProtocolArgs,
}

/// As in curl, the last of them counts.
#[derive(Debug, Args)]
pub(crate) struct ProtocolArgs {
    /// Speak HTTP/1.1
    #[arg(
        long = "http1.1",
        overrides_with_all = ["http1_1", "http2", "http2_prior_knowledge"]
    )]
    pub(crate) http1_1: bool,

    /// The default: offer HTTP/2 and HTTP/1.1 for https:// (ALPN); http:// is HTTP/1.1, without an Upgrade, which RFC 9113
    /// no longer has
    #[arg(
        long,
        overrides_with_all = ["http1_1", "http2", "http2_prior_knowledge"]
    )]
    pub(crate) http2: bool,

    /// Speak HTTP/2 and nothing else: for http:// from the first byte on, for https:// it is all that is offered
    #[arg(
        long,
        overrides_with_all = ["http1_1", "http2", "http2_prior_knowledge"]
    )]
    pub(crate) http2_prior_knowledge: bool,

    /// Ping a server that speaks HTTP/2 when nothing has come from it for this time, and see it answer (in --format events and
    /// json); if it does not for 15 s, the connection is given up
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    pub(crate) http2_ping: Option<String>,

    // Those of curl that cannot be: an error that says why is better than one that knows them not.
    #[arg(long = "http0.9", hide = true)]
    pub(crate) http0_9: bool,
    #[arg(short = '0', long = "http1.0", hide = true)]
    pub(crate) http1_0: bool,
    #[arg(long, hide = true)]
    pub(crate) http3: bool,
    #[arg(long, hide = true)]
    pub(crate) http3_only: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "TLS")]
pub(crate) struct TlsArgs {
    /// Trust the certificates in this PEM file, and no others
    #[arg(long, value_name = "FILE")]
    pub(crate) cacert: Option<PathBuf>,

    /// Accept any certificate
    #[arg(short = 'k', long)]
    pub(crate) insecure: bool,

    /// Show this certificate to a server that demands one (PEM; the key may be in the same file, and must not be encrypted)
    #[arg(short = 'E', long, value_name = "FILE[:PASSWORD]")]
    pub(crate) cert: Option<String>,

    /// The private key of --cert (PEM)
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,

    /// Speak TLS 1.2 or later
    #[arg(long = "tlsv1.2")]
    pub(crate) tlsv1_2: bool,

    /// Speak TLS 1.3 or later
    #[arg(long = "tlsv1.3")]
    pub(crate) tlsv1_3: bool,

    /// Speak no later version of TLS than this: 1.2, 1.3, default
    #[arg(long, value_name = "VERSION")]
    pub(crate) tls_max: Option<String>,

    // Those of curl that cannot be: an error that says why is better than one that knows them not.
    #[arg(short = '1', long, hide = true)]
    pub(crate) tlsv1: bool,
    #[arg(long = "tlsv1.0", hide = true)]
    pub(crate) tlsv1_0: bool,
    #[arg(long = "tlsv1.1", hide = true)]
    pub(crate) tlsv1_1: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Proxy")]
pub(crate) struct ProxyArgs {
    /// Go through this proxy instead of the environment's: http (the default), https or socks5, [SCHEME://]HOST[:PORT];
    /// without a port 80, 443 or 1080, as in Go; '' is none
    #[arg(short = 'x', long, value_name = "PROXY")]
    pub(crate) proxy: Option<String>,

    /// User and password for the proxy
    #[arg(short = 'U', long, value_name = "USER:PASSWORD")]
    pub(crate) proxy_user: Option<String>,

    /// Hosts to reach without a proxy, separated by commas, instead of those in NO_PROXY; '*' is all
    #[arg(long, value_name = "HOSTS")]
    pub(crate) noproxy: Option<String>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// Write the body of the response to a file, otherwise it is read and dropped; once per URL;
    /// '-' is stdout, then the trace goes to stderr
    #[arg(short = 'o', long, value_name = "FILE")]
    pub(crate) output: Vec<PathBuf>,

    /// What to print
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = FormatArg::Waterfall)]
    pub(crate) format: FormatArg,

    /// Write to a file as well: json (a document per URL), ndjson (a line per URL), or events; repeatable
    #[arg(long, value_name = "FORMAT=FILE")]
    pub(crate) export: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatArg {
    /// A picture of each call
    Waterfall,
    /// One JSON object per event, as it happens
    Events,
    /// The timeline of each call
    Json,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_declaration_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_starts_with_three_examples() {
        let help = Cli::command().render_long_help().to_string();
        let lines: Vec<&str> = help.lines().take(4).collect();
        assert_eq!(lines[0], "Examples:");
        assert!(lines[1..].iter().all(|l| l.starts_with("  httptrace ")));
    }

    #[test]
    fn every_example_is_accepted() {
        let examples = EXAMPLES.lines().skip(1);
        for line in examples {
            // Two blanks end the command and begin its explanation.
            let command = line.trim().split("  ").next().unwrap();
            Cli::try_parse_from(command.split_whitespace()).unwrap();
        }
    }

    #[test]
    fn a_host_named_demo_is_reached_by_its_url() {
        let cli = Cli::try_parse_from(["httptrace", "http://demo"]).unwrap();
        assert!(cli.command.is_none());
        assert_eq!(cli.trace.urls, ["http://demo"]);
    }
}
