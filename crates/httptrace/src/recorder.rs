//! Keeps the events of calls, within limits.

mod call_record;
mod folded;
mod listed;
mod records;

use std::fmt;
use std::sync::Arc;

use crate::client_trace::ClientTrace;
use crate::event::Event;
use crate::observer::Observer;
use crate::timeline::Timeline;

pub(crate) use call_record::CallRecord;
pub(crate) use folded::FoldedCall;
pub(crate) use records::Records;

/// Keeps the events of the calls it sees, to look at or to fold into [`Timeline`]s. A cheap handle: clones share what
/// is kept.
///
/// ```
/// use httptrace::{Recorder, RequestExt};
///
/// let recorder = Recorder::new();
/// let request = http::Request::get("http://example.com/").trace(recorder.trace()).body(())?;
/// // … send it …
/// # let _ = request;
/// if let Some(timeline) = recorder.timeline() {
///     println!("{:?} in {:?}", timeline.status(), timeline.total());
/// }
/// # Ok::<(), http::Error>(())
/// ```
///
/// **Memory is limited.** The progress of a body ([`WroteBody`](crate::info::WroteBody),
/// [`GotBody`](crate::info::GotBody)) makes at most two events for each attempt and direction: the first, and one that
/// holds the sum of all others and the instant of the latest. What comes again and again on an HTTP/2 connection
/// (waits for a window, resets, `GOAWAY`, settings, pongs) is kept [`REPEATS`](Self::REPEATS) times for each attempt,
/// each kind. Of one call [`EVENTS_PER_CALL`](Self::EVENTS_PER_CALL) events are kept, and twice as many if the others
/// are ends (`…Done`, `…End`, `WroteRequest`, `PutIdleConn`, `ConnClosed`); the end of the call is always kept. What is
/// beyond is counted in [`Timeline::dropped`]. When more than [`EVENTS`](Self::EVENTS) are kept in all, the oldest call
/// is forgotten, and what still comes of it is ignored.
///
/// **A recorder for each call** is the cheap way: it has two blocks of memory of at most a KiB each, of which the timeline shares one,
/// as long as the call needs no dial. A call with more to it has another block, of 5 KiB or so.
#[derive(Clone, Default)]
pub struct Recorder {
    records: Arc<Records>,
}

impl Recorder {
    /// Events kept of one call, ends apart. Chosen so that a hundred redirects and retries fit.
    pub const EVENTS_PER_CALL: usize = 4_096;

    /// Events kept in all: 15 MiB, or twice that with the room that vectors keep in reserve, without what events share
    /// with the client (header fields, certificates). A call takes up to 2 KiB beside its events.
    pub const EVENTS: usize = 65_536;

    /// Events kept of each kind that comes again and again on an HTTP/2 connection, of one attempt.
    pub const REPEATS: usize = 64;

    /// A recorder that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// A trace that records here. All of them are the same observer: composed with each other they record once.
    pub fn trace(&self) -> ClientTrace {
        ClientTrace::recorded(self.records.clone())
    }

    /// The events kept, in the order of their instants.
    pub fn events(&self) -> Vec<Event> {
        let mut events = self.records.events();
        events.sort_by_key(|event| event.at);
        events
    }

    /// The timeline of the call that was seen first most recently; a snapshot while the call is in progress. Absent as
    /// long as nothing was seen.
    pub fn timeline(&self) -> Option<Timeline> {
        self.records.latest_timeline()
    }

    /// The timelines of all calls, in the order in which they were first seen.
    pub fn timelines(&self) -> Vec<Timeline> {
        self.records.timelines()
    }
}

impl Observer for Recorder {
    fn on_event(&self, event: &Event) {
        self.records.on_event(event);
    }

    fn on_owned_event(&self, event: Event) {
        self.records.on_owned_event(event);
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (calls, events) = self.records.count();
        f.debug_struct("Recorder")
            .field("calls", &calls)
            .field("events", &events)
            .finish()
    }
}

#[cfg(test)]
mod tests;
