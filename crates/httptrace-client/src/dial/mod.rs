//! Making a connection, a straight line: resolve, race, proxy, TLS.

mod connect;
mod connector;
mod deadline;
mod dns;
mod early;
mod happy_eyeballs;
mod local_end;
mod proxy;
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

use http::HeaderValue;
use httptrace::Emitter;
use httptrace::info::{Address, TlsLeg};

use crate::error::Error;
use crate::pool::Protocols;

pub use connector::{Connect, ConnectTarget, Connected, Connecting};
#[cfg(feature = "hickory")]
pub use dns::HickoryResolver;
pub(crate) use dns::TableEntry;
pub use dns::{Resolve, Resolved, Resolving};
pub(crate) use local_end::LocalEnd;
pub use proxy::Proxy;
pub(crate) use proxy::ProxyServer;
#[cfg(fuzzing)]
pub(crate) use proxy::fuzzing;
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
    /// What proxies that are asked for a tunnel are told; absent if they are told nothing.
    pub(crate) user_agent: Option<HeaderValue>,
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
            user_agent: None,
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
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) https: bool,
    /// Without brackets, names in punycode.
    pub(crate) host: Arc<str>,
    pub(crate) port: u16,
    /// Whom TLS would be with.
    pub(crate) leg: TlsLeg,
    /// What TLS offers.
    pub(crate) protocols: Protocols,
    pub(crate) via: Via,
}

/// Which way a connection takes to its target.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Via {
    Direct,
    /// It ends at the proxy, which forwards each request to the target that it names.
    Forward(Arc<ProxyServer>),
    /// The proxy opens a tunnel.
    Tunnel(Arc<ProxyServer>),
}

impl Target {
    /// Whom the connection is made with first: the target itself, or a proxy.
    pub(crate) fn first_hop(&self) -> Self {
        match &self.via {
            Via::Direct => self.clone(),
            Via::Forward(proxy) | Via::Tunnel(proxy) => proxy.hop(),
        }
    }

    /// Whether TLS is spoken with anybody on the way.
    fn needs_tls(&self) -> bool {
        self.https || self.first_hop().https
    }

    /// IPv6 in brackets.
    pub(crate) fn host_port(&self) -> String {
        let Self { host, port, .. } = self;
        match host.contains(':') {
            true => format!("[{host}]:{port}"),
            false => format!("{host}:{port}"),
        }
    }

    /// As others may know it: the zone of an IPv6 address means something on this machine alone (RFC 6874 section 4).
    fn without_zone(&self) -> Self {
        let host = match dns::literal_ip(&self.host) {
            Some(ip) => ip.to_string().into(),
            None => Arc::clone(&self.host),
        };
        Self {
            host,
            ..self.clone()
        }
    }

    /// Puts the blame for an error where it belongs.
    fn blamed(&self, error: Error) -> Error {
        match self.leg {
            TlsLeg::Proxy => error.at_proxy(),
            _ => error,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.leg == TlsLeg::Proxy {
            f.write_str("the proxy ")?;
        }
        f.write_str(&self.host_port())
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
        let (hop, needs_tls) = (target.first_hop(), target.needs_tls());
        // Beside each other, since setting up TLS takes a while the first time, and no event would account for it.
        // Where one fails, the other is not waited for.
        let (mut dialed, tls_set_up) = tokio::try_join!(
            self.connect(&hop, deadline, emitter),
            self.tls.set_up_if(needs_tls, deadline),
        )?;
        if let (true, Some(config)) = (hop.https, &tls_set_up) {
            dialed = self.secure(dialed, config, &hop, deadline, emitter).await?;
        }
        if let Via::Tunnel(proxy) = &target.via {
            let user_agent = self.config.user_agent.as_ref();
            dialed = proxy::open(dialed, proxy, target, user_agent, deadline, emitter).await?;
            if let (true, Some(config)) = (target.https, &tls_set_up) {
                dialed = self
                    .secure(dialed, config, target, deadline, emitter)
                    .await?;
            }
        }
        Ok(dialed)
    }

    /// Connects to the first hop.
    async fn connect(
        &self,
        hop: &Target,
        deadline: Deadline,
        emitter: &Emitter,
    ) -> Result<Dialed, Error> {
        let connecting = async {
            if let Some(connector) = &self.config.connector {
                return connector::connect(connector.as_ref(), hop, deadline, emitter).await;
            }
            #[cfg(unix)]
            if let Some(socket) = &self.config.unix_socket {
                return unix::connect(socket, deadline, emitter).await;
            }
            let addrs = self.resolver.resolve(hop, deadline, emitter).await?;
            race::connect(&self.config, hop, &addrs, deadline, emitter).await
        };
        connecting.await.map_err(|error| hop.blamed(error))
    }

    /// Puts TLS on top.
    async fn secure(
        &self,
        lower: Dialed,
        config: &Arc<rustls::ClientConfig>,
        peer: &Target,
        deadline: Deadline,
        emitter: &Emitter,
    ) -> Result<Dialed, Error> {
        let config = Arc::clone(config);
        let handshake = self.tls.handshake(lower, config, peer, deadline, emitter);
        handshake.await.map_err(|error| peer.blamed(error))
    }
}

#[cfg(test)]
mod rig;
#[cfg(test)]
mod tests;
