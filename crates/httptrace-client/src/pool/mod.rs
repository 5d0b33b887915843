//! The pool: a request takes a stream of a connection that is shared, or an idle connection, or waits for whichever
//! comes first, one that it dials itself or one that another request gives back (late binding, as in Go).

mod dialing;
mod idle;
mod key;
mod key_map;
mod lease;
mod origins;
mod returning;
mod rows;
mod shared;
mod streams;
mod sweep;
mod waiters;
mod waiting;

use std::collections::HashMap;
use std::hash::RandomState;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use httptrace::info::{CloseReason, NoticedBy, WaitedFor};
use httptrace::{ConnectionId, Emitter};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

pub(crate) use self::key::{Key, Protocols, Wanted};
pub(crate) use self::lease::Lease;
use crate::clock;
use crate::conn::http2::{Http2, StreamSlot};
use crate::conn::{Connection, Dead, Speech};
use crate::dial::Dialer;
use crate::error::Error;
use dialing::DialJob;
use idle::{IdleConns, IdleLimits, Taken};
use key_map::KeyMap;
use origins::Http1Origins;
use shared::{Candidate, SharedConns};
use sweep::Sweeper;
use waiters::{WaiterId, Waiters};
use waiting::Waiting;

/// The limits of a pool.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PoolLimits {
    pub(crate) max_idle: usize,
    pub(crate) max_idle_per_host: usize,
    pub(crate) max_conns_per_host: Option<usize>,
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) keep_alives: bool,
    /// When an HTTP/2 connection has as many streams as its peer allows, requests wait for one instead of dialing.
    pub(crate) strict_streams: bool,
}

/// All connections of a transport that are not in a request's hands, and everyone who waits for one.
pub(crate) struct Pool {
    keep_alives: bool,
    says_close: bool,
    idle_timeout: Option<Duration>,
    dialer: Dialer,
    speech: Speech,
    /// The client's own trace: what happens to idle connections is told to nobody else.
    emitter: Emitter,
    /// Hashes what requests want.
    hasher: RandomState,
    state: Mutex<State>,
}

struct State {
    idle: IdleConns<Box<Connection>>,
    shared: SharedConns<Http2>,
    /// For whom streams are being given to those who wait, and the connection that they waited for as a dial.
    serving: KeyMap<Option<ConnectionId>>,
    http1_origins: Http1Origins,
    strict_streams: bool,
    waiters: Waiters,
    /// How each waiter is served.
    served: HashMap<WaiterId, oneshot::Sender<Delivery>>,
    /// What each waiter that has no dial would do.
    queued: HashMap<WaiterId, DialJob>,
    /// The dials in progress, whether their waiter still waits or not.
    dials: HashMap<WaiterId, (Arc<Key>, AbortHandle)>,
    /// `close_idle_connections` was called and no request has asked for a connection since.
    refuses_returns: bool,
    /// The last handle is gone.
    closed: bool,
    sweeper: Option<Sweeper>,
}

/// What a waiter gets.
type Delivery = Result<Checkout, Error>;

/// What a request gets.
pub(crate) enum Checkout {
    /// A connection of its own.
    Http1 {
        conn: Box<Connection>,
        /// How long it was idle, if it was.
        idle_for: Option<Duration>,
    },
    /// A stream of a connection that others use as well.
    Http2 {
        slot: StreamSlot,
        /// What it had to wait for, besides its own dial.
        waited_for: Option<WaitedFor>,
    },
}

impl Pool {
    pub(crate) fn new(
        limits: PoolLimits,
        dialer: Dialer,
        speech: Speech,
        emitter: Emitter,
    ) -> Self {
        let idle = IdleConns::new(IdleLimits {
            total: limits.max_idle,
            per_host: limits.max_idle_per_host,
            timeout: limits.idle_timeout,
        });
        let state = State {
            idle,
            shared: SharedConns::new(),
            serving: KeyMap::new(),
            http1_origins: Http1Origins::new(),
            strict_streams: limits.strict_streams,
            waiters: Waiters::new(limits.max_conns_per_host),
            served: HashMap::new(),
            queued: HashMap::new(),
            dials: HashMap::new(),
            refuses_returns: false,
            closed: false,
            sweeper: None,
        };
        Self {
            keep_alives: limits.keep_alives && limits.max_idle > 0 && limits.max_idle_per_host > 0,
            says_close: !limits.keep_alives,
            idle_timeout: limits.idle_timeout,
            dialer,
            speech,
            emitter,
            hasher: RandomState::new(),
            state: Mutex::new(state),
        }
    }

    /// Whether connections are kept at all.
    pub(crate) fn keep_alives(&self) -> bool {
        self.keep_alives
    }

    /// Whether requests say `Connection: close`: not for a mere limit of no idle connections (as in Go).
    pub(crate) fn says_close(&self) -> bool {
        self.says_close
    }

    /// What the pool knows connections by that serve what is wanted.
    pub(crate) fn key(&self, wanted: Wanted<'_>) -> Arc<Key> {
        Arc::new(Key::new(wanted, &self.hasher))
    }

