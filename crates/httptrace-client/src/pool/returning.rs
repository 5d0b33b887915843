//! Connections that come back: handed on, kept, or refused.

use std::sync::{Arc, MutexGuard};
use std::time::Instant;

use httptrace::Emitter;
use httptrace::info::{CloseReason, PutIdleConn, PutIdleError};

use super::idle::Put;
use super::sweep::Sweeper;
use super::{Checkout, Pool, State};
use crate::clock;
use crate::conn::http2::Http2;
use crate::conn::{Connection, Dead};

impl Pool {
    /// A request is done with a connection: hands it to whoever waits longest, or keeps it. Tells `PutIdleConn` to
    /// `emitter`, after the connection is in place, with the instant at which it was put.
    pub(super) fn put(self: &Arc<Self>, conn: Box<Connection>, emitter: &Emitter) {
        let at = clock::now();
        let refused = self.offer(conn, at);
        tell_put(emitter, at, refused.as_ref().map(|(_, refusal)| *refusal));
        if let Some((conn, refusal)) = refused {
            let dead = Dead::because(refusal.close_reason());
            self.close(conn, emitter, dead, None);
        }
    }

    /// A request is done with a connection that turns out to be dead: nobody gets it, and `ConnClosed` says why.
    ///
    /// `PutIdleConn` says what it would have said a moment earlier, as in Go, which puts a connection back before it
    /// looks whether the peer is still there.
    pub(super) fn put_dead(self: &Arc<Self>, conn: Box<Connection>, emitter: &Emitter, dead: Dead) {
        let refusal = {
            let state = self.lock();
            let full = state.idle.is_full(&conn.key);
            let full = full.then_some(Refusal::TooManyIdleForHost);
            self.refusal(&state).or(full)
        };
        tell_put(emitter, clock::now(), refusal);
        self.close(conn, emitter, dead, None);
    }

    /// Hands a connection to whoever waits longest, or keeps it, idle since then; returns it with the reason if neither
    /// was possible.
    pub(super) fn offer(
        self: &Arc<Self>,
        mut conn: Box<Connection>,
        since: Instant,
    ) -> Option<(Box<Connection>, Refusal)> {
        conn.was_offered = true;
        loop {
            let mut state = self.lock();
            let Some(waiter) = state.waiters.pop(&conn.key) else {
                return self.keep(state, conn, since);
            };
            let served = state.served.remove(&waiter);
            drop(state);
            let checkout = Checkout::Http1 {
                conn,
                idle_for: None,
            };
            match served.map(|served| served.send(Ok(checkout))) {
                Some(Err(Ok(Checkout::Http1 { conn: back, .. }))) => conn = back,
                _ => return None,
            }
        }
    }

    fn keep(
        self: &Arc<Self>,
        mut state: MutexGuard<'_, State>,
        conn: Box<Connection>,
        since: Instant,
    ) -> Option<(Box<Connection>, Refusal)> {
        if let Some(refusal) = self.refusal(&state) {
            return Some((conn, refusal));
        }
        let key = Arc::clone(&conn.key);
        match state.idle.put(&key, conn, since) {
            Put::Refused(conn) => Some((conn, Refusal::TooManyIdleForHost)),
            Put::Kept { evicted } => {
                Sweeper::ensure(self, &mut state.sweeper, key.runtime());
                let surplus = match evicted {
                    Some(oldest) => Some(Surplus::Own(oldest)),
                    None => state.surplus(),
                };
                drop(state);
                self.close_surplus(surplus);
                None
            }
        }
    }

    pub(super) fn close_surplus(self: &Arc<Self>, surplus: Option<Surplus>) {
        match surplus {
            Some(Surplus::Own(conn)) => self.close_idle_conn(conn, CloseReason::MaxIdle, None),
            // A request may have come meanwhile.
            Some(Surplus::Shared(conn)) if conn.idle_since().is_some() => {
                self.retire(&conn, CloseReason::MaxIdle, None);
            }
            _ => {}
        }
    }

    /// Why no connection at all is kept at the moment.
    pub(super) fn refusal(&self, state: &State) -> Option<Refusal> {
        if state.closed {
            Some(Refusal::ClientDropped)
        } else if !self.keep_alives {
            Some(Refusal::KeepAlivesDisabled)
        } else if state.refuses_returns {
            Some(Refusal::CloseIdleConnections)
        } else {
            None
        }
    }
}

/// An idle connection that is one too many.
pub(super) enum Surplus {
    Own(Box<Connection>),
    Shared(Http2),
}

impl State {
    /// The connection that has been idle for longest, if there are too many.
    pub(super) fn surplus(&mut self) -> Option<Surplus> {
        if !self.idle.is_too_many_with(self.shared.idle_len()) {
            return None;
        }
        let (own, shared) = (self.idle.oldest_since(), self.shared.oldest_since());
        // Of two that came to rest at once either may go.
        match own.is_none_or(|own| shared.is_some_and(|shared| shared < own)) {
            true => self.shared.pop_oldest().map(Surplus::Shared),
            false => self.idle.take_oldest().map(Surplus::Own),
        }
    }
}

/// Tells `PutIdleConn`, unless there was nobody to ask: the pool is gone, or keeps nothing at all.
fn tell_put(emitter: &Emitter, at: Instant, refusal: Option<Refusal>) {
    match refusal.map(Refusal::put_idle_error) {
        None => emitter.emit_at(at, PutIdleConn::new),
        Some(Some(error)) => emitter.emit_at(at, || PutIdleConn::new().with_error(error)),
        Some(None) => {}
    }
}

/// Why the pool did not keep a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    ClientDropped,
    CloseIdleConnections,
    KeepAlivesDisabled,
    TooManyIdleForHost,
}

impl Refusal {
    /// What `PutIdleConn` says; nothing where Go has no such call.
    fn put_idle_error(self) -> Option<PutIdleError> {
        match self {
            Self::CloseIdleConnections => Some(PutIdleError::CloseIdleConnections),
            Self::TooManyIdleForHost => Some(PutIdleError::TooManyIdleForHost),
            Self::ClientDropped | Self::KeepAlivesDisabled => None,
        }
    }

    pub(super) fn close_reason(self) -> CloseReason {
        match self {
            Self::ClientDropped => CloseReason::ClientDropped,
            Self::CloseIdleConnections => CloseReason::CloseIdleConnections,
            Self::KeepAlivesDisabled => CloseReason::KeepAlivesDisabled,
            Self::TooManyIdleForHost => CloseReason::MaxIdlePerHost,
        }
    }
}
