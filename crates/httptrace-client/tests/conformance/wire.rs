//! What a peer reads from and writes to: a TCP connection, or TLS sessions on it, one within another through a proxy.

use std::io;
use std::sync::Arc;

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// The size of Go's `bufio.Reader`: how far a peer reads ahead decides whether its close is a reset.
const BUFFER: usize = 4096;

/// `None` once it is closed.
pub(crate) type Wire = Option<BufReader<Box<dyn Session>>>;

/// The outermost stream that is spoken over.
pub(crate) trait Session: AsyncRead + AsyncWrite + Send + Unpin {
    fn tcp(&self) -> &TcpStream;

    /// Puts the farewell of a TLS session, if it is one, where a flush sends it.
    fn say_farewell(&mut self);
}

impl Session for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }

    fn say_farewell(&mut self) {}
}

impl Session for TlsStream<Box<dyn Session>> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0.tcp()
    }

    fn say_farewell(&mut self) {
        self.get_mut().1.send_close_notify();
    }
}

pub(crate) fn plain(stream: TcpStream) -> Wire {
    buffered(Box::new(stream))
}

/// Makes a TLS session on what is there; nothing is left of it if that fails.
pub(crate) async fn start_tls(wire: Wire, config: Arc<ServerConfig>) -> io::Result<Wire> {
    let stream = wire.expect("a scenario starts TLS on a closed connection");
    assert!(
        stream.buffer().is_empty(),
        "a scenario starts TLS after a part of it was read"
    );
    let session = TlsAcceptor::from(config)
        .accept(stream.into_inner())
        .await?;
    Ok(buffered(Box::new(session)))
}

/// Ends a TLS session, if there is one.
pub(crate) async fn say_farewell(wire: &mut Wire) {
    if let Some(stream) = wire {
        stream.get_mut().say_farewell();
        // The client may be gone already.
        let _ = stream.flush().await;
    }
}

fn buffered(session: Box<dyn Session>) -> Wire {
    Some(BufReader::with_capacity(BUFFER, session))
}
