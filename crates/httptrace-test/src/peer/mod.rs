//! Scripted raw peers: servers that do on each connection exactly what the test says, byte by byte.

mod address;
mod duplex;
pub mod http2;
mod record;
mod run;
mod script;
mod signals;
mod stage;
mod wire;

pub use address::{RefusingAddr, StallingAddr};
pub use duplex::DuplexPeer;
pub use record::{ClientEnd, ConnReport, Head, Io, PeerReport, TlsReport};
pub use script::Script;

use std::net::SocketAddr;
#[cfg(unix)]
use std::path::Path;
use std::sync::Arc;

use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::UnixListener;
use tokio::task::AbortHandle;

use stage::Stage;

/// A scripted peer on a TCP port of this machine, or on a Unix socket. Connections get the scripts in the order in which they arrive.
///
/// ```
/// use httptrace_test::Peer;
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
/// let peer = Peer::loopback()
///     .conn(|c| c.expect_head().send("HTTP/1.1 200 OK\r\n\r\nhello").close());
///
/// let mut client = tokio::net::TcpStream::connect(peer.addr()).await?;
/// client.write_all(b"GET /a HTTP/1.1\r\nHost: b\r\n\r\n").await?;
/// let mut answer = String::new();
/// client.read_to_string(&mut answer).await?;
///
/// let report = peer.finish().await;
/// assert_eq!(report.conn(0).head(0).line(), "GET /a HTTP/1.1");
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Peer {
    stage: Arc<Stage>,
    /// Absent on a Unix socket.
    addr: Option<SocketAddr>,
    accepting: AbortHandle,
}

impl Peer {
    /// A peer on a free port of 127.0.0.1. Needs a tokio runtime around it.
    pub fn loopback() -> Self {
        Self::at("127.0.0.1:0")
    }

    /// A peer on an address of one's choice, for example `127.0.0.2:8080` or `[::1]:0`; port 0 takes a free one.
    ///
    /// # Panics
    ///
    /// If it is no address, or cannot be listened on.
    pub fn at(addr: &str) -> Self {
        let listener = std::net::TcpListener::bind(addr);
        let listener = listener.unwrap_or_else(|error| panic!("cannot listen on {addr}: {error}"));
        listener
            .set_nonblocking(true)
            .expect("a listener can be nonblocking");
        let addr = listener.local_addr().expect("a listener has an address");
        let listener = TcpListener::from_std(listener).expect("a tokio runtime");
        let stage = Arc::<Stage>::default();
        let accepting = tokio::spawn(accept(listener, stage.clone())).abort_handle();
        Self {
            stage,
            addr: Some(addr),
            accepting,
        }
    }

    /// A peer on a Unix socket, at a path where nothing is yet.
    ///
    /// # Panics
    ///
    /// If it cannot be listened on.
    #[cfg(unix)]
    pub fn unix(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        let listener = UnixListener::bind(path);
        let listener =
            listener.unwrap_or_else(|error| panic!("cannot listen on {}: {error}", path.display()));
        let stage = Arc::<Stage>::default();
        let accepting = tokio::spawn(accept_unix(listener, stage.clone())).abort_handle();
        Self {
            stage,
            addr: None,
            accepting,
        }
    }

    /// Adds the script of the next connection that has none yet.
    #[must_use]
    pub fn conn(self, script: impl FnOnce(Script) -> Script) -> Self {
        self.stage.add(script(Script::new()));
        self
    }

    /// Sets the script of all connections after those that have their own.
    #[must_use]
    pub fn every_conn(self, script: impl FnOnce(Script) -> Script) -> Self {
        self.stage.add_forever(script(Script::new()));
        self
    }

    /// Adds the script of a further connection while the peer is in use.
    pub fn add_conn(&self, script: impl FnOnce(Script) -> Script) {
        self.stage.add(script(Script::new()));
    }

    /// The address it listens on.
    ///
    /// # Panics
    ///
    /// If that is a Unix socket.
    pub fn addr(&self) -> SocketAddr {
        self.addr.expect("a peer on TCP")
    }

    /// `http://address` and this path; the address of a Unix socket is `localhost`.
    pub fn url(&self, path: &str) -> String {
        match self.addr {
            Some(addr) => format!("http://{addr}{path}"),
            None => format!("http://localhost{path}"),
        }
    }

    /// Raises a signal that scripts wait for.
    pub fn raise(&self, signal: &str) {
        self.stage.signals.raise(signal);
    }

    /// Waits for a signal that a script raises.
    pub async fn wait_for(&self, signal: &str) {
        self.stage.signals.wait_for(signal).await;
    }

    /// How many connections have been accepted so far.
    pub fn accepted(&self) -> usize {
        self.stage.accepted()
    }

    /// How many connections are open now, as far as the peer has seen: a script that is waiting for something else
    /// does not see the client's close.
    pub fn open(&self) -> usize {
        self.stage.open()
    }

    /// What happened so far.
    pub fn report(&self) -> PeerReport {
        self.stage.report()
    }

    /// Waits until `count` connections have been accepted.
    ///
    /// # Panics
    ///
    /// If that does not happen within ten seconds.
    pub async fn wait_for_conns(&self, count: usize) {
        let enough = |stage: &Stage| (stage.accepted() >= count).then_some(());
        if self.stage.wait_until(enough).await.is_none() {
            panic!("{} of {count} connections were accepted", self.accepted());
        }
    }

    /// Waits until no connection is open.
    ///
    /// # Panics
    ///
    /// If that does not happen within ten seconds.
    pub async fn wait_until_none_is_open(&self) {
        let none = |stage: &Stage| (stage.open() == 0).then_some(());
        if self.stage.wait_until(none).await.is_none() {
            panic!("{} connection(s) are still open", self.open());
        }
    }

    /// Waits for the scripts to be played, stops listening, closes what is still open, and returns what happened.
    ///
    /// # Panics
    ///
    /// If a script failed, is not over within ten seconds, or never had its connection.
    pub async fn finish(self) -> PeerReport {
        let finished = self.stage.finish().await;
        finished.unwrap_or_else(|complaint| panic!("{complaint}"))
    }
}

/// Stops listening and closes every connection. A script that has failed fails the test here too.
impl Drop for Peer {
    fn drop(&mut self) {
        self.accepting.abort();
        end_unfinished(&self.stage);
    }
}

async fn accept(listener: TcpListener, stage: Arc<Stage>) {
    loop {
        // An error concerns a connection that broke before it was accepted; the next one may be better.
        if let Ok((stream, _)) = listener.accept().await {
            // Each write is a segment of its own, as the script says.
            let _ = stream.set_nodelay(true);
            stage.enter(Box::new(stream));
        }
    }
}

#[cfg(unix)]
async fn accept_unix(listener: UnixListener, stage: Arc<Stage>) {
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            stage.enter(Box::new(stream));
        }
    }
}

fn end_unfinished(stage: &Stage) {
    let complaint = stage.complaint(false);
    stage.end();
    if let Some(complaint) = complaint.filter(|_| !std::thread::panicking()) {
        panic!("{complaint}");
    }
}

#[cfg(test)]
mod tests;
