//! One TCP connection.

use std::io::{self, IoSlice, Read};
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};

use super::DialConfig;

/// The socket options of a connect.
#[derive(Clone, Copy)]
pub(super) struct Options {
    local_address: Option<IpAddr>,
    nodelay: bool,
    keepalive: Option<Duration>,
}

impl Options {
    pub(super) fn of(config: &DialConfig) -> Self {
        Self {
            local_address: config.local_address,
            nodelay: config.nodelay,
            keepalive: config.keepalive,
        }
    }
}

/// Connects to one address.
pub(super) async fn connect(addr: SocketAddr, options: Options) -> io::Result<TcpStream> {
    let socket = match addr {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    if let Some(local) = options.local_address {
        if local.is_ipv4() != addr.is_ipv4() {
            let message = format!("the local address {local} is of another IP family");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        socket.bind(SocketAddr::new(local, 0))?;
    }
    let stream = socket.connect(addr).await?;
    // A connection without these options still works, and some sandboxes refuse them: not worth failing for.
    let _ = stream.set_nodelay(options.nodelay);
    if let Some(time) = options.keepalive {
        let keepalive = TcpKeepalive::new().with_time(time).with_interval(time);
        let _ = SockRef::from(&stream).set_tcp_keepalive(&keepalive);
    }
    Ok(stream)
}

/// A TCP connection that can be read past tokio's readiness (see [`SocketProbe`]).
#[derive(Debug)]
pub(crate) struct TcpIo {
    stream: TcpStream,
    forced: Arc<AtomicBool>,
}

/// Makes the reads of a [`TcpIo`] ask the socket itself.
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

impl TcpIo {
    pub(super) fn new(stream: TcpStream) -> (Self, SocketProbe) {
        let forced = Arc::new(AtomicBool::new(false));
        let probe = SocketProbe {
            forced: Arc::clone(&forced),
        };
        (Self { stream, forced }, probe)
    }

    fn read_socket(&self, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let socket = SockRef::from(&self.stream);
        loop {
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

impl AsyncRead for TcpIo {
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

impl AsyncWrite for TcpIo {
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
