//! Signals: named latches. Once set, a signal stays set.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

#[derive(Clone, Default)]
pub(crate) struct Signals {
    latches: Arc<Mutex<Latches>>,
}

#[derive(Default)]
struct Latches {
    named: HashMap<String, watch::Sender<bool>>,
    /// The scenario is over: nobody waits any more.
    over: bool,
}

impl Signals {
    pub(crate) fn set(&self, name: &str) {
        self.latch(name).send_replace(true);
    }

    pub(crate) async fn wait(&self, name: &str) {
        let mut latch = self.latch(name).subscribe();
        // An error would mean that the sender is gone, but it stays in the map.
        let _ = latch.wait_for(|set| *set).await;
    }

    /// Sets every signal, those that are not yet heard of included.
    pub(crate) fn end(&self) {
        let mut latches = self.latches.lock().unwrap_or_else(PoisonError::into_inner);
        latches.over = true;
        for latch in latches.named.values() {
            latch.send_replace(true);
        }
    }

    fn latch(&self, name: &str) -> watch::Sender<bool> {
        let mut latches = self.latches.lock().unwrap_or_else(PoisonError::into_inner);
        let over = latches.over;
        let latch = latches.named.entry(name.to_owned());
        latch.or_insert_with(|| watch::Sender::new(over)).clone()
    }
}
