//! The events of one call as a list, within limits.

use super::Recorder;
use crate::event::{Event, EventKind, EventName, EventSet};
use crate::id::{CallId, ConnectionId};
use crate::info::{GotBody, WroteBody};
use crate::timeline::Timeline;

/// The events of one call, in the order in which they came.
pub(super) struct ListedCall {
    events: Vec<Event>,
    progress: Progress,
    repeats: Vec<Repeats>,
    dropped: u64,
}

impl ListedCall {
    pub(super) fn with_capacity(events: usize) -> Self {
        Self {
            events: Vec::with_capacity(events),
            progress: Progress::default(),
            repeats: Vec::new(),
            dropped: 0,
        }
    }

    pub(super) fn events(&self) -> &[Event] {
        &self.events
    }

    /// Keeps an event. What is not kept is given back: it was counted, or added to one that is kept.
    pub(super) fn keep(&mut self, event: Event) -> Option<Event> {
        let kind = &event.kind;
        if is_progress(kind) && self.fold_progress(&event) {
            return Some(event);
        }
        if self.events.len() >= limit(kind)
            || (REPEATED.contains(event.name()) && !self.may_repeat(&event))
        {
            self.dropped += 1;
            return Some(event);
        }
        self.make_room(matches!(kind, EventKind::CallEnd(_)));
        self.events.push(event);
        None
    }

    /// Makes room for one event more, and if it is the last for no other.
    fn make_room(&mut self, for_the_last: bool) {
        let len = self.events.len();
        if for_the_last && len < self.events.capacity() / 2 {
            self.events.shrink_to(len + 1);
        } else if len == self.events.capacity() {
            self.events.reserve_exact(len.max(1));
        }
    }

    /// The timeline of the call, or none if what was seen makes none.
    pub(super) fn timeline(&self, call: Option<CallId>) -> Option<Timeline> {
        Timeline::of_call(call, &self.events, self.dropped)
    }

    /// How many events there are, and for how many there is room.
    #[cfg(test)]
    pub(super) fn size(&self) -> (usize, usize) {
        (self.events.len(), self.events.capacity())
    }

    /// Whether there is room for one more of an event that is repeated, which is taken then.
    fn may_repeat(&mut self, event: &Event) -> bool {
        let of = (event.name(), event.attempt, event.connection);
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
        let place = self.events.len();
        let is_full = place >= Recorder::EVENTS_PER_CALL;
        let body = (event.attempt, is_upload(&event.kind));
        match self.progress.of(body) {
            Some(progress) => match progress.rest {
                Some(rest) => {
                    add_progress(&mut self.events[rest], event);
                    true
                }
                None => {
                    // The event itself is kept next; past the limit it joins the first one instead.
                    progress.rest = Some(if is_full { progress.first } else { place });
                    if is_full {
                        add_progress(&mut self.events[progress.first], event);
                    }
                    is_full
                }
            },
            None => {
                if !is_full {
                    self.progress.begin(FoldedProgress {
                        body,
                        first: place,
                        rest: None,
                    });
                }
                false
            }
        }
    }
}

/// How many events of one kind are kept. There is one of these only where such an event is.
struct Repeats {
    /// Of what: outside calls the attempt tells nothing.
    of: (EventName, Option<u32>, Option<ConnectionId>),
    kept: usize,
}

/// The bodies of which progress was seen. The first, which mostly is the only one, takes no allocation.
#[derive(Default)]
struct Progress {
    first: Option<FoldedProgress>,
    later: Vec<FoldedProgress>,
}

impl Progress {
    fn of(&mut self, body: Body) -> Option<&mut FoldedProgress> {
        let mut latest_first = self.later.iter_mut().rev().chain(&mut self.first);
        latest_first.find(|progress| progress.body == body)
    }

    fn begin(&mut self, progress: FoldedProgress) {
        match self.first {
            None => self.first = Some(progress),
            Some(_) => self.later.push(progress),
        }
    }
}

/// Which body: that of an attempt, and whether on the way out.
type Body = (Option<u32>, bool);

/// Where the progress events of one body are kept.
struct FoldedProgress {
    body: Body,
    /// The place of the first event.
    first: usize,
    /// The place of the event that holds the rest.
    rest: Option<usize>,
}

fn add_progress(kept: &mut Event, event: &Event) {
    let more = match &event.kind {
        EventKind::WroteBody(info) => info.bytes,
        EventKind::GotBody(info) => info.bytes,
        _ => 0,
    };
    if let EventKind::WroteBody(WroteBody { bytes, .. })
    | EventKind::GotBody(GotBody { bytes, .. }) = &mut kept.kind
    {
        *bytes = bytes.saturating_add(more);
        kept.at = kept.at.max(event.at);
    }
}

fn is_progress(kind: &EventKind) -> bool {
    matches!(kind, EventKind::WroteBody(_) | EventKind::GotBody(_))
}

fn is_upload(kind: &EventKind) -> bool {
    matches!(kind, EventKind::WroteBody(_))
}

/// How many events of a call there may be for one more of this kind to be kept.
fn limit(kind: &EventKind) -> usize {
    match kind {
        EventKind::CallEnd(_) => 2 * Recorder::EVENTS_PER_CALL + 1,
        kind if is_end(kind) => 2 * Recorder::EVENTS_PER_CALL,
        _ => Recorder::EVENTS_PER_CALL,
    }
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

/// What comes as often as the peer, or the length of a body, makes it come.
const REPEATED: EventSet = EventSet::NONE
    .with(EventName::FlowControlWaitStart)
    .with(EventName::FlowControlWaitDone)
    .with(EventName::StreamReset)
    .with(EventName::GoAway)
    .with(EventName::SettingsReceived)
    .with(EventName::Pong);
