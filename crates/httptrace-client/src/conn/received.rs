//! What has come of a response's body, and the events that tell of it.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use http_body::Frame;
use httptrace::info::{AttemptEnd, BodyDone, BodyEnd, GotBody};
use httptrace::{Attempt, Emitter};

/// A response's body as far as it has been handed out, on either protocol.
pub(super) struct Received {
    /// Ends with the body.
    attempt: Option<Attempt>,
    /// The attempt's, with the connection's id.
    emitter: Emitter,
    status: StatusCode,
    bytes: u64,
    /// Somebody decodes it: the body is over when they have made something of all of it.
    held: Option<Held>,
    trailers: Option<HeaderMap>,
}

/// What is known of a body that is being decoded.
#[derive(Default)]
struct Held {
    decoded: u64,
    /// The end was read.
    ended: bool,
}

impl Received {
    pub(super) fn new(attempt: Attempt, emitter: Emitter, status: StatusCode) -> Self {
        Self {
            attempt: Some(attempt),
            emitter,
            status,
            bytes: 0,
            held: None,
            trailers: None,
        }
    }

    /// Bytes handed out so far.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// A frame is about to be handed out.
    pub(super) fn got(&mut self, frame: &Frame<Bytes>) {
        if let Some(data) = frame.data_ref() {
            let bytes = data.len() as u64;
            self.bytes += bytes;
            if bytes > 0 {
                self.emitter.emit(|| GotBody::new(bytes));
            }
        } else if let Some(trailers) = frame.trailers_ref() {
            self.trailers = Some(trailers.clone());
        }
    }

    /// From now on somebody decodes it, who says when it is over.
    pub(super) fn hold(&mut self) {
        self.held = Some(Held::default());
    }

    pub(super) fn is_held(&self) -> bool {
        self.held.is_some()
    }

    /// So many bytes it has been decoded to so far.
    pub(super) fn decoded(&mut self, bytes: u64) {
        if let Some(held) = &mut self.held {
            held.decoded = bytes;
        }
    }

    /// The end was read. Returns whether somebody who decodes it has yet to say that it is over.
    pub(super) fn hold_end(&mut self) -> bool {
        if let Some(held) = &mut self.held {
            held.ended = true;
        }
        self.is_held()
    }

    /// Whether the end was read of a body that is being decoded.
    pub(super) fn is_held_at_end(&self) -> bool {
        self.held.as_ref().is_some_and(|held| held.ended)
    }

    /// Tells that the body is over.
    pub(super) fn tell_done(&mut self, end: BodyEnd) {
        let (bytes, trailers) = (self.bytes, &mut self.trailers);
        let decoded = self.held.as_ref().map(|held| held.decoded);
        self.emitter.emit(|| {
            let mut done = BodyDone::new(end).with_wire_bytes(bytes);
            done.decoded_bytes = decoded;
            match trailers.take() {
                Some(trailers) => done.with_trailers(trailers),
                None => done,
            }
        });
    }

    /// Ends the attempt, if that has not been done.
    pub(super) fn end_attempt(&mut self, fill: impl FnOnce(AttemptEnd) -> AttemptEnd) {
        if let Some(attempt) = self.attempt.take() {
            attempt.done(|end| fill(end.with_status(self.status)));
        }
    }
}
