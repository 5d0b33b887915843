//! hyper-util's legacy client, over its own connector, and for TLS over that of hyper-rustls.

use std::sync::Arc;

use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::rt::TokioExecutor;

use super::payload::Payload;
use super::{Job, Lane, Peer, tls};
use crate::Error;
use crate::load::Protocol;

pub(crate) struct HyperUtil<C> {
    calls: Calls<C>,
}

impl HyperUtil<HttpConnector> {
    pub(crate) fn new(job: Arc<Job>) -> Self {
        Self::over(connector(), job)
    }
}

impl HyperUtil<HttpsConnector<HttpConnector>> {
    pub(crate) fn with_tls(job: Arc<Job>) -> Result<Self, Error> {
        let mut tcp = connector();
        tcp.enforce_http(false);
        let builder = HttpsConnectorBuilder::new().with_tls_config(tls::config()?);
        let connector = builder.https_only().enable_http1().wrap_connector(tcp);
        Ok(Self::over(connector, job))
    }
}

fn connector() -> HttpConnector {
    let mut connector = HttpConnector::new();
    // As all others do.
    connector.set_nodelay(true);
    connector
}

impl<C: Connect + Clone> HyperUtil<C> {
    fn over(connector: C, job: Arc<Job>) -> Self {
        let client = Client::builder(TokioExecutor::new())
            .http2_only(job.load.protocol() == Protocol::Http2)
            .build(connector);
        Self {
            calls: Calls { client, job },
        }
    }
}

impl<C: Connect + Clone + Send + Sync + 'static> Peer for HyperUtil<C> {
    type Lane = Calls<C>;

    async fn lane(&self) -> Result<Calls<C>, Error> {
        Ok(self.calls.clone())
    }
}

#[derive(Clone)]
pub(crate) struct Calls<C> {
    client: Client<C, Payload>,
    job: Arc<Job>,
}

impl<C: Connect + Clone + Send + Sync + 'static> Lane for Calls<C> {
    async fn call(&mut self) -> Result<(), Error> {
        let request = self.job.request(&self.job.uri, self.job.payload());
        let response = self.client.request(request).await?;
        self.job.read(response).await
    }
}
