//! What a peer reads from and writes to: a TCP connection, or TLS sessions on it, one within another through a proxy.

use std::io;
use std::net::Shutdown;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
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
pub(crate) async fn start_tls(
    wire: Wire,
    config: Arc<ServerConfig>,
    alpn: Option<&[String]>,
) -> io::Result<Wire> {
    let config = match alpn {
        None => config,
        Some(protocols) => {
            let mut config = ServerConfig::clone(&config);
            config.alpn_protocols = protocols.iter().map(|name| name.clone().into()).collect();
            Arc::new(config)
        }
    };
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
async fn say_farewell(wire: &mut Wire) {
    if let Some(stream) = wire {
        stream.get_mut().say_farewell();
        // The client may be gone already.
        let _ = stream.flush().await;
    }
}

/// How a connection ends, or its direction to the client.
#[derive(Clone, Copy)]
pub(crate) enum Ending {
    HalfClose,
    Close,
    /// Without TLS's farewell.
    Cut,
    Reset,
}

pub(crate) async fn end(wire: &mut Wire, how: Ending) {
    match how {
        Ending::HalfClose => {
            say_farewell(wire).await;
            if let Some(stream) = wire {
                let tcp = SockRef::from(stream.get_ref().tcp());
                let _ = tcp.shutdown(Shutdown::Write);
            }
        }
        Ending::Close => {
            say_farewell(wire).await;
            *wire = None;
        }
        Ending::Cut => *wire = None,
        Ending::Reset => {
            if let Some(stream) = wire.take() {
                let tcp = SockRef::from(stream.get_ref().tcp());
                let _ = tcp.set_linger(Some(Duration::ZERO));
            }
        }
    }
}

pub(crate) async fn exactly(wire: &mut Wire, count: usize) -> io::Result<Vec<u8>> {
    let stream = wire.as_mut().ok_or(io::ErrorKind::NotConnected)?;
    let mut bytes = vec![0; count];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

fn buffered(session: Box<dyn Session>) -> Wire {
    Some(BufReader::with_capacity(BUFFER, session))
}
