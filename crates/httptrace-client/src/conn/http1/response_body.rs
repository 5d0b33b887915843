//! The response's body: it owns the connection, polls it, and gives it back at its end.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::StatusCode;
use http_body::{Body as _, Frame, SizeHint};
use httptrace::info::{BodyEnd, CloseReason};
use httptrace::{Attempt, ErrorKind, EventError, Phase};
use hyper::body::Incoming;

use super::background::{self, Background};
use super::failure;
use crate::conn::received::Received;
use crate::error::Error;
use crate::pool::Lease;

/// A response's body on its connection.
pub(crate) struct ResponseBody {
    incoming: Option<Incoming>,
    drive: Drive,
    /// Why the connection must be closed after this response, if it must.
    closes: Option<CloseReason>,
    received: Received,
    /// Why it broke off, until that is told.
    failure: Option<Error>,
}

/// Who drives the connection meanwhile.
enum Drive {
    /// Whoever polls this body.
    Here(Lease),
    /// A task, because the request is still being written.
    Elsewhere(Background),
    /// Nobody: the body is over.
    Over,
}

impl ResponseBody {
    /// The body of a response whose head has come. A response without a body is over at once, and its connection back
    /// in the pool before the caller sees the head; its attempt ends when it is known whether a redirect is followed:
    /// with [`settle`](Self::settle), when it is read, or when it is dropped.
    pub(crate) fn new(
        incoming: Incoming,
        lease: Lease,
        still_sending: bool,
        closes: Option<CloseReason>,
        attempt: Attempt,
        status: StatusCode,
    ) -> Self {
        let emitter = lease.emitter().clone();
        let drive = match still_sending {
            false => Drive::Here(lease),
            true => Drive::Elsewhere(Background::spawn(lease, closes)),
        };
        let mut body = Self {
            incoming: Some(incoming),
            drive,
            closes,
            received: Received::new(attempt, emitter, status),
            failure: None,
        };
        if body.is_ready_to_conclude() {
            body.conclude();
        }
        body
    }

