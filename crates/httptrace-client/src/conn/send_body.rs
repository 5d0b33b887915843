//! The request's body as the codec pulls it.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, HeaderName};
use http_body::{Body as HttpBody, Frame, SizeHint};
use httptrace::{BoxError, ErrorKind, Phase};

use super::expect::SharedGate;
use crate::client::Body;
use crate::error::Error;

/// A request's body, held to the length that the request's head announces.
///
/// Absent where nothing is to be sent. It is kept small: the codec has room for 32 requests on each connection.
pub(crate) struct SendBody(Option<Box<Content>>);

struct Content {
    body: Body,
    /// Bytes still owed, where the head has a `Content-Length`.
    owed: Option<u64>,
    announced: u64,
    /// The trailer fields that the head's `Trailer` announces; the codec would leave out all others in silence.
    trailers: Vec<HeaderName>,
    /// The piece that ends what is owed, until it is known that nothing follows: with it the peer has a whole request.
    last: Option<Bytes>,
    /// The body has ended.
    over: bool,
    /// A failure that waits until what came before it is on its way.
    failure: Option<BodyFailure>,
    /// Holds the body back, unless it is open or there is none.
    gate: Option<SharedGate>,
}

/// Why a request's body could not be sent to its end.
#[derive(Clone, Debug)]
pub(crate) struct BodyFailure {
    message: Arc<str>,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl SendBody {
    /// A body under a head that announces this length, or none, and these trailer fields.
    pub(crate) fn new(body: Body, content_length: Option<u64>, trailers: Vec<HeaderName>) -> Self {
        if content_length == Some(0) && body.is_end_stream() {
            return Self(None);
        }
        Self(Some(Box::new(Content {
            body,
            owed: content_length,
            announced: content_length.unwrap_or(0),
            trailers,
            last: None,
            over: false,
            failure: None,
            gate: None,
        })))
    }

    /// Nothing of the body is asked for before the gate is open.
    pub(super) fn hold_behind(&mut self, gate: SharedGate) {
        if let Some(content) = &mut self.0 {
            content.gate = Some(gate);
        }
    }

    pub(crate) fn into_body(self) -> Body {
        self.0.map_or_else(Body::empty, |content| content.body)
    }

    /// Whether the request's head says how long the body is, or that it comes in chunks: where there is none it may, and
    /// it makes no difference.
    pub(super) fn is_framed(&self) -> bool {
        self.0.is_some()
    }

    /// Whether there is something to send besides the head.
    pub(super) fn has_content(&self) -> bool {
        self.0.as_ref().is_some_and(|content| match content.owed {
            Some(owed) => owed > 0,
            None => !content.body.is_end_stream(),
        })
    }

    /// Whether nothing at all is to be sent, and nothing is to be checked.
    pub(super) fn is_nothing(&self) -> bool {
        let content = self.0.as_ref();
        content.is_none_or(|content| content.gate.is_none() && content.is_end_stream())
    }
}

impl HttpBody for SendBody {
    type Data = Bytes;
    type Error = BodyFailure;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyFailure>>> {
        match &mut self.0 {
            Some(content) => Pin::new(&mut **content).poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0
            .as_ref()
            .is_none_or(|content| content.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Some(content) => content.size_hint(),
            None => SizeHint::with_exact(0),
        }
    }
}

impl Content {
    /// Counts a frame against what is owed, and holds trailers against what is announced.
    fn account(&mut self, frame: &Frame<Bytes>) -> Result<(), BodyFailure> {
        if let Some(trailers) = frame.trailers_ref() {
            self.check_trailers(trailers)?;
        }
        let (Some(owed), Some(data)) = (&mut self.owed, frame.data_ref()) else {
            return Ok(());
        };
        match owed.checked_sub(data.len() as u64) {
            Some(rest) => {
                *owed = rest;
                Ok(())
            }
            None => Err(BodyFailure::new(format!(
                "the request's body is longer than its Content-Length of {} bytes",
                self.announced
            ))),
        }
    }

