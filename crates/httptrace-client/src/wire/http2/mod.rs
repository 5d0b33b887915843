//! The tap of HTTP/2: it finds the frames in what passes, and keeps a ledger of streams and windows.
//!
//! h2 says when it has taken a frame, not when it has left; and of windows, what it may still buffer. The tap sees frames
//! accepted, flushed and read, and tells of each stream to the request that has it.

mod control;
mod frames;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod greeting;
mod ledger;
mod slots;
mod stream;
mod stream_watch;
mod streams;
mod tell;
mod watch;

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::dial::{Stream, alert_behind};
use crate::wire::told::Written;

pub(crate) use greeting::Greeting;
pub(crate) use slots::{BEFORE_SETTINGS, Reserved};
pub(crate) use stream::Opening;
pub(crate) use stream_watch::StreamWatch;
pub(crate) use tell::Said;
pub(crate) use watch::Watch;

/// The stream under the codec.
pub(crate) struct Tap {
    stream: Stream,
    watch: Watch,
    /// Room for what a flush carried, which is used again: with an upload there is one for each frame.
    carried: Vec<Written>,
}

impl Tap {
    pub(crate) fn new(stream: Stream, watch: Watch) -> Self {
        Self {
            stream,
            watch,
            carried: Vec::new(),
        }
    }

    fn wrote<'a>(
        &mut self,
        cx: &mut Context<'_>,
        accepted: usize,
        buffers: impl IntoIterator<Item = &'a [u8]>,
    ) {
        let is_urgent = self.watch.wrote(accepted, buffers);
        // Sees whether what was accepted has left already: the codec flushes when it has written all it has, which with
        // a large body is long after a head has left. An error will come again at the codec's own flush.
        if is_urgent && matches!(self.poll_flush_stream(cx), Poll::Ready(Ok(()))) {
            self.flushed();
        }
    }

    fn flushed(&mut self) {
        self.watch.flushed(&mut self.carried);
    }

    fn poll_flush_stream(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }
}

impl Drop for Tap {
    /// Ends a TLS session in order, as far as that needs no waiting.
    fn drop(&mut self) {
        if matches!(self.stream, Stream::Tls(_) | Stream::TlsOverCustom(_)) {
            let mut cx = Context::from_waker(Waker::noop());
            let _ = Pin::new(&mut self.stream).poll_shutdown(&mut cx);
        }
    }
}

impl AsyncRead for Tap {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = ready!(Pin::new(&mut self.stream).poll_read(cx, buf));
        if read.is_ok() && buf.filled().len() > before {
            self.watch.read(&buf.filled()[before..]);
            return Poll::Ready(read);
        }
        let alert = read.as_ref().err().and_then(|error| alert_behind(error));
        let is_whole = self.watch.deafened(alert);
        // The codec has no kind of error for an end in the middle of a frame.
        Poll::Ready(match is_whole {
            true => read,
            false => read.and(Err(io::ErrorKind::UnexpectedEof.into())),
        })
    }
}

impl AsyncWrite for Tap {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let accepted = ready!(Pin::new(&mut self.stream).poll_write(cx, buf))?;
        self.wrote(cx, accepted, [buf]);
        Poll::Ready(Ok(accepted))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let accepted = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, bufs))?;
        self.wrote(cx, accepted, bufs.iter().map(|buf| &**buf));
        Poll::Ready(Ok(accepted))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_flush_stream(cx))?;
        self.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
