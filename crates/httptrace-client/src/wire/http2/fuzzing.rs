//! The tap of HTTP/2 under an arbitrary play of both ends and of those who have streams: for tests and fuzz targets.
#![cfg_attr(test, allow(unreachable_pub))] // public to the fuzz targets alone

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Waker};

use httptrace::info::{FlowWindow, NotSentReason, WriteOutcome};
use httptrace::{ClientTrace, Emitter, Event, EventKind, EventName};

use super::frames::kind;
use super::stream::Opening;
use super::stream_watch::StreamWatch;
use super::watch::Watch;
use crate::clock;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Data comes in pieces of this many bytes, so that a few frames are more than the windows that there are at first.
const DATA_UNIT: usize = 257;
/// No script goes on for longer.
const MAX_ACTS: usize = 256;
/// What is told of a request at most once.
const ONCE: [EventName; 5] = [
    EventName::StreamOpened,
    EventName::WroteHeaders,
    EventName::Wait100Continue,
    EventName::WroteRequest,
    EventName::GotFirstResponseByte,
];

/// What was told: of each stream by its number, and of the connection while no request was on it by zero.
#[derive(Debug, PartialEq, Eq)]
pub struct TapTold {
    /// The events in their order, with all that they say but the time.
    pub events: BTreeMap<u32, Vec<String>>,
    /// The client sent what no codec sends: a part of no frame, or more than the windows have room for.
    pub disorderly: bool,
}

type Events = Arc<Mutex<Vec<Event>>>;

/// Plays what a script says, with the bytes of both directions in pieces of this size, and panics if what is told is not
/// in order. Every script says something; its acts are told by their first byte.
pub fn tap_told(script: &[u8], piece: usize) -> TapTold {
    let mut play = Play::new(piece.max(1));
    let mut script = Script(script);
    for _ in 0..MAX_ACTS {
        let Some(act) = script.byte() else { break };
        if play.act(act, &mut script).is_none() {
            break;
        }
        play.audit();
    }
    play.finish()
}

/// What is left of a script.
struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::from(self.byte()?).min(self.0.len());
        let (bytes, rest) = self.0.split_at(length);
        self.0 = rest;
        Some(bytes)
    }

    /// Zero, or one of the first streams of a client.
    fn stream(&mut self) -> Option<u32> {
        let place = u32::from(self.byte()? % 8);
        Some((2 * place).saturating_sub(1))
    }
}

/// A request that has a stream.
struct Request {
    watch: Option<StreamWatch>,
    events: Events,
    given: u64,
}

struct Play {
    watch: Watch,
    piece: usize,
    own: Events,
    reserved: usize,
    requests: BTreeMap<u32, Request>,
    disorderly: bool,
    ended: bool,
}

impl Play {
    fn new(piece: usize) -> Self {
        let (own, emitter) = listener();
        let mut play = Self {
            watch: Watch::new(emitter, Emitter::none()),
            piece,
            own,
            reserved: 0,
            requests: BTreeMap::new(),
            disorderly: false,
            ended: false,
        };
        play.wrote(PREFACE);
        play
    }

    /// Does one thing; nothing if the script says no more of it.
    fn act(&mut self, act: u8, script: &mut Script<'_>) -> Option<()> {
        match act % 16 {
            0 | 1 => self.open(script.byte()?),
            2 => self.reserve(),
            3 => self.give_back(),
            4 | 5 => self.wrote_frame(script)?,
            6 | 7 => {
                let (kind, flags) = (script.byte()? % 10, script.byte()?);
                let frame = frame(kind, flags, script.stream()?, script.bytes()?);
                self.read(&frame);
            }
            8 => self.watch.flushed(&mut Vec::new()),
            9 => self.of(script.stream()?, |request| request.watch().hold()),
            10 => {
                let (id, bytes) = (script.stream()?, script.byte()?);
                self.of(id, |request| request.give(usize::from(bytes) * DATA_UNIT));
            }
            11 => self.of(script.stream()?, Request::give_up),
            12 => self.of(script.stream()?, |request| request.watch = None),
            13 => match script.byte()? % 8 {
                0 => self.end(),
                _ => self.watch.retire(),
            },
            14 => {
                self.disorderly = true;
                let bytes = script.bytes()?;
                self.wrote(bytes);
            }
            _ => {
                let bytes = script.bytes()?;
                self.read(bytes);
            }
        }
        Some(())
    }

