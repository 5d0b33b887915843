//! What a script speaks over: TCP, a Unix socket, an in-memory pipe, TLS over each.

use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// A byte stream that may be resettable.
pub(super) trait Wire: AsyncRead + AsyncWrite + Unpin + Send {
    /// Makes its closing a reset, where it knows resets.
    fn close_by_reset(&self);
}

impl Wire for TcpStream {
    fn close_by_reset(&self) {
        // Fails only on a socket that is dead already, which is as good as reset.
        let _ = SockRef::from(self).set_linger(Some(Duration::ZERO));
    }
}

/// A Unix socket knows no resets.
#[cfg(unix)]
impl Wire for tokio::net::UnixStream {
    fn close_by_reset(&self) {}
}

impl Wire for DuplexStream {
    fn close_by_reset(&self) {}
}

impl Wire for TlsStream<Box<dyn Wire>> {
    fn close_by_reset(&self) {
        self.get_ref().0.close_by_reset();
    }
}
