//! Ours: the public `Client::send`, with the settings it has by default.

use std::hint::black_box;
use std::sync::Arc;

use httptrace::{ClientTrace, Recorder, RequestExt};
use httptrace_client::{Body, Client};

use super::{Job, Lane, Peer};
use crate::Error;
use crate::certificate::{self, CERTIFICATE};
use crate::load::Protocol;

/// Who listens.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Trace {
    None,
    Empty,
    Recorded,
}

pub(crate) struct Ours {
    client: Client,
    trace: Trace,
    job: Arc<Job>,
}

impl Ours {
    pub(crate) fn new(job: Arc<Job>, trace: Trace) -> Result<Self, Error> {
        // Go's limit of idle connections for a host is 2, and so is ours; the others have none.
        let mut builder = Client::builder()
            .max_idle(100_000)
            .max_idle_per_host(100_000);
        if job.load.protocol() == Protocol::Http2 {
            builder = builder.http2_prior_knowledge();
        }
        if job.load.tls().is_some() {
            let pem = certificate::given(CERTIFICATE)?;
            builder = builder.only_root_certificates_pem(pem.as_bytes())?;
        }
        Ok(Self {
            client: builder.build(),
            trace,
            job,
        })
    }
}

impl Peer for Ours {
    type Lane = Calls;

    async fn lane(&self) -> Result<Calls, Error> {
        Ok(Calls {
            client: self.client.clone(),
            trace: self.trace,
            job: self.job.clone(),
        })
    }
}

pub(crate) struct Calls {
    client: Client,
    trace: Trace,
    job: Arc<Job>,
}

impl Lane for Calls {
    async fn call(&mut self) -> Result<(), Error> {
        let body = match self.job.load.upload() {
            Some(_) => Body::wrap(self.job.payload()),
            None => Body::empty(),
        };
        let mut request = self.job.request(&self.job.uri, body);
        let mut recorder = None;
        match self.trace {
            Trace::None => {}
            Trace::Empty => request = request.trace(ClientTrace::new()),
            Trace::Recorded => {
                let fresh = Recorder::new();
                request = request.trace(fresh.trace());
                recorder = Some(fresh);
            }
        }
        let response = self.client.send(request).await?;
        self.job.read(response).await?;
        if let Some(recorder) = recorder {
            black_box(recorder.timeline());
        }
        Ok(())
    }
}
