//! The recorded events of a call, folded into attempts and spans.
//!
//! [`Timeline::fold`] is pure: events in, timelines out. It takes any list of events, however broken, and tells what the
//! list tells: what was not seen is absent. [`Recorder`](crate::Recorder) keeps the events to fold, and
//! [`ClientTrace::on_timeline`](crate::ClientTrace::on_timeline) hands out the timeline of each call as it ends.
//!
//! Every instant in here is an offset, a [`Duration`] since [the call's start](Timeline::started), so that a timeline
//! can be written down and read back.

mod attempt;
mod attempts;
mod breakdown;
mod dial;
mod failure;
mod fold;
mod hook;
mod offsets;
mod phase;
#[cfg(test)]
mod tests;

use std::time::{Duration, SystemTime};

use http::{Method, StatusCode, Uri};

use crate::error::EventError;
use crate::id::CallId;
use crate::info::{CallEnd, HookPanicked};

pub use attempt::{AttemptTimeline, ClosedConnection, Progress};
pub use attempts::Attempts;
pub use breakdown::Breakdown;
pub use dial::{Dial, Outcome};
pub(crate) use offsets::Offsets;
pub use phase::Phase;

/// One call as it went: its attempts, one after the other, with their spans and facts.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Timeline {
    /// The call; absent for what a bare transport did outside any call.
    pub call: Option<CallId>,
    /// The wall clock at offset zero; absent if [`CallStart`](crate::info::CallStart) was not seen.
    ///
    /// Offset zero is the instant of the call's earliest event. That is `CallStart`, unless the list is broken: an
    /// event stamped before it moves the zero, rather than being given an offset that is not its own.
    pub started: Option<SystemTime>,
    /// The method of the request as it was handed to the client.
    pub method: Option<Method>,
    /// The URI of the request as it was handed to the client, without userinfo.
    pub uri: Option<Uri>,
    /// Whether both the start and the end of the call were seen. Background dials may still be going on.
    pub complete: bool,
    /// Events that a full [`Recorder`](crate::Recorder) counted instead of keeping.
    pub dropped: u64,
    /// The round trips, by their number.
    pub attempts: Attempts,
    /// Hooks that panicked.
    pub hook_panics: Vec<Stamped<HookPanicked>>,
    /// How the call ended; absent if that was not seen.
    pub end: Option<Stamped<CallEnd>>,
}

impl Timeline {
    /// How long the call took: until its end, or as long as that was not seen, until the latest of its events.
    ///
    /// What follows an answered call does not count: background dials, and what became of the connection.
    pub fn total(&self) -> Duration {
        if let Some(end) = &self.end {
            return end.at;
        }
        let latest = self.attempts.iter().map(|attempt| attempt.bounds().1);
        let panics = self.hook_panics.iter().map(|panic| panic.at);
        latest.chain(panics).max().unwrap_or_default()
    }

    /// The status of the final response: that of the call's end, otherwise that of the last attempt's response.
    pub fn status(&self) -> Option<StatusCode> {
        let ended = self.end.as_ref().and_then(|end| end.info.status);
        ended.or_else(|| self.attempts.last()?.status())
    }

    /// Why the call failed; absent on success and as long as its end was not seen.
    pub fn error(&self) -> Option<&EventError> {
        self.end.as_ref()?.info.error.as_ref()
    }
}

/// A fact with the instant it happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Stamped<T> {
    /// When, as an offset from the call's start.
    pub at: Duration,
    /// What is known about it.
    pub info: T,
}

impl<T> Stamped<T> {
    /// A fact that happened at an offset from the call's start.
    pub fn new(at: Duration, info: T) -> Self {
        Self { at, info }
    }
}

/// An act with a start and an end.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Span<T> {
    /// When it began, as an offset from the call's start; absent if that was not seen.
    pub start: Option<Duration>,
    /// When it ended; absent if that was not seen, or not yet.
    pub end: Option<Duration>,
    /// What is known about it. While the end was not seen, that is what its start told.
    pub info: T,
}

impl<T> Span<T> {
    /// An act of which neither start nor end is known yet.
    pub fn new(info: T) -> Self {
        Self {
            start: None,
            end: None,
            info,
        }
    }

    /// How long it took; absent if its start or its end was not seen.
    pub fn duration(&self) -> Option<Duration> {
        self.end?.checked_sub(self.start?)
    }
}
