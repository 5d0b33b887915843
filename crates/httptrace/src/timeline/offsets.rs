//! Instants as a timeline has them.

use std::time::{Duration, Instant};

/// Instants as offsets from the first.
#[derive(Debug)]
pub(crate) struct Offsets {
    origin: Instant,
    /// What was asked for last: events come with the same instant one after the other.
    latest: (Instant, Duration),
}

impl Offsets {
    pub(crate) fn from(origin: Instant) -> Self {
        Self {
            origin,
            latest: (origin, Duration::ZERO),
        }
    }

    /// Whether an instant is no earlier than what was asked for last.
    #[inline]
    pub(crate) fn are_in_order_with(&self, at: Instant) -> bool {
        at >= self.latest.0
    }

    /// The instant of an offset.
    pub(crate) fn instant(&self, offset: Duration) -> Instant {
        self.origin + offset
    }

    #[inline]
    pub(crate) fn offset(&mut self, at: Instant) -> Duration {
        if at != self.latest.0 {
            self.latest = (at, at.saturating_duration_since(self.origin));
        }
        self.latest.1
    }
}
