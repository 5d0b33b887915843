//! Bare connections of hyper: one for each lane with HTTP/1.1, one for all with HTTP/2.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use http::header::HOST;
use http::{HeaderValue, Uri};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use super::payload::Payload;
use super::{Job, Lane, Peer};
use crate::Error;
use crate::load::Protocol;

pub(crate) struct Hyper {
    shared: Option<http2::SendRequest<Payload>>,
    job: Arc<Job>,
}

impl Hyper {
    pub(crate) async fn new(job: Arc<Job>) -> Result<Self, Error> {
        let mut shared = None;
        if job.load.protocol() == Protocol::Http2 {
            let io = TokioIo::new(connect(&job).await?);
            let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await?;
            tokio::spawn(connection);
            shared = Some(sender);
        }
        Ok(Self { shared, job })
    }
}

async fn connect(job: &Job) -> Result<TcpStream, Error> {
    let stream = TcpStream::connect(&job.authority).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

impl Peer for Hyper {
    type Lane = Calls;

    async fn lane(&self) -> Result<Calls, Error> {
        let job = self.job.clone();
        if let Some(sender) = &self.shared {
            return Ok(Calls::Http2(sender.clone(), job));
        }
        let io = TokioIo::new(connect(&job).await?);
        let (sender, connection) = http1::handshake(io).await?;
        let connection = Connection {
            inner: Box::pin(connection),
            has_ended: false,
        };
        let path = Uri::from_static("/hello");
        let host = HeaderValue::from_str(&job.authority)?;
        Ok(Calls::Http1(Box::new(Http1 {
            sender,
            connection,
            path,
            host,
            job,
        })))
    }
}

pub(crate) enum Calls {
    Http1(Box<Http1>),
    Http2(http2::SendRequest<Payload>, Arc<Job>),
}

impl Lane for Calls {
    async fn call(&mut self) -> Result<(), Error> {
        match self {
            Self::Http1(lane) => lane.call().await,
            Self::Http2(sender, job) => {
                sender.ready().await?;
                let request = job.request(&job.uri, job.payload());
                let response = sender.send_request(request).await?;
                job.read(response).await
            }
        }
    }
}

pub(crate) struct Http1 {
    sender: http1::SendRequest<Payload>,
    connection: Connection,
    path: Uri,
    host: HeaderValue,
    job: Arc<Job>,
}

impl Http1 {
    async fn call(&mut self) -> Result<(), Error> {
        let Self {
            sender,
            connection,
            path,
            host,
            job,
        } = self;
        let call = async {
            sender.ready().await?;
            let mut request = job.request(path, job.payload());
            request.headers_mut().insert(HOST, host.clone());
            let response = sender.send_request(request).await?;
            job.read(response).await
        };
        connection.while_it_drives(call).await
    }
}

/// A connection that makes progress only while a call waits for it: no task of its own, no switch between the two.
struct Connection {
    inner: Pin<Box<http1::Connection<TokioIo<TcpStream>, Payload>>>,
    has_ended: bool,
}

impl Connection {
    async fn while_it_drives<T>(
        &mut self,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let mut call = pin!(call);
        poll_fn(|cx| {
            // First the call, which has something to say; then the connection, which says it or has read something;
            // then whoever waits for what was read.
            if let Poll::Ready(result) = call.as_mut().poll(cx) {
                return Poll::Ready(result);
            }
            if !self.has_ended
                && let Poll::Ready(ended) = self.inner.as_mut().poll(cx)
            {
                self.has_ended = true;
                ended?;
            }
            call.as_mut().poll(cx)
        })
        .await
    }
}
