//! Waiting for a connection, or for a stream of one.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use httptrace::{Emitter, ErrorKind, Phase};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::dialing::DialJob;
use super::key::Protocols;
use super::waiters::{CROWD, WaiterId};
use super::{Checkout, Delivery, Key, Pool, State};
use crate::error::Error;

/// A request's wait for a connection. Dropping it gives the wait up; a connection that was already on its way goes
/// back to the pool.
pub(super) struct Waiting {
    pool: Arc<Pool>,
    key: Arc<Key>,
    waiter: WaiterId,
    receiver: oneshot::Receiver<Delivery>,
}

impl Pool {
    /// Lets a request wait. Returns the dial that is to begin, its own as a rule.
    pub(super) fn wait(
        self: &Arc<Self>,
        state: &mut State,
        key: &Arc<Key>,
        emitter: &Emitter,
        runtime: &Handle,
    ) -> (Waiting, Option<DialJob>) {
        let shares = self.keep_alives
            && key.protocols != Protocols::Http1
            && !state.http1_origins.contains(key);
        let (waiter, may_dial) = match shares {
            true => (state.waiters.join(key), false),
            false => state.waiters.add(key),
        };
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
                shares.then(|| state.shared_dial(key)).flatten()
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
}

impl State {
    /// The dial that those who share connections of this key wait for, if one is to begin: nobody dials for them yet,
    /// and no connection that is there may serve them.
    pub(super) fn shared_dial(&mut self, key: &Key) -> Option<DialJob> {
        if !self.shared.is_too_few(key, self.strict_streams) {
            return None;
        }
        let waiter = self.waiters.shared_dial(key)?;
        self.queued.remove(&waiter)
    }

    /// Has those who joined a dial of this key dial for themselves. Returns the dials that may begin now.
    pub(super) fn split(&mut self, key: &Key) -> Vec<DialJob> {
        let dialing = self.waiters.split(key);
        let queued = &mut self.queued;
        let jobs = dialing.iter().filter_map(|waiter| queued.remove(waiter));
        jobs.collect()
    }

    /// Gives back what many waiters needed, when all are gone.
    fn forget_crowd(&mut self) {
        let is_alone = self.served.is_empty() && self.dials.is_empty();
        if is_alone && self.served.capacity() > CROWD {
            self.served.shrink_to_fit();
            self.queued.shrink_to_fit();
            self.dials.shrink_to_fit();
        }
    }

    /// How this waiter is served, if it still waits. It waits no more then.
    pub(super) fn serve(
        &mut self,
        key: &Key,
        waiter: WaiterId,
    ) -> Option<oneshot::Sender<Delivery>> {
        match self.waiters.remove(key, waiter) {
            true => self.served.remove(&waiter),
            false => None,
        }
    }
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
        state.forget_crowd();
        drop(state);
        drop((served, job));
        self.receiver.close();
        match self.receiver.try_recv() {
            Ok(Ok(Checkout::Http1 { conn, .. })) => self.pool.put_unseen(conn),
            // Whoever waits longest gets the stream.
            Ok(Ok(Checkout::Http2 { slot, .. })) => drop(slot),
            _ => {}
        }
    }
}
