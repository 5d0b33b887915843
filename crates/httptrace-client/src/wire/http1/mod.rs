//! The tap under HTTP/1: the first flush that completes after the request's head, and after its end (it asks for these
//! flushes itself); the first byte read; the heads of responses before the final one.

mod heads;
mod request;
mod stir;
mod unfold;
mod watch;

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::broken::Broken;
use crate::dial::Stream;
pub(crate) use heads::{PASSED, Surplus};
pub(super) use request::fields;
use stir::Stir;
pub(crate) use watch::{Begin, Watch};
#[cfg(fuzzing)]
pub(crate) use {heads::ResponseHeads, request::RequestDecoder};
#[cfg(not(fuzzing))]
use {heads::ResponseHeads, request::RequestDecoder};

/// Fields that a response's head may have. hyper's own limit of 100 is met in practice; Go counts bytes only.
pub(crate) const MAX_FIELDS: usize = 512;

/// The stream under the codec.
pub(crate) struct Tap {
    stream: Stream,
    stir: Stir,
    watch: Watch,
    broken: Broken,
    /// What the codec is given before anything else that is read. Boxed, since it is rare.
    owed: Option<Box<Owed>>,
    /// The next read is to wait for another poll.
    turn_over: bool,
    /// Bytes were accepted since the last completed flush.
    dirty: bool,
}

/// Bytes, and how many of them the codec has been given.
struct Owed {
    bytes: Vec<u8>,
    given: usize,
}

impl Tap {
    pub(crate) fn new(stream: Stream, watch: Watch) -> Self {
        Self {
            stream,
            stir: watch.stir(),
            watch,
            broken: Broken::default(),
            owed: None,
            turn_over: false,
            dirty: false,
        }
    }

    /// Sees whether what was accepted has left already. The codec flushes only when it has written all it has, which
    /// with a large body is long after the head has left.
    fn flush_now(&mut self, cx: &mut Context<'_>) {
        // An error will come again at the codec's own flush.
        if let Poll::Ready(Ok(())) = Pin::new(&mut self.stream).poll_flush(cx) {
            self.flushed();
        }
    }

    /// A flush completed. The codec flushes at each turn, and mostly nothing.
    fn flushed(&mut self) {
        if std::mem::take(&mut self.dirty) {
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

impl Tap {
    /// Gives the codec what it is owed.
    fn pay(&mut self, buf: &mut ReadBuf<'_>) {
        let Some(owed) = &mut self.owed else { return };
        let left = &owed.bytes[owed.given..];
        let now = left.len().min(buf.remaining());
        buf.put_slice(&left[..now]);
        owed.given += now;
        if owed.given == owed.bytes.len() {
            self.owed = None;
        }
    }

    /// Sees what was read, behind `before` in the buffer.
    fn see(&mut self, buf: &mut ReadBuf<'_>, before: usize) {
        let read = self.watch.read(&buf.filled()[before..]);
        // The codec reads on until the final response: without an end to its turn, a server that sends informational
        // ones without end would keep refusals, deadlines and whoever else shares the task waiting.
        self.turn_over = read.ends_turn;
        if let Some(instead) = read.instead {
            buf.set_filled(before);
            self.owed = Some(Box::new(Owed {
                bytes: instead,
                given: 0,
            }));
            self.pay(buf);
        }
    }
}

impl AsyncRead for Tap {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if std::mem::take(&mut this.turn_over) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if this.owed.is_some() {
            this.pay(buf);
            return Poll::Ready(Ok(()));
        }
        // The codec asks several times in a turn.
        if this.stream.keeps_its_word() && this.stir.is_waiting(cx.waker()) {
            return Poll::Pending;
        }
        let before = buf.filled().len();
        loop {
            let stream = Pin::new(&mut this.stream);
            let read = |waker: &Waker| stream.poll_read(&mut Context::from_waker(waker), buf);
            let read = ready!(this.stir.read(cx.waker(), read));
            let count = buf.filled().len() - before;
            match this.broken.is_kept() {
                true => {
                    let is_response_begun = this.watch.is_response_begun();
                    let read = read.map(|()| count);
                    this.broken.explain(read, is_response_begun)?;
                }
                false => read?,
            }
            if count == 0 {
                return Poll::Ready(Ok(()));
            }
            this.see(buf, before);
            // What was read may all have been taken out: to the codec nothing would be the end.
            if buf.filled().len() > before {
                return Poll::Ready(Ok(()));
            }
        }
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
                self.dirty = true;
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
                self.dirty = true;
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
                self.flushed();
                Poll::Ready(Ok(()))
            }
            Err(error) => self.write_failed(error),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
