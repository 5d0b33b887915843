//! What all connections of a peer have in common: the scripts still to be played, the signals, the records.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::record::{ConnReport, PeerReport};
use super::run;
use super::script::Script;
use super::signals::Signals;
use super::wire::Wire;

/// How long `finish` waits for scripts that are still being played.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub(super) struct Stage {
    state: Mutex<State>,
    pub(super) signals: Signals,
    open: AtomicUsize,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    scripts: VecDeque<Script>,
    /// What connections get once the scripts above are used up.
    forever: Option<Script>,
    conns: Vec<Conn>,
    tasks: Vec<JoinHandle<()>>,
}

/// A connection on stage.
#[derive(Debug)]
struct Conn {
    report: ConnReport,
    progress: Progress,
}

/// How far a connection's script has come.
#[derive(Clone, Debug)]
pub(super) enum Progress {
    /// It is at this step.
    At(String),
    /// Its steps are done, or it waits for a client that owes nothing.
    Settled,
    /// It failed, for this reason.
    Failed(String),
}

impl Stage {
    pub(super) fn add(&self, script: Script) {
        self.lock().scripts.push_back(script);
    }

    pub(super) fn add_forever(&self, script: Script) {
        self.lock().forever = Some(script);
    }

    /// A connection arrived: plays the next script on it, in a task of its own.
    pub(super) fn enter(self: &Arc<Self>, wire: Box<dyn Wire>) {
        let mut state = self.lock();
        let index = state.conns.len();
        let next = state.scripts.pop_front();
        let script = next.or_else(|| state.forever.clone());
        let progress = match script {
            Some(_) => Progress::At("its beginning".to_owned()),
            None => Progress::Failed("there is no script for it".to_owned()),
        };
        let report = ConnReport::new(now());
        state.conns.push(Conn { report, progress });
        if let Some(script) = script {
            self.open.fetch_add(1, Ordering::SeqCst);
            let stage = self.clone();
            let open = Open(self.clone());
            let play = async move {
                // Lives as long as the connection, also when the task is aborted.
                let _open = open;
                run::play(wire, script, stage, index).await;
            };
            state.tasks.push(tokio::spawn(play));
        }
        drop(state);
        self.changed.notify_waiters();
    }

    pub(super) fn accepted(&self) -> usize {
        self.lock().conns.len()
    }

    pub(super) fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    /// Adds to what is known of a connection.
    pub(super) fn record(&self, index: usize, note: impl FnOnce(&mut ConnReport)) {
        note(&mut self.lock().conns[index].report);
        self.changed.notify_waiters();
    }

    pub(super) fn set_progress(&self, index: usize, progress: Progress) {
        self.lock().conns[index].progress = progress;
        self.changed.notify_waiters();
    }

    /// The records so far.
    pub(super) fn report(&self) -> PeerReport {
        let state = self.lock();
        let reports = state.conns.iter().map(|conn| conn.report.clone());
        PeerReport {
            conns: reports.collect(),
        }
    }

    /// Looks at what is known of a connection.
    pub(super) fn look_at<T>(&self, index: usize, look: impl FnOnce(&ConnReport) -> T) -> T {
        look(&self.lock().conns[index].report)
    }

    /// Waits until a look at the stage yields something; absent if it does not within `patience`.
    pub(super) async fn wait_until<T>(&self, look: impl Fn(&Self) -> Option<T>) -> Option<T> {
        let wait = self.wait_for_change(look);
        tokio::time::timeout(PATIENCE, wait).await.ok()
    }

    /// Waits until a look at the stage yields something, however long that takes.
    pub(super) async fn wait_for_change<T>(&self, look: impl Fn(&Self) -> Option<T>) -> T {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            if let Some(seen) = look(self) {
                return seen;
            }
            changed.await;
        }
    }

    /// Waits for the scripts, ends every connection, and tells what went wrong, if anything did.
    pub(super) async fn finish(&self) -> Result<PeerReport, String> {
        let over = |stage: &Self| {
            let state = stage.lock();
            let unplayed = !state.scripts.is_empty();
            let running = |conn: &Conn| matches!(conn.progress, Progress::At(_));
            let failed = |conn: &Conn| matches!(conn.progress, Progress::Failed(_));
            let waiting = unplayed || state.conns.iter().any(running);
            (!waiting || state.conns.iter().any(failed)).then_some(())
        };
        // What is not over then is told by `complaint`.
        let _ = self.wait_until(over).await;
        let complaint = self.complaint(true);
        self.end();
        match complaint {
            Some(complaint) => Err(complaint),
            None => Ok(self.report()),
        }
    }

    /// What went wrong; with `strict` also what has not happened.
    pub(super) fn complaint(&self, strict: bool) -> Option<String> {
        let state = self.lock();
        let mut lines = Vec::new();
        for (index, conn) in state.conns.iter().enumerate() {
            match &conn.progress {
                Progress::Failed(why) => lines.push(format!("connection {index}: {why}")),
                Progress::At(step) if strict => {
                    lines.push(format!("connection {index} is still at {step}"));
                }
                Progress::At(_) | Progress::Settled => {}
            }
        }
        if strict && !state.scripts.is_empty() {
            let count = state.scripts.len();
            lines.push(format!("{count} scripted connection(s) never came"));
        }
        (!lines.is_empty()).then(|| format!("the peer's script failed:\n  {}", lines.join("\n  ")))
    }

    /// Drops every connection.
    pub(super) fn end(&self) {
        for task in self.lock().tasks.drain(..) {
            task.abort();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a connection as open while it lives.
struct Open(Arc<Stage>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
        self.0.changed.notify_waiters();
    }
}

/// The time on the client's clock: tokio's, so that it stands still where a test pauses it.
pub(super) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
