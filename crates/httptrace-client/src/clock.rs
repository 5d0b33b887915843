//! The one place where this crate reads the clock.

use std::time::Instant;

/// Now, on tokio's clock, which tests may pause.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
