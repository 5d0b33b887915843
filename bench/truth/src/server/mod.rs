//! The server of all clients: it reads a request to its end, and answers it in one write.

mod http1;
mod http2;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use httptrace_test::TestCa;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::cores;
use crate::protocol::Protocol;

/// A server in a thread of its own, with a port for each protocol. It ends with the program.
#[derive(Debug)]
pub(crate) struct Server {
    ports: Vec<(Protocol, SocketAddr)>,
    /// The authority that its certificate is of, in PEM.
    pub(crate) authority: String,
}

/// The body of each answer.
const BODY: &[u8] = b"Hello, world";

impl Server {
    /// Listens on the loopback interface. It answers so long after it has read a request.
    pub(crate) fn start(pause: Duration) -> io::Result<Self> {
        let authority = TestCa::new();
        // Without tickets: what comes after the handshake is then the answer. And one version of TLS, whose records look
        // alike.
        let server = authority
            .server(&["127.0.0.1"])
            .only_tls13()
            .without_resumption();
        let tls = server.alpn(&["http/1.1"]).config();
        let (ready, listens) = mpsc::channel();
        thread::Builder::new()
            .name("server".to_owned())
            .spawn(move || {
                cores::run_as_server();
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build();
                match runtime.map(|runtime| runtime.block_on(serve(&tls, pause, &ready))) {
                    Ok(never) => match never {},
                    Err(error) => drop(ready.send(Err(error))),
                }
            })?;
        let ports = listens.recv().map_err(io::Error::other)??;
        Ok(Self {
            ports,
            authority: authority.pem().to_owned(),
        })
    }

    /// Where it speaks this protocol.
    pub(crate) fn address(&self, protocol: Protocol) -> SocketAddr {
        let mut ports = self.ports.iter();
        let port = ports.find(|(spoken, _)| *spoken == protocol);
        // expect is ok because it listens for all of them.
        port.expect("a port for each protocol").1
    }
}

type Ready = mpsc::Sender<io::Result<Vec<(Protocol, SocketAddr)>>>;

async fn serve(
    tls: &Arc<ServerConfig>,
    pause: Duration,
    ready: &Ready,
) -> std::convert::Infallible {
    let mut ports = Vec::new();
    for protocol in Protocol::ALL {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await {
            Ok(listener) => {
                if let Ok(address) = listener.local_addr() {
                    ports.push((protocol, address));
                }
                tokio::spawn(accept(listener, protocol, Arc::clone(tls), pause));
            }
            Err(error) => drop(ready.send(Err(error))),
        }
    }
    // Nobody waits any more if a port failed before.
    let _ = ready.send(Ok(ports));
    std::future::pending().await
}

async fn accept(
    listener: TcpListener,
    protocol: Protocol,
    tls: Arc<ServerConfig>,
    pause: Duration,
) {
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            // What ends early is the client's affair, which tells.
            tokio::spawn(converse(stream, protocol, Arc::clone(&tls), pause));
        }
    }
}

async fn converse(
    stream: TcpStream,
    protocol: Protocol,
    tls: Arc<ServerConfig>,
    pause: Duration,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    match protocol {
        Protocol::Http1 => http1::converse(stream, pause).await,
        Protocol::Http1OverTls => {
            let stream = TlsAcceptor::from(tls).accept(stream).await?;
            http1::converse(stream, pause).await
        }
        Protocol::Http2 => http2::converse(stream, pause)
            .await
            .map_err(io::Error::other),
    }
}

/// Takes its time, awake: a sleep would be longer, and less even. The server has its core for itself.
fn pause_for(pause: Duration) {
    let until = Instant::now() + pause;
    while Instant::now() < until {
        std::hint::spin_loop();
    }
}
