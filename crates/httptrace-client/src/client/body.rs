//! The body of a request or of a response.

mod foreign;
mod replay;

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;
use httptrace::info::CloseReason;
use httptrace::{BoxError, ErrorKind, Phase};
use sync_wrapper::SyncWrapper;

pub use replay::ReplayBody;

use foreign::{Erased, known_body};

use super::decode::Decoding;
use super::ending::Ending;
use crate::conn::ResponseBody;
use crate::error::Error;

/// A body: of a request to send, or of a response as it arrives.
///
/// As a response's body it streams: frames come as the server sends them, and reading it to its end gives the
/// connection back to the pool before the end is reported. Dropping it early reads on for a moment in the background
/// if little is left (256 KiB, 50 ms), so that the connection can be used again, and closes the connection otherwise.
///
/// A request's body may end with trailers if the request announces their names in a `Trailer` header; it is chunked
/// then, also where its length is known.
///
/// A request's body must have the length that it announces, or that the request's `Content-Length` announces for it:
/// one that is longer or shorter fails the request, and never looks whole to the server. For that, the piece that makes it
/// whole waits until the body says that this is the end, by `is_end_stream` or by ending.
#[must_use = "a response's connection is in use until its body is read or dropped"]
pub struct Body {
    kind: Kind,
    /// What ends with a response's body: the call, its deadlines.
    ending: Option<Box<Ending>>,
}

enum Kind {
    Empty,
    Full(Bytes),
    /// Boxed, since bodies are moved a lot, and most are none.
    Stream(Box<Stream>),
    Response(Box<ResponseBody>),
    Decoding(Box<Decoding>),
}

type BoxBody = Pin<Box<dyn HttpBody<Data = Bytes, Error = BoxError> + Send>>;

/// A streamed body, and what it says is to come, as of its latest frame.
struct Stream {
    /// The wrapper makes this type `Sync` although bodies need not be.
    body: SyncWrapper<BoxBody>,
    hint: SizeHint,
    is_end: bool,
}

impl Stream {
    fn new(body: BoxBody) -> Self {
        Self {
            hint: body.size_hint(),
            is_end: body.is_end_stream(),
            body: SyncWrapper::new(body),
        }
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let body = self.body.get_mut();
        let polled = body.as_mut().poll_frame(cx);
        self.hint = body.size_hint();
        self.is_end = body.is_end_stream();
        polled
    }
}

impl Body {
    /// A body without a byte.
    pub fn empty() -> Self {
        Kind::Empty.into()
    }

    /// Any other body, as it is: streamed, with a `Content-Length` if it knows its exact size, chunked otherwise.
    pub fn wrap<B>(body: B) -> Self
    where
        B: HttpBody + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        let mut slot = Some(body);
        if let Some(body) = known_body(&mut slot) {
            return body;
        }
        // expect is ok because `known_body` empties the slot only when it returns a body.
        let body = slot.expect("the body is still there");
        let body: BoxBody = Box::pin(Erased { body });
        Kind::Stream(Box::new(Stream::new(body))).into()
    }

    /// Reads the body to its end.
    pub async fn bytes(self) -> Result<Bytes, Error> {
        Ok(self.collect().await?.to_bytes())
    }

    /// Reads the body to its end as text; bytes that are not UTF-8 become U+FFFD.
    pub async fn text(self) -> Result<String, Error> {
        let bytes = self.bytes().await?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Reads the body to its end as JSON.
    #[cfg(feature = "json")]
    pub async fn json<T: serde::de::DeserializeOwned>(self) -> Result<T, Error> {
        let bytes = self.bytes().await?;
        serde_json::from_slice(&bytes).map_err(|error| {
            let message =
                format!("the response's body is not the JSON that was asked for: {error}");
            Error::new(Phase::Receive, ErrorKind::Body, message).with_source(error)
        })
    }

    pub(crate) fn from_response(body: ResponseBody) -> Self {
        Kind::Response(Box::new(body)).into()
    }

    /// Has a call end with this body.
    pub(crate) fn with_ending(mut self, ending: Ending) -> Self {
        if let Some(body) = self.response() {
            body.settle();
        }
        match self.is_over() {
            true => ending.end(self.received()),
            false if ending.is_needless() => {}
            false => self.ending = Some(Box::new(ending)),
        }
        self
    }

    /// A copy for another try, if the body can be sent again: it is empty, or in memory.
    pub(crate) fn try_clone(&self) -> Option<Self> {
        match &self.kind {
            Kind::Empty => Some(Self::empty()),
            Kind::Full(bytes) => Some(Kind::Full(bytes.clone()).into()),
            Kind::Stream(..) | Kind::Response(_) | Kind::Decoding(_) => None,
        }
    }

    /// The next frame, with the error as the user's own body gave it.
    pub(crate) fn poll_raw_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut self.get_mut().kind {
            Kind::Empty => Poll::Ready(None),
            Kind::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                let frame = (!bytes.is_empty()).then(|| Ok(Frame::data(bytes)));
                Poll::Ready(frame)
            }
            Kind::Stream(stream) => stream.poll_frame(cx),
            Kind::Response(body) => body.poll_frame(cx).map(own_error),
            Kind::Decoding(body) => body.poll_frame(cx).map(own_error),
        }
    }

    pub(super) fn poll_own_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match &mut self.kind {
            Kind::Response(body) => return body.poll_frame(cx),
            Kind::Decoding(body) => return body.poll_frame(cx),
            Kind::Empty | Kind::Full(_) | Kind::Stream(..) => {}
        }
        Pin::new(self).poll_raw_frame(cx).map(|frame| {
            frame.map(|frame| {
                frame.map_err(|error| match error.downcast::<Error>() {
                    Ok(error) => *error,
                    Err(error) => Error::new(Phase::Receive, ErrorKind::Body, error.to_string())
                        .with_source(error),
                })
            })
        })
    }

    /// Whether nothing more will come and no connection is held.
    fn is_over(&self) -> bool {
        match &self.kind {
            Kind::Empty => true,
            Kind::Full(bytes) => bytes.is_empty(),
            Kind::Stream(..) => false,
            Kind::Response(body) => body.is_over(),
            Kind::Decoding(body) => body.is_over(),
        }
    }

    fn received(&self) -> u64 {
        match &self.kind {
            Kind::Response(body) => body.bytes(),
            Kind::Decoding(body) => body.decoded(),
            _ => 0,
        }
    }

    /// The body on its connection, under what is made of it.
    pub(super) fn response(&mut self) -> Option<&mut ResponseBody> {
        match &mut self.kind {
            Kind::Response(body) => Some(body),
            Kind::Decoding(body) => body.wire().response(),
            Kind::Empty | Kind::Full(_) | Kind::Stream(..) => None,
        }
    }

    /// The same body, decoded as it is read.
    pub(super) fn decoding(body: Decoding) -> Self {
        Kind::Decoding(Box::new(body)).into()
    }
}

