//! Bare connections of hyper: one for each lane with HTTP/1.1, one for all with HTTP/2, one for each call if it is to
//! be a cold one.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use http::header::HOST;
use http::{HeaderValue, Uri};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::payload::Payload;
use super::{Job, Lane, Peer, tls};
use crate::Error;
use crate::load::Protocol;

#[derive(Clone)]
pub(crate) struct Hyper {
    shared: Option<http2::SendRequest<Payload>>,
    tls: Option<TlsConnector>,
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
        let mut tls = None;
        if job.load.tls().is_some() {
            tls = Some(TlsConnector::from(Arc::new(tls::config()?)));
        }
        Ok(Self { shared, tls, job })
    }

    async fn cold_call(&self) -> Result<(), Error> {
        let stream = connect(&self.job).await?;
        let job = self.job.clone();
        match &self.tls {
            None => Http1::over(stream, job).await?.call().await,
            Some(tls) => {
                let name = ServerName::IpAddress(self.job.address.ip().into());
                let stream = tls.connect(name, stream).await?;
                Http1::over(stream, job).await?.call().await
            }
        }
    }
}

async fn connect(job: &Job) -> Result<TcpStream, Error> {
    let stream = TcpStream::connect(job.address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

impl Peer for Hyper {
    type Lane = Calls;

    async fn lane(&self) -> Result<Calls, Error> {
        let job = self.job.clone();
        if job.load.is_cold() {
            return Ok(Calls::Cold(self.clone()));
        }
        if let Some(sender) = &self.shared {
            return Ok(Calls::Http2(sender.clone(), job));
        }
        let stream = connect(&job).await?;
        Ok(Calls::Http1(Box::new(Http1::over(stream, job).await?)))
    }
}

pub(crate) enum Calls {
    Http1(Box<Http1<TcpStream>>),
    Http2(http2::SendRequest<Payload>, Arc<Job>),
    Cold(Hyper),
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
            Self::Cold(hyper) => hyper.cold_call().await,
        }
    }
}

pub(crate) struct Http1<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> {
    sender: http1::SendRequest<Payload>,
    connection: Connection<S>,
    path: Uri,
    host: HeaderValue,
    job: Arc<Job>,
}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Http1<S> {
    async fn over(stream: S, job: Arc<Job>) -> Result<Self, Error> {
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        Ok(Self {
            sender,
            connection: Connection {
                inner: connection,
                has_ended: false,
            },
            path: Uri::from_static("/hello"),
            host: HeaderValue::from_str(&job.authority)?,
            job,
        })
    }

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
struct Connection<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> {
    inner: http1::Connection<TokioIo<S>, Payload>,
    has_ended: bool,
}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Connection<S> {
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
                && let Poll::Ready(ended) = Pin::new(&mut self.inner).poll(cx)
            {
                self.has_ended = true;
                ended?;
            }
            call.as_mut().poll(cx)
        })
        .await
    }
}
