//! Making a connection, a straight line: resolve, race, TLS.

mod connect;
mod connector;
mod deadline;
mod dns;
mod happy_eyeballs;
mod local_end;
mod race;
mod socket;
mod stream;
mod tcp;
mod tls;
#[cfg(unix)]
mod unix;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use httptrace::Emitter;
use httptrace::info::Address;

use crate::error::Error;

pub use connector::{Connect, ConnectTarget, Connected, Connecting};
pub(crate) use dns::TableEntry;
pub use dns::{Resolve, Resolved, Resolving};
pub(crate) use local_end::LocalEnd;
pub(crate) use socket::SocketProbe;
pub(crate) use stream::Stream;
pub use tls::TlsVersion;
pub(crate) use tls::{KeyLogFile, TlsConfig, alert_behind, alert_reason, pem};
#[cfg(unix)]
pub(crate) use unix::UnixSocket;

use deadline::Deadline;
use dns::Resolver;
use tls::Tls;

/// Makes the connections of one client. What they have in common is here: lookups under way, TLS sessions.
pub(crate) struct Dialer {
    config: DialConfig,
    resolver: Resolver,
    tls: Tls,
}

/// How connections are made.
pub(crate) struct DialConfig {
    /// Answers lookups instead of the operating system.
    pub(crate) resolver: Option<Arc<dyn Resolve>>,
    /// Answers lookups before any resolver is asked; the first entry that fits wins.
    pub(crate) table: Vec<TableEntry>,
    pub(crate) family: IpFamily,
    /// Our end of every TCP connection.
    pub(crate) local_end: LocalEnd,
    /// Replaces name lookup and TCP; TLS goes on top.
    #[cfg(unix)]
    pub(crate) unix_socket: Option<UnixSocket>,
    /// `TCP_NODELAY`.
    pub(crate) nodelay: bool,
    /// Idle time before the first TCP keep-alive probe, and between probes; absent turns them off.
    pub(crate) keepalive: Option<Duration>,
    /// Replaces name lookup and TCP; TLS goes on top.
    pub(crate) connector: Option<Arc<dyn Connect>>,
    /// For the whole dial, from the name lookup to the end of TLS.
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) tls_handshake_timeout: Option<Duration>,
    pub(crate) tls: TlsConfig,
    /// How long an address is given before the next one is tried beside it (RFC 8305 section 5).
    pub(crate) happy_eyeballs_delay: Duration,
}

impl Default for DialConfig {
    fn default() -> Self {
        Self {
            resolver: None,
            table: Vec::new(),
            family: IpFamily::Any,
            local_end: LocalEnd::default(),
            #[cfg(unix)]
            unix_socket: None,
            nodelay: true,
            keepalive: Some(Duration::from_secs(15)),
            connector: None,
            connect_timeout: Some(Duration::from_secs(30)),
            tls_handshake_timeout: Some(Duration::from_secs(10)),
            tls: TlsConfig::default(),
            happy_eyeballs_delay: Duration::from_millis(250),
        }
    }
}

/// Which addresses a client connects to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IpFamily {
    /// IPv4 and IPv6.
    #[default]
    Any,
    /// IPv4 alone.
    V4Only,
    /// IPv6 alone.
    V6Only,
}

impl IpFamily {
    fn allows(self, ip: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::V4Only => ip.is_ipv4(),
            Self::V6Only => ip.is_ipv6(),
        }
    }
}

/// Where a connection shall lead.
pub(crate) struct Target {
    pub(crate) https: bool,
    /// Without brackets, names in punycode.
    pub(crate) host: Arc<str>,
    pub(crate) port: u16,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, .. } = self;
        if host.contains(':') {
            write!(f, "[{host}]:{port}")
        } else {
            write!(f, "{host}:{port}")
        }
    }
}

/// A connection made.
pub(crate) struct Dialed {
    pub(crate) stream: Stream,
    /// Absent where the bytes do not come from a socket of ours.
    pub(crate) probe: Option<SocketProbe>,
    pub(crate) local: Option<Address>,
    pub(crate) remote: Option<Address>,
    /// What ALPN settled on.
    pub(crate) alpn: Option<Arc<str>>,
}

impl Dialer {
    pub(crate) fn new(mut config: DialConfig) -> Self {
        let resolver = Resolver::new(
            config.resolver.take(),
            std::mem::take(&mut config.table),
            config.family,
        );
        let tls = Tls::new(
            std::mem::take(&mut config.tls),
            config.tls_handshake_timeout,
        );
        Self {
            config,
            resolver,
            tls,
        }
    }

    /// Makes a connection. This is the function that walks the whole dial.
    ///
    /// Dropping the future cancels the dial: what has begun then ends with a `canceled` error. When the connect
    /// timeout passes, what has begun ends with a `timeout` error (inside a connector of the user's own, whose
    /// events are not ours: with `canceled`).
    pub(crate) async fn dial(&self, target: &Target, emitter: &Emitter) -> Result<Dialed, Error> {
        let deadline = Deadline::start(self.config.connect_timeout);
        if !target.https {
            return self.first_hop(target, deadline, emitter).await;
        }
        // Beside each other, since setting up TLS takes a while the first time, and no event would account for it.
        // Where one fails, the other is not waited for.
        let (first_hop, tls_set_up) = tokio::try_join!(
            self.first_hop(target, deadline, emitter),
            self.tls.set_up(deadline),
        )?;
        // A proxy is asked for its tunnel here: the first hop is then the proxy, and what follows goes through it.
        self.tls
            .handshake(first_hop, tls_set_up, target, deadline, emitter)
            .await
    }

    async fn first_hop(
        &self,
        target: &Target,
        deadline: Deadline,
        emitter: &Emitter,
    ) -> Result<Dialed, Error> {
        if let Some(connector) = &self.config.connector {
            return connector::connect(connector.as_ref(), target, deadline, emitter).await;
        }
        #[cfg(unix)]
        if let Some(socket) = &self.config.unix_socket {
            return unix::connect(socket, deadline, emitter).await;
        }
        let addrs = self.resolver.resolve(target, deadline, emitter).await?;
        race::connect(&self.config, target, &addrs, deadline, emitter).await
    }
}

#[cfg(test)]
mod rig;
#[cfg(test)]
mod tests;
