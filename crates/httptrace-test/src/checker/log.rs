//! Where events arrive, and where somebody may wait for them.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use httptrace::{Event, Observer};
use tokio::sync::Notify;

/// All events so far, in the order in which they arrived.
#[derive(Debug, Default)]
pub(super) struct Log {
    events: Mutex<Vec<Event>>,
    more: Notify,
}

impl Log {
    pub(super) fn snapshot(&self) -> Vec<Event> {
        self.lock().clone()
    }

    /// Waits until `found` finds what it looks for; absent if it has not after `patience`.
    pub(super) async fn wait_until<T>(
        &self,
        patience: Duration,
        found: impl Fn(&[Event]) -> Option<T>,
    ) -> Option<T> {
        let wait = async {
            loop {
                let mut more = std::pin::pin!(self.more.notified());
                // Listen first, then look: what arrives in between is not missed.
                more.as_mut().enable();
                if let Some(what) = found(&self.lock()) {
                    return what;
                }
                more.await;
            }
        };
        tokio::time::timeout(patience, wait).await.ok()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Event>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Log {
    fn on_event(&self, event: &Event) {
        self.lock().push(event.clone());
        self.more.notify_waiters();
    }
}
