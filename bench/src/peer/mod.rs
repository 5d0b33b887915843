//! The clients that are measured.
//!
//! Each does the same work for a call: a fresh request with the same fields, its body (if the load has one) in the
//! same chunks, the answer's status looked at, its body read to the end.

mod hyper;
mod hyper_util;
mod many_hosts;
mod openwire;
mod ours;
mod payload;
mod raw;
mod reqwest;
mod tls;

use std::future::Future;
use std::net::SocketAddr;

use http::header::{ACCEPT, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::BodyExt;

use crate::Error;
use crate::load::Load;
use payload::Payload;

pub(crate) use self::hyper::Hyper;
pub(crate) use self::hyper_util::HyperUtil;
pub(crate) use self::many_hosts::ManyHosts;
pub(crate) use self::openwire::Openwire;
pub(crate) use self::ours::{Ours, Trace};
pub(crate) use self::raw::Raw;
pub(crate) use self::reqwest::Reqwest;

/// What is asked for, the same for all.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) load: Load,
    pub(crate) uri: Uri,
    pub(crate) address: SocketAddr,
    /// The same, as the `host` of a request.
    pub(crate) authority: String,
    /// The size of the answer's body.
    pub(crate) answer: u64,
}

impl Job {
    pub(crate) fn new(load: Load, port: u16) -> Result<Self, Error> {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let authority = address.to_string();
        let scheme = if load.tls().is_some() {
            "https"
        } else {
            "http"
        };
        Ok(Self {
            load,
            uri: format!("{scheme}://{authority}/hello").parse()?,
            address,
            authority,
            answer: load.download().unwrap_or(crate::load::HELLO.len() as u64),
        })
    }

    fn method(&self) -> Method {
        match self.load.upload() {
            Some(_) => Method::POST,
            None => Method::GET,
        }
    }

    /// A fresh request.
    fn request<B>(&self, uri: &Uri, body: B) -> Request<B> {
        let mut request = Request::new(body);
        *request.method_mut() = self.method();
        *request.uri_mut() = uri.clone();
        Self::put_fields(request.headers_mut());
        request
    }

    fn put_fields(headers: &mut HeaderMap) {
        headers.insert(USER_AGENT, USER_AGENT_VALUE);
        headers.insert(ACCEPT, ACCEPT_VALUE);
    }

    fn payload(&self) -> Payload {
        Payload::new(self.load.upload().unwrap_or(0))
    }

    /// Looks at the status, and reads the body to its end.
    async fn read<B>(&self, response: Response<B>) -> Result<(), Error>
    where
        B: http_body::Body + Unpin,
        B::Data: bytes::Buf,
        B::Error: Into<Error>,
    {
        let (head, mut body) = response.into_parts();
        if head.status != StatusCode::OK {
            return Err(format!("the answer was {}", head.status).into());
        }
        let mut length = 0;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(Into::into)?;
            if let Some(data) = frame.data_ref() {
                length += bytes::Buf::remaining(data) as u64;
            }
        }
        self.check(length)
    }

    fn check(&self, length: u64) -> Result<(), Error> {
        if length == self.answer {
            return Ok(());
        }
        Err(format!("the answer had {length} bytes, not {}", self.answer).into())
    }
}

const USER_AGENT_VALUE: HeaderValue = HeaderValue::from_static("bench/1.0");
const ACCEPT_VALUE: HeaderValue = HeaderValue::from_static("*/*");

/// A client that is measured.
pub(crate) trait Peer {
    /// What one task calls with.
    type Lane: Lane;

    /// One more lane.
    fn lane(&self) -> impl Future<Output = Result<Self::Lane, Error>> + Send;
}

/// What one task calls with, a call after the other.
pub(crate) trait Lane: Send + 'static {
    /// One call, up to the end of the answer's body.
    fn call(&mut self) -> impl Future<Output = Result<(), Error>> + Send;
}
