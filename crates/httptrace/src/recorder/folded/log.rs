//! In what order the events of a folded call came.

use std::time::Duration;

use crate::event::EventName;
use crate::id::ConnectionId;

/// A call that is answered on a connection that was there before has so many entries at most.
const USUAL: usize = 16;

/// The entries of a call, in order. The usual number of them takes no allocation.
#[derive(Debug, Default)]
pub(super) struct Log {
    usual: [Option<Entry>; USUAL],
    more: Vec<Entry>,
    len: usize,
}

/// An event, or several of one instant and kind, without what is in its place.
#[derive(Debug)]
pub(super) struct Entry {
    /// The offset from the call's first event in nanoseconds, of which there are enough for five centuries.
    at: u64,
    pub(super) connection: Option<ConnectionId>,
    /// Of progress: how many bytes. Otherwise how many events, which is one for all but header fields.
    pub(super) amount: u64,
    /// Of no meaning for the call's own events.
    pub(super) attempt: u32,
    pub(super) name: EventName,
}

impl Entry {
    pub(super) fn new(
        at: Duration,
        (attempt, connection): (Option<u32>, Option<ConnectionId>),
        (name, amount): (EventName, u64),
    ) -> Self {
        Self {
            at: nanos(at),
            connection,
            amount,
            attempt: attempt.unwrap_or_default(),
            name,
        }
    }

    pub(super) fn offset(&self) -> Duration {
        Duration::from_nanos(self.at)
    }

    pub(super) fn move_to(&mut self, at: Duration) {
        self.at = nanos(at);
    }
}

fn nanos(at: Duration) -> u64 {
    at.as_secs() * 1_000_000_000 + u64::from(at.subsec_nanos())
}

impl Log {
    #[inline]
    pub(super) fn push(&mut self, entry: Entry) {
        match self.usual.get_mut(self.len) {
            Some(place) => *place = Some(entry),
            None => self.more.push(entry),
        }
        self.len += 1;
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.usual.iter().flatten().chain(&self.more)
    }

    /// All entries, the latest first.
    pub(super) fn latest_first(&mut self) -> impl Iterator<Item = &mut Entry> {
        let usual = self.usual.iter_mut().take(self.len);
        self.more.iter_mut().rev().chain(usual.rev().flatten())
    }
}
