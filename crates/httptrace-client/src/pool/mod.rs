//! The pool: a request takes an idle connection, or waits for whichever comes first, one that it dials itself or one
//! that another request gives back (late binding, as in Go).

mod dialing;
mod idle;
mod key;
mod lease;
mod origins;
mod returning;
mod shared;
mod sweep;
mod waiters;

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use httptrace::info::{CloseReason, NoticedBy};
use httptrace::{Emitter, ErrorKind, Phase};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

pub(crate) use self::key::Key;
pub(crate) use self::lease::Lease;
use crate::clock;
use crate::conn::HeadLimits;
use crate::conn::{Connection, Dead};
use crate::dial::Dialer;
use crate::error::Error;
use dialing::DialJob;
use idle::{IdleConns, IdleLimits, Taken};
use sweep::Sweeper;
use waiters::{WaiterId, Waiters};

/// The limits of a pool.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PoolLimits {
    pub(crate) max_idle: usize,
    pub(crate) max_idle_per_host: usize,
    pub(crate) max_conns_per_host: Option<usize>,
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) keep_alives: bool,
}

/// All connections of a transport that are not in a request's hands, and everyone who waits for one.
pub(crate) struct Pool {
    keep_alives: bool,
    says_close: bool,
    dialer: Dialer,
    head_limits: HeadLimits,
    /// The client's own trace: what happens to idle connections is told to nobody else.
    emitter: Emitter,
    state: Mutex<State>,
}

struct State {
    idle: IdleConns<Box<Connection>>,
    waiters: Waiters,
    /// How each waiter is served.
    served: HashMap<WaiterId, oneshot::Sender<Delivery>>,
    /// What each waiter whose dial is queued would do.
    queued: HashMap<WaiterId, DialJob>,
    /// The dials in progress, whether their waiter still waits or not.
    dials: HashMap<WaiterId, AbortHandle>,
    /// `close_idle_connections` was called and no request has asked for a connection since.
    refuses_returns: bool,
    /// The last handle is gone.
    closed: bool,
    sweeper: Option<Sweeper>,
}

/// What a waiter gets.
type Delivery = Result<Box<Connection>, Error>;

/// A connection that was had.
pub(crate) struct Checkout {
    pub(crate) conn: Box<Connection>,
    /// How long it was idle, if it was.
    pub(crate) idle_for: Option<Duration>,
}

