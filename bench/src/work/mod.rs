//! The process that is measured: one client, one load, so many calls.

mod run;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::load::Load;
use crate::peer::{Client, Hyper, HyperUtil, Job, Ours, Raw, Trace};
use crate::usage;

/// What a worker is told.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    pub(crate) load: Load,
    pub(crate) client: Client,
    pub(crate) port: u16,
    /// Calls that are measured, all lanes together.
    pub(crate) calls: u64,
    /// Calls of each lane before that, which make the connections.
    pub(crate) warm_up: u64,
    pub(crate) threads: usize,
    pub(crate) cores: Vec<usize>,
    pub(crate) count_allocations: bool,
}

/// What a worker says of the calls that were measured.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Measured {
    pub(crate) calls: u64,
    /// User and system.
    pub(crate) cpu_us: f64,
    pub(crate) user_cpu_us: f64,
    pub(crate) wall_us: f64,
    /// Absent unless they were counted.
    pub(crate) allocations: Option<u64>,
    pub(crate) allocated_bytes: Option<u64>,
}

/// Does the work, and prints what was measured.
pub(crate) fn run(work: &Work) -> Result<(), Error> {
    if !work.cores.is_empty() {
        usage::pin(&work.cores)?;
    }
    usage::open_many_files()?;
    let mut builder = if work.threads == 1 {
        tokio::runtime::Builder::new_current_thread()
    } else {
        tokio::runtime::Builder::new_multi_thread()
    };
    let runtime = builder.worker_threads(work.threads).enable_all().build()?;
    let measured = runtime.block_on(with_client(work))?;
    println!("{}", serde_json::to_string(&measured)?);
    Ok(())
}

async fn with_client(work: &Work) -> Result<Measured, Error> {
    let job = Arc::new(Job::new(work.load, work.port)?);
    match work.client {
        Client::OursNone => run::calls(work, Ours::new(job, Trace::None)?).await,
        Client::OursEmpty => run::calls(work, Ours::new(job, Trace::Empty)?).await,
        Client::OursRecorded => run::calls(work, Ours::new(job, Trace::Recorded)?).await,
        Client::HyperUtil => run::calls(work, HyperUtil::new(job)).await,
        Client::Hyper => run::calls(work, Hyper::new(job).await?).await,
        Client::Raw => run::calls(work, Raw::new(job)).await,
    }
}
