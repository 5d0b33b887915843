//! How long the peer is waited for.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use httptrace::Phase;
use tokio::time::Sleep;

use crate::error::Error;

/// How long the peer is waited for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// From the request's end to the response's head (Go's `ResponseHeaderTimeout`). Absent: without end.
    pub(crate) head: Option<Duration>,
    /// From the request's head to `100 Continue`, where the request asks for it (Go's `ExpectContinueTimeout`). Absent:
    /// not at all.
    pub(crate) expect_continue: Option<Duration>,
}

/// The time the peer is given between the request's end and the response's head.
pub(super) struct HeadDeadline {
    limit: Option<Duration>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl HeadDeadline {
    pub(super) fn new(limit: Option<Duration>) -> Self {
        Self { limit, sleep: None }
    }

    /// Ready with what to fail with when the time is over, which runs once the writing is over.
    pub(super) fn poll(
        &mut self,
        is_writing_over: impl FnOnce() -> bool,
        cx: &mut Context<'_>,
    ) -> Poll<Error> {
        let Some(limit) = self.limit else {
            return Poll::Pending;
        };
        if self.sleep.is_none() && !is_writing_over() {
            return Poll::Pending;
        }
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        sleep
            .as_mut()
            .poll(cx)
            .map(|()| Error::timeout(Phase::Wait, "the wait for the response's head", limit))
    }
}
