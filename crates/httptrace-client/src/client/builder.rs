//! Setting up a client.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use http::request::Parts;
use httptrace::{ClientTrace, Emitter};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tower_layer::{Identity, Layer, Stack};

use super::{Client, RedirectPolicy, Settings, TraceWith};
use crate::clock;
use crate::dial::{Connect, DialConfig, Dialer, IpFamily, Resolve, TableEntry};
use crate::error::Error;
use crate::pool::{Pool, PoolLimits};
use crate::transport::{Inner, Transport};

/// Sets up a [`Client`]. Each method names its default; where they are Go's, they are those of `DefaultTransport`.
#[must_use]
pub struct ClientBuilder<L = Identity> {
    layer: L,
    trace: Option<ClientTrace>,
    trace_with: Option<TraceWith>,
    user_agent: Option<HeaderValue>,
    redirect: RedirectPolicy,
    timeout: Option<Duration>,
    head_timeout: Option<Duration>,
    idle_body_timeout: Option<Duration>,
    pool: PoolLimits,
    dial: DialConfig,
}

impl Default for ClientBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl ClientBuilder {
    /// The defaults.
    pub fn new() -> Self {
        Self {
            layer: Identity::new(),
            trace: None,
            trace_with: None,
            user_agent: Some(HeaderValue::from_static(concat!(
                "httptrace/",
                env!("CARGO_PKG_VERSION")
            ))),
            redirect: RedirectPolicy::default(),
            timeout: None,
            head_timeout: None,
            idle_body_timeout: None,
            pool: PoolLimits {
                max_idle: 100,
                max_idle_per_host: 2,
                max_conns_per_host: None,
                idle_timeout: Some(Duration::from_secs(90)),
                keep_alives: true,
            },
            dial: DialConfig::default(),
        }
    }
}

/// Tracing.
impl<L> ClientBuilder<L> {
    /// A trace for all requests of this client. Its hooks run after those of the request itself, and it alone is told
    /// what happens to idle connections. Default: none.
    pub fn trace(mut self, trace: ClientTrace) -> Self {
        self.trace = Some(trace);
        self
    }

    /// Chooses a trace for each request. What happens to idle connections is no request's: see [`trace`](Self::trace).
    pub fn trace_with(
        mut self,
        choose: impl Fn(&Parts) -> Option<ClientTrace> + Send + Sync + 'static,
    ) -> Self {
        self.trace_with = Some(Box::new(choose));
        self
    }
}

/// Requests and redirects.
impl<L> ClientBuilder<L> {
    /// The `User-Agent` of requests that bring none. Default: `httptrace/` and the version.
    pub fn user_agent(mut self, value: HeaderValue) -> Self {
        self.user_agent = Some(value);
        self
    }

    /// Sends no `User-Agent` with requests that bring none.
    pub fn no_user_agent(mut self) -> Self {
        self.user_agent = None;
        self
    }

    /// Which redirects are followed. Default: as many as ten requests make, which is nine.
    pub fn redirect(mut self, policy: RedirectPolicy) -> Self {
        self.redirect = policy;
        self
    }

    /// Puts a tower layer between the client and its transport, around those that were put before. It sees every hop.
    pub fn layer<M>(self, layer: M) -> ClientBuilder<Stack<L, M>> {
        ClientBuilder {
            layer: Stack::new(self.layer, layer),
            trace: self.trace,
            trace_with: self.trace_with,
            user_agent: self.user_agent,
            redirect: self.redirect,
            timeout: self.timeout,
            head_timeout: self.head_timeout,
            idle_body_timeout: self.idle_body_timeout,
            pool: self.pool,
            dial: self.dial,
        }
    }
}

/// Deadlines.
impl<L> ClientBuilder<L> {
    /// For the whole call, redirects, retries and the body included. Default: none.
    pub fn timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.timeout = limit.into();
        self
    }

    /// For making a connection, from the name lookup to the end of TLS. Default: 30 s.
    pub fn connect_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.dial.connect_timeout = limit.into();
        self
    }

    /// For a TLS handshake. Default: 10 s.
    pub fn tls_handshake_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.dial.tls_handshake_timeout = limit.into();
        self
    }

    /// From the request's end to the response's head (Go's `ResponseHeaderTimeout`). Default: none.
    pub fn response_head_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.head_timeout = limit.into();
        self
    }

    /// How long the response's body may be silent while it is being read. Default: none.
    pub fn idle_body_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.idle_body_timeout = limit.into();
        self
    }
}

/// The pool.
impl<L> ClientBuilder<L> {
    /// How many connections may be idle altogether; the oldest goes for a new one. 0 keeps none. Default: 100.
    pub fn max_idle(mut self, connections: usize) -> Self {
        self.pool.max_idle = connections;
        self
    }

    /// How many connections to one host may be idle. 0 keeps none. Default: 2.
    pub fn max_idle_per_host(mut self, connections: usize) -> Self {
        self.pool.max_idle_per_host = connections;
        self
    }

    /// How many connections to one host there may be, dials and idle ones included; requests beyond wait in line.
    /// Default: no limit.
    ///
    /// # Panics
    /// If the limit is 0, since no request could ever be sent.
    pub fn max_conns_per_host(mut self, connections: impl Into<Option<usize>>) -> Self {
        let limit = connections.into();
        assert!(
            limit != Some(0),
            "max_conns_per_host(0) would let no request through"
        );
        self.pool.max_conns_per_host = limit;
        self
    }

