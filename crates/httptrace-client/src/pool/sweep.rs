//! The sweep: once a second, idle connections that are dead or past their time are closed.

use std::ops::Range;
use std::sync::{Arc, Weak};
use std::time::Duration;

use httptrace::info::{CloseReason, NoticedBy};
use tokio::runtime::{self, Handle};
use tokio::task::{self, JoinHandle};

use super::Pool;
use super::idle::{Lent, LentPlace};
use crate::clock;
use crate::conn::http1::Rest;
use crate::conn::{Connection, Dead};

/// The task that sweeps. It ends by itself when nothing is idle, and with the pool.
pub(super) struct Sweeper {
    task: JoinHandle<()>,
    runtime: runtime::Id,
}

const INTERVAL: Duration = Duration::from_secs(1);

/// How many connections are looked at while the lock is held, and may be lent at a time: whoever wants one of these
/// meanwhile has to wait, or to dial.
const SLICE: usize = 32;

impl Sweeper {
    /// Sees to it that the sweep runs, for a connection of this runtime: there or, if it has to begin, on the current
    /// one. Without one nothing is swept until the next request.
    pub(super) fn ensure(pool: &Arc<Pool>, sweeper: &mut Option<Sweeper>, runtime: runtime::Id) {
        if sweeper
            .as_ref()
            .is_some_and(|sweeper| sweeper.runs_on(runtime))
        {
            return;
        }
        let Ok(handle) = Handle::try_current() else {
            return;
        };
        // Another runtime may not be running any more, although it is not gone.
        if !sweeper
            .as_ref()
            .is_some_and(|sweeper| sweeper.runs_on(handle.id()))
        {
            *sweeper = Some(Sweeper {
                task: handle.spawn(sweep_until_empty(Arc::downgrade(pool))),
                runtime: handle.id(),
            });
        }
    }

    fn runs_on(&self, runtime: runtime::Id) -> bool {
        self.runtime == runtime && !self.task.is_finished()
    }
}

impl Drop for Sweeper {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn sweep_until_empty(pool: Weak<Pool>) {
    loop {
        tokio::time::sleep(INTERVAL).await;
        let Some(pool) = pool.upgrade() else { return };
        pool.sweep().await;
        let mut state = pool.lock();
        if state.idle.len() == 0 && state.shared.is_empty() {
            // Dropping one's own handle aborts at the next await, of which there is none.
            state.sweeper = None;
            return;
        }
    }
}

impl Pool {
    /// Goes through all idle connections, in slices: everybody waits while the lock is held, and others have their turn
    /// on this thread, too.
    async fn sweep(self: &Arc<Self>) {
        while self.sweep_expired() {
            task::yield_now().await;
        }
        // Those that come later have their turn the next time.
        let places = self.lock().idle.places();
        for first in (0..places).step_by(SLICE) {
            self.sweep_suspects(first..places.min(first + SLICE));
            task::yield_now().await;
        }
    }

    /// Closes connections that have been idle for too long. Returns whether there may be more.
    fn sweep_expired(self: &Arc<Self>) -> bool {
        let now = clock::now();
        let mut state = self.lock();
        let own = state.idle.take_expired(now, SLICE);
        let shared = match self.idle_timeout {
            Some(limit) => state.shared.take_expired(now, limit, SLICE),
            None => Vec::new(),
        };
        drop(state);
        let may_be_more = own.len() == SLICE || shared.len() == SLICE;
        self.retire_expired(shared);
        for conn in own {
            self.close_idle_conn(conn, CloseReason::IdleTimeout, Some(NoticedBy::Sweep));
        }
        may_be_more
    }

    /// Looks after those of the connections in these places that have been woken up.
    fn sweep_suspects(self: &Arc<Self>, places: Range<usize>) {
        let mut state = self.lock();
        let suspects = state.idle.lend_suspects(places, |conn| conn.is_suspect());
        drop(state);
        for Lent { mut conn, place } in suspects {
            let idle_for = clock::now().saturating_duration_since(place.since);
            let dead = match conn.check(idle_for) {
                Err(dead) => dead,
                // Something harmless came, a TLS session ticket for example. It listens again.
                Ok(()) => match conn.listen() {
                    Rest::Ready => {
                        self.keep_idle(conn, place);
                        continue;
                    }
                    Rest::Busy => Dead::because(CloseReason::PeerClosed),
                    Rest::Closed(dead) => dead,
                },
            };
            self.lock().idle.give_up(place);
            self.close(conn, &self.emitter, dead, Some(NoticedBy::Sweep));
        }
    }

    /// It stays as it was, unless somebody has come to wait for one, or all were to go.
    fn keep_idle(self: &Arc<Self>, conn: Box<Connection>, place: LentPlace) {
        let mut state = self.lock();
        let is_wanted = state.waiters.any(&place.key);
        if !is_wanted && self.refusal(&state).is_none() {
            return state.idle.give_back(conn, place);
        }
        let since = place.since;
        state.idle.give_up(place);
        drop(state);
        if let Some((conn, refusal)) = self.offer(conn, since) {
            self.close_idle_conn(conn, refusal.close_reason(), None);
        }
    }
}
