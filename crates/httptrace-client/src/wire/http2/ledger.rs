//! The ledger of an HTTP/2 connection: what its bytes, both ways, say of each stream and of the whole.

#[cfg(any(test, fuzzing))]
mod audit;
mod inward;
mod outward;
mod windows;

use std::task::Waker;
use std::time::Instant;

use httptrace::info::{SettingsReceived, StreamReset};
use httptrace::{Emitter, EventError};
use rustls::AlertDescription;

use super::frames::{FrameDecoder, FrameHead, kind};
use super::greeting::Beginning;
use super::slots::Slots;
use super::stream::{Opening, Stream, Way};
use super::streams::Streams;
use super::tell::{Said, Telling, What};
use crate::clock;
use crate::wire::told::Written;

/// What the windows are before anybody says otherwise (RFC 9113 section 6.9.2).
const INITIAL_WINDOW: i64 = 65_535;

/// What has been seen of a connection. Sans-IO: the bytes that passed go in, and what is to be told comes out.
pub(super) struct Ledger {
    outward: FrameDecoder,
    inward: FrameDecoder,
    pub(super) beginning: Beginning,
    pub(super) streams: Streams,
    pub(super) slots: Slots,
    /// The client's own trace: what concerns the connection while no request is on it.
    own: Emitter,
    /// The dial's: the first settings belong to it, if they come before any request had a stream. Absent afterwards.
    dial: Option<Emitter>,
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
    /// Our last GOAWAY.
    pub(super) farewell: Option<Said>,
    /// To be told when the lock is gone.
    pub(super) tellings: Vec<Telling>,
    /// To be woken when the lock is gone.
    pub(super) wakers: Vec<Waker>,
    /// Streams that have data to send, and no room for it, since the driver looked.
    pub(super) unsettled: Vec<u32>,
    /// Wakes the driver.
    pub(super) driver: Option<Waker>,
    /// Something was read since somebody asked.
    pub(super) heard: bool,
    /// Nothing more will be read.
    pub(super) is_deaf: bool,
    /// The alert by which the peer ended the TLS session.
    pub(super) alert: Option<AlertDescription>,
    /// It is of no use to anybody any more.
    pub(super) is_doomed: bool,
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
    fn at(instant: Instant) -> Self {
        Self(Some(instant))
    }
}

impl Ledger {
    /// `own`: whom to tell of the connection while no request is on it. `dial`: whom to tell of the settings that come
    /// before there was one.
    pub(super) fn new(own: Emitter, dial: Emitter, now: Instant) -> Self {
        Self {
            outward: FrameDecoder::of_client(),
            inward: FrameDecoder::default(),
            beginning: Beginning::default(),
            streams: Streams::default(),
            slots: Slots::new(now),
            own,
            dial: Some(dial),
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
            farewell: None,
            tellings: Vec::new(),
            wakers: Vec::new(),
            unsettled: Vec::new(),
            driver: None,
            heard: false,
            is_deaf: false,
            alert: None,
            is_doomed: false,
            is_end_told: false,
            mourners: Vec::new(),
        }
    }

    /// A stream was taken, and has this number now: its HEADERS have not left yet.
    pub(super) fn open(&mut self, id: u32, opening: Opening) {
        self.slots.open();
        self.dial = None;
        self.streams
            .insert(id, Stream::new(opening, self.initial_window));
    }

