//! No task and no socket is left.
//!
//! ```
//! use httptrace_test::{Leaks, Peer};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
//! let peer = Peer::loopback().every_conn(|c| c.hold_open());
//! let leaks = Leaks::watch(&peer);
//!
//! let client = tokio::net::TcpStream::connect(peer.addr()).await?;
//! drop(client);
//!
//! leaks.assert_none().await;
//! # Ok(()) }
//! ```

use std::fmt;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{Instant, sleep};

use crate::peer::{DuplexPeer, Peer};

/// How long tasks and connections have to go away.
const PATIENCE: Duration = Duration::from_secs(10);

/// Remembers how many tasks are alive and how many connections a peer has open, to be compared with later.
///
/// Watch before the client does anything (a client that keeps a task of its own for life: once it is made), and assert
/// when it should have let go of everything. A peer notices a client's close only where its script reads: let scripts
/// that are left behind end in `client_may_leave()` and reading steps.
pub struct Leaks<'a> {
    peer: &'a dyn Connections,
    tasks: usize,
    open: usize,
}

impl<'a> Leaks<'a> {
    /// Remembers what there is now, on the current runtime.
    pub fn watch(peer: &'a impl Connections) -> Self {
        Self {
            peer,
            tasks: alive_tasks(),
            open: peer.open_connections(),
        }
    }

    /// Waits until no more tasks are alive and no more connections open than at first.
    ///
    /// # Panics
    ///
    /// If that does not happen within ten seconds, with what is left.
    pub async fn assert_none(&self) {
        let begin = Instant::now();
        while let Some(left) = self.left() {
            assert!(begin.elapsed() < PATIENCE, "leaked: {left}");
            // Tokio tells nobody when a task ends, so one has to look again.
            sleep(Duration::from_millis(1)).await;
        }
    }

    /// What is left now; absent if nothing is.
    fn left(&self) -> Option<String> {
        let tasks = alive_tasks().saturating_sub(self.tasks);
        let open = self.peer.open_connections().saturating_sub(self.open);
        let anything = tasks > 0 || open > 0;
        anything.then(|| format!("{tasks} task(s), {open} connection(s)"))
    }
}

impl fmt::Debug for Leaks<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leaks")
            .field("tasks", &self.tasks)
            .field("open", &self.open)
            .finish_non_exhaustive()
    }
}

/// Something that knows how many connections are open to it.
pub trait Connections: Sync {
    /// How many connections are open now.
    fn open_connections(&self) -> usize;
}

impl Connections for Peer {
    fn open_connections(&self) -> usize {
        self.open()
    }
}

impl Connections for DuplexPeer {
    fn open_connections(&self) -> usize {
        self.open()
    }
}

/// How many tasks of the current runtime have not ended.
pub fn alive_tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_goes_away_in_time_is_no_leak() {
        let peer = DuplexPeer::new().every_conn(|c| c.hold_open());
        let leaks = Leaks::watch(&peer);
        let client = peer.connect();
        let holder = tokio::spawn(async move {
            sleep(Duration::from_millis(5)).await;
            drop(client);
        });
        leaks.assert_none().await;
        assert!(holder.is_finished());
    }

    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "leaked: 1 task(s), 0 connection(s)")]
    async fn a_task_that_stays_is_a_leak() {
        let peer = DuplexPeer::new();
        let leaks = Leaks::watch(&peer);
        tokio::spawn(std::future::pending::<()>());
        leaks.assert_none().await;
    }

    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "1 connection(s)")]
    async fn a_connection_that_stays_is_a_leak() {
        let peer = DuplexPeer::new().every_conn(|c| c.hold_open());
        let leaks = Leaks::watch(&peer);
        let _client = peer.connect();
        leaks.assert_none().await;
    }
}