    /// Gets a stream, or a connection: an idle one that is alive, or the first that comes.
    pub(crate) async fn checkout(
        self: &Arc<Self>,
        key: &Arc<Key>,
        emitter: &Emitter,
        runtime: &Handle,
    ) -> Result<Checkout, Error> {
        loop {
            match self.take_or_wait(key, emitter, runtime) {
                Taking::Shared(candidate) => {
                    if let Some(slot) = self.ask(key, &candidate) {
                        return Ok(Checkout::Http2 {
                            slot,
                            waited_for: None,
                        });
                    }
                }
                Taking::Idle(mut conn, idle_for) => match conn.check(idle_for) {
                    Ok(()) => {
                        return Ok(Checkout::Http1 {
                            conn,
                            idle_for: Some(idle_for),
                        });
                    }
                    Err(dead) => {
                        self.close(conn, &self.emitter, dead, Some(NoticedBy::Checkout));
                    }
                },
                Taking::Wait(waiting) => return waiting.await,
            }
        }
    }

    fn take_or_wait(
        self: &Arc<Self>,
        key: &Arc<Key>,
        emitter: &Emitter,
        runtime: &Handle,
    ) -> Taking {
        let now = clock::now();
        let mut guard = self.lock();
        let state = &mut *guard;
        state.refuses_returns = false;
        // Whoever waits comes before whoever comes now.
        if key.protocols != Protocols::Http1 && !state.waiters.any(key) {
            if let Some(candidate) = state.shared.candidate(key) {
                return Taking::Shared(candidate);
            }
        }
        let Taken { newest, expired } = state.idle.take(key, now);
        let (taking, dial) = match newest {
            Some((conn, idle_for)) => (Taking::Idle(conn, idle_for), None),
            None => {
                let (waiting, dial) = self.wait(state, key, emitter, runtime);
                (Taking::Wait(waiting), dial)
            }
        };
        drop(guard);
        for conn in expired {
            self.close_idle_conn(conn, CloseReason::IdleTimeout, Some(NoticedBy::Checkout));
        }
        self.start_dials(dial);
        taking
    }

    /// A connection of this key is gone: the dial that waited for its place begins.
    fn release(self: &Arc<Self>, key: &Key) {
        let mut state = self.lock();
        let next = state.waiters.release(key);
        if state.waiters.conns(key) == 0 {
            state.idle.forget(key);
        }
        let queued = next.and_then(|waiter| state.queued.remove(&waiter));
        let job = queued.or_else(|| state.shared_dial(key));
        drop(state);
        self.start_dials(job);
    }

    /// Closes the idle connections, and the dials that nobody waits for. Connections in use are closed when they are
    /// given back, unless another request asks for one before; those that are shared stay (as in Go).
    pub(crate) fn close_idle_connections(self: &Arc<Self>) {
        let mut guard = self.lock();
        let state = &mut *guard;
        state.refuses_returns = true;
        let idle = state.idle.drain();
        let shared = state.shared.all();
        let mut unwanted = Vec::new();
        for (waiter, (key, dial)) in &state.dials {
            if !state.waiters.is_waiting(*waiter) && !state.waiters.is_joined(key, *waiter) {
                // Nobody shall join it in its last moment.
                state.waiters.end_shared_dial(key, *waiter);
                unwanted.push(dial.clone());
            }
        }
        drop(guard);
        for dial in unwanted {
            dial.abort();
        }
        for conn in idle {
            self.close_idle_conn(conn, CloseReason::CloseIdleConnections, None);
        }
        self.retire_idle(shared);
    }

    /// The last handle is gone: cancels all dials and closes the idle connections. Connections in use are closed when
    /// their response is over.
    pub(crate) fn shut_down(self: &Arc<Self>) {
        let mut state = self.lock();
        state.closed = true;
        state.sweeper = None;
        state.queued.clear();
        let idle = state.idle.drain();
        let shared = state.shared.drain();
        let dials: Vec<_> = state.dials.drain().collect();
        drop(state);
        for (_, (_, dial)) in dials {
            dial.abort();
        }
        for conn in idle {
            self.close_idle_conn(conn, CloseReason::ClientDropped, None);
        }
        for conn in shared {
            conn.retire(CloseReason::ClientDropped, None);
        }
    }

    fn close_idle_conn(
        self: &Arc<Self>,
        conn: Box<Connection>,
        reason: CloseReason,
        noticed: Option<NoticedBy>,
    ) {
        let dead = Dead::because(reason);
        self.close(conn, &self.emitter, dead, noticed);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Taking {
    Shared(Candidate<Http2>),
    Idle(Box<Connection>, Duration),
    Wait(Waiting),
}

#[cfg(test)]
pub(crate) mod tests {
    use std::hash::{BuildHasherDefault, DefaultHasher};

    use super::*;

    pub(crate) fn runtime() -> tokio::runtime::Runtime {
        // unwrap is ok in tests: a runtime without drivers can always be built.
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
    }

    pub(crate) fn key(runtime: &tokio::runtime::Runtime, host: &str) -> Arc<Key> {
        let wanted = Wanted {
            https: false,
            host,
            port: 80,
            via: &crate::dial::Via::Direct,
            protocols: Protocols::Http1,
            runtime: runtime.handle().id(),
        };
        // The same hash for the same host, each time.
        let hasher = BuildHasherDefault::<DefaultHasher>::default();
        Arc::new(Key::new(wanted, &hasher))
    }
}
