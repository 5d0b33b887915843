//! The bytes of a connection, whatever they go through.

use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::early::EarlyBytes;
use super::socket::SocketIo;

/// What a connector of the user's own may hand over.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// A connection's bytes.
pub(crate) enum Stream {
    /// A socket of ours.
    Tcp(SocketIo<TcpStream>),
    /// TLS over a socket of ours.
    Tls(Box<TlsStream<SocketIo<TcpStream>>>),
    /// A Unix socket of ours.
    #[cfg(unix)]
    Unix(SocketIo<tokio::net::UnixStream>),
    /// What the user's connector made, or what else hides what is below it.
    Custom(Box<dyn Io>),
    /// TLS over anything else.
    TlsOverCustom(Box<TlsStream<Box<dyn Io>>>),
}

impl Stream {
    /// Whether a reader that has found nothing is woken up as soon as there is something, whatever is done with the stream
    /// meanwhile. Sockets do that, and TLS over them; of others nobody knows.
    pub(crate) fn keeps_its_word(&self) -> bool {
        match self {
            Self::Tcp(_) | Self::Tls(_) => true,
            #[cfg(unix)]
            Self::Unix(_) => true,
            Self::Custom(_) | Self::TlsOverCustom(_) => false,
        }
    }

    /// The same, with bytes before it that have been read from it already.
    pub(super) fn after(self, early: Vec<u8>) -> Self {
        match early.is_empty() {
            true => self,
            false => Self::Custom(Box::new(EarlyBytes::new(early, self))),
        }
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp(_) => "Stream::Tcp",
            Self::Tls(_) => "Stream::Tls",
            #[cfg(unix)]
            Self::Unix(_) => "Stream::Unix",
            Self::Custom(_) => "Stream::Custom",
            Self::TlsOverCustom(_) => "Stream::TlsOverCustom",
        })
    }
}

/// Does the same with whichever stream it is.
macro_rules! each {
    ($stream:expr, $io:ident => $act:expr) => {
        match $stream {
            Stream::Tcp($io) => $act,
            Stream::Tls($io) => $act,
            #[cfg(unix)]
            Stream::Unix($io) => $act,
            Stream::Custom($io) => $act,
            Stream::TlsOverCustom($io) => $act,
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        each!(self.get_mut(), io => Pin::new(io).poll_read(cx, buf))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        each!(self.get_mut(), io => Pin::new(io).poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        each!(self.get_mut(), io => Pin::new(io).poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        each!(self, io => io.is_write_vectored())
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self.get_mut(), io => Pin::new(io).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self.get_mut(), io => Pin::new(io).poll_shutdown(cx))
    }
}