    fn reserve(&mut self) {
        if self.watch.reserve().is_some() {
            assert!(!self.watch.is_retired(), "it takes no more requests");
            self.reserved += 1;
        }
    }

    fn give_back(&mut self) {
        if self.reserved > 0 {
            self.reserved -= 1;
            self.watch.give_back();
        }
    }

    /// A request takes the next stream. `how`: whether it waits for 100 Continue, and whether nobody listens.
    fn open(&mut self, how: u8) {
        if self.reserved == 0 {
            self.reserve();
        }
        if self.reserved == 0 || self.ended {
            return;
        }
        self.reserved -= 1;
        let is_first = self.requests.is_empty();
        assert_eq!(self.watch.take_up(), !is_first);
        let (events, emitter) = listener();
        let opening = Opening {
            emitter: match how & 2 {
                0 => emitter,
                _ => Emitter::none(),
            },
            fields: Vec::new(),
            holds_body: how & 1 != 0,
        };
        let id = 1 + 2 * u32::try_from(self.requests.len()).expect("scripts are short");
        let opened = self.watch.open(opening, || Ok::<_, ()>((id, ())));
        let (watch, ()) = opened.expect("it was sent");
        assert_eq!(watch.id(), id);
        let watch = Some(watch);
        let request = Request {
            watch,
            events,
            given: 0,
        };
        self.requests.insert(id, request);
    }

    fn of(&mut self, id: u32, act: impl FnOnce(&mut Request)) {
        let request = self.requests.get_mut(&id);
        if let Some(request) = request.filter(|request| request.watch.is_some()) {
            act(request);
        }
    }

    /// The client sends a frame; of data, what it has and may send.
    fn wrote_frame(&mut self, script: &mut Script<'_>) -> Option<()> {
        let (kind, flags, id) = (script.byte()? % 10, script.byte()?, script.stream()?);
        if kind == kind::DATA {
            let asked = usize::from(script.byte()?) * DATA_UNIT;
            let room = self.watch.look(|ledger| ledger.sendable(id));
            let bytes = usize::try_from(room).map_or(asked, |room| room.min(asked));
            self.wrote(&frame(kind, flags, id, &vec![0; bytes]));
        } else {
            self.wrote(&frame(kind, flags, id, script.bytes()?));
        }
        Some(())
    }

    fn wrote(&mut self, bytes: &[u8]) {
        for piece in pieces(bytes, self.piece) {
            if !self.ended {
                // As a vectored write, of which not all is taken.
                let (one, other) = piece.split_at(piece.len() / 2);
                self.watch.wrote(piece.len(), [one, other, b"not taken"]);
            }
        }
    }

    fn read(&mut self, bytes: &[u8]) {
        for piece in pieces(bytes, self.piece) {
            if !self.ended {
                self.watch.read(piece);
            }
        }
    }

    fn end(&mut self) {
        self.watch.deafened(None);
        self.watch.end();
        self.watch.ended();
        self.ended = true;
    }

    /// The driver is woken, and all must be in order.
    fn audit(&self) {
        self.watch.settle(&Context::from_waker(Waker::noop()));
        let reserved = self.reserved;
        self.watch.look(|ledger| ledger.audit(reserved));
    }

