//! The one place where this crate reads the clock: tokio's, which tests may pause.

use std::time::{Duration, Instant};

/// Now.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// The moment at which a limit that begins now is over; absent if no instant can hold it, which is no limit at all.
pub(crate) fn after(limit: Duration) -> Option<tokio::time::Instant> {
    tokio::time::Instant::from_std(now()).checked_add(limit)
}