    /// The body's end: nothing may be owed.
    fn end(&mut self) -> Result<Option<Frame<Bytes>>, BodyFailure> {
        self.over = true;
        match self.owed {
            Some(owed) if owed > 0 => Err(BodyFailure::new(format!(
                "the request's body ended after {} of the {} bytes of its Content-Length",
                self.announced - owed,
                self.announced,
            ))),
            _ => Ok(self.last.take().map(Frame::data)),
        }
    }

    /// Whether data must wait for what comes after it, because the peer would take the request for whole.
    fn must_wait(&self) -> bool {
        self.owed == Some(0) && !self.over && !self.body.is_end_stream()
    }

    fn check_trailers(&self, trailers: &HeaderMap) -> Result<(), BodyFailure> {
        if self.owed.is_some() {
            return Err(BodyFailure::new(String::from(
                "the request's body ends with trailers, which a body of known length cannot have: leave out its \
                 Content-Length, and announce them in the request's Trailer header",
            )));
        }
        match trailers.keys().find(|name| !self.trailers.contains(name)) {
            None => Ok(()),
            Some(name) => Err(BodyFailure::new(format!(
                "the request's body ends with the trailer field {name}, which the request does not announce: add \
                 it to the request's Trailer header"
            ))),
        }
    }

    /// Fails one turn later, so that the head and what was handed over before reach the peer first.
    fn fail(
        &mut self,
        failure: BodyFailure,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyFailure>>> {
        self.failure = Some(failure);
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl HttpBody for Content {
    type Data = Bytes;
    type Error = BodyFailure;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyFailure>>> {
        let this = &mut *self;
        if let Some(gate) = &this.gate {
            if !gate.is_open() {
                // Whoever opens it has the connection driven.
                return Poll::Pending;
            }
            this.gate = None;
        }
        if let Some(failure) = this.failure.take() {
            return Poll::Ready(Some(Err(failure)));
        }
        while !this.over {
            let polled = ready!(Pin::new(&mut this.body).poll_raw_frame(cx));
            let accounted = match polled {
                Some(Ok(frame)) => this.account(&frame).map(|()| Some(frame)),
                Some(Err(error)) => Err(BodyFailure::from_user(error)),
                None => this.end(),
            };
            let frame = match accounted {
                Ok(frame) => frame,
                Err(failure) => return this.fail(failure, cx),
            };
            let must_wait = this.must_wait();
            match frame.map(Frame::into_data) {
                // What comes after the last piece is empty, or else it would have been too much.
                Some(Ok(data)) if must_wait => drop(this.last.get_or_insert(data)),
                Some(Ok(data)) => return Poll::Ready(Some(Ok(Frame::data(data)))),
                Some(Err(trailers)) => return Poll::Ready(Some(Ok(trailers))),
                None => return Poll::Ready(None),
            }
        }
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        // What is owed must be asked for, so that its absence is noticed; what is held back must be asked for as well.
        let is_owed = self.owed.unwrap_or(0) > 0 || self.last.is_some();
        self.failure.is_none() && !is_owed && (self.over || self.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        match self.owed {
            Some(owed) => SizeHint::with_exact(owed),
            None => self.body.size_hint(),
        }
    }
}

impl BodyFailure {
    fn new(message: String) -> Self {
        Self {
            message: message.into(),
            source: None,
        }
    }

    fn from_user(error: BoxError) -> Self {
        Self {
            message: format!("the request's body failed: {error}").into(),
            source: Some(Arc::from(error)),
        }
    }

    pub(super) fn to_error(&self) -> Error {
        let error = Error::new(Phase::Send, ErrorKind::Body, Arc::clone(&self.message));
        match &self.source {
            Some(source) => error.with_shared_source(Arc::clone(source)),
            None => error,
        }
    }
}

impl fmt::Display for BodyFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for BodyFailure {}

#[cfg(test)]
mod tests;
