//! openwire, with a listener that keeps what it hears and when.

use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use http::{Request, Response, Uri};
use http_body_util::BodyExt;
use openwire::{
    CallContext, Client, ConnectionId, EventListener, EventListenerFactory, ProxyEvent,
    RequestBody, ResponseBody, RustlsTlsConnector, TlsHandshake, WireError,
};

use super::{Job, Lane, Peer, tls};
use crate::Error;

pub(crate) struct Openwire {
    calls: Calls,
}

impl Openwire {
    pub(crate) fn new(job: Arc<Job>) -> Result<Self, Error> {
        // Its limits of connections and of requests in flight are small, by default.
        let mut builder = Client::builder()
            .pool_max_idle_per_host(100_000)
            .max_connections_total(100_000)
            .max_connections_per_host(100_000)
            .max_requests_total(100_000)
            .max_requests_per_host(100_000)
            .event_listener_factory(Listening);
        if job.load.tls().is_some() {
            let connector = RustlsTlsConnector::builder().with_client_config(tls::config()?);
            builder = builder.tls_connector(connector.build()?);
        }
        let client = builder.build()?;
        Ok(Self {
            calls: Calls { client, job },
        })
    }
}

impl Peer for Openwire {
    type Lane = Calls;

    async fn lane(&self) -> Result<Calls, Error> {
        Ok(self.calls.clone())
    }
}

#[derive(Clone)]
pub(crate) struct Calls {
    client: Client,
    job: Arc<Job>,
}

impl Lane for Calls {
    async fn call(&mut self) -> Result<(), Error> {
        let body = match self.job.load.upload() {
            None => RequestBody::empty(),
            Some(_) => RequestBody::from_body(self.job.payload().map_err(|never| match never {})),
        };
        let request = self.job.request(&self.job.uri, body);
        let response = self.client.execute(request).await?;
        self.job.read(response).await
    }
}

/// Gives each call a listener of its own.
struct Listening;

impl EventListenerFactory for Listening {
    fn create(&self, _: &Request<RequestBody>) -> Arc<dyn EventListener> {
        Arc::new(Listener::default())
    }
}

/// What a call's listener heard.
#[derive(Default)]
struct Listener {
    heard: Mutex<Vec<(&'static str, Instant)>>,
}

impl Listener {
    fn hear(&self, event: &'static str) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.push((event, Instant::now()));
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        black_box(&self.heard);
    }
}

/// Those that a call which goes well may bring.
impl EventListener for Listener {
    fn call_start(&self, _: &CallContext, _: &Request<RequestBody>) {
        self.hear("call_start");
    }

    fn call_end(&self, _: &CallContext) {
        self.hear("call_end");
    }

    fn call_failed(&self, _: &CallContext, _: &WireError) {
        self.hear("call_failed");
    }

    fn proxy_select_start(&self, _: &CallContext, _: &Uri) {
        self.hear("proxy_select_start");
    }

    fn proxy_select_end(&self, _: &CallContext, _: &Uri, _: &[ProxyEvent]) {
        self.hear("proxy_select_end");
    }

    fn dns_start(&self, _: &CallContext, _: &str, _: u16) {
        self.hear("dns_start");
    }

    fn dns_end(&self, _: &CallContext, _: &str, _: &[SocketAddr]) {
        self.hear("dns_end");
    }

    fn connect_start(&self, _: &CallContext, _: SocketAddr) {
        self.hear("connect_start");
    }

    fn connect_end(&self, _: &CallContext, _: ConnectionId, _: SocketAddr) {
        self.hear("connect_end");
    }

    fn tls_start(&self, _: &CallContext, _: &str) {
        self.hear("tls_start");
    }

    fn tls_end(&self, _: &CallContext, _: &str) {
        self.hear("tls_end");
    }

    fn tls_handshake(&self, _: &CallContext, _: &str, _: &TlsHandshake) {
        self.hear("tls_handshake");
    }

    fn request_headers_start(&self, _: &CallContext) {
        self.hear("request_headers_start");
    }

    fn request_headers_end(&self, _: &CallContext) {
        self.hear("request_headers_end");
    }

    fn request_body_start(&self, _: &CallContext) {
        self.hear("request_body_start");
    }

    fn request_body_end(&self, _: &CallContext, _: u64) {
        self.hear("request_body_end");
    }

    fn response_headers_start(&self, _: &CallContext) {
        self.hear("response_headers_start");
    }

    fn response_headers_end(&self, _: &CallContext, _: &Response<ResponseBody>) {
        self.hear("response_headers_end");
    }

    fn response_body_start(&self, _: &CallContext) {
        self.hear("response_body_start");
    }

    fn response_body_end(&self, _: &CallContext, _: u64) {
        self.hear("response_body_end");
    }

    fn pool_lookup(&self, _: &CallContext, _: bool, _: Option<ConnectionId>) {
        self.hear("pool_lookup");
    }

    fn connection_acquired(&self, _: &CallContext, _: ConnectionId, _: bool) {
        self.hear("connection_acquired");
    }

    fn connection_released(&self, _: &CallContext, _: ConnectionId) {
        self.hear("connection_released");
    }
}