    /// How long a connection may be idle. Default: 90 s.
    pub fn idle_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.pool.idle_timeout = limit.into();
        self
    }

    /// Whether connections are used more than once. If not, requests say `Connection: close`. Default: yes.
    pub fn keep_alives(mut self, keep: bool) -> Self {
        self.pool.keep_alives = keep;
        self
    }
}

/// Making connections.
impl<L> ClientBuilder<L> {
    /// Answers lookups of a host with these addresses, for one port or for any; `*` is every host (curl's `--resolve`).
    pub fn resolve(
        mut self,
        host: &str,
        port: impl Into<Option<u16>>,
        addrs: impl IntoIterator<Item = IpAddr>,
    ) -> Self {
        let entry = TableEntry {
            host: host.into(),
            port: port.into(),
            addrs: addrs.into_iter().collect(),
        };
        self.dial.table.push(entry);
        self
    }

    /// Answers lookups instead of the operating system.
    pub fn resolver(mut self, resolver: impl Resolve) -> Self {
        self.dial.resolver = Some(Arc::new(resolver));
        self
    }

    /// Makes connections instead of name lookup and TCP; TLS goes on top.
    pub fn connector(mut self, connector: impl Connect) -> Self {
        self.dial.connector = Some(Arc::new(connector));
        self
    }

    /// Which addresses are connected to. Default: IPv4 and IPv6.
    pub fn ip_family(mut self, family: IpFamily) -> Self {
        self.dial.family = family;
        self
    }

    /// Our end of every connection. Default: as the system chooses.
    pub fn local_address(mut self, address: IpAddr) -> Self {
        self.dial.local_address = Some(address);
        self
    }

    /// Whether `TCP_NODELAY` is set. Default: yes.
    pub fn tcp_nodelay(mut self, nodelay: bool) -> Self {
        self.dial.nodelay = nodelay;
        self
    }

    /// Idle time before a TCP keep-alive probe, and between probes. Default: 15 s.
    pub fn tcp_keepalive(mut self, interval: impl Into<Option<Duration>>) -> Self {
        self.dial.keepalive = interval.into();
        self
    }
}

/// TLS.
impl<L> ClientBuilder<L> {
    /// Trusts these certificates (PEM, one or more) besides the platform's.
    ///
    /// # Errors
    /// If the text is not PEM, has no certificate in it, or one that cannot be read.
    pub fn add_root_certificates_pem(mut self, pem: &[u8]) -> Result<Self, Error> {
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let certificates = certificates
            .map_err(|error| Error::usage(format!("the root certificates are not PEM: {error}")))?;
        if certificates.is_empty() {
            let message = "there is no certificate among the root certificates: PEM has a line BEGIN CERTIFICATE";
            return Err(Error::usage(message));
        }
        let mut anchors = rustls::RootCertStore::empty();
        for certificate in &certificates {
            anchors.add(certificate.clone()).map_err(|error| {
                Error::usage(format!("one of the root certificates is none: {error}"))
            })?;
        }
        self.dial.tls.roots.extend(certificates);
        Ok(self)
    }

    /// Accepts any certificate: whoever is in between can read and change everything. Default: no.
    pub fn danger_accept_invalid_certs(mut self, accept: bool) -> Self {
        self.dial.tls.accept_invalid_certs = accept;
        self
    }

    /// Whether the server's name is sent in the handshake (SNI). Default: yes.
    pub fn tls_sni(mut self, send: bool) -> Self {
        self.dial.tls.sni = send;
        self
    }

    /// The protocols offered by ALPN. Default: `http/1.1`. None offers nothing.
    pub fn alpn_protocols<P: Into<Vec<u8>>>(
        mut self,
        protocols: impl IntoIterator<Item = P>,
    ) -> Self {
        self.dial.tls.alpn = protocols.into_iter().map(Into::into).collect();
        self
    }

    /// A TLS configuration of one's own, instead of the settings here, except for the ALPN protocols.
    #[cfg(feature = "rustls")]
    pub fn tls_config(mut self, config: rustls::ClientConfig) -> Self {
        self.dial.tls.config = Some(Arc::new(config));
        self
    }
}

impl<L: Layer<Transport>> ClientBuilder<L> {
    /// The client. Nothing is read from the system yet: root certificates are, at the first https dial.
    pub fn build(self) -> Client<L::Service> {
        let emitter = match &self.trace {
            Some(trace) => Emitter::for_trace(trace, clock::now),
            None => Emitter::none(),
        };
        let pool = Pool::new(self.pool, Dialer::new(self.dial), emitter);
        let transport = Transport::new(Inner {
            pool: Arc::new(pool),
            trace: self.trace,
            user_agent: self.user_agent,
            head_timeout: self.head_timeout,
        });
        Client {
            service: self.layer.layer(transport.clone()),
            transport,
            settings: Arc::new(Settings {
                trace_with: self.trace_with,
                redirect: self.redirect,
                timeout: self.timeout,
                idle_body_timeout: self.idle_body_timeout,
            }),
        }
    }
}

impl<L> fmt::Debug for ClientBuilder<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("pool", &self.pool)
            .field("redirect", &self.redirect)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
