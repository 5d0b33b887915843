//! The dial's deadline.

use std::future::Future;
use std::time::{Duration, Instant};

use crate::clock;

/// A limit that began to run at some instant.
#[derive(Clone, Copy)]
pub(super) struct Deadline {
    pub(super) limit: Duration,
    /// Absent: never.
    at: Option<Instant>,
}

/// The deadline passed.
#[derive(Debug)]
pub(super) struct Elapsed;

impl Deadline {
    /// The limit runs from now on.
    pub(super) fn start(limit: Option<Duration>) -> Self {
        Self {
            limit: limit.unwrap_or(Duration::MAX),
            // A limit beyond what an instant can hold is no limit.
            at: limit.and_then(|limit| clock::now().checked_add(limit)),
        }
    }

    /// Whether this one passes before the other does.
    pub(super) fn is_before(self, other: Self) -> bool {
        match (self.at, other.at) {
            (Some(own), Some(other)) => own < other,
            (own, None) => own.is_some(),
            (None, Some(_)) => false,
        }
    }

    /// Runs the future until it ends or the deadline passes.
    pub(super) async fn bound<F: Future>(self, future: F) -> Result<F::Output, Elapsed> {
        match self.at {
            Some(at) => tokio::time::timeout_at(at.into(), future)
                .await
                .map_err(|_| Elapsed),
            None => Ok(future.await),
        }
    }
}
