//! Identities: which call, which connection.

use std::fmt;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};

/// Identifies one call: one `send` on a client, with its redirects and retries.
///
/// Unique within the process and never reused. Ids grow in the order in which calls start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(NonZeroU64);

/// Identifies one connection for its whole life, from the start of its dial to its close.
///
/// Unique within the process and never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(NonZeroU64);

macro_rules! process_wide_id {
    ($name:ident) => {
        impl $name {
            /// Takes the next id of this process.
            #[allow(clippy::should_implement_trait)] // an id source, not an iterator
            pub fn next() -> Self {
                static NEXT: AtomicU64 = AtomicU64::new(1);
                let id = NEXT.fetch_add(1, Ordering::Relaxed);
                // unwrap_or is never taken: the counter starts at 1 and 2^64 ids do not run out.
                Self(NonZeroU64::new(id).unwrap_or(NonZeroU64::MAX))
            }

            /// Rebuilds an id that was written down, for example in an exported timeline.
            pub fn from_u64(id: u64) -> Option<Self> {
                NonZeroU64::new(id).map(Self)
            }

            /// The id as a number, counted from 1.
            pub fn get(self) -> u64 {
                self.0.get()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

process_wide_id!(CallId);
process_wide_id!(ConnectionId);
