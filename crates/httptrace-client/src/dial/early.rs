//! A stream of which some bytes have been read already.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Stream;

/// Gives back first what was read too early, and then goes on with the stream.
pub(super) struct EarlyBytes {
    early: Bytes,
    stream: Stream,
}

impl EarlyBytes {
    pub(super) fn new(early: Vec<u8>, stream: Stream) -> Self {
        let early = early.into();
        Self { early, stream }
    }
}

impl AsyncRead for EarlyBytes {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.early.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let count = self.early.len().min(buf.remaining());
        buf.put_slice(&self.early[..count]);
        self.early.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for EarlyBytes {
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
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn what_came_early_is_read_first_and_nothing_is_lost() {
        let (ours, mut peer) = tokio::io::duplex(64);
        let stream = Stream::Custom(Box::new(ours)).after(b"early ".to_vec());
        let mut stream = stream;
        peer.write_all(b"late").await.unwrap();
        peer.shutdown().await.unwrap();
        let mut piece = [0; 4];
        stream.read_exact(&mut piece).await.unwrap();
        assert_eq!(&piece, b"earl");
        let mut rest = String::new();
        stream.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, "y late");
        stream.write_all(b"back").await.unwrap();
        drop(stream);
        let mut back = String::new();
        peer.read_to_string(&mut back).await.unwrap();
        assert_eq!(back, "back");
    }
}
