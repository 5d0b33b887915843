//! Holds answers back until all requests are there.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

/// Opens when no request has come for a while, and shuts again behind those that waited.
#[derive(Debug, Default)]
pub(super) struct Gate {
    waiting: AtomicU64,
    opened: Notify,
}

/// Much longer than any client takes from one request to the next.
const QUIET: Duration = Duration::from_millis(500);

impl Gate {
    pub(super) async fn pass(&self) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.opened.notified().await;
    }

    pub(super) async fn open_when_quiet(&self) {
        let mut before = 0;
        loop {
            tokio::time::sleep(QUIET).await;
            let waiting = self.waiting.load(Ordering::Relaxed);
            if waiting > 0 && waiting == before {
                self.waiting.store(0, Ordering::Relaxed);
                self.opened.notify_waiters();
                before = 0;
            } else {
                before = waiting;
            }
        }
    }
}
