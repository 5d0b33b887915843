//! Dials on behalf of waiters.

use std::sync::Arc;

use httptrace::info::CloseReason;
use httptrace::{ConnectionId, Emitter, ErrorKind, Phase};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::key::Protocols;
use super::waiters::WaiterId;
use super::{Checkout, Key, Pool};
use crate::clock;
use crate::conn::http1::Rest;
use crate::conn::{Connection, Established};
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
        let (waiter, runtime) = (job.waiter, job.runtime.clone());
        let key = Arc::clone(&job.key);
        let unfinished = UnfinishedDial {
            pool: Arc::clone(self),
            job: Some(job),
        };
        // The task begins when its handle is known, so that it cannot end before.
        let (known, is_known) = oneshot::channel::<()>();
        let task = runtime.spawn(async move {
            let _ = is_known.await;
            unfinished.run().await;
        });
        let mut state = self.lock();
        match state.closed {
            true => task.abort(),
            false => drop(state.dials.insert(waiter, (key, task.abort_handle()))),
        }
        drop(state);
        let _ = known.send(());
    }

    pub(super) fn start_dials(self: &Arc<Self>, jobs: impl IntoIterator<Item = DialJob>) {
        for job in jobs {
            self.start_dial(job);
        }
    }

    async fn dial(self: &Arc<Self>, job: &DialJob) -> Result<Established, Error> {
        let id = ConnectionId::next();
        let emitter = job.emitter.clone().with_connection(id);
        let dialed = self.dialer.dial(&job.key.target(), &emitter).await?;
        let (key, pool) = (Arc::clone(&job.key), Arc::downgrade(self));
        Established::new(id, key, dialed, self.speech, &self.emitter, emitter, pool).await
    }

    /// A dial ended. Its own waiter comes first; a connection that it no longer needs goes to the others.
    fn dialed(self: &Arc<Self>, job: DialJob, result: Result<Established, Error>) {
        self.lock().dials.remove(&job.waiter);
        match result {
            Ok(Established::Http1(conn)) => self.dialed_http1(&job, conn),
            Ok(Established::Http2(conn)) => self.dialed_http2(job, &conn),
            Err(error) => {
                self.dial_failed(job.waiter, &job.key, error);
                self.release(&job.key);
            }
        }
    }

    /// A dial ended in a connection that serves one request at a time: whoever hoped to share it dials for itself.
    fn dialed_http1(self: &Arc<Self>, job: &DialJob, conn: Box<Connection>) {
        let mut state = self.lock();
        state.waiters.end_shared_dial(&job.key, job.waiter);
        if job.key.protocols == Protocols::Http2OrHttp1 {
            state.http1_origins.remember(&job.key);
        }
        let served = state.serve(&job.key, job.waiter);
        drop(state);
        let checkout = Checkout::Http1 {
            conn,
            idle_for: None,
        };
        let unwanted = match served {
            Some(served) => served.send(Ok(checkout)).err(),
            None => Some(Ok(checkout)),
        };
        if let Some(Ok(Checkout::Http1 { conn, .. })) = unwanted {
            self.put_unseen(conn);
        }
        let jobs = self.lock().split(&job.key);
        self.start_dials(jobs);
    }

    /// A dial ended in nothing for its own waiter. Those who joined it wait on if a connection is left; otherwise each of
    /// them dials for itself: what befell one may not befall the next.
    pub(super) fn dial_failed(self: &Arc<Self>, waiter: WaiterId, key: &Key, error: Error) {
        let mut state = self.lock();
        let was_shared = state.waiters.end_shared_dial(key, waiter);
        let own = state.serve(key, waiter);
        let jobs = match was_shared && !state.shared.has(key) {
            true => state.split(key),
            false => Vec::new(),
        };
        drop(state);
        if let Some(own) = own {
            // Whoever has given up needs no error.
            let _ = own.send(Err(error));
        }
        self.start_dials(jobs);
    }

    /// Puts a connection that has not served the request it was meant for, without `PutIdleConn`.
    pub(super) fn put_unseen(self: &Arc<Self>, mut conn: Box<Connection>) {
        let reason = match conn.listen() {
            Rest::Ready => match self.offer(conn, clock::now()) {
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
    /// Absent once it has ended.
    job: Option<DialJob>,
}

impl UnfinishedDial {
    async fn run(mut self) {
        let Some(job) = &self.job else { return };
        let result = self.pool.dial(job).await;
        if let Some(job) = self.job.take() {
            self.pool.dialed(job, result);
        }
    }
}

impl Drop for UnfinishedDial {
    fn drop(&mut self) {
        if let Some(job) = self.job.take() {
            let message = "the dial was canceled";
            let canceled = Error::new(Phase::Connect, ErrorKind::Canceled, message);
            self.pool.dialed(job, Err(canceled));
        }
    }
}
