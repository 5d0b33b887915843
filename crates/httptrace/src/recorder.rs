//! Keeps the events of calls, within limits.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::client_trace::ClientTrace;
use crate::event::{Event, EventKind, EventName};
use crate::id::{CallId, ConnectionId};
use crate::observer::Observer;
use crate::timeline::Timeline;

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
#[derive(Clone, Default)]
pub struct Recorder {
    records: Arc<Mutex<Records>>,
}

impl Recorder {
    /// Events kept of one call, ends apart. Chosen so that a hundred redirects and retries fit.
    pub const EVENTS_PER_CALL: usize = 4_096;

    /// Events kept in all: some 20 MiB without what they share with the client (header maps, certificates).
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
        let mut events: Vec<Event> = kept
            .flat_map(|(_, record)| &record.events)
            .cloned()
            .collect();
        drop(records);
        events.sort_by_key(|event| event.at);
        events
    }

    /// The timeline of the call that was seen first most recently; a snapshot while the call is in progress. Absent as
    /// long as nothing was seen.
    pub fn timeline(&self) -> Option<Timeline> {
        let records = lock(&self.records).calls.clone();
        let mut latest_first = records.iter().rev();
        latest_first.find_map(|(_, record)| record.timelines().pop())
    }

    /// The timelines of all calls, in the order in which they were first seen.
    pub fn timelines(&self) -> Vec<Timeline> {
        // Cloned, which is cheap, so that no client waits for the fold.
        let records = lock(&self.records).calls.clone();
        let timelines = records.iter().flat_map(|(_, record)| record.timelines());
        timelines.collect()
    }
}

impl Observer for Recorder {
    fn on_event(&self, event: &Event) {
        self.records.on_event(event);
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let records = lock(&self.records);
        f.debug_struct("Recorder")
            .field("calls", &records.calls.len())
            .field("events", &records.len)
            .finish()
    }
}

impl Observer for Mutex<Records> {
    fn on_event(&self, event: &Event) {
        lock(self).push(event);
    }
}

fn lock(records: &Mutex<Records>) -> MutexGuard<'_, Records> {
    records.lock().unwrap_or_else(PoisonError::into_inner)
}

/// All calls that are kept, in the order in which they were first seen.
#[derive(Default)]
struct Records {
    calls: VecDeque<(Option<CallId>, CallRecord)>,
    /// Events kept in all.
    len: usize,
    /// The youngest call that was forgotten.
    forgotten: Option<CallId>,
}

impl Records {
    fn push(&mut self, event: &Event) {
        let Some(place) = self.place(event.call) else {
            return;
        };
        let record = &mut self.calls[place].1;
        let before = record.events.len();
        record.push(event);
        self.len += record.events.len() - before;
        while self.len > Recorder::EVENTS {
            self.forget_the_oldest();
        }
    }

    /// Where the call is kept; none if it was forgotten.
    fn place(&mut self, call: Option<CallId>) -> Option<usize> {
        // From the back: the call in progress is mostly the latest.
        let known = self.calls.iter().rposition(|(known, _)| *known == call);
        if known.is_some() {
            return known;
        }
        if call.is_some() && call <= self.forgotten {
            return None;
        }
        self.calls.push_back((call, CallRecord::default()));
        Some(self.calls.len() - 1)
    }

    fn forget_the_oldest(&mut self) {
        if let Some((call, record)) = self.calls.pop_front() {
            self.len -= record.events.len();
            self.forgotten = self.forgotten.max(call);
        }
    }
}

/// The events of one call.
#[derive(Clone, Default)]
pub(crate) struct CallRecord {
    events: Vec<Event>,
    progress: Vec<FoldedProgress>,
    repeats: Vec<Repeats>,
    dropped: u64,
}

impl CallRecord {
    pub(crate) fn push(&mut self, event: &Event) {
        if self.fold_progress(event) {
            return;
        }
        let limit = match &event.kind {
            EventKind::CallEnd(_) => 2 * Recorder::EVENTS_PER_CALL + 1,
            kind if is_end(kind) => 2 * Recorder::EVENTS_PER_CALL,
            _ => Recorder::EVENTS_PER_CALL,
        };
        if self.events.len() < limit && self.may_repeat(event) {
            self.events.push(event.clone());
        } else {
            self.dropped += 1;
        }
    }

