//! hyper-util's legacy client.

use std::sync::Arc;

use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use super::payload::Payload;
use super::{Job, Lane, Peer};
use crate::Error;
use crate::load::Protocol;

pub(crate) struct HyperUtil {
    client: Client<HttpConnector, Payload>,
    job: Arc<Job>,
}

impl HyperUtil {
    pub(crate) fn new(job: Arc<Job>) -> Self {
        let mut connector = HttpConnector::new();
        // As all others do.
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .http2_only(job.load.protocol() == Protocol::Http2)
            .build(connector);
        Self { client, job }
    }
}

impl Peer for HyperUtil {
    type Lane = Calls;

    async fn lane(&self) -> Result<Calls, Error> {
        Ok(Calls {
            client: self.client.clone(),
            job: self.job.clone(),
        })
    }
}

pub(crate) struct Calls {
    client: Client<HttpConnector, Payload>,
    job: Arc<Job>,
}

impl Lane for Calls {
    async fn call(&mut self) -> Result<(), Error> {
        let request = self.job.request(&self.job.uri, self.job.payload());
        let response = self.client.request(request).await?;
        self.job.read(response).await
    }
}
