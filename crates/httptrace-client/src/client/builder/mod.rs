//! Setting up a client.

mod decode;
mod dial;
mod http1;
mod http2;
mod pool;
mod proxy;
mod tls;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use http::request::Parts;
use httptrace::{ClientTrace, Emitter};
use tower_layer::{Identity, Layer, Stack};

use super::{Client, RedirectPolicy, Settings, TraceWith, decode as decoding};
use crate::clock;
use crate::conn::{Patience, Speech};
use crate::dial::{DialConfig, Dialer, Proxy};
use crate::pool::{Pool, PoolLimits, Protocols};
use crate::transport::{Inner, Routes, Transport};

/// Sets up a [`Client`]. Each method names its default; where they are Go's, they are those of `DefaultTransport`.
#[must_use]
pub struct ClientBuilder<L = Identity> {
    layer: L,
    layered: bool,
    trace: Option<ClientTrace>,
    trace_with: Option<TraceWith>,
    user_agent: Option<HeaderValue>,
    redirect: RedirectPolicy,
    timeout: Option<Duration>,
    patience: Patience,
    idle_body_timeout: Option<Duration>,
    pool: PoolLimits,
    dial: DialConfig,
    decode: decoding::Settings,
    proxy: Option<Proxy>,
    protocols: Protocols,
    speech: Speech,
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
            layered: false,
            trace: None,
            trace_with: None,
            user_agent: Some(HeaderValue::from_static(concat!(
                "httptrace/",
                env!("CARGO_PKG_VERSION")
            ))),
            redirect: RedirectPolicy::default(),
            timeout: None,
            patience: Patience {
                head: None,
                expect_continue: Some(Duration::from_secs(1)),
            },
            idle_body_timeout: None,
            pool: PoolLimits {
                max_idle: 100,
                max_idle_per_host: 2,
                max_conns_per_host: None,
                idle_timeout: Some(Duration::from_secs(90)),
                keep_alives: true,
                strict_streams: false,
            },
            dial: DialConfig::default(),
            decode: decoding::Settings::default(),
            proxy: None,
            protocols: Protocols::Http2OrHttp1,
            speech: Speech::default(),
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
            layered: true,
            trace: self.trace,
            trace_with: self.trace_with,
            user_agent: self.user_agent,
            redirect: self.redirect,
            timeout: self.timeout,
            patience: self.patience,
            idle_body_timeout: self.idle_body_timeout,
            pool: self.pool,
            dial: self.dial,
            decode: self.decode,
            proxy: self.proxy,
            protocols: self.protocols,
            speech: self.speech,
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
        self.patience.head = limit.into();
        self
    }

    /// How long the body of a request that says `Expect: 100-continue` waits for the server's word, counted from the
    /// end of its head (Go's `ExpectContinueTimeout`, RFC 9110 section 10.1.1). The body is sent when `100 Continue`
    /// comes, when this time is over, or when a final response comes on a connection that stays; it is not sent
    /// when a final response comes first and either side closes. `None` or zero: it is sent at once. Default: 1 s.
    pub fn expect_continue_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.patience.expect_continue = limit.into();
        self
    }

    /// How long the response's body may be silent while it is being read. Default: none.
    pub fn idle_body_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.idle_body_timeout = limit.into();
        self
    }
}

impl<L: Layer<Transport>> ClientBuilder<L> {
    /// The client. The environment is read now, unless [`proxy`](Self::proxy) has been called; root certificates are at
    /// the first https dial.
    pub fn build(mut self) -> Client<L::Service> {
        let emitter = match &self.trace {
            Some(trace) => Emitter::for_trace(trace, clock::now),
            None => Emitter::none(),
        };
        let proxy = self.proxies();
        self.dial.user_agent = self.user_agent.clone();
        let pool = Pool::new(self.pool, Dialer::new(self.dial), self.speech, emitter);
        let transport = Transport::new(Inner {
            pool: Arc::new(pool),
            trace: self.trace,
            user_agent: self.user_agent,
            patience: self.patience,
            proxy,
            protocols: self.protocols,
            routes: Routes::new(),
        });
        Client {
            service: self.layer.layer(transport.clone()),
            transport,
            layered: self.layered,
            settings: Arc::new(Settings {
                trace_with: self.trace_with,
                redirect: self.redirect,
                timeout: self.timeout,
                idle_body_timeout: self.idle_body_timeout,
                decode: self.decode,
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