    /// Bytes handed out so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.received.bytes()
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.drive, Drive::Over)
    }

    /// Whether it broke off, and that has not been told yet.
    pub(crate) fn is_failing(&self) -> bool {
        self.failure.is_some()
    }

    /// Nothing more belongs to the attempt: ends it, if the body is over.
    pub(crate) fn settle(&mut self) {
        if self.is_over() {
            self.received.end_attempt(|end| end);
        }
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        match &self.incoming {
            Some(incoming) => incoming.size_hint(),
            None => SizeHint::with_exact(0),
        }
    }

    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Some(incoming) = &mut self.incoming else {
            return self.poll_settled(cx);
        };
        let frame = match (Pin::new(&mut *incoming).poll_frame(cx), &mut self.drive) {
            (Poll::Ready(frame), _) => frame,
            (Poll::Pending, Drive::Here(lease)) => {
                // What the connection reads now is in the body's channel right after.
                let _ = lease.conn().http1.poll_drive(cx);
                ready!(Pin::new(incoming).poll_frame(cx))
            }
            (Poll::Pending, _) => return Poll::Pending,
        };
        match frame {
            Some(Ok(frame)) => {
                self.got(&frame);
                Poll::Ready(Some(Ok(frame)))
            }
            Some(Err(error)) => {
                let error = self.explain(error);
                self.fail(error, CloseReason::Failed);
                self.poll_settled(cx)
            }
            None if self.received.hold_end() => Poll::Ready(None),
            None => {
                self.conclude();
                self.poll_settled(cx)
            }
        }
    }

    /// From now on its end is not its own: whoever decodes it says when it is over, by [`release`](Self::release) or
    /// [`break_off`](Self::break_off).
    pub(crate) fn hold(&mut self) {
        if self.incoming.is_some() {
            self.received.hold();
        }
    }

    /// So many bytes it has been decoded to so far.
    pub(crate) fn decoded(&mut self, bytes: u64) {
        self.received.decoded(bytes);
    }

    /// Whether its end has been read, or is known without asking for another frame.
    pub(crate) fn is_at_end(&self) -> bool {
        self.received.is_held_at_end() || self.incoming.as_ref().is_none_or(Incoming::is_end_stream)
    }

    /// All of it was read and decoded. If that was known only from its end, the connection's fate is waited for by
    /// another [`poll_frame`](Self::poll_frame).
    pub(crate) fn release(&mut self) {
        if self.incoming.is_some() {
            self.conclude();
            self.settle();
        }
    }

    /// It cannot be decoded. The connection is sound, and is used again if what is left of the body is at hand. The
    /// next frame is the error.
    pub(crate) fn break_off(&mut self, error: Error) {
        let at_end = self.is_at_end();
        let event = error.to_event();
        self.received.tell_done(BodyEnd::Error(event.clone()));
        self.failure = Some(error);
        let incoming = self.incoming.take().filter(|_| !at_end);
        match (std::mem::replace(&mut self.drive, Drive::Over), incoming) {
            (Drive::Here(lease), Some(incoming)) => {
                background::drain_at_hand(lease, incoming, self.closes, event);
            }
            (Drive::Here(lease), None) => background::conclude(lease, self.closes),
            (Drive::Elsewhere(mut background), left) => {
                match left {
                    Some(_) => background.failed(CloseReason::Failed, event),
                    None => background.ended(),
                }
                self.drive = Drive::Elsewhere(background);
            }
            (Drive::Over, _) => {}
        }
    }

    /// The body breaks off here. The next frame is the error, when the connection is closed.
    pub(crate) fn fail(&mut self, error: Error, reason: CloseReason) {
        let event = error.to_event();
        self.received.tell_done(BodyEnd::Error(event.clone()));
        self.incoming = None;
        self.failure = Some(error);
        match std::mem::replace(&mut self.drive, Drive::Over) {
            Drive::Here(mut lease) => {
                lease.conn().http1.give_up_request(|| event.clone());
                lease.close(reason, Some(event));
            }
            Drive::Elsewhere(mut background) => {
                background.failed(reason, event);
                self.drive = Drive::Elsewhere(background);
            }
            Drive::Over => {}
        }
    }

    fn got(&mut self, frame: &Frame<Bytes>) {
        self.received.got(frame);
        if self.is_ready_to_conclude() {
            self.conclude();
            self.settle();
        }
    }

    /// Whether the end is known without asking for another frame, and nobody must be waited for.
    fn is_ready_to_conclude(&self) -> bool {
        let at_end = self.incoming.as_ref().is_some_and(Incoming::is_end_stream);
        at_end && !self.received.is_held() && matches!(self.drive, Drive::Here(_))
    }

    /// The body has been read to its end.
    fn conclude(&mut self) {
        self.received.tell_done(BodyEnd::End);
        self.incoming = None;
        match std::mem::replace(&mut self.drive, Drive::Over) {
            Drive::Here(lease) => {
                background::conclude(lease, self.closes);
            }
            Drive::Elsewhere(mut background) => {
                background.ended();
                self.drive = Drive::Elsewhere(background);
            }
            Drive::Over => {}
        }
    }

    /// Waits until the connection's fate is known, where a task decides it. Then comes the end, or the failure.
    fn poll_settled(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if let Drive::Elsewhere(background) = &mut self.drive {
            ready!(background.poll_settled(cx));
            self.drive = Drive::Over;
        }
        let Some(error) = self.failure.take() else {
            self.settle();
            return Poll::Ready(None);
        };
        self.received
            .end_attempt(|end| end.with_error(error.to_event()));
        Poll::Ready(Some(Err(error)))
    }

    fn explain(&self, error: hyper::Error) -> Error {
        if !failure::is_early_end(&error) {
            return failure::explain(error, Phase::Receive);
        }
        let message = format!(
            "the server closed the connection before the end of the response's body, after {} bytes of it",
            self.bytes()
        );
        Error::new(Phase::Receive, ErrorKind::Closed, message).with_source(error)
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        let drive = std::mem::replace(&mut self.drive, Drive::Over);
        let at_end = self.is_at_end();
        if self.incoming.is_some() {
            self.received.tell_done(BodyEnd::Dropped);
        }
        match drive {
            // All of it was read, and some of it not decoded.
            Drive::Here(lease) if at_end => background::conclude(lease, self.closes),
            Drive::Here(lease) => {
                if let Some(incoming) = self.incoming.take() {
                    background::drain(lease, incoming, self.received.bytes(), self.closes);
                }
            }
            Drive::Elsewhere(background) => {
                if self.incoming.is_none() {
                    // The response was read, but the upload goes on without us.
                    self.received
                        .end_attempt(|end| end.with_error(EventError::canceled()));
                }
                background.dropped(self.incoming.take());
            }
            Drive::Over => {}
        }
        self.received.end_attempt(|end| end);
    }
}