impl Pool {
    pub(crate) fn new(
        limits: PoolLimits,
        dialer: Dialer,
        head_limits: HeadLimits,
        emitter: Emitter,
    ) -> Self {
        let idle = IdleConns::new(IdleLimits {
            total: limits.max_idle,
            per_host: limits.max_idle_per_host,
            timeout: limits.idle_timeout,
        });
        let state = State {
            idle,
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
            dialer,
            head_limits,
            emitter,
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

    /// Gets a connection: an idle one that is alive, or the first that comes.
    pub(crate) async fn checkout(
        self: &Arc<Self>,
        key: &Arc<Key>,
        emitter: &Emitter,
        runtime: &Handle,
    ) -> Result<Checkout, Error> {
        loop {
            match self.take_or_wait(key, emitter, runtime) {
                Taking::Idle(mut conn, idle_for) => match conn.check(idle_for) {
                    Ok(()) => {
                        return Ok(Checkout {
                            conn,
                            idle_for: Some(idle_for),
                        });
                    }
                    Err(dead) => {
                        self.close(conn, &self.emitter, dead, Some(NoticedBy::Checkout));
                    }
                },
                Taking::Wait(waiting) => {
                    let conn = waiting.await?;
                    return Ok(Checkout {
                        conn,
                        idle_for: None,
                    });
                }
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
        let mut state = self.lock();
        state.refuses_returns = false;
        let Taken { newest, expired } = state.idle.take(key, now);
        let (taking, dial) = match newest {
            Some((conn, idle_for)) => (Taking::Idle(conn, idle_for), None),
            None => {
                let (waiting, dial) = self.wait(&mut state, key, emitter, runtime);
                (Taking::Wait(waiting), dial)
            }
        };
        drop(state);
        for conn in expired {
            self.close_idle_conn(conn, CloseReason::IdleTimeout, Some(NoticedBy::Checkout));
        }
        if let Some(job) = dial {
            self.start_dial(job);
        }
        taking
    }

    fn wait(
        self: &Arc<Self>,
        state: &mut State,
        key: &Arc<Key>,
        emitter: &Emitter,
        runtime: &Handle,
    ) -> (Waiting, Option<DialJob>) {
        let (waiter, may_dial) = state.waiters.add(key);
        let (sender, receiver) = oneshot::channel();
        state.served.insert(waiter, sender);
        let job = DialJob {
            waiter,
            key: Arc::clone(key),
            emitter: emitter.clone(),
            runtime: runtime.clone(),
        };
        let dial = match may_dial {
            true => Some(job),
            false => {
                state.queued.insert(waiter, job);
                None
            }
        };
        let waiting = Waiting {
            pool: Arc::clone(self),
            key: Arc::clone(key),
            waiter,
            receiver,
        };
        (waiting, dial)
    }

    /// A connection of this key is gone: the dial that waited for its place begins.
    fn release(self: &Arc<Self>, key: &Key) {
        let mut state = self.lock();
        let next = state.waiters.release(key);
        let job = next.and_then(|waiter| state.queued.remove(&waiter));
        drop(state);
        if let Some(job) = job {
            self.start_dial(job);
        }
    }

    /// Closes the idle connections, and the dials that nobody waits for. Connections in use are closed when they are
    /// given back, unless another request asks for one before.
    pub(crate) fn close_idle_connections(self: &Arc<Self>) {
        let mut state = self.lock();
        state.refuses_returns = true;
        let idle = state.idle.drain();
        let unwanted: Vec<_> = state
            .dials
            .iter()
            .filter(|(waiter, _)| !state.waiters.is_waiting(**waiter))
            .map(|(_, dial)| dial.clone())
            .collect();
        drop(state);
        for dial in unwanted {
            dial.abort();
        }
        for conn in idle {
            self.close_idle_conn(conn, CloseReason::CloseIdleConnections, None);
        }
    }

    /// The last handle is gone: cancels all dials and closes the idle connections. Connections in use are closed when
    /// their response is over.
    pub(crate) fn shut_down(self: &Arc<Self>) {
        let mut state = self.lock();
        state.closed = true;
        state.sweeper = None;
        state.queued.clear();
        let idle = state.idle.drain();
        let dials: Vec<_> = state.dials.drain().map(|(_, dial)| dial).collect();
        drop(state);
        for dial in dials {
            dial.abort();
        }
        for conn in idle {
            self.close_idle_conn(conn, CloseReason::ClientDropped, None);
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
    Idle(Box<Connection>, Duration),
    Wait(Waiting),
}

/// A request's wait for a connection. Dropping it gives the wait up; a connection that was already on its way goes
/// back to the pool.
struct Waiting {
    pool: Arc<Pool>,
    key: Arc<Key>,
    waiter: WaiterId,
    receiver: oneshot::Receiver<Delivery>,
}

impl Future for Waiting {
    type Output = Delivery;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Delivery> {
        let delivery = ready!(Pin::new(&mut self.receiver).poll(cx));
        Poll::Ready(delivery.unwrap_or_else(|_| {
            let message = "the client was shut down while the request waited for a connection";
            Err(Error::new(Phase::Queue, ErrorKind::Canceled, message))
        }))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut state = self.pool.lock();
        state.waiters.remove(&self.key, self.waiter);
        let served = state.served.remove(&self.waiter);
        let job = state.queued.remove(&self.waiter);
        drop(state);
        drop((served, job));
        self.receiver.close();
        if let Ok(Ok(conn)) = self.receiver.try_recv() {
            self.pool.put_unseen(conn);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn runtime() -> tokio::runtime::Runtime {
        // unwrap is ok in tests: a runtime without drivers can always be built.
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
    }

    pub(crate) fn key(runtime: &tokio::runtime::Runtime, host: &str) -> Arc<Key> {
        Arc::new(Key {
            https: false,
            host: host.into(),
            port: 80,
            via: crate::dial::Via::Direct,
            runtime: runtime.handle().id(),
        })
    }
}
