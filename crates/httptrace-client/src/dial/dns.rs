//! Name lookup.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use httptrace::info::{DnsDone, DnsSource};
use httptrace::{Emitter, ErrorKind, Phase};

use super::deadline::Deadline;
use super::{IpFamily, Target};
use crate::error::Error;

#[cfg(feature = "hickory")]
mod hickory;
mod literal;
mod shared;

#[cfg(feature = "hickory")]
pub use hickory::HickoryResolver;

pub(super) use literal::ip as literal_ip;
use shared::{Outcome, SharedLookups};

/// Looks up host names instead of the operating system.
///
/// It is asked once for all dials of a name that look it up at the same time, on a task of its own. It is not asked
/// for IP literals, nor for names that the client has a fixed address for. Dropping the future gives the lookup up.
/// Its error fails the dials, with the error as the `source()`.
pub trait Resolve: Send + Sync + 'static {
    /// Looks up one name, which is in punycode. The order of the addresses is the order of preference.
    fn resolve(&self, host: &str) -> Resolving;

    /// What `DnsDone` tells as the source of its answers. Default: `Custom`.
    fn source(&self) -> DnsSource {
        DnsSource::Custom
    }
}

/// What [`Resolve::resolve`] returns.
pub type Resolving = Pin<Box<dyn Future<Output = io::Result<Resolved>> + Send>>;

/// The answer to a lookup.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Resolved {
    /// The addresses in order of preference. Their ports are ignored; IPv6 scope ids are kept.
    pub addrs: Vec<SocketAddr>,
    /// How long the answer may be kept, where the resolver knows.
    pub ttl: Option<Duration>,
}

impl Resolved {
    /// An answer that does not say how long it may be kept.
    pub fn new(addrs: impl IntoIterator<Item = SocketAddr>) -> Self {
        Self {
            addrs: addrs.into_iter().collect(),
            ttl: None,
        }
    }

    /// Sets how long the answer may be kept.
    #[must_use]
    pub fn with_ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }
}

impl FromIterator<IpAddr> for Resolved {
    fn from_iter<I: IntoIterator<Item = IpAddr>>(ips: I) -> Self {
        Self::new(ips.into_iter().map(|ip| SocketAddr::new(ip, 0)))
    }
}

/// A fixed answer.
#[derive(Clone, Debug)]
pub(crate) struct TableEntry {
    /// Compared without regard to case and to a dot at the end; `*` is every host.
    pub(crate) host: Arc<str>,
    /// Absent: for every port.
    pub(crate) port: Option<u16>,
    pub(crate) addrs: Vec<IpAddr>,
}

impl TableEntry {
    fn is_for(&self, host: &str, port: u16) -> bool {
        // The dot only says that the name is complete (RFC 1034 section 3.1).
        fn bare(host: &str) -> &str {
            host.strip_suffix('.').unwrap_or(host)
        }
        let names_host = &*self.host == "*" || bare(&self.host).eq_ignore_ascii_case(bare(host));
        names_host && self.port.is_none_or(|own| own == port)
    }
}

/// The system's resolver: `getaddrinfo` on a blocking thread.
struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, host: &str) -> Resolving {
        let host = host.to_owned();
        Box::pin(async move {
            let lookup = move || (host.as_str(), 0).to_socket_addrs().map(Resolved::new);
            tokio::task::spawn_blocking(lookup)
                .await
                .map_err(io::Error::other)?
        })
    }

    fn source(&self) -> DnsSource {
        DnsSource::System
    }
}

/// Looks names up, in the table first, and shares lookups of one name.
pub(super) struct Resolver {
    resolver: Arc<dyn Resolve>,
    source: DnsSource,
    table: Vec<TableEntry>,
    family: IpFamily,
    lookups: SharedLookups,
}

/// An answer, and whence it came.
struct Answer {
    outcome: Outcome,
    source: DnsSource,
    coalesced: bool,
}

impl Resolver {
    pub(super) fn new(
        resolver: Option<Arc<dyn Resolve>>,
        table: Vec<TableEntry>,
        family: IpFamily,
    ) -> Self {
        let resolver = resolver.unwrap_or_else(|| Arc::new(SystemResolver));
        Self {
            source: resolver.source(),
            resolver,
            table,
            family,
            lookups: SharedLookups::default(),
        }
    }

