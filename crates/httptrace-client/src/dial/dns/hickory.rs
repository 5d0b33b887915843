//! Name servers asked by ourselves, through hickory.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ServerOrderingStrategy,
};
use hickory_resolver::lookup_ip::LookupIp;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::{ResolverBuilder, TokioResolver};
use httptrace::info::DnsSource;

use super::{Resolve, Resolved, Resolving};
use crate::error::Error;

/// Looks names up by asking name servers itself, over UDP and TCP, instead of `getaddrinfo`: lookups take no thread, can
/// be given up, and `DnsDone` tells how long an answer may be kept.
///
/// Name servers are all it asks: not the hosts file (see [`ClientBuilder::resolve`](crate::ClientBuilder::resolve) for
/// that), nor anything else the system looks at. It keeps no answers. Each name is asked for in both families at the
/// same time, and the IPv6 addresses come first. It lives on the tokio runtime of the lookups.
///
/// ```no_run
/// # fn main() -> Result<(), httptrace_client::Error> {
/// use httptrace_client::{Client, HickoryResolver};
///
/// let client = Client::builder().resolver(HickoryResolver::of_system()?).build();
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct HickoryResolver {
    resolver: Arc<TokioResolver>,
}

impl HickoryResolver {
    /// Asks the name servers that the system is set up with (`/etc/resolv.conf`, the registry of Windows), with its
    /// search list. They are read now, and not again.
    ///
    /// # Errors
    /// If there are none, or they cannot be read.
    pub fn of_system() -> Result<Self, Error> {
        let builder = TokioResolver::builder_tokio().map_err(refused)?;
        Self::build(builder)
    }

    /// Asks these name servers in turn, the first one first; a server has five seconds to answer and is asked twice.
    /// Names are looked up as they are, without a search list.
    ///
    /// # Errors
    /// If there are none.
    pub fn asking(servers: impl IntoIterator<Item = SocketAddr>) -> Result<Self, Error> {
        let servers: Vec<_> = servers.into_iter().map(name_server).collect();
        if servers.is_empty() {
            return Err(Error::usage("there is no name server to ask"));
        }
        let config = ResolverConfig::from_name_servers(servers);
        let provider = TokioRuntimeProvider::default();
        let mut builder = TokioResolver::builder_with_config(config, provider);
        let options = builder.options_mut();
        options.server_ordering_strategy = ServerOrderingStrategy::UserProvidedOrder;
        options.num_concurrent_reqs = 1;
        Self::build(builder)
    }

    fn build(mut builder: ResolverBuilder<TokioRuntimeProvider>) -> Result<Self, Error> {
        let options = builder.options_mut();
        options.use_hosts_file = ResolveHosts::Never;
        options.cache_size = 0;
        let resolver = builder.build().map_err(refused)?;
        Ok(Self {
            resolver: Arc::new(resolver),
        })
    }
}

impl Resolve for HickoryResolver {
    fn resolve(&self, host: &str) -> Resolving {
        let (resolver, host) = (Arc::clone(&self.resolver), host.to_owned());
        Box::pin(async move {
            match resolver.lookup_ip(host).await {
                Ok(found) => Ok(resolved(&found)),
                Err(error) => Err(Failure::explain(error)),
            }
        })
    }

    fn source(&self) -> DnsSource {
        DnsSource::NameServer
    }
}

impl fmt::Debug for HickoryResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HickoryResolver").finish_non_exhaustive()
    }
}

fn name_server(addr: SocketAddr) -> NameServerConfig {
    let mut server = NameServerConfig::udp_and_tcp(addr.ip());
    for ConnectionConfig { port, .. } in &mut server.connections {
        *port = addr.port();
    }
    server
}

/// The addresses, and the shortest of the times for which the records may be kept: those of aliases on the way count.
fn resolved(found: &LookupIp) -> Resolved {
    let addrs: Resolved = found.iter().collect::<Vec<IpAddr>>().into_iter().collect();
    let records = found.as_lookup().answers().iter();
    match records.map(|record| record.ttl).min() {
        Some(seconds) => addrs.with_ttl(Duration::from_secs(seconds.into())),
        None => addrs,
    }
}

fn refused(error: NetError) -> Error {
    let message = format!("the name servers cannot be set up: {error}");
    Error::usage(message).with_source(error)
}

/// Why a lookup failed, for people.
#[derive(Debug)]
struct Failure {
    message: String,
    source: NetError,
}

impl Failure {
    fn explain(source: NetError) -> io::Error {
        let (kind, message) = match &source {
            NetError::Dns(DnsError::NoRecordsFound(none)) => {
                let message = match none.response_code {
                    ResponseCode::NXDomain => "there is no such name (NXDOMAIN)".to_owned(),
                    ResponseCode::NoError => "the name has no addresses".to_owned(),
                    other => format!("the name server answered {other}"),
                };
                (io::ErrorKind::NotFound, message)
            }
            NetError::Dns(DnsError::ResponseCode(code)) => (
                io::ErrorKind::Other,
                format!("the name server answered {code}"),
            ),
            NetError::Timeout => (
                io::ErrorKind::TimedOut,
                "no name server answered in time".to_owned(),
            ),
            NetError::NoConnections => (
                io::ErrorKind::NotConnected,
                "no name server could be reached".to_owned(),
            ),
            other => (io::ErrorKind::Other, other.to_string()),
        };
        io::Error::new(kind, Self { message, source })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Failure {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.source)
    }
}
