//! The response's body on its stream.

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::{Reason, RecvStream};
use http::{Response, header};
use http_body::{Frame, SizeHint};
use httptrace::info::{BodyEnd, WriteOutcome};
use httptrace::{Attempt, Phase};

use super::exchange::{Exchanged, Rest};
use super::failure;
use super::stream::Stream;
use crate::conn::received::Received;
use crate::error::Error;

/// A response's body on its stream. Dropping it before its end resets the stream, and gives back the window that the
/// rest has used.
pub(crate) struct ResponseBody {
    /// Absent when the body is over.
    incoming: Option<Incoming>,
    received: Received,
    /// What the head says that there is in all.
    length: Option<u64>,
    /// Why it broke off, until that is told.
    failure: Option<Error>,
}

struct Incoming {
    codec: RecvStream,
    /// The data is over, and trailers may follow.
    is_data_over: bool,
    stream: Stream,
    rest: Rest,
}

impl ResponseBody {
    /// The body of a response whose head has come. One that is empty is over at once.
    pub(crate) fn new(exchanged: Exchanged, is_head: bool, attempt: Attempt) -> Response<Self> {
        let Exchanged {
            response,
            stream,
            rest,
        } = exchanged;
        let received = Received::new(attempt, stream.emitter.clone(), response.status());
        let length = match is_head {
            true => Some(0),
            false => announced(&response),
        };
        response.map(|codec| {
            let incoming = Incoming {
                codec,
                is_data_over: false,
                stream,
                rest,
            };
            let mut body = Self {
                incoming: Some(incoming),
                received,
                length,
                failure: None,
            };
            if body.is_ready_to_conclude() {
                body.conclude();
            }
            body
        })
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.received.bytes()
    }

    pub(crate) fn is_over(&self) -> bool {
        self.incoming.is_none() && self.failure.is_none()
    }

    pub(crate) fn is_failing(&self) -> bool {
        self.failure.is_some()
    }

    pub(crate) fn settle(&mut self) {
        if self.is_over() {
            self.received.end_attempt(|end| end);
        }
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        if self.incoming.is_none() {
            return SizeHint::with_exact(0);
        }
        match self.length {
            Some(length) => SizeHint::with_exact(length.saturating_sub(self.bytes())),
            None => SizeHint::default(),
        }
    }

    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Some(incoming) = &mut self.incoming else {
            return Poll::Ready(self.last());
        };
        match ready!(incoming.poll_frame(cx)) {
            Some(Ok(frame)) if frame.is_trailers() && incoming.are_trailers_cut() => {
                let limit = incoming.stream.conn.0.list_limit;
                self.fail(limit.error(Phase::Receive));
                Poll::Ready(self.last())
            }
            Some(Ok(frame)) => {
                self.received.got(&frame);
                if self.is_ready_to_conclude() {
                    self.conclude();
                    self.settle();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Some(Err(error)) => {
                incoming.stream.failed();
                let error = incoming.explain(error);
                self.fail(error);
                Poll::Ready(self.last())
            }
            None if self.received.hold_end() => Poll::Ready(None),
            None => {
                self.conclude();
                Poll::Ready(self.last())
            }
        }
    }

    pub(crate) fn hold(&mut self) {
        if self.incoming.is_some() {
            self.received.hold();
        }
    }

    pub(crate) fn decoded(&mut self, bytes: u64) {
        self.received.decoded(bytes);
    }

    pub(crate) fn is_at_end(&self) -> bool {
        let incoming = self.incoming.as_ref();
        self.received.is_held_at_end() || incoming.is_none_or(|i| i.codec.is_end_stream())
    }

    pub(crate) fn release(&mut self) {
        if self.incoming.is_some() {
            self.conclude();
            self.settle();
        }
    }

    /// It cannot be decoded. The next frame is the error.
    pub(crate) fn break_off(&mut self, error: Error) {
        self.fail(error);
    }

    /// The body breaks off here: the stream is reset, if it is not over. The next frame is the error.
    pub(crate) fn fail(&mut self, error: Error) {
        self.received.tell_done(BodyEnd::Error(error.to_event()));
        if let Some(incoming) = self.incoming.take() {
            incoming.abandon(&error);
        }
        self.failure = Some(error);
    }

    /// The body has been read to its end.
    fn conclude(&mut self) {
        self.received.tell_done(BodyEnd::End);
        if let Some(incoming) = self.incoming.take() {
            incoming.finish();
        }
    }

    /// Whether the end is known without asking for another frame.
    fn is_ready_to_conclude(&self) -> bool {
        let incoming = self.incoming.as_ref();
        let at_end = incoming.is_some_and(|incoming| incoming.codec.is_end_stream());
        at_end && !self.received.is_held()
    }

    /// The failure, or the end.
    fn last(&mut self) -> Option<Result<Frame<Bytes>, Error>> {
        let Some(error) = self.failure.take() else {
            self.settle();
            return None;
        };
        let event = error.to_event();
        self.received.end_attempt(|end| end.with_error(event));
        Some(Err(error))
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        let at_end = self.is_at_end();
        if let Some(incoming) = self.incoming.take() {
            self.received.tell_done(BodyEnd::Dropped);
            match at_end {
                true => incoming.finish(),
                false => incoming.abandon_dropped(),
            }
        }
        self.received.end_attempt(|end| end);
    }
}

impl Incoming {
    fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        while !self.is_data_over {
            match ready!(self.codec.poll_data(cx)) {
                Some(Ok(data)) => {
                    // The peer may send as much again as the caller has taken.
                    let _ = self.codec.flow_control().release_capacity(data.len());
                    if !data.is_empty() || !self.codec.is_end_stream() {
                        return Poll::Ready(Some(Ok(Frame::data(data))));
                    }
                }
                Some(Err(error)) => return self.poll_error(error, cx),
                None => self.is_data_over = true,
            }
        }
        match ready!(self.codec.poll_trailers(cx)) {
            // A frame without fields may end a stream as well.
            Ok(trailers) => Poll::Ready(
                trailers
                    .filter(|fields| !fields.is_empty() || self.are_trailers_cut())
                    .map(|fields| Ok(Frame::trailers(fields))),
            ),
            Err(error) => self.poll_error(error, cx),
        }
    }

