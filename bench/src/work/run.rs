//! Lanes, each with its share of the calls.

use std::time::{Duration, Instant};

use super::latencies::Latencies;
use super::{Measured, Mode, Work};
use crate::load::{Load, Protocol};
use crate::peer::{Lane, Peer};
use crate::usage::{self, CpuTime};
use crate::{Error, allocator};

/// How long connections have been idle when they are looked at: what a client does for them once a second has been done.
const SETTLING: Duration = Duration::from_secs(2);

/// Warms up, then measures.
pub(super) async fn calls<P: Peer>(work: &Work, peer: P) -> Result<Measured, Error> {
    let resident_before = usage::resident()?;
    if work.mode == Mode::Allocations {
        allocator::start();
    }
    let mut lanes = Vec::with_capacity(work.load.concurrency());
    for _ in 0..work.load.concurrency() {
        lanes.push(peer.lane().await?);
    }
    warm_up(work, &mut lanes).await?;

    let cpu = CpuTime::now()?;
    let began = Instant::now();
    let times = work.mode == Mode::Latencies;
    let mut latencies = all(&mut lanes, work.calls, times).await?;
    let wall = began.elapsed();
    let cpu = CpuTime::now()?.since(cpu);

    if work.load == Load::Idle10k {
        tokio::time::sleep(SETTLING).await;
    }
    let count = (work.mode == Mode::Allocations).then(allocator::stop);
    Ok(Measured {
        calls: work.calls,
        cpu_us: cpu.total().as_secs_f64() * 1e6,
        user_cpu_us: cpu.user.as_secs_f64() * 1e6,
        wall_us: wall.as_secs_f64() * 1e6,
        resident_before,
        resident_after: usage::resident()?,
        resident_peak: usage::resident_peak()?,
        p50_us: latencies.percentile(50),
        p99_us: latencies.percentile(99),
        allocations: count.map(|count| count.allocations),
        allocated_bytes: count.map(|count| count.bytes),
        live_bytes: count.map(|count| count.live),
    })
}

async fn warm_up<L: Lane>(work: &Work, lanes: &mut Vec<L>) -> Result<(), Error> {
    let each = work.load.warm_up();
    if each > 0
        && work.load.protocol() == Protocol::Http2
        && let Some(first) = lanes.first_mut()
    {
        // Alone, so that there is one connection when the others come.
        first.call().await?;
    }
    let calls = each * lanes.len() as u64;
    all(lanes, calls, false).await?;
    Ok(())
}

/// All lanes at once, together so many calls.
async fn all<L: Lane>(lanes: &mut Vec<L>, calls: u64, times: bool) -> Result<Latencies, Error> {
    let count = lanes.len() as u64;
    let mut tasks = Vec::with_capacity(lanes.len());
    for (index, lane) in (0..).zip(lanes.drain(..)) {
        let share = calls / count + u64::from(index < calls % count);
        tasks.push(tokio::spawn(some(lane, share, times)));
    }
    let mut latencies = Latencies::default();
    for task in tasks {
        let (lane, mut of_lane) = task.await??;
        lanes.push(lane);
        latencies.append(&mut of_lane);
    }
    Ok(latencies)
}

async fn some<L: Lane>(mut lane: L, calls: u64, times: bool) -> Result<(L, Latencies), Error> {
    let mut latencies = Latencies::default();
    for _ in 0..calls {
        if times {
            let began = Instant::now();
            lane.call().await?;
            latencies.push(began.elapsed());
        } else {
            lane.call().await?;
        }
    }
    Ok((lane, latencies))
}
