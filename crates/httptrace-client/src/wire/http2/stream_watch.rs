//! A stream of the ledger as those see it who have it.

use std::task::{Context, Poll};

use httptrace::info::{Http2Code, ResetBy, WriteOutcome};
use rustls::AlertDescription;

use super::ledger::{Ledger, Now};
use super::stream::{Stream, Way};
use super::tell::Said;
use super::watch::Watch;
use crate::wire::told;

/// One stream in the ledger. When the last of those who watch it is dropped, nobody asks for the stream any more: the
/// request is given up, as far as it is not written yet.
pub(crate) struct StreamWatch {
    watch: Watch,
    id: u32,
}

impl StreamWatch {
    /// The first of a stream that has just been opened.
    pub(super) fn new(watch: Watch, id: u32) -> Self {
        Self { watch, id }
    }

    /// For somebody else who asks for the stream.
    pub(crate) fn share(&self) -> Self {
        let mut ledger = self.watch.lock();
        if let Some(stream) = ledger.streams.get_mut(self.id) {
            stream.watchers += 1;
        }
        drop(ledger);
        Self::new(self.watch.clone(), self.id)
    }

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
        let release = |ledger: &mut Ledger| ledger.release(self.id, &mut Now::default());
        if let Some((emitter, body_bytes)) = self.watch.tell_after(release) {
            let outcome = || WriteOutcome::Failed(emitter.reason_for_drop());
            told::given_up(&emitter, outcome, body_bytes);
        }
    }
}