    /// The timeline of the call, or none if what was seen makes none.
    pub(crate) fn timelines(&self) -> Vec<Timeline> {
        let mut timelines = Timeline::fold(&self.events);
        for timeline in &mut timelines {
            timeline.dropped = self.dropped;
        }
        timelines
    }

    /// Whether there is room for an event of its kind, which is taken then.
    fn may_repeat(&mut self, event: &Event) -> bool {
        let name = event.name();
        if !is_repeated(name) {
            return true;
        }
        let of = (name, event.attempt, event.connection);
        let known = self.repeats.iter_mut().rev().find(|known| known.of == of);
        match known {
            Some(known) if known.kept < Recorder::REPEATS => {
                known.kept += 1;
                true
            }
            Some(_) => false,
            None => {
                self.repeats.push(Repeats { of, kept: 1 });
                true
            }
        }
    }

    /// Adds progress to the progress event before it, if there are two already. Whether that was done.
    fn fold_progress(&mut self, event: &Event) -> bool {
        if bytes(&event.kind).is_none() {
            return false;
        }
        let known = self.progress.iter_mut().rev().find(|progress| {
            progress.attempt == event.attempt && progress.is_upload == is_upload(&event.kind)
        });
        match known {
            Some(progress) => match progress.rest {
                Some(rest) => {
                    add_progress(&mut self.events[rest], event);
                    true
                }
                None => {
                    // The event itself is kept next; past the limit it joins the first one instead.
                    let place = self.events.len();
                    let is_full = place >= Recorder::EVENTS_PER_CALL;
                    progress.rest = Some(if is_full { progress.first } else { place });
                    if is_full {
                        add_progress(&mut self.events[progress.first], event);
                    }
                    is_full
                }
            },
            None => {
                if self.events.len() < Recorder::EVENTS_PER_CALL {
                    self.progress.push(FoldedProgress {
                        attempt: event.attempt,
                        is_upload: is_upload(&event.kind),
                        first: self.events.len(),
                        rest: None,
                    });
                }
                false
            }
        }
    }
}

/// How many events of one kind are kept. There is one of these only where such an event is.
#[derive(Clone)]
struct Repeats {
    /// Of what: outside calls the attempt tells nothing.
    of: (EventName, Option<u32>, Option<ConnectionId>),
    kept: usize,
}

/// Where the progress events of one body are kept.
#[derive(Clone)]
struct FoldedProgress {
    attempt: Option<u32>,
    is_upload: bool,
    /// The place of the first event.
    first: usize,
    /// The place of the event that holds the rest.
    rest: Option<usize>,
}

fn add_progress(kept: &mut Event, event: &Event) {
    let more = bytes(&event.kind).unwrap_or_default();
    if let EventKind::WroteBody(crate::info::WroteBody { bytes, .. })
    | EventKind::GotBody(crate::info::GotBody { bytes, .. }) = &mut kept.kind
    {
        *bytes = bytes.saturating_add(more);
        kept.at = kept.at.max(event.at);
    }
}

fn bytes(kind: &EventKind) -> Option<u64> {
    match kind {
        EventKind::WroteBody(info) => Some(info.bytes),
        EventKind::GotBody(info) => Some(info.bytes),
        _ => None,
    }
}

fn is_upload(kind: &EventKind) -> bool {
    matches!(kind, EventKind::WroteBody(_))
}

/// Whether it closes something: those are kept longest, so that no span stays open for want of room.
fn is_end(kind: &EventKind) -> bool {
    matches!(
        kind,
        EventKind::CallEnd(_)
            | EventKind::AttemptEnd(_)
            | EventKind::DnsDone(_)
            | EventKind::ConnectDone(_)
            | EventKind::FlowControlWaitDone(_)
            | EventKind::ProxyTunnelDone(_)
            | EventKind::TlsHandshakeDone(_)
            | EventKind::WroteRequest(_)
            | EventKind::BodyDone(_)
            | EventKind::PutIdleConn(_)
            | EventKind::ConnClosed(_)
    )
}

/// Whether it comes as often as the peer, or the length of a body, makes it come.
fn is_repeated(name: EventName) -> bool {
    use EventName as N;
    matches!(
        name,
        N::FlowControlWaitStart
            | N::FlowControlWaitDone
            | N::StreamReset
            | N::GoAway
            | N::SettingsReceived
            | N::Pong
    )
}

#[cfg(test)]
mod tests;
