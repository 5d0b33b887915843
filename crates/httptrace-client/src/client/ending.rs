//! What ends with the body of a response: the call, and the deadlines that still run.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::StatusCode;
use httptrace::{Call, Phase};
use tokio::time::{Instant, Sleep};

use crate::clock;
use crate::error::Error;

/// A call whose response's head has come.
pub(crate) struct Ending {
    call: Call,
    status: StatusCode,
    bytes: u64,
    /// The whole call's deadline.
    call_deadline: Option<(Pin<Box<Sleep>>, Duration)>,
    /// How long the body may be silent.
    idle_deadline: Option<(Pin<Box<Sleep>>, Duration)>,
    /// The body had nothing to give when it was last asked.
    silent: bool,
}

impl Ending {
    pub(crate) fn new(
        call: Call,
        status: StatusCode,
        deadline: Option<(Instant, Duration)>,
        idle_timeout: Option<Duration>,
    ) -> Self {
        Self {
            call,
            status,
            bytes: 0,
            call_deadline: deadline
                .map(|(at, limit)| (Box::pin(tokio::time::sleep_until(at)), limit)),
            idle_deadline: idle_timeout.map(|limit| (Box::pin(tokio::time::sleep(limit)), limit)),
            silent: false,
        }
    }

    /// Ready when the whole call's deadline has passed.
    /// Whether nobody wants to know of the end, and nothing brings it about.
    pub(super) fn is_needless(&self) -> bool {
        let has_deadline = self.call_deadline.is_some() || self.idle_deadline.is_some();
        self.call.emitter().is_none() && !has_deadline
    }

    pub(super) fn poll_call_deadline(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        let Some((sleep, limit)) = &mut self.call_deadline else {
            return Poll::Pending;
        };
        let limit = *limit;
        sleep
            .as_mut()
            .poll(cx)
            .map(|()| Error::timeout(Phase::Receive, "the whole call", limit))
    }

    /// The body has nothing to give at the moment. Ready when it has been silent for too long, counted from the first
    /// time it was asked in vain: a slow reader is not the server's silence.
    pub(super) fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        let Some((sleep, limit)) = &mut self.idle_deadline else {
            return Poll::Pending;
        };
        let limit = *limit;
        if !std::mem::replace(&mut self.silent, true) {
            let Some(at) = clock::after(limit) else {
                self.idle_deadline = None;
                return Poll::Pending;
            };
            sleep.as_mut().reset(at);
        }
        let what = "the wait for more of the response's body";
        sleep
            .as_mut()
            .poll(cx)
            .map(|()| Error::timeout(Phase::Receive, what, limit))
    }

    /// Something of the body came.
    pub(super) fn got(&mut self, bytes: u64) {
        self.bytes += bytes;
        self.silent = false;
    }

    /// The body is over, after so many bytes.
    pub(super) fn end(mut self, bytes: u64) {
        self.bytes = bytes;
        self.end_counted();
    }

    /// The body is over, or was dropped, after the bytes counted.
    pub(super) fn end_counted(self) {
        let Self {
            call,
            status,
            bytes,
            ..
        } = self;
        call.done(|end| end.with_status(status).with_bytes(bytes));
    }

    /// The body broke off.
    pub(super) fn fail(self, error: &Error) {
        let Self {
            call,
            status,
            bytes,
            ..
        } = self;
        call.done(|end| {
            let end = end.with_status(status).with_bytes(bytes);
            end.with_error(error.to_event())
        });
    }
}
