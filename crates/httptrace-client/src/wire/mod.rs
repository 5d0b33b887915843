//! The wire tap: a transparent stream between the codec and TLS that watches the bytes.
//!
//! hyper hides the moments that matter, so the tap sees them for itself: the first flush that completes after the
//! request's head, and after its end (it asks for these flushes itself); the first byte read. For https it sits above TLS, whose flush completes only
//! when the session has nothing left to write.

mod broken;
mod fields;
mod http1;
pub(crate) mod http2;
mod told;

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use httptrace::info::WriteOutcome;
use httptrace::{Emitter, EventError, EventName};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::dial::Stream;
use broken::Broken;
pub(crate) use fields::fields_by_name;
pub(crate) use http1::RequestDecoder;
pub(crate) use told::Field;
use told::Written;

/// The stream under the codec.
pub(crate) struct Tap {
    stream: Stream,
    watch: Watch,
    broken: Broken,
}

/// What the tap has seen of the exchange in progress; shared with whoever drives the connection.
#[derive(Clone, Default)]
pub(crate) struct Watch(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    emitter: Emitter,
    request: RequestDecoder,
    /// The request's body waits for `100 Continue` when its head is flushed.
    holds_body: bool,
    /// Bytes were accepted since the last completed flush.
    dirty: bool,
    head_flushed: bool,
    request_flushed: bool,
    /// A write failed: nothing more of the request leaves.
    write_failed: bool,
    /// `WroteRequest` was emitted.
    told: bool,
    /// Body bytes that `WroteBody` has told of.
    told_body: u64,
    response_begun: bool,
    /// The next read is to wait for another poll.
    turn_over: bool,
    /// The exchange is over: if bytes still go to and fro, they are no longer HTTP's.
    over: bool,
}

impl Tap {
    pub(crate) fn new(stream: Stream, watch: Watch) -> Self {
        Self {
            stream,
            watch,
            broken: Broken::default(),
        }
    }

    /// Sees whether what was accepted has left already. The codec flushes only when it has written all it has, which
    /// with a large body is long after the head has left.
    fn flush_now(&mut self, cx: &mut Context<'_>) {
        // An error will come again at the codec's own flush.
        if let Poll::Ready(Ok(())) = Pin::new(&mut self.stream).poll_flush(cx) {
            self.watch.flushed();
        }
    }

    /// A write failed. Waits, if reading may still bring the answer: what has happened to the stream wakes its reader.
    fn write_failed<T>(&mut self, error: io::Error) -> Poll<io::Result<T>> {
        self.watch.failed(&error);
        match self.broken.keep(error, self.watch.awaits_answer()) {
            Some(error) => Poll::Ready(Err(error)),
            None => Poll::Pending,
        }
    }
}

impl Drop for Tap {
    /// Ends a TLS session in order (`close_notify`, RFC 9112 section 9.8), as far as that needs no waiting, whoever had
    /// the stream last. A plain stream just ends.
    fn drop(&mut self) {
        if matches!(self.stream, Stream::Tls(_) | Stream::TlsOverCustom(_)) {
            let mut cx = Context::from_waker(Waker::noop());
            let _ = Pin::new(&mut self.stream).poll_shutdown(&mut cx);
        }
    }
}

impl Watch {
    /// A request is about to be written: what is seen from now on is its. `holds_body`: after its head it waits for
    /// `100 Continue`.
    pub(crate) fn begin(&self, emitter: Emitter, holds_body: bool) {
        let mut seen = self.lock();
        seen.request.restart();
        seen.emitter = emitter;
        seen.holds_body = holds_body;
        seen.dirty = false;
        seen.head_flushed = false;
        seen.request_flushed = false;
        seen.write_failed = false;
        seen.told = false;
        seen.told_body = 0;
        seen.response_begun = false;
        seen.turn_over = false;
        seen.over = false;
    }

    /// The exchange is over: what is seen from now on is nobody's.
    pub(crate) fn end(&self) {
        let mut seen = self.lock();
        seen.emitter = Emitter::none();
        seen.turn_over = false;
        seen.over = true;
    }

    /// Has the codec's next read wait for another poll, so that whoever polls comes to look at what it has read so far.
    pub(crate) fn end_turn(&self) {
        self.lock().turn_over = true;
    }

    fn take_end_of_turn(&self) -> bool {
        std::mem::take(&mut self.lock().turn_over)
    }

    /// The request will not be written to its end. Emits `WroteRequest`, if a byte of it was written and its end was
    /// not told yet.
    pub(crate) fn give_up(&self, outcome: impl FnOnce() -> WriteOutcome) {
        let (emitter, body_bytes) = {
            let mut seen = self.lock();
            if seen.told || !seen.request.is_begun() {
                return;
            }
            seen.told = true;
            (seen.emitter.clone(), seen.told_body)
        };
        told::given_up(&emitter, outcome, body_bytes);
    }

