//! Dials on behalf of waiters.

use std::sync::Arc;

use httptrace::info::CloseReason;
use httptrace::{ConnectionId, Emitter, ErrorKind, Phase};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::waiters::WaiterId;
use super::{Delivery, Key, Pool};
use crate::conn::Connection;
use crate::conn::http1::Rest;
use crate::error::Error;

/// A dial that a waiter has asked for.
pub(super) struct DialJob {
    pub(super) waiter: WaiterId,
    pub(super) key: Arc<Key>,
    /// The waiter's: a dial is told to the request that started it, however late.
    pub(super) emitter: Emitter,
    pub(super) runtime: Handle,
}

impl Pool {
    /// Dials in a task of its own, which goes on when its waiter is served by another connection.
    pub(super) fn start_dial(self: &Arc<Self>, job: DialJob) {
        let unfinished = UnfinishedDial {
            pool: Arc::clone(self),
            waiter: job.waiter,
            key: Arc::clone(&job.key),
            finished: false,
        };
        let (waiter, runtime) = (job.waiter, job.runtime.clone());
        // The task begins when its handle is known, so that it cannot end before.
        let (known, is_known) = oneshot::channel::<()>();
        let task = runtime.spawn(async move {
            let _ = is_known.await;
            let result = unfinished.pool.dial(&job).await;
            unfinished.finish(result);
        });
        let mut state = self.lock();
        match state.closed {
            true => task.abort(),
            false => drop(state.dials.insert(waiter, task.abort_handle())),
        }
        drop(state);
        let _ = known.send(());
    }

    async fn dial(&self, job: &DialJob) -> Delivery {
        let id = ConnectionId::next();
        let emitter = job.emitter.clone().with_connection(id);
        let dialed = self.dialer.dial(&job.key.target(), &emitter).await?;
        let conn = Connection::new(id, Arc::clone(&job.key), dialed, self.head_limits).await?;
        Ok(Box::new(conn))
    }

    /// A dial ended. Its own waiter comes first; a connection that it no longer needs goes to the others.
    fn dialed(self: &Arc<Self>, waiter: WaiterId, key: &Key, result: Delivery) {
        let mut state = self.lock();
        state.dials.remove(&waiter);
        let served = match state.waiters.remove(key, waiter) {
            true => state.served.remove(&waiter),
            false => None,
        };
        drop(state);
        let failed = result.is_err();
        let unwanted = match served {
            Some(served) => served.send(result).err(),
            None => Some(result),
        };
        match unwanted {
            Some(Ok(conn)) => self.put_unseen(conn),
            _ if failed => self.release(key),
            _ => {}
        }
    }

    /// Puts a connection that has not served the request it was meant for, without `PutIdleConn`.
    pub(super) fn put_unseen(self: &Arc<Self>, mut conn: Box<Connection>) {
        let reason = match conn.rest() {
            Rest::Ready => match self.offer(conn) {
                None => return,
                Some((back, refusal)) => {
                    conn = back;
                    refusal.close_reason()
                }
            },
            Rest::Busy => CloseReason::PeerClosed,
            Rest::Closed(dead) => return self.close(conn, &self.emitter, dead, None),
        };
        self.close_idle_conn(conn, reason, None);
    }
}

/// A dial in progress. Dropping it, when its task is aborted or its runtime is gone, counts as failure.
struct UnfinishedDial {
    pool: Arc<Pool>,
    waiter: WaiterId,
    key: Arc<Key>,
    finished: bool,
}

impl UnfinishedDial {
    fn finish(mut self, result: Delivery) {
        self.finished = true;
        self.pool.dialed(self.waiter, &self.key, result);
    }
}

impl Drop for UnfinishedDial {
    fn drop(&mut self) {
        if !self.finished {
            let message = "the dial was canceled";
            let canceled = Error::new(Phase::Connect, ErrorKind::Canceled, message);
            self.pool.dialed(self.waiter, &self.key, Err(canceled));
        }
    }
}
