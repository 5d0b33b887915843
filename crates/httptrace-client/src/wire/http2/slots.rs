//! How many streams a connection has, and may have (RFC 9113 section 5.1.2).

use std::time::{Duration, Instant};

use super::ledger::Now;

/// How many streams are opened before the peer has said how many it allows: what Go and the RFC's advice agree on.
pub(crate) const BEFORE_SETTINGS: usize = 100;

/// The streams of a connection, as numbers. Sans-IO.
#[derive(Debug)]
pub(super) struct Slots {
    /// Taken for a request that has not been sent yet.
    reserved: usize,
    /// Open on the wire, or about to be.
    open: usize,
    /// Of these, such as nobody asks for any more: they end with a reset that is on its way.
    abandoned: usize,
    limit: usize,
    /// The peer's first SETTINGS came.
    settled: bool,
    /// Requests that ever had a stream.
    carried: u64,
    /// Since when there is none.
    idle_since: Option<Instant>,
    /// No more are given out.
    retired: bool,
    /// There may be room where there was none, since somebody asked.
    freed: bool,
}

/// A stream that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reserved {
    /// How long there had been none, if there had been others before.
    pub(crate) idle_for: Option<Duration>,
}

impl Slots {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            reserved: 0,
            open: 0,
            abandoned: 0,
            limit: BEFORE_SETTINGS,
            settled: false,
            carried: 0,
            idle_since: Some(now),
            retired: false,
            freed: false,
        }
    }

    pub(super) fn reserve(&mut self, now: &mut Now) -> Option<Reserved> {
        // A connection has numbers for so many streams of a client's (section 5.1.1).
        let is_spent = self.carried + self.reserved as u64 >= 1 << 30;
        if self.retired || is_spent || self.reserved + self.open >= self.limit {
            return None;
        }
        let idle_since = self.idle_since.take().filter(|_| self.carried > 0);
        self.reserved += 1;
        Some(Reserved {
            idle_for: idle_since.map(|since| now.get().saturating_duration_since(since)),
        })
    }

    /// Takes one that is not there any more, for the request that the connection was made for.
    pub(super) fn claim(&mut self) {
        self.reserved += 1;
        self.idle_since = None;
    }

    /// A request has the stream that was taken. Returns whether others had one before.
    pub(super) fn take_up(&mut self) -> bool {
        self.carried += 1;
        self.carried > 1
    }

    /// One that was taken is given back unused.
    pub(super) fn give_back(&mut self, now: &mut Now) {
        self.reserved = self.reserved.saturating_sub(1);
        self.freed(now);
    }

    pub(super) fn open(&mut self) {
        self.reserved = self.reserved.saturating_sub(1);
        self.open += 1;
    }

    /// Nobody asks for an open stream any more.
    pub(super) fn abandon(&mut self, now: &mut Now) {
        self.abandoned += 1;
        self.note_idleness(now);
    }

    /// An open stream is over on the wire; `abandoned` if nobody asked for it any more.
    pub(super) fn close(&mut self, abandoned: bool, now: &mut Now) {
        self.open = self.open.saturating_sub(1);
        if abandoned {
            self.abandoned = self.abandoned.saturating_sub(1);
        }
        self.freed(now);
    }

    fn freed(&mut self, now: &mut Now) {
        self.freed = true;
        self.note_idleness(now);
    }

    fn note_idleness(&mut self, now: &mut Now) {
        if self.idle_since.is_none() && self.is_unused() {
            self.idle_since = Some(now.get());
        }
    }

    /// The peer's SETTINGS came, with a limit or without.
    pub(super) fn limit(&mut self, limit: Option<u32>) {
        let limit = limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
        match limit {
            Some(limit) => self.limit = limit,
            None if !self.settled => self.limit = usize::MAX,
            None => {}
        }
        self.settled = true;
        self.freed = true;
    }

    pub(super) fn retire(&mut self) {
        self.freed |= !self.retired;
        self.retired = true;
    }

    pub(super) fn is_retired(&self) -> bool {
        self.retired
    }

    /// Whether there is no stream at all.
    pub(super) fn is_idle(&self) -> bool {
        self.reserved + self.open == 0
    }

    /// Whether no request has a stream.
    pub(super) fn is_unused(&self) -> bool {
        self.reserved + self.open == self.abandoned
    }

    pub(super) fn idle_since(&self) -> Option<Instant> {
        self.idle_since.filter(|_| self.is_unused())
    }

    /// Whether there are more than the peer allows, since it allows fewer than before.
    pub(super) fn are_overdrawn(&self) -> bool {
        self.open > self.limit
    }

    /// Whether there may be room where there was none, since that was last taken note of.
    pub(super) fn is_freed(&self) -> bool {
        self.freed
    }

    /// Whether there may be room where there was none, since this was last asked.
    pub(super) fn take_freed(&mut self) -> bool {
        std::mem::take(&mut self.freed)
    }

    /// How many are reserved, open, and of these abandoned.
    #[cfg(any(test, fuzzing))]
    pub(super) fn counts(&self) -> (usize, usize, usize) {
        (self.reserved, self.open, self.abandoned)
    }
}
