//! The ledger as those see it who drive the connection, or have a stream of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use httptrace::Emitter;
use httptrace::info::{Http2Code, ResetBy, WriteOutcome};
use rustls::AlertDescription;

use super::greeting::Greeting;
use super::ledger::{Ledger, Now};
use super::slots::Reserved;
use super::stream::{Opening, Stream, Way};
use super::tell::Said;
use crate::wire::told::{self, Written};

/// What the tap has seen of a connection; shared with whoever drives it and with its requests.
#[derive(Clone)]
pub(crate) struct Watch(Arc<Mutex<Ledger>>);

impl Watch {
    /// `own`: whom to tell of the connection while no request is on it. `dial`: whom to tell of the settings that come
    /// before there was one.
    pub(crate) fn new(own: Emitter, dial: Emitter) -> Self {
        let ledger = Ledger::new(own, dial, crate::clock::now());
        Self(Arc::new(Mutex::new(ledger)))
    }

    /// Takes a stream, if the connection takes requests and the peer allows one more.
    pub(crate) fn reserve(&self) -> Option<Reserved> {
        self.lock().slots.reserve(&mut Now::default())
    }

    /// Takes a stream that is not there any more, for the request that the connection was made for.
    pub(crate) fn claim(&self) {
        self.lock().slots.claim();
    }

    /// A request has the stream that was taken. Returns whether others had one before.
    pub(crate) fn take_up(&self) -> bool {
        self.lock().slots.take_up()
    }

    /// A stream that was taken is given back unused.
    pub(crate) fn give_back(&self) {
        self.lock().slots.give_back(&mut Now::default());
    }

    /// No more streams are given out.
    pub(crate) fn retire(&self) {
        self.tell_after(Ledger::retire);
    }

    /// The connection is of no use to anybody any more.
    pub(crate) fn doom(&self) {
        self.tell_after(|ledger| {
            ledger.is_doomed = true;
            ledger.retire();
        });
    }

    /// Whether there is nothing left for the connection to do but to end.
    pub(crate) fn is_leaving(&self) -> bool {
        self.lock().is_leaving()
    }

    pub(crate) fn is_retired(&self) -> bool {
        self.lock().slots.is_retired()
    }

    /// Whether no stream is taken.
    pub(crate) fn is_idle(&self) -> bool {
        self.lock().slots.is_idle()
    }

    /// Whether no request has a stream: those that are left, if any, end with a reset that is on its way.
    pub(crate) fn is_unused(&self) -> bool {
        self.lock().slots.is_unused()
    }

    /// Since when no stream is taken.
    pub(crate) fn idle_since(&self) -> Option<Instant> {
        self.lock().slots.idle_since()
    }

    /// Whether a request may find room now where there was none, or none where there was, since this was last asked.
    pub(crate) fn take_freed(&self) -> bool {
        self.lock().slots.take_freed()
    }

    /// Whether anything was read since this was last asked.
    pub(crate) fn take_heard(&self) -> bool {
        std::mem::take(&mut self.lock().heard)
    }

    /// Whether nothing more will be read.
    pub(crate) fn is_deaf(&self) -> bool {
        self.lock().is_deaf
    }

    /// The alert by which the peer ended the TLS session, if it did.
    pub(crate) fn alert(&self) -> Option<AlertDescription> {
        self.lock().alert
    }

    /// What the peer's GOAWAY said, if there was one.
    pub(crate) fn go_away(&self) -> Option<Said> {
        self.lock().go_away.clone()
    }

    /// What the peer said first.
    pub(crate) fn greeting(&self) -> Greeting {
        self.lock().beginning.greeting()
    }

    /// What our GOAWAY said, if there was one.
    pub(crate) fn farewell(&self) -> Option<Said> {
        self.lock().farewell.clone()
    }

    /// How large the peer lets a request's header list be, if it has said so.
    pub(crate) fn max_header_list(&self) -> Option<u32> {
        self.lock().max_header_list
    }

    /// Opens a stream that was taken: `send` hands the request to the codec, and says which number it got. The codec does
    /// not write meanwhile, so that the stream is known before its HEADERS can leave.
    pub(crate) fn open<T, E>(
        &self,
        opening: Opening,
        send: impl FnOnce() -> Result<(u32, T), E>,
    ) -> Result<(StreamWatch, T), E> {
        let mut ledger = self.lock();
        let (id, value) = send()?;
        ledger.open(id, opening);
        drop(ledger);
        let watch = self.clone();
        Ok((StreamWatch { watch, id }, value))
    }