    /// Bytes were accepted, in these pieces. Returns whether they are to be flushed at once.
    pub(super) fn wrote<'a>(
        &mut self,
        pieces: impl IntoIterator<Item = &'a [u8]>,
        now: &mut Now,
    ) -> bool {
        self.dirty = true;
        let mut decoder = std::mem::take(&mut self.outward);
        for piece in pieces {
            decoder.feed(piece, |fact| self.sent(fact, now));
        }
        self.outward = decoder;
        let mut touched = self.touched.iter();
        let is_urgent = |id: &u32| self.streams.get(*id).is_some_and(Stream::is_urgent);
        touched.any(is_urgent) || self.go_away_out.is_some()
    }

    /// Bytes were read.
    pub(super) fn read(&mut self, bytes: &[u8], now: &mut Now) {
        self.heard = true;
        self.beginning.read(bytes);
        let mut decoder = std::mem::take(&mut self.inward);
        decoder.feed(bytes, |fact| self.got(fact, now));
        self.inward = decoder;
        if self.inward.is_within_head() && self.began.is_none() && self.is_listened_to() {
            self.began = Some(now.get());
        }
    }

    /// A flush completed: adds what it carried of each request.
    ///
    /// What is to be told of them besides is to be told after that.
    pub(super) fn flushed(&mut self, now: &mut Now, carried: &mut Vec<Written>) {
        self.dirty = false;
        if let Some(ping) = self.ping.as_mut().filter(|ping| ping.sent.is_none()) {
            ping.sent = Some(now.get());
        }
        if let Some(said) = self.go_away_out.take() {
            self.tell_all(&What::GoAway(said), now);
        }
        let mut touched = std::mem::take(&mut self.touched);
        for id in touched.drain(..) {
            let Some(stream) = self.streams.get_mut(id) else {
                continue;
            };
            let before = (stream.head, stream.end);
            carried.extend(stream.flush(id));
            let is_reset = std::mem::take(&mut stream.reset_untold);
            let is_forgettable = stream.is_forgettable();
            if before != (stream.head, stream.end) {
                self.wakers.extend(stream.waker.take());
                if stream.has_data() || stream.waiting.is_some() {
                    self.balance(id, now);
                }
            }
            if is_reset {
                self.tell_reset(id, now);
            }
            if is_forgettable {
                self.streams.forget(id);
            }
        }
        // Its room is used again.
        self.touched = touched;
    }

    /// Whether a frame that is being read has begun and is not complete.
    pub(super) fn is_frame_missing_bytes(&self) -> bool {
        self.inward.is_within_frame()
    }

    fn is_listened_to(&self) -> bool {
        self.streams.are_heard()
    }

    fn tell_reset(&mut self, id: u32, now: &mut Now) {
        if let Some((by, code)) = self.streams.get(id).and_then(|stream| stream.reset) {
            let what = What::Reset(StreamReset::new(id, by, code));
            self.tell_stream(id, || now.get(), what);
        }
    }

    /// Tells the request that has a stream, if it listens: only then the time is asked for.
    fn tell_stream(&mut self, id: u32, at: impl FnOnce() -> Instant, what: What) {
        let stream = self.streams.get(id);
        if let Some(stream) = stream.filter(|stream| !stream.emitter.is_none()) {
            self.tellings.push(Telling {
                emitter: stream.emitter.clone(),
                at: at(),
                what,
            });
        }
    }

    /// Tells of the peer's settings: the first to the dial's request as long as no request had a stream, since they end
    /// what began there.
    fn tell_settings(&mut self, settings: SettingsReceived, now: &mut Now) {
        let what = What::Settings(settings);
        match self.dial.take().filter(|dial| !dial.is_none()) {
            Some(emitter) => self.tellings.push(Telling {
                emitter,
                at: now.get(),
                what,
            }),
            None => self.tell_all(&what, now),
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
        let mut streams = self.streams.all().filter(|s| !s.released).peekable();
        let emitters: Vec<_> = match streams.peek() {
            Some(_) => streams.map(|stream| stream.emitter.clone()).collect(),
            None => vec![self.own.clone()],
        };
        let listening = emitters.into_iter().filter(|emitter| !emitter.is_none());
        listening.collect()
    }

    /// No more streams are given out.
    pub(super) fn retire(&mut self) {
        self.slots.retire();
        self.wake_driver_if_leaving();
    }

    /// Whether there is nothing left to do for the connection but to end.
    pub(super) fn is_leaving(&self) -> bool {
        self.is_doomed || (self.slots.is_retired() && self.slots.is_unused())
    }

    fn wake_driver_if_leaving(&mut self) {
        if self.is_leaving() {
            self.wakers.extend(self.driver.take());
        }
    }

    /// As far as the wire goes, a stream is over: another may take its place.
    pub(super) fn close(&mut self, id: u32, now: &mut Now) {
        let Some(stream) = self.streams.get_mut(id) else {
            return;
        };
        if !std::mem::replace(&mut stream.closed, true) {
            self.wakers.extend(stream.waker.take());
            self.slots.close(stream.released, now);
            if stream.may_wait() {
                let why = "the stream ended before the request's body did";
                let why = || EventError::new(httptrace::ErrorKind::Closed, why);
                self.end_wait(id, now, why);
            }
        }
        self.streams.forget_if_over(id);
    }

    /// One of those who asked for a stream does so no more. If it was the last, what the request still owes is given up:
    /// returns whom to tell, and how many bytes of its body were written.
    pub(super) fn release(&mut self, id: u32, now: &mut Now) -> Option<(Emitter, u64)> {
        let stream = self.streams.get_mut(id)?;
        stream.watchers -= 1;
        if stream.watchers > 0 {
            return None;
        }
        let owed = stream.give_up();
        stream.released = true;
        if !stream.closed {
            self.slots.abandon(now);
        }
        // What was never told to be opened is over without a word.
        let unseen = stream.head == Way::Ahead;
        if stream.may_wait() {
            let emitter = stream.emitter.clone();
            self.end_wait(id, now, || emitter.reason_for_drop());
        }
        if unseen {
            self.streams.silence(id);
            if self.slots.are_overdrawn() {
                // The codec holds it back, and will never send it.
                self.close(id, now);
            }
        }
        self.wake_driver_if_leaving();
        self.streams.forget_if_over(id);
        owed
    }

    /// The connection has ended. Returns whom to tell.
    pub(super) fn end(&mut self, now: &mut Now) -> Vec<Emitter> {
        let audience = self.audience();
        self.slots.retire();
        let ids: Vec<_> = self.streams.ids().collect();
        for id in ids {
            if let Some(stream) = self.streams.get_mut(id) {
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
