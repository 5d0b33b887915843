//! Lanes, each with its share of the calls.

use std::time::Instant;

use super::{Measured, Work};
use crate::peer::{Lane, Peer};
use crate::usage::CpuTime;
use crate::{Error, allocator};

/// Warms up, then measures.
pub(super) async fn calls<P: Peer>(work: &Work, peer: P) -> Result<Measured, Error> {
    let mut lanes = Vec::new();
    for _ in 0..work.load.concurrency() {
        lanes.push(peer.lane().await?);
    }
    let warm_up = work.warm_up * lanes.len() as u64;
    let lanes = all(lanes, warm_up).await?;
    if work.count_allocations {
        allocator::start();
    }
    let cpu = CpuTime::now()?;
    let began = Instant::now();
    all(lanes, work.calls).await?;
    let wall = began.elapsed();
    let cpu = CpuTime::now()?.since(cpu);
    let count = work.count_allocations.then(allocator::stop);
    Ok(Measured {
        calls: work.calls,
        cpu_us: cpu.total().as_secs_f64() * 1e6,
        user_cpu_us: cpu.user.as_secs_f64() * 1e6,
        wall_us: wall.as_secs_f64() * 1e6,
        allocations: count.map(|count| count.allocations),
        allocated_bytes: count.map(|count| count.bytes),
    })
}

/// All lanes at once, together so many calls.
async fn all<L: Lane>(lanes: Vec<L>, calls: u64) -> Result<Vec<L>, Error> {
    let count = lanes.len() as u64;
    let mut tasks = Vec::with_capacity(lanes.len());
    for (index, mut lane) in (0..).zip(lanes) {
        let share = calls / count + u64::from(index < calls % count);
        tasks.push(tokio::spawn(async move {
            for _ in 0..share {
                lane.call().await?;
            }
            Ok::<L, Error>(lane)
        }));
    }
    let mut lanes = Vec::with_capacity(tasks.len());
    for task in tasks {
        lanes.push(task.await??);
    }
    Ok(lanes)
}
