//! The rare cases in which a task drives the connection: an upload that outlasts the response's head, and a body that
//! is dropped before its end.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use http_body::Body as _;
use httptrace::info::CloseReason;
use httptrace::{ErrorKind, EventError};
use hyper::body::Incoming;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::Rest;
use crate::conn::Dead;
use crate::pool::Lease;

/// How long a connection may take to become reusable after its response is over (as in Go).
const GRACE: Duration = Duration::from_millis(50);
/// How much of a dropped body is read for the connection's sake (as in Go).
const MAX_DRAIN: u64 = 256 * 1024;

/// A task that drives the connection while the request is still being written.
pub(super) struct Background {
    verdict: Option<oneshot::Sender<Verdict>>,
    settled: oneshot::Receiver<()>,
}

/// How the response's body ended.
enum Verdict {
    Ended,
    Dropped(Incoming),
    Failed(CloseReason, EventError),
}

impl Background {
    /// Needs a runtime; whoever waited for the response's head has one.
    pub(super) fn spawn(lease: Lease, closes: Option<CloseReason>) -> Self {
        let (verdict, verdict_of_body) = oneshot::channel();
        let (settled_by_task, settled) = oneshot::channel();
        tokio::spawn(async move {
            finish_upload(lease, closes, verdict_of_body).await;
            let _ = settled_by_task.send(());
        });
        Self {
            verdict: Some(verdict),
            settled,
        }
    }

    /// The body was read to its end.
    pub(super) fn ended(&mut self) {
        self.tell(Verdict::Ended);
    }

    /// The body was dropped; what is left of it, if it had not ended.
    pub(super) fn dropped(mut self, incoming: Option<Incoming>) {
        if let Some(incoming) = incoming {
            self.tell(Verdict::Dropped(incoming));
        }
    }

    /// The body broke off.
    pub(super) fn failed(&mut self, reason: CloseReason, error: EventError) {
        self.tell(Verdict::Failed(reason, error));
    }

    /// Ready when the connection is back in the pool, or closed.
    pub(super) fn poll_settled(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.settled).poll(cx).map(drop)
    }

    fn tell(&mut self, verdict: Verdict) {
        if let Some(sender) = self.verdict.take() {
            let _ = sender.send(verdict);
        }
    }
}

/// Drives the connection until the body's end is known, and a little longer for the upload's sake.
async fn finish_upload(
    mut lease: Lease,
    closes: Option<CloseReason>,
    mut verdict: oneshot::Receiver<Verdict>,
) {
    let mut ended = None;
    let verdict = poll_fn(|cx| {
        if let Poll::Ready(how) = lease.conn().http1.poll_drive(cx) {
            ended.get_or_insert_with(|| super::dead(how));
        }
        Pin::new(&mut verdict).poll(cx)
    })
    .await;
    match verdict {
        // A body that is gone without a word was read to its end before it was dropped.
        Ok(Verdict::Ended) | Err(_) => match ended.filter(|_| closes.is_none()) {
            Some(dead) => conclude_dead(lease, dead),
            None => conclude_within_grace(lease, closes).await,
        },
        Ok(Verdict::Dropped(incoming)) => {
            drain_within_grace(lease, incoming, closes).await;
        }
        Ok(Verdict::Failed(reason, error)) => {
            lease.conn().http1.give_up_request(|| error.clone());
            lease.close(reason, Some(error));
        }
    }
}

/// The response is over: gives the connection back if it may be used again and has come to rest, or closes it. What
/// has not come to rest yet is given a little time in a task.
pub(super) fn conclude(mut lease: Lease, closes: Option<CloseReason>) {
    if let Some(reason) = closes {
        return close(lease, reason);
    }
    match lease.conn().rest() {
        Rest::Ready => lease.give_back(),
        Rest::Closed(dead) => conclude_dead(lease, dead),
        Rest::Busy => match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(conclude_within_grace(lease, None))),
            Err(_) => close(lease, CloseReason::UploadUnfinished),
        },
    }
}

/// The response is over, and the connection has ended by itself. If nothing but that is in the way of its reuse, it
/// counts as given back.
fn conclude_dead(mut lease: Lease, dead: Dead) {
    let http1 = &lease.conn().http1;
    if http1.watch.is_request_flushed() {
        return lease.give_back_dead(dead);
    }
    http1.give_up_request(|| match &dead.error {
        Some(error) => error.clone(),
        None => unwritten(),
    });
    lease.close(dead.reason, dead.error);
}

