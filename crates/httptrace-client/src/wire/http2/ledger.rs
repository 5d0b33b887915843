//! The ledger of an HTTP/2 connection: what its bytes, both ways, say of each stream and of the whole.

use std::collections::HashMap;
use std::task::Waker;
use std::time::Instant;

use httptrace::info::{FlowWindow, Http2Code, ResetBy, StreamReset};
use httptrace::{Emitter, EventError};

use super::control;
use super::frames::{Fact, FrameDecoder, FrameHead, kind};
use super::slots::Slots;
use super::stream::{Opening, Stream, Way};
use super::tell::{Said, Telling, What};
use crate::clock;
use crate::wire::told::Written;

/// What the windows are before anybody says otherwise (RFC 9113 section 6.9.2).
const INITIAL_WINDOW: i64 = 65_535;

/// What has been seen of a connection. Sans-IO: the bytes that passed go in, and what is to be told comes out.
pub(super) struct Ledger {
    outward: FrameDecoder,
    inward: FrameDecoder,
    pub(super) streams: HashMap<u32, Stream>,
    pub(super) slots: Slots,
    /// The client's own trace: what concerns the connection while no request is on it.
    own: Emitter,
    /// How many bytes the peer still takes on the connection, and on a stream that is opened now.
    window: i64,
    initial_window: i64,
    /// How large a request's header list may be, if the peer has said so.
    pub(super) max_header_list: Option<u32>,
    /// A field block that goes on in CONTINUATION frames: its stream, and whether its end is the stream's.
    block_out: Option<(u32, bool)>,
    block_in: Option<(u32, bool)>,
    /// When the first byte came of a frame head that is not complete.
    began: Option<Instant>,
    /// Streams of which something was accepted since the last flush.
    touched: Vec<u32>,
    pub(super) dirty: bool,
    ping: Option<Ping>,
    pub(super) go_away: Option<Said>,
    go_away_out: Option<Said>,
    /// To be told when the lock is gone.
    pub(super) tellings: Vec<Telling>,
    /// To be woken when the lock is gone.
    pub(super) wakers: Vec<Waker>,
    /// Something was read since somebody asked.
    pub(super) heard: bool,
    /// Nothing more will be read.
    pub(super) is_deaf: bool,
    /// The connection has ended, and that was told.
    pub(super) is_end_told: bool,
    /// Who waits for that.
    pub(super) mourners: Vec<Waker>,
}

/// A PING of ours that has not been answered.
struct Ping {
    payload: [u8; 8],
    sent: Option<Instant>,
}

/// The time, read when it is first asked for.
#[derive(Default)]
pub(super) struct Now(Option<Instant>);

impl Now {
    pub(super) fn get(&mut self) -> Instant {
        *self.0.get_or_insert_with(clock::now)
    }

    #[cfg(test)]
    pub(super) fn at(instant: Instant) -> Self {
        Self(Some(instant))
    }
}

impl Ledger {
    /// `own`: whom to tell of the connection while no request is on it.
    pub(super) fn new(own: Emitter, now: Instant) -> Self {
        Self {
            outward: FrameDecoder::of_client(),
            inward: FrameDecoder::default(),
            streams: HashMap::new(),
            slots: Slots::new(now),
            own,
            window: INITIAL_WINDOW,
            initial_window: INITIAL_WINDOW,
            max_header_list: None,
            block_out: None,
            block_in: None,
            began: None,
            touched: Vec::new(),
            dirty: false,
            ping: None,
            go_away: None,
            go_away_out: None,
            tellings: Vec::new(),
            wakers: Vec::new(),
            heard: false,
            is_deaf: false,
            is_end_told: false,
            mourners: Vec::new(),
        }
    }

    /// A stream was taken, and has this number now: its HEADERS have not left yet.
    pub(super) fn open(&mut self, id: u32, opening: Opening) {
        self.slots.open();
        self.streams
            .insert(id, Stream::new(opening, self.initial_window));
    }

    /// Bytes were accepted. Returns whether they are to be flushed at once.
    pub(super) fn wrote(&mut self, bytes: &[u8], now: &mut Now) -> bool {
        self.dirty = true;
        let mut decoder = std::mem::take(&mut self.outward);
        decoder.feed(bytes, |fact| self.sent(fact, now));
        self.outward = decoder;
        let mut touched = self.touched.iter();
        let is_urgent = |id| self.streams.get(id).is_some_and(Stream::is_urgent);
        touched.any(is_urgent) || self.go_away_out.is_some()
    }

