//! Ours with many hosts, of which each has an idle connection: what the pool costs, however much is in it.
//!
//! There are no sockets, of which nobody may have so many: a connector makes connections to peers in memory, which
//! answer when they are written to.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use http::Uri;
use httptrace_client::{Body, Client, Connect, ConnectTarget, Connected, Connecting};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Job, Lane, Peer};
use crate::Error;
use crate::load::{DATE, HELLO};

/// One client, and so many hosts.
pub(crate) struct ManyHosts {
    client: Client,
    hosts: u64,
    job: Arc<Job>,
}

impl ManyHosts {
    /// Visits each host once, so that there is an idle connection to each.
    pub(crate) async fn new(job: Arc<Job>) -> Result<Self, Error> {
        let client = Client::builder()
            .max_idle(usize::MAX)
            .idle_timeout(None)
            .connector(InMemory::new())
            .build();
        let hosts = job.load.hosts().unwrap_or(1);
        for host in 0..hosts {
            visit(&client, &job, host).await?;
        }
        Ok(Self { client, hosts, job })
    }
}

impl Peer for ManyHosts {
    type Lane = Visits;

    async fn lane(&self) -> Result<Visits, Error> {
        Ok(Visits {
            client: self.client.clone(),
            hosts: self.hosts,
            job: self.job.clone(),
            // Anything but 0.
            random: 0x2545_f491_4f6c_dd1d,
        })
    }
}

/// Visits hosts in no order, the same each time.
pub(crate) struct Visits {
    client: Client,
    hosts: u64,
    job: Arc<Job>,
    random: u64,
}

impl Lane for Visits {
    async fn call(&mut self) -> Result<(), Error> {
        // Marsaglia's xorshift.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        visit(&self.client, &self.job, self.random % self.hosts).await
    }
}

async fn visit(client: &Client, job: &Job, host: u64) -> Result<(), Error> {
    // Names of one length, since otherwise those of many hosts would cost more to read.
    let uri: Uri = format!("http://host-{host:06}.test/hello").parse()?;
    let response = client.send(job.request(&uri, Body::empty())).await?;
    job.read(response).await
}

struct InMemory {
    answer: Arc<[u8]>,
}

impl InMemory {
    fn new() -> Self {
        let length = HELLO.len();
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\ncontent-type: text/plain\r\ndate: {DATE}\r\n\r\n"
        );
        Self {
            answer: [head.as_bytes(), HELLO].concat().into(),
        }
    }
}

impl Connect for InMemory {
    fn connect(&self, _: &ConnectTarget<'_>, _: &httptrace::Emitter) -> Connecting {
        let answering = Answering {
            answer: self.answer.clone(),
            owed: 0,
            reader: None,
        };
        Box::pin(async { Ok(Connected::new(answering)) })
    }
}

/// A server that answers the end of a request's head.
struct Answering {
    answer: Arc<[u8]>,
    /// How many bytes of the answer have not been read yet.
    owed: usize,
    reader: Option<Waker>,
}

impl AsyncRead for Answering {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.owed == 0 {
            self.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let owed = &self.answer[self.answer.len() - self.owed..];
        let now = owed.len().min(buf.remaining());
        buf.put_slice(&owed[..now]);
        self.owed -= now;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Answering {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if bytes.ends_with(b"\r\n\r\n") {
            self.owed = self.answer.len();
            if let Some(reader) = self.reader.take() {
                reader.wake();
            }
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
