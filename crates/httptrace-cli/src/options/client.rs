//! What the command line says about the client that sends all requests.

#[cfg(unix)]
use std::path::PathBuf;
use std::time::Duration;

use httptrace_client::Proxy;

use super::interface::{self, LocalEnd};
use super::{Protocol, Resolve, TlsOptions, UsageError, UserAgent, proxy, resolve, seconds};
use crate::cli::{ConnectionArgs, ProxyArgs, TlsArgs};

/// What the client that sends them is like.
#[derive(Debug)]
pub(crate) struct ClientOptions {
    /// How many redirects are followed; absent: none is.
    pub(crate) redirects: Option<usize>,
    pub(crate) max_time: Option<Duration>,
    pub(crate) connect_timeout: Option<Duration>,
    /// Absent: the client's default. Zero: not at all.
    pub(crate) expect_continue_timeout: Option<Duration>,
    pub(crate) resolve: Vec<Resolve>,
    pub(crate) family: Family,
    pub(crate) protocol: Protocol,
    /// After how much silence an HTTP/2 server is pinged.
    pub(crate) http2_ping: Option<Duration>,
    #[cfg(unix)]
    pub(crate) unix_socket: Option<PathBuf>,
    /// A name of Linux's abstract namespace.
    #[cfg(any(target_os = "android", target_os = "linux"))]
    pub(crate) abstract_unix_socket: Option<String>,
    pub(crate) local_end: LocalEnd,
    pub(crate) tls: TlsOptions,
    pub(crate) user_agent: UserAgent,
    /// Absent: the environment's.
    pub(crate) proxy: Option<Proxy>,
    /// Whether responses may come compressed.
    pub(crate) compressed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Any,
    V4,
    V6,
}

impl ClientOptions {
    pub(super) fn new(
        args: ConnectionArgs,
        proxies: &ProxyArgs,
        tls: TlsArgs,
        redirects: Option<usize>,
        user_agent: UserAgent,
        compressed: bool,
    ) -> Result<Self, UsageError> {
        let family = match (args.ipv4, args.ipv6) {
            (true, _) => Family::V4,
            (_, true) => Family::V6,
            _ => Family::Any,
        };
        #[cfg(any(target_os = "android", target_os = "linux"))]
        if args.abstract_unix_socket.as_deref() == Some("") {
            let hint = "without the @ that is shown before it: --abstract-unix-socket NAME";
            return Err(UsageError::new("--abstract-unix-socket has no name", hint));
        }
        let mut proxy = proxy::parse(proxies, |name| std::env::var(name).ok())?;
        if to_unix_socket(&args) {
            // As curl does: a socket leads past every proxy.
            proxy = Some(Proxy::none());
        }
        let table = args.resolve.iter().map(|text| resolve::parse(text));
        Ok(Self {
            redirects,
            max_time: seconds::deadline("--max-time", args.max_time.as_ref())?,
            expect_continue_timeout: args
                .expect100_timeout
                .map(|text| seconds::parse("--expect100-timeout", &text))
                .transpose()?,
            connect_timeout: seconds::deadline("--connect-timeout", args.connect_timeout.as_ref())?,
            resolve: table.collect::<Result<_, _>>()?,
            family,
            protocol: Protocol::new(&args.protocol)?,
            http2_ping: seconds::deadline("--http2-ping", args.protocol.http2_ping.as_ref())?,
            #[cfg(unix)]
            unix_socket: args.unix_socket,
            #[cfg(any(target_os = "android", target_os = "linux"))]
            abstract_unix_socket: args.abstract_unix_socket,
            local_end: match &args.interface {
                Some(text) => interface::parse(text)?,
                None => LocalEnd::default(),
            },
            tls: TlsOptions::new(tls)?,
            user_agent,
            proxy,
            compressed,
        })
    }
}

#[cfg(any(target_os = "android", target_os = "linux"))]
fn to_unix_socket(args: &ConnectionArgs) -> bool {
    args.unix_socket.is_some() || args.abstract_unix_socket.is_some()
}

#[cfg(all(unix, not(any(target_os = "android", target_os = "linux"))))]
fn to_unix_socket(args: &ConnectionArgs) -> bool {
    args.unix_socket.is_some()
}

#[cfg(not(unix))]
fn to_unix_socket(_: &ConnectionArgs) -> bool {
    false
}