    /// Bytes were read.
    pub(super) fn read(&mut self, bytes: &[u8], now: &mut Now) {
        self.heard = true;
        let mut decoder = std::mem::take(&mut self.inward);
        decoder.feed(bytes, |fact| self.got(fact, now));
        self.inward = decoder;
        if self.inward.is_within_head() && self.began.is_none() && self.is_listened_to() {
            self.began = Some(now.get());
        }
    }

    /// A flush completed: what it carried of each request.
    ///
    /// What is to be told of them besides is to be told after that.
    pub(super) fn flushed(&mut self, now: &mut Now) -> Vec<Written> {
        self.dirty = false;
        if let Some(ping) = self.ping.as_mut().filter(|ping| ping.sent.is_none()) {
            ping.sent = Some(now.get());
        }
        if let Some(said) = self.go_away_out.take() {
            self.tell_all(&What::GoAway(said), now);
        }
        let mut carried = Vec::new();
        for id in std::mem::take(&mut self.touched) {
            let Some(stream) = self.streams.get_mut(&id) else {
                continue;
            };
            let before = (stream.head, stream.end);
            carried.extend(stream.flush(id));
            if before != (stream.head, stream.end) {
                self.wakers.extend(stream.waker.take());
                self.balance(id, now);
            }
            let Some(stream) = self.streams.get_mut(&id) else {
                continue;
            };
            if std::mem::take(&mut stream.reset_untold) {
                self.tell_reset(id, now);
            }
            self.forget_if_over(id);
        }
        carried
    }

    fn is_listened_to(&self) -> bool {
        self.streams.values().any(|s| !s.emitter.is_none())
    }

    fn sent(&mut self, fact: Fact<'_>, now: &mut Now) {
        match fact {
            Fact::Head(_) => {}
            Fact::Data(head, bytes) => self.sent_data(head.stream, bytes, now),
            Fact::Done(head, payload) => {
                if let Some((id, ends)) = end_of_block(head, &mut self.block_out) {
                    self.advance(id, true, ends, now);
                } else if head.kind == kind::DATA && head.ends_stream() {
                    self.advance(head.stream, false, true, now);
                }
                self.sent_control(head, payload, now);
            }
        }
    }

    fn sent_control(&mut self, head: FrameHead, payload: &[u8], now: &mut Now) {
        match head.kind {
            kind::RST_STREAM => {
                let code = Http2Code(control::number(payload).unwrap_or(0));
                if let Some(stream) = self.streams.get_mut(&head.stream) {
                    stream.reset.get_or_insert((ResetBy::Local, code));
                    stream.reset_untold = true;
                    self.touched.push(head.stream);
                    self.close(head.stream, now);
                }
            }
            kind::GOAWAY => {
                self.slots.retire();
                self.go_away_out = control::go_away(payload, ResetBy::Local);
            }
            kind::PING if !head.is_ack() => {
                if let Ok(payload) = payload.try_into() {
                    let sent = None;
                    self.ping = Some(Ping { payload, sent });
                }
            }
            _ => {}
        }
    }

    fn sent_data(&mut self, id: u32, bytes: u32, now: &mut Now) {
        let before = self.window;
        self.window -= i64::from(bytes);
        if let Some(stream) = self.streams.get_mut(&id) {
            stream.window -= i64::from(bytes);
            stream.accepted += u64::from(bytes);
            self.touched.push(id);
            self.balance(id, now);
        }
        if before > 0 && self.window <= 0 {
            self.balance_all(now);
        }
    }

    /// A field block of a request was accepted to its end, or the request was.
    fn advance(&mut self, id: u32, head: bool, end: bool, now: &mut Now) {
        let Some(stream) = self.streams.get_mut(&id) else {
            return;
        };
        self.touched.push(id);
        if head {
            stream.head = stream.head.max(Way::Accepted);
        }
        if end {
            stream.end = Way::Accepted;
            if stream.response_ended {
                self.close(id, now);
            }
        }
    }

    fn got(&mut self, fact: Fact<'_>, now: &mut Now) {
        match fact {
            Fact::Head(head) => {
                let began = self.began.take();
                if head.kind == kind::HEADERS {
                    self.begin_response(head.stream, began, now);
                }
            }
            Fact::Data(..) => {}
            Fact::Done(head, payload) => {
                let ends = match end_of_block(head, &mut self.block_in) {
                    Some((_, ends)) => ends,
                    None => head.kind == kind::DATA && head.ends_stream(),
                };
                if ends {
                    self.end_response(head.stream, now);
                }
                self.got_control(head, payload, now);
            }
        }
    }