    /// The target's addresses, with its port.
    pub(super) async fn resolve(
        &self,
        target: &Target,
        deadline: Deadline,
        emitter: &Emitter,
    ) -> Result<Vec<SocketAddr>, Error> {
        if let Some(addr) = literal::parse(target).await? {
            return self.in_family(target, &[addr]);
        }
        // Whoever has heard DnsStart is part of the lookup already.
        let answer = self.answer(target);
        let guard = emitter.dns_start(&target.host);
        match deadline.bound(answer).await {
            Ok(answer) => {
                let result = self.judge(target, &answer);
                guard.done(|done| {
                    let error = result.as_ref().err();
                    let done = answer.tell(done);
                    match error {
                        Some(error) => done.with_error(error.to_event()),
                        None => done,
                    }
                });
                result
            }
            Err(_) => {
                let what = format!("looking up {:?}", target.host);
                let error = Error::timeout(Phase::Dns, &what, deadline.limit);
                guard.done(|done| done.with_error(error.to_event()));
                Err(error)
            }
        }
    }

    /// The answer to a lookup, which is joined at once.
    fn answer(&self, target: &Target) -> impl Future<Output = Answer> + Send {
        let mut table = self.table.iter();
        let known = match table.find(|entry| entry.is_for(&target.host, target.port)) {
            Some(entry) => Ok(entry.addrs.iter().copied().collect::<Resolved>()),
            None => Err(self.lookups.join(&target.host)),
        };
        async move {
            let (outcome, source, coalesced) = match known {
                Ok(listed) => (Ok(Arc::new(listed)), DnsSource::Table, false),
                Err(joined) => {
                    let (outcome, coalesced) = joined.outcome(&self.resolver).await;
                    (outcome, self.source, coalesced)
                }
            };
            Answer {
                outcome,
                source,
                coalesced,
            }
        }
    }

    /// What of the answer can be connected to.
    fn judge(&self, target: &Target, answer: &Answer) -> Result<Vec<SocketAddr>, Error> {
        match &answer.outcome {
            Ok(resolved) => self.in_family(target, &resolved.addrs),
            Err(error) => {
                let host = &target.host;
                let message = format!(
                    "could not resolve {host:?}: {error}; check the spelling of the host and the DNS settings"
                );
                Err(Error::new(Phase::Dns, ErrorKind::Dns, message)
                    .with_shared_source(Arc::clone(error) as _))
            }
        }
    }

    fn in_family(&self, target: &Target, addrs: &[SocketAddr]) -> Result<Vec<SocketAddr>, Error> {
        let allowed = addrs.iter().filter(|addr| self.family.allows(addr.ip()));
        let with_port = allowed.map(|addr| {
            let mut addr = *addr;
            addr.set_port(target.port);
            addr
        });
        let kept: Vec<_> = with_port.collect();
        if !kept.is_empty() {
            return Ok(kept);
        }
        let host = &target.host;
        let message = match self.family {
            _ if addrs.is_empty() => {
                format!("{host:?} has no addresses; check the spelling of the host")
            }
            IpFamily::V4Only => {
                format!("{host:?} has no IPv4 address; allow IPv6, or use another host")
            }
            IpFamily::Any | IpFamily::V6Only => {
                format!("{host:?} has no IPv6 address; allow IPv4, or use another host")
            }
        };
        Err(Error::new(Phase::Dns, ErrorKind::Dns, message))
    }
}

impl Answer {
    fn tell(&self, done: DnsDone) -> DnsDone {
        let done = done.with_source(self.source).with_coalesced(self.coalesced);
        let Ok(resolved) = &self.outcome else {
            return done;
        };
        let done = match resolved.ttl {
            Some(ttl) => done.with_ttl(ttl),
            None => done,
        };
        if resolved.addrs.is_empty() {
            return done;
        }
        let ips: Arc<[IpAddr]> = resolved.addrs.iter().map(SocketAddr::ip).collect();
        done.with_addrs(ips)
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver")
            .field("source", &self.source)
            .field("table", &self.table)
            .field("family", &self.family)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
