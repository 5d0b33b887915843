//! Who runs where: the server has the last core for itself, and the clients have the others.
//!
//! Otherwise the scheduler now and then puts both on one core, and what is measured then is how long one waits for the other.

use std::thread::available_parallelism;

use rustix::thread::{CpuSet, sched_setaffinity};

/// Puts this thread where the server runs.
pub(crate) fn run_as_server() {
    put(cores().checked_sub(1).into_iter());
}

/// Puts this thread where clients run, and with it what it starts.
pub(crate) fn run_as_client() {
    put(0..cores().saturating_sub(1));
}

fn put(on: impl Iterator<Item = usize>) {
    let mut set = CpuSet::new();
    on.for_each(|core| set.set(core));
    if cores() > 1 {
        // Where it is not allowed the measurement is worse, and goes on.
        let _ = sched_setaffinity(None, &set);
    }
}

fn cores() -> usize {
    // Asked anew it would tell of the thread's own cores.
    static CORES: std::sync::OnceLock<usize> = std::sync::OnceLock::new();
    *CORES.get_or_init(|| available_parallelism().map_or(1, usize::from))
}
