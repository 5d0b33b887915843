//! A body that is decoded as it is read.

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use httptrace::{ErrorKind, Phase};

use super::decoder::{DecodeError, Decoded, Decoder};
use crate::client::Body;
use crate::conn::ResponseBody;
use crate::error::Error;

/// A body and what takes its codings off. The body's end, or its breaking off, is told when both have come to it.
pub(in crate::client) struct Decoding {
    /// As transferred.
    wire: Body,
    decoder: Decoder,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The decoder needs more.
    Read,
    /// The decoder may have something to give.
    Decode,
    /// Nothing more will be decoded.
    Over,
}

type Polled = Poll<Option<Result<Frame<Bytes>, Error>>>;

impl Decoding {
    pub(super) fn new(mut wire: Body, decoder: Decoder) -> Self {
        if let Some(response) = wire.response() {
            response.hold();
        }
        Self {
            wire,
            decoder,
            state: State::Read,
        }
    }

    pub(in crate::client) fn wire(&mut self) -> &mut Body {
        &mut self.wire
    }

    /// Bytes decoded so far.
    pub(in crate::client) fn decoded(&self) -> u64 {
        self.decoder.decoded()
    }

    pub(in crate::client) fn is_over(&self) -> bool {
        self.state == State::Over && self.wire.is_end_stream()
    }

    pub(in crate::client) fn size_hint(&self) -> SizeHint {
        match self.is_over() {
            true => SizeHint::with_exact(0),
            false => SizeHint::default(),
        }
    }

    pub(in crate::client) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Polled {
        // Whoever holds the body may have given it up, for a deadline.
        let is_given_up = |body: &mut ResponseBody| body.is_failing() || body.is_over();
        if self.wire.response().is_some_and(is_given_up) {
            self.state = State::Over;
        }
        loop {
            match self.state {
                State::Over => return self.wire.poll_own_frame(cx),
                State::Read => match ready!(self.wire.poll_own_frame(cx)) {
                    Some(Ok(frame)) => match frame.into_data() {
                        Ok(data) => {
                            self.decoder.feed(data);
                            self.state = State::Decode;
                        }
                        Err(trailers) => return self.pass_trailers(trailers, cx),
                    },
                    Some(Err(error)) => {
                        self.state = State::Over;
                        return Poll::Ready(Some(Err(error)));
                    }
                    None => match self.decoder.finish() {
                        Ok(()) => self.release(),
                        Err(error) => return self.break_off(error, cx),
                    },
                },
                State::Decode => match self.decoder.decode() {
                    Ok(Decoded::Piece { data, starved }) => {
                        self.decoded_more(starved);
                        return Poll::Ready(Some(Ok(Frame::data(data))));
                    }
                    Ok(Decoded::Starved) => self.state = State::Read,
                    Ok(Decoded::Busy) => {
                        cx.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                    Err(error) => return self.break_off(error, cx),
                },
            }
        }
    }

    /// A piece is there. If it is known to be the last one, the body is over before its reader has it.
    fn decoded_more(&mut self, starved: bool) {
        let decoded = self.decoder.decoded();
        if let Some(response) = self.wire.response() {
            response.decoded(decoded);
        }
        if starved {
            self.state = State::Read;
            self.release_if_over();
        }
    }

    fn pass_trailers(&mut self, trailers: Frame<Bytes>, cx: &mut Context<'_>) -> Polled {
        if let Err(error) = self.decoder.finish() {
            return self.break_off(error, cx);
        }
        self.release_if_over();
        Poll::Ready(Some(Ok(trailers)))
    }

    fn release_if_over(&mut self) {
        let at_end = match self.wire.response() {
            Some(response) => response.is_at_end(),
            None => self.wire.is_end_stream(),
        };
        // If the data is cut off, that is told when it is asked for more.
        if at_end && self.decoder.finish().is_ok() {
            self.release();
        }
    }

    /// Both have come to their end.
    fn release(&mut self) {
        self.state = State::Over;
        match self.wire.response() {
            Some(response) => response.release(),
            None => self.wire = Body::empty(),
        }
    }

    fn break_off(&mut self, error: DecodeError, cx: &mut Context<'_>) -> Polled {
        self.state = State::Over;
        let message = format!("the response's body cannot be decoded: {error}");
        let error = Error::new(Phase::Receive, ErrorKind::Decode, message).with_source(error);
        if let Some(response) = self.wire.response() {
            response.break_off(error);
            return self.wire.poll_own_frame(cx);
        }
        self.wire = Body::empty();
        Poll::Ready(Some(Err(error)))
    }
}
