//! Keeps the events of calls, within limits.

mod call_record;

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::client_trace::ClientTrace;
use crate::event::Event;
use crate::id::CallId;
use crate::observer::Observer;
use crate::timeline::Timeline;

pub(crate) use call_record::CallRecord;

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
/// **A recorder for each call** is the cheap way: it has two blocks of memory, of a few hundred bytes and, from the first
/// event on, of 5 KiB, which a call that needs no dial does not outgrow.
#[derive(Clone, Default)]
pub struct Recorder {
    records: Arc<Mutex<Records>>,
}

impl Recorder {
    /// Events kept of one call, ends apart. Chosen so that a hundred redirects and retries fit.
    pub const EVENTS_PER_CALL: usize = 4_096;

    /// Events kept in all: 15 MiB, or twice that with the room that vectors keep in reserve, without what events share
    /// with the client (header fields, certificates).
    pub const EVENTS: usize = 65_536;

    /// Events kept of each kind that comes again and again on an HTTP/2 connection, of one attempt.
    pub const REPEATS: usize = 64;

    /// A recorder that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// A trace that records here. All of them are the same observer: composed with each other they record once.
    pub fn trace(&self) -> ClientTrace {
        ClientTrace::new().observe_shared(self.records.clone())
    }

    /// The events kept, in the order of their instants.
    pub fn events(&self) -> Vec<Event> {
        let records = lock(&self.records);
        let kept = records.calls.iter();
        let mut events: Vec<Event> = kept.flat_map(CallRecord::events).cloned().collect();
        drop(records);
        events.sort_by_key(|event| event.at);
        events
    }

    /// The timeline of the call that was seen first most recently; a snapshot while the call is in progress. Absent as
    /// long as nothing was seen.
    pub fn timeline(&self) -> Option<Timeline> {
        // Folded under the lock: that takes no longer than the copy that could be folded without it.
        let records = lock(&self.records);
        let latest_first = records.calls.latest.iter();
        let mut latest_first = latest_first.chain(records.calls.earlier.iter().rev());
        latest_first
            .find(|record| record.has_timeline())?
            .timeline()
    }

    /// The timelines of all calls, in the order in which they were first seen.
    pub fn timelines(&self) -> Vec<Timeline> {
        let records = lock(&self.records);
        let calls = records.calls.iter();
        calls.filter_map(CallRecord::timeline).collect()
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
        let records = lock(&self.records);
        f.debug_struct("Recorder")
            .field("calls", &records.calls.iter().count())
            .field("events", &records.len)
            .finish()
    }
}

impl Observer for Mutex<Records> {
    fn on_event(&self, event: &Event) {
        self.on_owned_event(event.clone());
    }

    fn on_owned_event(&self, event: Event) {
        let mut records = lock(self);
        match records.usual_room_for(&event) {
            // That there is room is known. Asked again, it spares a copy of the event, to be dropped if there were none.
            Some(room) if room.len() < room.capacity() => room.push(event),
            _ => return keep_unusual(records, event),
        }
        if records.has_grown() {
            forget_the_oldest(records);
        }
    }
}

fn lock(records: &Mutex<Records>) -> MutexGuard<'_, Records> {
    records.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps an event, if it is to be kept. What is not is dropped after the lock is let go: an error that comes with an
/// event may be anybody's, and do anything when dropped.
fn keep_unusual(mut records: MutexGuard<'_, Records>, event: Event) {
    let Some(room) = records.room_for(&event) else {
        drop(records);
        return;
    };
    room.push(event);
    if records.has_grown() {
        forget_the_oldest(records);
    }
}

/// The same holds for what is forgotten.
#[cold]
fn forget_the_oldest(mut records: MutexGuard<'_, Records>) {
    let forgotten = records.forget_the_oldest();
    drop(records);
    drop(forgotten);
}

/// What is kept.
#[derive(Default)]
struct Records {
    calls: Calls,
    /// Events kept in all.
    len: usize,
    /// The youngest call that was forgotten.
    forgotten: Option<CallId>,
}

impl Records {
    /// Where an event of the latest call is to be kept, if there is nothing to it but that.
    #[inline]
    fn usual_room_for(&mut self, event: &Event) -> Option<&mut Vec<Event>> {
        let latest = self.calls.latest.as_mut()?;
        match latest.call() == event.call {
            true => latest.usual_room_for(event),
            false => None,
        }
    }

    /// Where an event is to be kept: there is room for it. None if it is not kept.
    fn room_for(&mut self, event: &Event) -> Option<&mut Vec<Event>> {
        let call = event.call;
        if self.calls.find(call).is_none() {
            if call.is_some() && call <= self.forgotten {
                return None;
            }
            self.calls.begin(call);
        }
        self.calls.find(call)?.room_for(event)
    }

    /// An event more is kept. Whether a call is to be forgotten for it.
    fn has_grown(&mut self) -> bool {
        self.len += 1;
        self.len > Recorder::EVENTS
    }

    fn forget_the_oldest(&mut self) -> Option<CallRecord> {
        let record = self.calls.take_oldest()?;
        self.len -= record.events().len();
        self.forgotten = self.forgotten.max(record.call());
        Some(record)
    }
}

/// All calls that are kept, in the order in which they were first seen. The latest, which mostly is the only one, takes
/// no allocation.
#[derive(Default)]
struct Calls {
    earlier: VecDeque<CallRecord>,
    latest: Option<CallRecord>,
}

impl Calls {
    fn iter(&self) -> impl Iterator<Item = &CallRecord> {
        self.earlier.iter().chain(&self.latest)
    }

    fn find(&mut self, call: Option<CallId>) -> Option<&mut CallRecord> {
        // From the back: what is in progress is mostly among the later ones.
        let mut latest_first = self.earlier.iter_mut().chain(&mut self.latest).rev();
        latest_first.find(|record| record.call() == call)
    }

    fn begin(&mut self, call: Option<CallId>) {
        match self.latest.take() {
            None => self.latest = Some(CallRecord::with_room(call)),
            // Many calls that end soon shall not take the room of as many usual ones.
            Some(before) => {
                self.earlier.push_back(before);
                self.latest = Some(CallRecord::new(call));
            }
        }
    }

    fn take_oldest(&mut self) -> Option<CallRecord> {
        self.earlier.pop_front().or_else(|| self.latest.take())
    }
}

#[cfg(test)]
mod tests;