    fn begin_response(&mut self, id: u32, began: Option<Instant>, now: &mut Now) {
        let Some(stream) = self.streams.get_mut(&id) else {
            return;
        };
        if !std::mem::replace(&mut stream.response_begun, true) && !stream.emitter.is_none() {
            let emitter = stream.emitter.clone();
            let at = began.unwrap_or_else(|| now.get());
            let what = What::FirstByte;
            self.tellings.push(Telling { emitter, at, what });
        }
    }

    fn end_response(&mut self, id: u32, now: &mut Now) {
        if let Some(stream) = self.streams.get_mut(&id) {
            stream.response_ended = true;
            if stream.end > Way::Ahead {
                self.close(id, now);
            }
        }
    }

    fn got_control(&mut self, head: FrameHead, payload: &[u8], now: &mut Now) {
        match head.kind {
            kind::RST_STREAM => {
                let code = Http2Code(control::number(payload).unwrap_or(0));
                if let Some(stream) = self.streams.get_mut(&head.stream) {
                    let first = stream.reset.is_none();
                    stream.reset.get_or_insert((ResetBy::Peer, code));
                    if first {
                        self.tell_reset(head.stream, now);
                    }
                    self.close(head.stream, now);
                }
            }
            kind::SETTINGS if !head.is_ack() => self.got_settings(payload, now),
            kind::PING if head.is_ack() => self.got_pong(payload, now),
            kind::GOAWAY => self.got_go_away(payload, now),
            kind::WINDOW_UPDATE => self.got_window(head.stream, payload, now),
            _ => {}
        }
    }

    fn got_settings(&mut self, payload: &[u8], now: &mut Now) {
        let settings = control::settings(payload);
        self.slots.limit(settings.max_concurrent_streams);
        self.max_header_list = settings.max_header_list_size.or(self.max_header_list);
        let window = settings.initial_window_size;
        self.tell_all(&What::Settings(settings), now);
        if let Some(window) = window {
            // It changes the windows of the streams that there are as well (section 6.9.2).
            let more = i64::from(window) - self.initial_window;
            self.initial_window += more;
            for stream in self.streams.values_mut() {
                stream.window += more;
            }
            self.balance_all(now);
        }
    }

    fn got_pong(&mut self, payload: &[u8], now: &mut Now) {
        let answers = |ping: &Ping| ping.payload == payload;
        if self.ping.as_ref().is_some_and(answers) {
            if let Some(sent) = self.ping.take().and_then(|ping| ping.sent) {
                let round_trip = now.get().saturating_duration_since(sent);
                self.tell_all(&What::Pong(round_trip), now);
            }
        }
    }

    fn got_go_away(&mut self, payload: &[u8], now: &mut Now) {
        self.slots.retire();
        let Some(said) = control::go_away(payload, ResetBy::Peer) else {
            return;
        };
        self.tell_all(&What::GoAway(said.clone()), now);
        let ids = self.streams.keys().copied();
        let ignored: Vec<_> = ids.filter(|id| *id > said.last_stream_id).collect();
        // A second one may name fewer streams, never more (section 6.8).
        self.go_away = Some(said);
        for id in ignored {
            self.close(id, now);
        }
    }

    fn got_window(&mut self, id: u32, payload: &[u8], now: &mut Now) {
        let more = i64::from(control::increment(payload).unwrap_or(0));
        if id == 0 {
            let before = self.window;
            self.window += more;
            if before <= 0 && self.window > 0 {
                self.balance_all(now);
            }
        } else if let Some(stream) = self.streams.get_mut(&id) {
            stream.window += more;
            self.balance(id, now);
        }
    }

    fn tell_reset(&mut self, id: u32, now: &mut Now) {
        let Some(stream) = self.streams.get(&id) else {
            return;
        };
        if let (Some((by, code)), false) = (stream.reset, stream.emitter.is_none()) {
            self.tellings.push(Telling {
                emitter: stream.emitter.clone(),
                at: now.get(),
                what: What::Reset(StreamReset::new(id, by, code)),
            });
        }
    }

    /// Tells everybody whose request is on the connection; if there is nobody, the client's own trace.
    fn tell_all(&mut self, what: &What, now: &mut Now) {
        for emitter in self.audience() {
            let (at, what) = (now.get(), what.clone());
            self.tellings.push(Telling { emitter, at, what });
        }
    }