    /// Whether the codec has left out some of the trailers, without a word, since they were too large.
    fn are_trailers_cut(&self) -> bool {
        let limit = self.stream.conn.0.list_limit;
        limit.is_below_block(self.stream.watch.block_bytes())
    }

    /// A response that came to its end is whole, whatever the peer did to the stream or the connection after it: the
    /// codec has taken all that came before a reset, and before the end of what the peer writes.
    fn poll_error(
        &mut self,
        error: h2::Error,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        let watch = &self.stream.watch;
        let came_after = error.is_remote() || (error.is_io() && watch.is_connection_deaf());
        if came_after && watch.is_response_ended() {
            return Poll::Ready(None);
        }
        self.stream
            .poll_settled(&error, cx)
            .map(|()| Some(Err(error)))
    }

    /// Why the response broke off.
    fn explain(&self, error: h2::Error) -> Error {
        let of_request = match &self.rest {
            Rest::GoesOn(background) => background.failure(),
            _ => None,
        };
        of_request.unwrap_or_else(|| failure::explain(&self.stream, error, Phase::Receive))
    }

    /// The response is over. An upload goes on, unless the peer has no use for it.
    fn finish(self) {
        if let Rest::Stopped(mut codec) = self.rest {
            codec.send_reset(Reason::NO_ERROR);
        }
    }

    /// The response is given up, and with it the request.
    fn abandon(mut self, error: &Error) {
        self.stop_upload(|| WriteOutcome::Failed(error.to_event()));
    }

    fn abandon_dropped(mut self) {
        let emitter = self.stream.emitter.clone();
        self.stop_upload(|| WriteOutcome::Failed(emitter.reason_for_drop()));
    }

    fn stop_upload(&mut self, outcome: impl FnOnce() -> WriteOutcome) {
        self.stream.watch.give_up(outcome);
        if let Rest::GoesOn(background) = &self.rest {
            background.abort();
        }
    }
}

fn announced<B>(response: &Response<B>) -> Option<u64> {
    let length = response.headers().get(header::CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}
