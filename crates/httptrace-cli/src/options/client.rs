//! What the command line says about the client that sends all requests.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use httptrace_client::Proxy;

use super::{Resolve, UsageError, UserAgent, proxy, resolve, seconds};
use crate::cli::{ConnectionArgs, ProxyArgs};

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
    pub(crate) ca: Option<CaFile>,
    pub(crate) insecure: bool,
    pub(crate) user_agent: UserAgent,
    /// Absent: the environment's.
    pub(crate) proxy: Option<Proxy>,
    /// Whether responses may come compressed.
    pub(crate) compressed: bool,
}

/// `--cacert`, read but not yet understood.
#[derive(Debug)]
pub(crate) struct CaFile {
    pub(crate) path: PathBuf,
    pub(crate) pem: Vec<u8>,
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
        redirects: Option<usize>,
        user_agent: UserAgent,
        compressed: bool,
    ) -> Result<Self, UsageError> {
        let family = match (args.ipv4, args.ipv6) {
            (true, _) => Family::V4,
            (_, true) => Family::V6,
            _ => Family::Any,
        };
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
            ca: args.cacert.map(CaFile::read).transpose()?,
            insecure: args.insecure,
            user_agent,
            proxy: proxy::parse(proxies, |name| std::env::var(name).ok())?,
            compressed,
        })
    }
}

impl CaFile {
    fn read(path: PathBuf) -> Result<Self, UsageError> {
        match fs::read(&path) {
            Ok(pem) => Ok(Self { path, pem }),
            Err(error) => Err(UsageError::new(
                format!("cannot read --cacert '{}': {error}", path.display()),
                "it takes a file of certificates in PEM",
            )),
        }
    }
}