    /// Those whom what concerns the whole connection concerns.
    pub(super) fn audience(&self) -> Vec<Emitter> {
        let mut streams = self.streams.values().filter(|s| !s.released).peekable();
        let emitters: Vec<_> = match streams.peek() {
            Some(_) => streams.map(|stream| stream.emitter.clone()).collect(),
            None => vec![self.own.clone()],
        };
        let listening = emitters.into_iter().filter(|emitter| !emitter.is_none());
        listening.collect()
    }

    /// Settles what a stream's data waits for, if it waits.
    pub(super) fn balance(&mut self, id: u32, now: &mut Now) {
        let Some(stream) = self.streams.get_mut(&id) else {
            return;
        };
        let exhausted = if !stream.owes_data() {
            None
        } else if stream.window <= 0 {
            Some(FlowWindow::Stream)
        } else {
            (self.window <= 0).then_some(FlowWindow::Connection)
        };
        if exhausted == stream.waiting {
            return;
        }
        let before = std::mem::replace(&mut stream.waiting, exhausted);
        let done = before.map(|window| What::WaitDone(window, None));
        let start = exhausted.map(What::WaitStart);
        if !stream.emitter.is_none() {
            let emitter = stream.emitter.clone();
            let at = now.get();
            let told = done.into_iter().chain(start).map(|what| Telling {
                emitter: emitter.clone(),
                at,
                what,
            });
            self.tellings.extend(told);
        }
    }

    fn balance_all(&mut self, now: &mut Now) {
        let owing = self.streams.iter().filter(|(_, s)| s.owes_data());
        let ids: Vec<_> = owing.map(|(id, _)| *id).collect();
        for id in ids {
            self.balance(id, now);
        }
    }

    /// A stream's wait ends without the window that it waited for.
    pub(super) fn end_wait(&mut self, id: u32, now: &mut Now, why: impl FnOnce() -> EventError) {
        if let Some(stream) = self.streams.get_mut(&id) {
            stream.holding = false;
            if let (Some(window), false) = (stream.waiting.take(), stream.emitter.is_none()) {
                self.tellings.push(Telling {
                    emitter: stream.emitter.clone(),
                    at: now.get(),
                    what: What::WaitDone(window, Some(why())),
                });
            }
        }
    }

    /// As far as the wire goes, a stream is over: another may take its place.
    pub(super) fn close(&mut self, id: u32, now: &mut Now) {
        let Some(stream) = self.streams.get_mut(&id) else {
            return;
        };
        if !std::mem::replace(&mut stream.closed, true) {
            self.slots.close(now);
            let why = "the stream ended before the request's body did";
            let why = || EventError::new(httptrace::ErrorKind::Closed, why);
            self.end_wait(id, now, why);
        }
        self.forget_if_over(id);
    }

    /// Nobody asks for a stream any more.
    pub(super) fn release(&mut self, id: u32, now: &mut Now) {
        let Some(stream) = self.streams.get_mut(&id) else {
            return;
        };
        stream.released = true;
        let emitter = stream.emitter.clone();
        // What was never told to be opened is over without a word.
        let unseen = stream.head == Way::Ahead;
        self.end_wait(id, now, || emitter.reason_for_drop());
        if unseen {
            if let Some(stream) = self.streams.get_mut(&id) {
                stream.emitter = Emitter::none();
            }
            if self.slots.are_overdrawn() {
                // The codec holds it back, and will never send it.
                self.close(id, now);
            }
        }
        self.forget_if_over(id);
    }

    fn forget_if_over(&mut self, id: u32) {
        if self.streams.get(&id).is_some_and(Stream::is_forgettable) {
            self.streams.remove(&id);
        }
    }

    /// The connection has ended. Returns whom to tell.
    pub(super) fn end(&mut self, now: &mut Now) -> Vec<Emitter> {
        let audience = self.audience();
        self.slots.retire();
        let ids: Vec<_> = self.streams.keys().copied().collect();
        for id in ids {
            if let Some(stream) = self.streams.get_mut(&id) {
                stream.reset_untold = false;
            }
            self.close(id, now);
        }
        audience
    }
}

/// The field block that a frame ends: its stream, and whether its end is the stream's in this direction.
fn end_of_block(head: FrameHead, block: &mut Option<(u32, bool)>) -> Option<(u32, bool)> {
    if head.kind == kind::HEADERS {
        *block = Some((head.stream, head.ends_stream()));
    }
    match head.ends_headers() {
        true => block.take(),
        false => None,
    }
}

#[cfg(test)]
mod tests;