    /// Whether a byte of the request was accepted.
    pub(crate) fn is_request_begun(&self) -> bool {
        self.lock().request.is_begun()
    }

    /// Whether the peer may answer a request that it has at least a byte of.
    fn awaits_answer(&self) -> bool {
        let seen = self.lock();
        seen.request.is_begun() && !seen.over
    }

    /// Whether the request's head was handed to the kernel.
    pub(crate) fn is_head_flushed(&self) -> bool {
        self.lock().head_flushed
    }

    /// Whether the request was handed to the kernel to its end.
    pub(crate) fn is_request_flushed(&self) -> bool {
        self.lock().request_flushed
    }

    /// Whether all of the request has left that ever will: the answer is the peer's turn.
    pub(crate) fn is_writing_over(&self) -> bool {
        let seen = self.lock();
        seen.request_flushed || seen.write_failed
    }

    /// Whether a byte of the response arrived.
    pub(crate) fn is_response_begun(&self) -> bool {
        self.lock().response_begun
    }

    /// The stream accepted bytes. Returns whether they end something that is told of when it is flushed.
    fn wrote<'a>(&self, accepted: usize, buffers: impl IntoIterator<Item = &'a [u8]>) -> bool {
        let mut seen = self.lock();
        seen.dirty = true;
        let mut rest = accepted;
        for buffer in buffers {
            let taken = rest.min(buffer.len());
            seen.request.feed(&buffer[..taken]);
            rest -= taken;
        }
        let ends_head = seen.request.is_head_done() && !seen.head_flushed;
        let ends_request = seen.request.is_done() && !seen.request_flushed;
        ends_head || ends_request || seen.emitter.wants(EventName::WroteBody)
    }

    /// A flush completed: tells what it carried. The hooks run after the lock is gone.
    fn flushed(&self) {
        let Some(written) = self.lock().flush() else {
            return;
        };
        if let Some(at) = written.emitter.now() {
            written.tell(at);
        }
    }

    fn read(&self) {
        let emitter = {
            let mut seen = self.lock();
            if seen.response_begun {
                return;
            }
            seen.response_begun = true;
            seen.emitter.clone()
        };
        if let Some(at) = emitter.now() {
            told::first_byte(&emitter, at);
        }
    }

    fn failed(&self, error: &io::Error) {
        self.lock().write_failed = true;
        self.give_up(|| {
            let copy = io::Error::new(error.kind(), error.to_string());
            WriteOutcome::Failed(EventError::io(copy))
        });
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    fn flush(&mut self) -> Option<Written> {
        if !std::mem::take(&mut self.dirty) {
            return None;
        }
        let head = self.request.is_head_done() && !self.head_flushed;
        let end = self.request.is_done() && !self.request_flushed;
        self.head_flushed |= head;
        self.request_flushed |= end;
        let total = self.request.body_bytes();
        let body_bytes = total - self.told_body;
        self.told_body = total;
        // After `WroteRequest` there is nothing more to tell of the request.
        let was_told = self.told;
        self.told |= end;
        if self.emitter.is_none() || was_told {
            return None;
        }
        Some(Written {
            stream_id: None,
            fields: match head && self.emitter.wants(EventName::WroteHeaderField) {
                true => fields_by_name(self.request.head()),
                false => Vec::new(),
            },
            emitter: self.emitter.clone(),
            head,
            holds_body: self.holds_body,
            body_bytes,
            end: end.then_some(total),
        })
    }
}

impl AsyncRead for Tap {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.watch.take_end_of_turn() {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buf.filled().len();
        let read = ready!(Pin::new(&mut self.stream).poll_read(cx, buf));
        let read = read.map(|()| buf.filled().len() - before);
        let is_response_begun = self.watch.is_response_begun();
        if self.broken.explain(read, is_response_begun)? > 0 {
            self.watch.read();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tap {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.broken.is_kept() {
            return Poll::Pending;
        }
        match ready!(Pin::new(&mut self.stream).poll_write(cx, buf)) {
            Ok(accepted) => {
                if self.watch.wrote(accepted, [buf]) {
                    self.flush_now(cx);
                }
                Poll::Ready(Ok(accepted))
            }
            Err(error) => self.write_failed(error),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.broken.is_kept() {
            return Poll::Pending;
        }
        match ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)) {
            Ok(accepted) => {
                if self.watch.wrote(accepted, bufs.iter().map(|buf| &**buf)) {
                    self.flush_now(cx);
                }
                Poll::Ready(Ok(accepted))
            }
            Err(error) => self.write_failed(error),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.broken.is_kept() {
            return Poll::Pending;
        }
        match ready!(Pin::new(&mut self.stream).poll_flush(cx)) {
            Ok(()) => {
                self.watch.flushed();
                Poll::Ready(Ok(()))
            }
            Err(error) => self.write_failed(error),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