    /// For the driver: settles what requests wait for that came to have data. Wakes it when there are more of them, and when
    /// there is nothing left to do but to end.
    pub(crate) fn settle(&self, cx: &Context<'_>) {
        self.tell_after(|ledger| {
            ledger.driver = Some(cx.waker().clone());
            for id in std::mem::take(&mut ledger.unsettled) {
                ledger.balance(id, &mut Now::default());
            }
        });
    }

    /// The connection has ended: returns whom to tell, before those who wait for it go on.
    pub(crate) fn end(&self) -> Vec<Emitter> {
        self.tell_after(|ledger| ledger.end(&mut Now::default()))
    }

    /// The end was told.
    pub(crate) fn ended(&self) {
        let mourners = {
            let mut ledger = self.lock();
            ledger.is_end_told = true;
            std::mem::take(&mut ledger.mourners)
        };
        mourners.into_iter().for_each(Waker::wake);
    }

    /// The stream accepted bytes. Returns whether they end something that is told of when it is flushed.
    pub(super) fn wrote<'a>(
        &self,
        accepted: usize,
        buffers: impl IntoIterator<Item = &'a [u8]>,
    ) -> bool {
        self.tell_after(|ledger| {
            let (mut rest, mut is_urgent, mut now) = (accepted, false, Now::default());
            for buffer in buffers {
                let taken = rest.min(buffer.len());
                is_urgent |= ledger.wrote(&buffer[..taken], &mut now);
                rest -= taken;
            }
            is_urgent
        })
    }

    pub(super) fn flushed(&self) {
        let mut ledger = self.lock();
        if !ledger.dirty {
            return;
        }
        let mut now = Now::default();
        let written = ledger.flushed(&mut now);
        if !written.is_empty() {
            // Whatever others see of it comes later.
            now.get();
        }
        tell(ledger, written, now);
    }

    pub(super) fn read(&self, bytes: &[u8]) {
        self.tell_after(|ledger| ledger.read(bytes, &mut Now::default()));
    }

    /// Nothing more will be read, because of this alert if there was one: the codec does not tell. Says whether the last
    /// frame is whole.
    pub(super) fn deafened(&self, alert: Option<AlertDescription>) -> bool {
        let mut ledger = self.lock();
        ledger.is_deaf = true;
        ledger.alert = alert;
        !ledger.is_frame_missing_bytes()
    }

    /// Does something with the ledger, and tells what came of it when the lock is gone.
    fn tell_after<T>(&self, act: impl FnOnce(&mut Ledger) -> T) -> T {
        let mut ledger = self.lock();
        let value = act(&mut ledger);
        tell(ledger, Vec::new(), Now::default());
        value
    }

    #[cfg(any(test, fuzzing))]
    pub(super) fn look<T>(&self, at: impl FnOnce(&mut Ledger) -> T) -> T {
        at(&mut self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets the lock go, and tells what a flush carried at this time, and then all else.
fn tell(mut ledger: MutexGuard<'_, Ledger>, written: Vec<Written>, mut now: Now) {
    let tellings = std::mem::take(&mut ledger.tellings);
    let wakers = std::mem::take(&mut ledger.wakers);
    drop(ledger);
    for written in written {
        written.tell(now.get());
    }
    for telling in tellings {
        telling.tell();
    }
    wakers.into_iter().for_each(Waker::wake);
}

/// One stream in the ledger. When it is dropped nobody asks for the stream any more.
pub(crate) struct StreamWatch {
    watch: Watch,
    id: u32,
}

impl StreamWatch {
    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// Whether its HEADERS were accepted by the connection.
    pub(crate) fn is_request_begun(&self) -> bool {
        self.ask(|stream| stream.head > Way::Ahead)
    }

    /// Whether its HEADERS were handed to the kernel.
    pub(crate) fn is_head_flushed(&self) -> bool {
        self.ask(|stream| stream.head == Way::Flushed)
    }

    /// Whether the request was handed to the kernel to its end.
    pub(crate) fn is_request_flushed(&self) -> bool {
        self.ask(|stream| stream.end == Way::Flushed)
    }

    /// Whether a byte of the response arrived.
    pub(crate) fn is_response_begun(&self) -> bool {
        self.ask(|stream| stream.response_begun)
    }

    /// Whether the response arrived to its end.
    pub(crate) fn is_response_ended(&self) -> bool {
        self.ask(|stream| stream.response_ended)
    }

    /// How long the last field block of the response is on the wire: nothing is known of what it says.
    pub(crate) fn block_bytes(&self) -> u64 {
        let ledger = self.watch.lock();
        let stream = ledger.streams.get(self.id);
        stream.map_or(0, |stream| stream.block_bytes)
    }

    /// The alert by which the peer ended its connection's TLS session, if it did.
    pub(crate) fn alert(&self) -> Option<AlertDescription> {
        self.watch.alert()
    }

    /// Whether nothing more will be read of its connection.
    pub(crate) fn is_connection_deaf(&self) -> bool {
        self.watch.is_deaf()
    }

    /// Who reset the stream, and why, if somebody did.
    pub(crate) fn reset(&self) -> Option<(ResetBy, Http2Code)> {
        let ledger = self.watch.lock();
        ledger.streams.get(self.id).and_then(|stream| stream.reset)
    }

    /// What the GOAWAY said by which the peer did nothing with this stream, if there was one.
    pub(crate) fn ignored_by(&self) -> Option<Said> {
        let said = self.watch.go_away();
        said.filter(|said| self.id > said.last_stream_id)
    }

    /// Wakes this task when the next part of the request, its head or its end, has been handed to the kernel.
    pub(crate) fn wake_when_flushed(&self, cx: &Context<'_>) {
        let mut ledger = self.watch.lock();
        if let Some(stream) = ledger.streams.get_mut(self.id) {
            stream.waker = Some(cx.waker().clone());
        }
    }

    /// Ready when the request has been handed to the kernel to its end, or the stream has ended before.
    pub(crate) fn poll_flushed(&self, cx: &Context<'_>) -> Poll<()> {
        let mut ledger = self.watch.lock();
        match ledger.streams.get_mut(self.id) {
            Some(stream) if stream.end != Way::Flushed && !stream.closed => {
                stream.waker = Some(cx.waker().clone());
                Poll::Pending
            }
            _ => Poll::Ready(()),
        }
    }

    /// The request's body has data that the codec was not given yet.
    pub(crate) fn hold(&self) {
        self.watch.tell_after(|ledger| {
            if let Some(stream) = ledger.streams.get_mut(self.id) {
                stream.holding = true;
                ledger.gained_data(self.id);
            }
        });
    }

    /// The codec was given so many bytes of the request's body.
    pub(crate) fn gave(&self, bytes: usize) {
        self.watch.tell_after(|ledger| {
            if let Some(stream) = ledger.streams.get_mut(self.id) {
                stream.holding = false;
                stream.given += bytes as u64;
                ledger.gained_data(self.id);
            }
        });
    }

    /// The request will not be written to its end. Emits `WroteRequest`, if its HEADERS were written and its end was not
    /// told yet.
    pub(crate) fn give_up(&self, outcome: impl FnOnce() -> WriteOutcome) {
        let owed = self.watch.tell_after(|ledger| {
            let stream = ledger.streams.get_mut(self.id)?;
            let owed = stream.give_up()?;
            let emitter = owed.0.clone();
            ledger.end_wait(self.id, &mut Now::default(), || emitter.reason_for_drop());
            Some(owed)
        });
        if let Some((emitter, body_bytes)) = owed {
            told::given_up(&emitter, outcome, body_bytes);
        }
    }

    /// The connection has failed, as the codec says. Ready when it has been told that it ended, which is not long after.
    pub(crate) fn poll_ended(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut ledger = self.watch.lock();
        if ledger.is_end_told {
            return Poll::Ready(());
        }
        ledger.mourners.push(cx.waker().clone());
        Poll::Pending
    }

    fn ask(&self, question: impl FnOnce(&Stream) -> bool) -> bool {
        let ledger = self.watch.lock();
        ledger.streams.get(self.id).is_some_and(question)
    }
}

impl Drop for StreamWatch {
    fn drop(&mut self) {
        let id = self.id;
        self.watch
            .tell_after(|ledger| ledger.release(id, &mut Now::default()));
    }
}
