//! The process that is measured: one client, one load, so many calls.

mod latencies;
mod run;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::client::Client;
use crate::load::Load;
use crate::peer::{Hyper, HyperUtil, Job, ManyHosts, Openwire, Ours, Raw, Reqwest, Trace};
use crate::{Error, usage};

/// What a worker is told.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    pub(crate) load: Load,
    pub(crate) client: Client,
    pub(crate) port: u16,
    /// Calls that are measured, all lanes together.
    pub(crate) calls: u64,
    pub(crate) threads: usize,
    /// What is looked at, beside the whole.
    pub(crate) mode: Mode,
}

/// What costs something to look at, and is left alone where other things are measured.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mode {
    /// Nothing else.
    Plain,
    /// How long each call takes.
    Latencies,
    /// What is allocated.
    Allocations,
}

/// What a worker says of the calls that were measured.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Measured {
    pub(crate) calls: u64,
    /// User and system.
    pub(crate) cpu_us: f64,
    pub(crate) user_cpu_us: f64,
    pub(crate) wall_us: f64,
    /// Resident, before the first connection was made.
    pub(crate) resident_before: u64,
    /// Resident when all calls were over, and connections still open.
    pub(crate) resident_after: u64,
    /// The most that was resident at any time.
    pub(crate) resident_peak: u64,
    /// In mode `Latencies`: half of the calls took no longer.
    pub(crate) p50_us: Option<f64>,
    /// In mode `Latencies`: 99 of 100 calls took no longer.
    pub(crate) p99_us: Option<f64>,
    /// In mode `Allocations`, here and below, and of all lanes from their beginning.
    pub(crate) allocations: Option<u64>,
    pub(crate) allocated_bytes: Option<u64>,
    /// What was still in use at the end. Not known of Go.
    pub(crate) live_bytes: Option<i64>,
}

/// Does the work, and prints what was measured.
pub(crate) fn run(work: &Work) -> Result<(), Error> {
    usage::open_many_files()?;
    let mut builder = if work.threads == 1 {
        tokio::runtime::Builder::new_current_thread()
    } else {
        tokio::runtime::Builder::new_multi_thread()
    };
    builder.worker_threads(work.threads).enable_all();
    let measured = builder.build()?.block_on(with_client(work))?;
    println!("{}", serde_json::to_string(&measured)?);
    Ok(())
}

async fn with_client(work: &Work) -> Result<Measured, Error> {
    let job = Arc::new(Job::new(work.load, work.port)?);
    match work.client {
        Client::OursNone if work.load.hosts().is_some() => {
            run::calls(work, ManyHosts::new(job).await?).await
        }
        Client::OursNone => run::calls(work, Ours::new(job, Trace::None)?).await,
        Client::OursEmpty => run::calls(work, Ours::new(job, Trace::Empty)?).await,
        Client::OursRecorded => run::calls(work, Ours::new(job, Trace::Recorded)?).await,
        Client::Hyper => run::calls(work, Hyper::new(job).await?).await,
        Client::HyperUtil if work.load.tls().is_some() => {
            run::calls(work, HyperUtil::with_tls(job)?).await
        }
        Client::HyperUtil => run::calls(work, HyperUtil::new(job)).await,
        Client::Reqwest => run::calls(work, Reqwest::new(job)?).await,
        Client::Openwire => run::calls(work, Openwire::new(job)?).await,
        Client::Raw => run::calls(work, Raw::new(job)).await,
        Client::GoHooks | Client::GoNone => Err("Go does this in a program of its own".into()),
    }
}
