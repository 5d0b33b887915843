//! The clients that are measured.
//!
//! Each does the same work for a call: a fresh request with the same fields, its body (if the load has one) in the
//! same chunks, the answer's status looked at, its body read to the end.

mod hyper;
mod hyper_util;
mod ours;
mod payload;
mod raw;

use std::future::Future;

use clap::ValueEnum;
use http::header::{ACCEPT, USER_AGENT};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::BodyExt;

use crate::Error;
use crate::load::Load;
use payload::Payload;

pub(crate) use self::hyper::Hyper;
pub(crate) use self::hyper_util::HyperUtil;
pub(crate) use self::ours::{Ours, Trace};
pub(crate) use self::raw::Raw;

/// A client, by the name that reports give it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Client {
    /// Ours, without a trace.
    OursNone,
    /// Ours, with a trace that nobody listens to.
    OursEmpty,
    /// Ours, with a fresh recorder for each call, whose events are folded at its end.
    OursRecorded,
    /// hyper-util's legacy client.
    HyperUtil,
    /// Bare connections of hyper, driven by the task that calls.
    Hyper,
    /// A loop over a socket: the floor.
    Raw,
}

impl Client {
    pub(crate) fn name(self) -> String {
        // expect is ok because no client is hidden from the command line.
        let value = self.to_possible_value().expect("a client has a name");
        value.get_name().to_owned()
    }

    /// Whether it can do this at all.
    pub(crate) fn can_do(self, load: Load) -> bool {
        match self {
            Self::Raw => load.protocol() == crate::load::Protocol::Http1,
            _ => true,
        }
    }
}

/// What is asked for, the same for all.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) load: Load,
    pub(crate) uri: Uri,
    /// Host and port.
    pub(crate) authority: String,
    /// The size of the answer's body.
    pub(crate) answer: u64,
}

impl Job {
    pub(crate) fn new(load: Load, port: u16) -> Result<Self, Error> {
        let authority = format!("127.0.0.1:{port}");
        Ok(Self {
            load,
            uri: format!("http://{authority}/hello").parse()?,
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
        let headers = request.headers_mut();
        headers.insert(USER_AGENT, USER_AGENT_VALUE);
        headers.insert(ACCEPT, ACCEPT_VALUE);
        request
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
