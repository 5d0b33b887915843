//! Sharing connections: who gets a stream, and when another connection is dialed.

use std::sync::Arc;

use httptrace::info::{CloseReason, NoticedBy, WaitedFor};
use httptrace::{ConnectionId, ErrorKind, Phase};
use tokio::sync::oneshot;

use super::dialing::DialJob;
use super::shared::Candidate;
use super::sweep::Sweeper;
use super::{Checkout, Delivery, Key, Pool};
use crate::clock;
use crate::conn::http2::{Http2, StreamSlot};
use crate::error::Error;

impl Pool {
    /// A stream became free, or the peer allows more: whoever waits longest for this key gets it.
    pub(crate) fn streams_freed(self: &Arc<Self>, conn: &Http2) {
        let mut state = self.lock();
        state.shared.freed(conn.key(), conn.id());
        let is_wanted = state.waiters.any(conn.key());
        drop(state);
        if is_wanted {
            self.serve_waiters(conn.key(), None);
        }
        self.rest(conn);
    }

    /// Counts a connection among the idle if it is, and ends what is too many.
    fn rest(self: &Arc<Self>, conn: &Http2) {
        let Some(since) = conn.idle_since() else {
            return;
        };
        let mut state = self.lock();
        let Some(of_host) = state.shared.rested(conn.key(), conn.id(), since) else {
            return;
        };
        if of_host > state.idle.per_host() {
            drop(state);
            return self.retire(conn, CloseReason::MaxIdlePerHost, None);
        }
        let surplus = state.surplus();
        Sweeper::ensure(self, &mut state.sweeper, conn.key().runtime());
        drop(state);
        self.close_surplus(surplus);
    }

    /// It takes no new requests any more: whoever waits may have to dial.
    pub(crate) fn http2_retired(self: &Arc<Self>, conn: &Http2) {
        let mut state = self.lock();
        let handle = state.shared.remove(conn.key(), conn.id());
        let job = state.shared_dial(conn.key());
        drop(state);
        drop(handle);
        self.start_dials(job);
    }

    /// It has ended, and has told so: its place among the connections of its host is free.
    pub(crate) fn http2_closed(self: &Arc<Self>, key: &Arc<Key>, id: ConnectionId) {
        // Not dropped under the lock: nobody knows what its end brings about.
        let handle = self.lock().shared.remove(key, id);
        drop(handle);
        self.release(key);
    }

    /// Asks a connection for a stream.
    pub(super) fn ask(
        self: &Arc<Self>,
        key: &Key,
        candidate: &Candidate<Http2>,
    ) -> Option<StreamSlot> {
        if self.is_expired(&candidate.conn) {
            let noticed = Some(NoticedBy::Checkout);
            self.retire(&candidate.conn, CloseReason::IdleTimeout, noticed);
            return None;
        }
        let slot = candidate.conn.try_reserve();
        if slot.is_none() {
            self.lock().shared.was_full(key, candidate);
        }
        slot
    }

    /// Gives streams to those who wait, in order, and dials when there are too few. `dialed` is the connection that
    /// they waited for as a dial.
    ///
    /// One does it at a time for a key: two would both take a stream for the same waiter, and one who comes at that
    /// moment might find none, and dial.
    fn serve_waiters(self: &Arc<Self>, key: &Arc<Key>, dialed: Option<ConnectionId>) {
        let mut state = self.lock();
        if let Some(serving) = state.serving.get_mut(key) {
            // Whoever does it will look again.
            *serving = dialed.or(*serving);
            return;
        }
        state.serving.insert(key, dialed);
        loop {
            if !state.waiters.any(key) {
                state.serving.remove(key);
                return;
            }
            let Some(candidate) = state.shared.candidate(key) else {
                state.serving.remove(key);
                let job = state.shared_dial(key);
                drop(state);
                return self.start_dials(job);
            };
            let dialed = state.serving.get(key).copied().flatten();
            drop(state);
            let cause = match dialed == Some(candidate.conn.id()) {
                true => WaitedFor::Dial,
                false => WaitedFor::Stream,
            };
            if let Some(slot) = self.ask(key, &candidate) {
                self.hand_over(key, slot, cause);
            }
            state = self.lock();
        }
    }

    /// Hands a stream to whoever waits longest.
    fn hand_over(self: &Arc<Self>, key: &Key, mut slot: StreamSlot, cause: WaitedFor) {
        loop {
            let mut state = self.lock();
            let next = state.waiters.pop(key);
            let served = next.and_then(|waiter| state.served.remove(&waiter));
            drop(state);
            let Some(served) = served else {
                // The connection says that it is free again.
                return drop(slot);
            };
            match send(served, slot, Some(cause)) {
                None => return,
                Some(back) => slot = back,
            }
        }
    }

