//! The server of the tour, on the loopback interface: HTTP/1.1, plain and over TLS, and HTTP/2 for who asks by the name
//! that has it.
//!
//! It waits a little where a distant server would take its time. What it answers is in `script` and `http2`.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::server::Acceptor;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::sleep;
use tokio_rustls::LazyConfigAcceptor;

use super::script::{self, Next, Request};
use super::{HTTP2_HOST, http2};

/// How long it takes until it says its part of a TLS handshake.
const HANDSHAKE_PAUSE: Duration = Duration::from_millis(25);

/// Small, so that an upload has to wait for a server that is slow to read.
const RECEIVE_BUFFER: u32 = 32 * 1024;

/// A server that listens, on two ports that the system chose.
pub(super) struct Server {
    http: TcpListener,
    https: TcpListener,
    /// Holds the TLS port on `::1`, bound but not listening: whoever connects there is refused. Absent where there
    /// is no IPv6; then connecting there fails as well.
    _refusing: Option<TcpSocket>,
    tls: Protocols,
}

impl Server {
    pub(super) fn bind(tls: ServerConfig) -> io::Result<Self> {
        let http = listen()?;
        let (https, refusing) = listen_on_ipv4_alone()?;
        Ok(Self {
            http,
            https,
            _refusing: refusing,
            tls: Protocols::of(&tls),
        })
    }

    /// The ports for `http` and `https`.
    pub(super) fn ports(&self) -> io::Result<(u16, u16)> {
        let http = self.http.local_addr()?.port();
        let https = self.https.local_addr()?.port();
        Ok((http, https))
    }

    /// Serves until it is dropped.
    pub(super) async fn run(self) -> io::Result<()> {
        let https_port = self.https.local_addr()?.port();
        loop {
            tokio::select! {
                accepted = self.http.accept() => {
                    let stream = at_once(accepted?.0)?;
                    tokio::spawn(serve(stream, https_port));
                }
                accepted = self.https.accept() => {
                    let stream = at_once(accepted?.0)?;
                    tokio::spawn(serve_tls(stream, self.tls.clone(), https_port));
                }
            }
        }
    }
}

fn listen() -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    socket.bind(loopback(Ipv4Addr::LOCALHOST, 0))?;
    socket.listen(64)
}

/// Finds a port on which nobody answers at `::1`.
fn listen_on_ipv4_alone() -> io::Result<(TcpListener, Option<TcpSocket>)> {
    // Another program may have the port on ::1; that it has it eight times over is not to be expected.
    for _ in 0..8 {
        let listener = listen()?;
        let port = listener.local_addr()?.port();
        let refusing = TcpSocket::new_v6().and_then(|socket| {
            socket
                .bind(loopback(Ipv6Addr::LOCALHOST, port))
                .map(|()| socket)
        });
        match refusing {
            Ok(socket) => return Ok((listener, Some(socket))),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            Err(_) => return Ok((listener, None)),
        }
    }
    Ok((listen()?, None))
}

fn loopback(ip: impl Into<IpAddr>, port: u16) -> SocketAddr {
    SocketAddr::new(ip.into(), port)
}

/// Has what is written go out at once, or else the server would wait for more at times that are not in the script.
fn at_once(stream: TcpStream) -> io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// What is offered by which name.
#[derive(Clone)]
struct Protocols {
    http1: Arc<ServerConfig>,
    both: Arc<ServerConfig>,
}

impl Protocols {
    fn of(tls: &ServerConfig) -> Self {
        let offering = |protocols: &[&[u8]]| {
            let mut tls = tls.clone();
            tls.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
            Arc::new(tls)
        };
        Self {
            http1: offering(&[HTTP1]),
            both: offering(&[HTTP2, HTTP1]),
        }
    }
}

// As ALPN names them.
const HTTP1: &[u8] = b"http/1.1";
const HTTP2: &[u8] = b"h2";

async fn serve_tls(stream: TcpStream, tls: Protocols, https_port: u16) -> io::Result<()> {
    sleep(HANDSHAKE_PAUSE).await;
    let handshake = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
    let config = match handshake.client_hello().server_name() {
        Some(HTTP2_HOST) => tls.both,
        _ => tls.http1,
    };
    let stream = handshake.into_stream(config).await?;
    match stream.get_ref().1.alpn_protocol() {
        Some(HTTP2) => http2::serve(stream).await.map_err(io::Error::other),
        _ => serve(stream, https_port).await,
    }
}

/// Answers one request after the other. An error ends the connection; the client's side of it is what the tour shows.
async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send,
    https_port: u16,
) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut served = 0;
    while let Some(request) = read_request(&mut stream).await? {
        match script::answer(&mut stream, &request, served, https_port).await? {
            Next::KeepAlive => served += 1,
            Next::Close => return stream.shutdown().await,
        }
    }
    Ok(())
}

/// Reads a head; none if the client has closed. What follows the head is left to the script.
async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Request>> {
    const LIMIT: usize = 16 * 1024;
    let mut head = Vec::new();
    // Byte by byte out of the reader's buffer, so that the body stays unread.
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) if head.len() < LIMIT => head.push(byte),
            Ok(_) => return Err(io::ErrorKind::InvalidData.into()),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    Ok(Request::parse(&String::from_utf8_lossy(&head)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_head_is_read_to_its_blank_line_and_no_further() {
        let mut bytes: &[u8] = b"POST /upload HTTP/1.1\r\nContent-LENGTH: 4\r\n\r\nbody";
        let request = read_request(&mut bytes).await.unwrap().unwrap();
        assert_eq!(request.path, "/upload");
        assert_eq!(request.content_length, 4);
        assert_eq!(bytes, b"body");
    }

    #[tokio::test]
    async fn a_client_that_closes_between_requests_is_no_error() {
        let mut bytes: &[u8] = b"";
        assert!(read_request(&mut bytes).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn nobody_answers_on_the_ipv6_side_of_the_tls_port() {
        let (listener, _refusing) = listen_on_ipv4_alone().unwrap();
        let port = listener.local_addr().unwrap().port();
        let connected = TcpStream::connect(loopback(Ipv6Addr::LOCALHOST, port)).await;
        assert!(connected.is_err());
        let connected = TcpStream::connect(loopback(Ipv4Addr::LOCALHOST, port)).await;
        assert!(connected.is_ok());
    }
}