fn own_error<T>(frame: Option<Result<T, Error>>) -> Option<Result<T, BoxError>> {
    frame.map(|frame| frame.map_err(Into::into))
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = self.get_mut();
        if let Some(error) = this.deadline_passed(cx) {
            let given_up = this.give_up(error, cx);
            return this.account(given_up);
        }
        let mut polled = this.poll_own_frame(cx);
        if polled.is_pending() {
            if let Some(error) = this.silence_passed(cx) {
                polled = this.give_up(error, cx);
            }
        }
        this.account(polled)
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Stream(stream) => stream.is_end,
            _ => self.is_over(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Empty => SizeHint::with_exact(0),
            Kind::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Stream(stream) => stream.hint,
            Kind::Response(body) => body.size_hint(),
            Kind::Decoding(body) => body.size_hint(),
        }
    }
}

impl Body {
    /// Tells the ending what came, and ends the call when nothing more will.
    fn account(
        &mut self,
        polled: Poll<Option<Result<Frame<Bytes>, Error>>>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let over = self.is_over();
        let Some(mut ending) = self.ending.take() else {
            return polled;
        };
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                ending.got(frame.data_ref().map_or(0, |data| data.len() as u64));
                match over {
                    true => ending.end_counted(),
                    false => self.ending = Some(ending),
                }
            }
            Poll::Ready(Some(Err(error))) => ending.fail(error),
            Poll::Ready(None) => ending.end_counted(),
            Poll::Pending => self.ending = Some(ending),
        }
        polled
    }

    fn deadline_passed(&mut self, cx: &mut Context<'_>) -> Option<Error> {
        if self.ending.is_none() || self.is_given_up() {
            return None;
        }
        match self.ending.as_mut()?.poll_call_deadline(cx) {
            Poll::Ready(error) => Some(error),
            Poll::Pending => None,
        }
    }

    fn silence_passed(&mut self, cx: &mut Context<'_>) -> Option<Error> {
        if self.ending.is_none() || self.is_given_up() {
            return None;
        }
        match self.ending.as_mut()?.poll_silence(cx) {
            Poll::Ready(error) => Some(error),
            Poll::Pending => None,
        }
    }

    fn is_given_up(&mut self) -> bool {
        self.response().is_some_and(|body| body.is_failing())
    }

    /// Gives the connection up because a deadline passed. Ready when it is closed.
    fn give_up(
        &mut self,
        error: Error,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if let Some(body) = self.response() {
            body.fail(error, CloseReason::Canceled);
            return body.poll_frame(cx);
        }
        self.kind = Kind::Empty;
        Poll::Ready(Some(Err(error)))
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        // The connection's events come before the call's end.
        self.kind = Kind::Empty;
        if let Some(ending) = self.ending.take() {
            ending.end_counted();
        }
    }
}

impl From<Kind> for Body {
    fn from(kind: Kind) -> Self {
        Self { kind, ending: None }
    }
}

impl Default for Body {
    fn default() -> Self {
        Self::empty()
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        match bytes.is_empty() {
            true => Self::empty(),
            false => Kind::Full(bytes).into(),
        }
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Bytes::from_static(text.as_bytes()).into()
    }
}

impl From<&'static [u8]> for Body {
    fn from(bytes: &'static [u8]) -> Self {
        Bytes::from_static(bytes).into()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.kind {
            Kind::Empty => "Body(empty)",
            Kind::Full(_) => "Body(in memory)",
            Kind::Stream(..) => "Body(stream)",
            Kind::Response(_) => "Body(response)",
            Kind::Decoding(_) => "Body(response, decoded)",
        })
    }
}
