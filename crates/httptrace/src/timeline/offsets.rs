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

    /// The offset of an instant that is no earlier than what was asked for last; none if it is.
    #[inline]
    pub(crate) fn next(&mut self, at: Instant) -> Option<Duration> {
        if at != self.latest.0 {
            let since = at.checked_duration_since(self.latest.0)?;
            self.latest = (at, self.latest.1 + since);
        }
        Some(self.latest.1)
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
