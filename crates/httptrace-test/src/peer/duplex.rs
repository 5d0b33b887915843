//! A scripted peer in memory, for tests on a paused clock.

use std::sync::Arc;

use tokio::io::DuplexStream;

use super::record::PeerReport;
use super::script::Script;
use super::stage::Stage;

/// A scripted peer over [`tokio::io::duplex`]: each [`connect`](Self::connect) hands out a client's half, and plays the
/// next script on the other. No socket is involved, so the clock may be paused.
///
/// ```
/// use httptrace_test::DuplexPeer;
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
/// let peer = DuplexPeer::new().conn(|c| c.exchange("HTTP/1.0 200 OK\r\n\r\n").close());
/// let mut client = peer.connect();
/// client.write_all(b"GET / HTTP/1.0\r\n\r\n").await?;
/// let mut answer = String::new();
/// client.read_to_string(&mut answer).await?;
/// assert_eq!(answer, "HTTP/1.0 200 OK\r\n\r\n");
/// peer.finish().await;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct DuplexPeer {
    stage: Arc<Stage>,
    buffer: usize,
}

impl Default for DuplexPeer {
    fn default() -> Self {
        Self::new()
    }
}

impl DuplexPeer {
    /// A peer whose pipes hold 64 KiB in each direction.
    pub fn new() -> Self {
        Self::with_buffer(64 * 1024)
    }

    /// A peer whose pipes hold so many bytes in each direction: a small number blocks writers early.
    pub fn with_buffer(buffer: usize) -> Self {
        Self {
            stage: Arc::default(),
            buffer,
        }
    }

    /// Adds the script of the next connection.
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

    /// Opens a connection and returns the client's half of it.
    pub fn connect(&self) -> DuplexStream {
        let (client, server) = tokio::io::duplex(self.buffer);
        self.stage.enter(Box::new(server));
        client
    }

    /// Raises a signal that scripts wait for.
    pub fn raise(&self, signal: &str) {
        self.stage.signals.raise(signal);
    }

    /// Waits for a signal that a script raises.
    pub async fn wait_for(&self, signal: &str) {
        self.stage.signals.wait_for(signal).await;
    }

    /// How many connections have been opened so far.
    pub fn accepted(&self) -> usize {
        self.stage.accepted()
    }

    /// How many connections are open now.
    pub fn open(&self) -> usize {
        self.stage.open()
    }

    /// What happened so far.
    pub fn report(&self) -> PeerReport {
        self.stage.report()
    }

    /// Waits for the scripts to be played, closes what is still open, and returns what happened.
    ///
    /// # Panics
    ///
    /// If a script failed, is not over within ten seconds, or never had its connection.
    pub async fn finish(self) -> PeerReport {
        let finished = self.stage.finish().await;
        finished.unwrap_or_else(|complaint| panic!("{complaint}"))
    }
}

impl Drop for DuplexPeer {
    fn drop(&mut self) {
        super::end_unfinished(&self.stage);
    }
}
