//! reqwest, with the settings it has by default.

use std::sync::Arc;

use super::{Job, Lane, Peer};
use crate::Error;
use crate::certificate::{self, CERTIFICATE};
use crate::load::Protocol;

pub(crate) struct Reqwest {
    calls: Calls,
}

impl Reqwest {
    pub(crate) fn new(job: Arc<Job>) -> Result<Self, Error> {
        let mut builder = reqwest::Client::builder();
        if job.load.protocol() == Protocol::Http2 {
            builder = builder.http2_prior_knowledge();
        }
        if job.load.tls().is_some() {
            let pem = certificate::given(CERTIFICATE)?;
            builder = builder.tls_certs_only([reqwest::Certificate::from_pem(pem.as_bytes())?]);
        }
        let calls = Calls {
            client: builder.build()?,
            url: job.uri.to_string().parse()?,
            job,
        };
        Ok(Self { calls })
    }
}

impl Peer for Reqwest {
    type Lane = Calls;

    async fn lane(&self) -> Result<Calls, Error> {
        Ok(self.calls.clone())
    }
}

#[derive(Clone)]
pub(crate) struct Calls {
    client: reqwest::Client,
    url: reqwest::Url,
    job: Arc<Job>,
}

impl Lane for Calls {
    async fn call(&mut self) -> Result<(), Error> {
        let mut request = reqwest::Request::new(self.job.method(), self.url.clone());
        Job::put_fields(request.headers_mut());
        if self.job.load.upload().is_some() {
            *request.body_mut() = Some(reqwest::Body::wrap(self.job.payload()));
        }
        let response = self.client.execute(request).await?;
        self.job.read(http::Response::from(response)).await
    }
}