    /// A dial ended in a connection to be shared. Its own waiter comes first, then the others, in order.
    pub(super) fn dialed_http2(self: &Arc<Self>, job: DialJob, conn: &Http2) {
        let state = self.lock();
        let is_own = state.waiters.is_waiting(job.waiter);
        let is_wanted = is_own || (!self.keep_alives && state.waiters.any(&job.key));
        drop(state);
        let slot = is_wanted.then(|| conn.try_reserve()).flatten();
        // Where the server has ended it at once, its own waiter's request shall hear of that.
        let slot = slot.or_else(|| (is_own && conn.is_retired()).then(|| conn.claim()));
        let is_barren = is_wanted && slot.is_none();
        if !self.keep_alives {
            conn.retire(CloseReason::KeepAlivesDisabled, None);
        }
        if is_barren && conn.is_retired() {
            self.dial_failed(job.waiter, &job.key, took_no_request());
            // Those who joined the dial may have to begin another.
            return self.serve_waiters(&job.key, None);
        }
        if let Some(slot) = slot {
            let served = self.lock().serve(&job.key, job.waiter);
            let left = match served {
                Some(served) => send(served, slot, None),
                None => Some(slot),
            };
            if let Some(slot) = left {
                self.hand_over(&job.key, slot, WaitedFor::Dial);
            }
        }
        if self.keep_alives {
            self.share(job, conn, is_barren);
        }
    }

    /// Opens a new connection to everybody.
    fn share(self: &Arc<Self>, job: DialJob, conn: &Http2, is_barren: bool) {
        let key = Arc::clone(&job.key);
        let mut state = self.lock();
        state.waiters.end_shared_dial(&key, job.waiter);
        if state.closed {
            drop(state);
            return conn.retire(CloseReason::ClientDropped, None);
        }
        if is_barren && state.waiters.is_waiting(job.waiter) {
            state.waiters.rejoin(&key, job.waiter);
            state.queued.insert(job.waiter, job);
        }
        state.http1_origins.forget(&key);
        state.shared.add(&key, conn.id(), conn.clone(), is_barren);
        Sweeper::ensure(self, &mut state.sweeper, conn.key().runtime());
        drop(state);
        if conn.is_retired() {
            // It was before it was known here, so that nobody was told.
            self.http2_retired(conn);
        }
        self.serve_waiters(&key, Some(conn.id()));
        self.rest(conn);
    }

    /// Whether it has been idle for too long.
    fn is_expired(&self, conn: &Http2) -> bool {
        let (Some(limit), Some(since)) = (self.idle_timeout, conn.idle_since()) else {
            return false;
        };
        clock::now().saturating_duration_since(since) >= limit
    }

    /// Ends a connection when its streams are over, and gives it to nobody before.
    pub(super) fn retire(
        self: &Arc<Self>,
        conn: &Http2,
        reason: CloseReason,
        noticed: Option<NoticedBy>,
    ) {
        self.http2_retired(conn);
        conn.retire(reason, noticed);
    }

    /// Ends those of the connections that are idle.
    pub(super) fn retire_idle(self: &Arc<Self>, conns: Vec<Http2>) {
        for conn in conns {
            if conn.idle_since().is_some() {
                self.retire(&conn, CloseReason::CloseIdleConnections, None);
            }
        }
    }

    /// Ends those of the connections that have been idle for too long.
    pub(super) fn retire_expired(self: &Arc<Self>, conns: Vec<Http2>) {
        for conn in conns {
            if self.is_expired(&conn) {
                self.retire(&conn, CloseReason::IdleTimeout, Some(NoticedBy::Sweep));
            }
        }
    }
}

/// Serves a waiter with a stream, which comes back if the waiter has just given up.
fn send(
    served: oneshot::Sender<Delivery>,
    mut slot: StreamSlot,
    waited_for: Option<WaitedFor>,
) -> Option<StreamSlot> {
    // It is handed on, as an HTTP/1 connection is: somebody waited for it, so that it was never idle.
    slot.idle_for = None;
    match served.send(Ok(Checkout::Http2 { slot, waited_for })) {
        Err(Ok(Checkout::Http2 { slot, .. })) => Some(slot),
        _ => None,
    }
}

fn took_no_request() -> Error {
    let message = "the new HTTP/2 connection took no request: the server ended it at once, or allows no streams";
    Error::new(Phase::Connect, ErrorKind::Closed, message)
}