    /// The connection ends, and then the requests; nothing may be left.
    fn finish(mut self) -> TapTold {
        self.watch.flushed(&mut Vec::new());
        self.end();
        let mut cx = Context::from_waker(Waker::noop());
        for watch in self.requests.values().filter_map(|r| r.watch.as_ref()) {
            assert!(watch.poll_flushed(&cx).is_ready(), "it waits for ever");
            assert!(watch.poll_ended(&mut cx).is_ready(), "it waits for ever");
        }
        self.audit();
        while self.reserved > 0 {
            self.give_back();
        }
        for request in self.requests.values_mut() {
            request.watch = None;
        }
        self.audit();
        self.watch.look(|ledger| {
            assert_eq!(ledger.streams.len(), 0, "a stream is not forgotten");
            assert!(ledger.slots.is_idle());
        });
        let disorderly = self.disorderly;
        let of_requests = self.requests.iter().map(|(id, request)| {
            let events = events(&request.events);
            let given = match disorderly {
                true => u64::MAX,
                false => request.given,
            };
            assert_in_order(&events, given);
            (*id, words(&events, disorderly))
        });
        let of_connection = (0, words(&events(&self.own), disorderly));
        TapTold {
            events: of_requests.chain([of_connection]).collect(),
            disorderly,
        }
    }
}

impl Request {
    fn watch(&self) -> &StreamWatch {
        self.watch.as_ref().expect("it is asked for")
    }

    fn give(&mut self, bytes: usize) {
        self.given += bytes as u64;
        self.watch().gave(bytes);
    }

    fn give_up(&mut self) {
        let outcome = || WriteOutcome::NotSent(NotSentReason::FinalResponseFirst);
        self.watch().give_up(outcome);
    }
}

/// Pieces of this size; of what is long larger ones, when it has begun.
fn pieces(bytes: &[u8], size: usize) -> impl Iterator<Item = &[u8]> {
    let (begin, rest) = bytes.split_at(bytes.len().min(32));
    begin.chunks(size).chain(rest.chunks(size.max(1021)))
}

fn listener() -> (Events, Emitter) {
    let events = Events::default();
    let heard = Arc::clone(&events);
    let trace = ClientTrace::new().on_event(move |event| {
        let mut events = heard.lock().unwrap_or_else(PoisonError::into_inner);
        events.push(event.clone());
    });
    (events, Emitter::for_trace(&trace, clock::now))
}

fn events(events: &Events) -> Vec<Event> {
    events
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone()
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("frames are short");
    let mut bytes = length.to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// The events in words; of a disorderly client without its waits, since it may wait within what is one frame.
fn words(events: &[Event], disorderly: bool) -> Vec<String> {
    let events = events.iter().filter(|event| {
        let is_wait = matches!(
            event.kind,
            EventKind::FlowControlWaitStart(_) | EventKind::FlowControlWaitDone(_)
        );
        !(disorderly && is_wait)
    });
    let words = events.map(|event| match &event.kind {
        // It tells a duration.
        EventKind::Pong(_) => "pong".to_owned(),
        kind => format!("{kind:?}"),
    });
    words.collect()
}

/// What is told of one request is a request: each part once, nothing of it after its end, of its body no more than there
/// was; and every wait has its end.
fn assert_in_order(events: &[Event], given: u64) {
    for once in ONCE {
        let count = events.iter().filter(|event| event.name() == once).count();
        assert!(count <= 1, "{once} was told twice: {events:?}");
    }
    let (mut written, mut is_over) = (0, false);
    let mut waiting: Option<FlowWindow> = None;
    for event in events {
        match &event.kind {
            EventKind::WroteBody(info) => {
                assert!(!is_over, "more of it after its end: {events:?}");
                written += info.bytes;
            }
            EventKind::WroteRequest(info) => {
                assert_eq!(info.body_bytes, Some(written));
                is_over = true;
            }
            EventKind::FlowControlWaitStart(info) => {
                assert_eq!(waiting.replace(info.window), None, "{events:?}");
            }
            EventKind::FlowControlWaitDone(info) => {
                assert_eq!(waiting.take(), Some(info.window), "{events:?}");
            }
            _ => {}
        }
    }
    assert_eq!(waiting, None, "it waits for ever: {events:?}");
    assert!(written <= given, "{written} bytes of {given}: {events:?}");
}

#[cfg(test)]
mod tests;