/// A body was dropped before its end, after `read` bytes: reads the rest if it is short and comes at once, so that the
/// connection can be used again; otherwise closes the connection. As in Go, a body that was announced as long is not
/// short because most of it was read.
pub(super) fn drain(
    mut lease: Lease,
    mut incoming: Incoming,
    read: u64,
    closes: Option<CloseReason>,
) {
    let announced = incoming.size_hint().exact().map(|left| left + read);
    if closes.is_some() || announced.is_some_and(|length| length > MAX_DRAIN) {
        drop(incoming);
        return close(lease, CloseReason::BodyDropped);
    }
    let mut budget = MAX_DRAIN;
    let mut cx = Context::from_waker(Waker::noop());
    match poll_drain(&mut lease, &mut incoming, &mut budget, &mut cx) {
        Poll::Ready(true) => conclude(lease, None),
        Poll::Ready(false) => close(lease, CloseReason::BodyDropped),
        Poll::Pending => match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(drain_within_grace(lease, incoming, None))),
            Err(_) => close(lease, CloseReason::BodyDropped),
        },
    }
}

/// The rest of a body is of no use to anybody: if it has arrived already it is read, and the connection can be used again.
/// Otherwise the connection is closed for this error.
pub(super) fn drain_at_hand(
    mut lease: Lease,
    mut incoming: Incoming,
    closes: Option<CloseReason>,
    error: EventError,
) {
    let mut budget = MAX_DRAIN;
    let mut cx = Context::from_waker(Waker::noop());
    match poll_drain(&mut lease, &mut incoming, &mut budget, &mut cx) {
        Poll::Ready(true) => conclude(lease, closes),
        _ => {
            lease.conn().http1.give_up_request(unwritten);
            lease.close(CloseReason::Failed, Some(error));
        }
    }
}

async fn drain_within_grace(mut lease: Lease, mut incoming: Incoming, closes: Option<CloseReason>) {
    let mut budget = MAX_DRAIN;
    let drained = poll_fn(|cx| poll_drain(&mut lease, &mut incoming, &mut budget, cx));
    match timeout(GRACE, drained).await {
        Ok(true) => conclude_within_grace(lease, closes).await,
        _ => close(lease, CloseReason::BodyDropped),
    }
}

async fn conclude_within_grace(mut lease: Lease, closes: Option<CloseReason>) {
    if let Some(reason) = closes {
        return close(lease, reason);
    }
    let at_rest = poll_fn(|cx| lease.conn().http1.poll_rest(cx));
    match timeout(GRACE, at_rest).await {
        Ok(Err(dead)) => conclude_dead(lease, dead),
        Ok(Ok(())) => match lease.conn().rest() {
            Rest::Ready => lease.give_back(),
            Rest::Closed(dead) => conclude_dead(lease, dead),
            Rest::Busy => close(lease, CloseReason::UploadUnfinished),
        },
        Err(_) => close(lease, CloseReason::UploadUnfinished),
    }
}

/// Reads a body and throws it away. Ready with whether its end was reached within the budget.
fn poll_drain(
    lease: &mut Lease,
    incoming: &mut Incoming,
    budget: &mut u64,
    cx: &mut Context<'_>,
) -> Poll<bool> {
    loop {
        let mut frame = Pin::new(&mut *incoming).poll_frame(cx);
        if frame.is_pending() {
            let _ = lease.conn().http1.poll_drive(cx);
            frame = Pin::new(&mut *incoming).poll_frame(cx);
        }
        match frame {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(None) => return Poll::Ready(true),
            Poll::Ready(Some(Err(_))) => return Poll::Ready(false),
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
                match budget.checked_sub(bytes) {
                    Some(rest) => *budget = rest,
                    None => return Poll::Ready(false),
                }
            }
        }
    }
}

fn close(mut lease: Lease, reason: CloseReason) {
    lease.conn().http1.give_up_request(unwritten);
    lease.close(reason, None);
}

fn unwritten() -> EventError {
    let message = "the response was complete before the request was written";
    EventError::new(ErrorKind::Closed, message)
}
