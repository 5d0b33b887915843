//! The socket under a connection, which can be asked past the runtime.

use std::io::{self, IoSlice, Read};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A socket's stream that can be read past tokio's readiness (see [`SocketProbe`]).
#[derive(Debug)]
pub(crate) struct SocketIo<S> {
    stream: S,
    forced: Arc<AtomicBool>,
}

/// Makes the reads of a [`SocketIo`] ask the socket itself.
///
/// tokio learns of a closed connection when its driver has run, which may be after the pool looks at an idle
/// connection; the kernel knows at once. It does not keep the socket open.
#[derive(Clone, Debug)]
pub(crate) struct SocketProbe {
    forced: Arc<AtomicBool>,
}

impl SocketProbe {
    /// While on, a read goes to the socket directly. If there is nothing to read it is pending *without a waker*,
    /// so turn it off before anything waits for the connection.
    pub(crate) fn force(&self, on: bool) {
        self.forced.store(on, Ordering::Relaxed);
    }
}

/// What a socket's stream is to us: TCP, and where there are, Unix sockets.
pub(crate) trait SocketStream: AsyncRead + AsyncWrite + Unpin {
    /// The socket under the stream.
    fn socket(&self) -> SockRef<'_>;
}

impl SocketStream for TcpStream {
    fn socket(&self) -> SockRef<'_> {
        SockRef::from(self)
    }
}

#[cfg(unix)]
impl SocketStream for tokio::net::UnixStream {
    fn socket(&self) -> SockRef<'_> {
        SockRef::from(self)
    }
}

impl<S: SocketStream> SocketIo<S> {
    pub(super) fn new(stream: S) -> (Self, SocketProbe) {
        let forced = Arc::new(AtomicBool::new(false));
        let probe = SocketProbe {
            forced: Arc::clone(&forced),
        };
        (Self { stream, forced }, probe)
    }

    fn read_socket(&self, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let socket = self.stream.socket();
        loop {
            // As a rule there is nothing, and the buffer need not be made ready for it.
            if let Err(error) = socket.peek(&mut [MaybeUninit::uninit()]) {
                match error.kind() {
                    io::ErrorKind::WouldBlock => return Poll::Pending,
                    io::ErrorKind::Interrupted => continue,
                    _ => {}
                }
            }
            return match (&*socket).read(buf.initialize_unfilled()) {
                Ok(count) => {
                    buf.advance(count);
                    Poll::Ready(Ok(()))
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Poll::Ready(Err(error)),
            };
        }
    }
}

impl<S: SocketStream> AsyncRead for SocketIo<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.forced.load(Ordering::Relaxed) {
            return self.read_socket(buf);
        }
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: SocketStream> AsyncWrite for SocketIo<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
