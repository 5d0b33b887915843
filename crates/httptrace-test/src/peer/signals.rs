//! Named signals between a test and its scripts. Once raised they stay up.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

#[derive(Debug, Default)]
pub(super) struct Signals {
    raised: Mutex<HashSet<String>>,
    more: Notify,
}

impl Signals {
    pub(super) fn raise(&self, name: &str) {
        let mut raised = self.raised.lock().unwrap_or_else(PoisonError::into_inner);
        raised.insert(name.to_owned());
        drop(raised);
        self.more.notify_waiters();
    }

    pub(super) async fn wait_for(&self, name: &str) {
        loop {
            let mut more = std::pin::pin!(self.more.notified());
            more.as_mut().enable();
            if self.is_raised(name) {
                return;
            }
            more.await;
        }
    }

    fn is_raised(&self, name: &str) -> bool {
        let raised = self.raised.lock().unwrap_or_else(PoisonError::into_inner);
        raised.contains(name)
    }
}
