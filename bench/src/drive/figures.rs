//! How each figure is measured.

use super::child::{Cores, Server};
use super::table::{Row, Table};
use super::{Figure, Plan, callgrind, child};
use crate::Error;
use crate::load::Load;
use crate::peer::Client;
use crate::work::Work;

/// Calls of each lane before it is measured: connections are made, buffers have grown.
const WARM_UP: u64 = 3;

/// By the difference of two lengths, so that start-up and warm-up cancel out.
pub(super) fn instructions(plan: &Plan, load: Load, cores: &Cores) -> Result<Vec<Table>, Error> {
    if !callgrind::is_there() {
        eprintln!("bench: skipped: instructions, because there is no valgrind here");
        return Ok(Vec::new());
    }
    let mut table = Table::new(load, Figure::Instructions, 1);
    let (short, long) = load.counted_calls();
    for client in clients(plan, load) {
        eprintln!("bench: {}: instructions of {}", load.name(), client.name());
        let server = Server::start(load, cores)?;
        let mut work = work(load, client, &server, cores);
        work.calls = short;
        let first = callgrind::instructions(&work, plan.keep.as_deref())?;
        work.calls = long;
        let second = callgrind::instructions(&work, plan.keep.as_deref())?;
        table.rows.push(Row {
            client,
            values: vec![per_call(first, second, long - short)],
        });
    }
    Ok(vec![table])
}

/// In rounds, each of them with every client in turn.
pub(super) fn cpu(plan: &Plan, load: Load, cores: &Cores) -> Result<Vec<Table>, Error> {
    let mut total = Table::new(load, Figure::CpuUs, plan.threads);
    let mut user = Table::new(load, Figure::UserCpuUs, plan.threads);
    for client in clients(plan, load) {
        total.rows.push(Row::new(client));
        user.rows.push(Row::new(client));
    }
    let server = Server::start(load, cores)?;
    for round in 1..=plan.rounds {
        eprintln!(
            "bench: {}: CPU, round {round} of {}",
            load.name(),
            plan.rounds
        );
        for (total, user) in total.rows.iter_mut().zip(&mut user.rows) {
            let mut work = work(load, total.client, &server, cores);
            work.calls = load.timed_calls();
            work.threads = plan.threads;
            let measured = child::work(&work)?;
            total.values.push(measured.cpu_us / measured.calls as f64);
            user.values
                .push(measured.user_cpu_us / measured.calls as f64);
        }
    }
    Ok(vec![total, user])
}

/// By the difference of two lengths, too.
pub(super) fn allocations(plan: &Plan, load: Load, cores: &Cores) -> Result<Vec<Table>, Error> {
    let mut allocations = Table::new(load, Figure::Allocations, 1);
    let mut bytes = Table::new(load, Figure::AllocatedBytes, 1);
    let (short, long) = load.counted_calls();
    for client in clients(plan, load) {
        eprintln!("bench: {}: allocations of {}", load.name(), client.name());
        let server = Server::start(load, cores)?;
        let mut work = work(load, client, &server, cores);
        work.count_allocations = true;
        work.calls = short;
        let first = child::work(&work)?;
        work.calls = long;
        let second = child::work(&work)?;
        let of = |table: &mut Table, first: Option<u64>, second: Option<u64>| {
            let values = first.zip(second);
            let values = values.map(|(first, second)| per_call(first, second, long - short));
            table.rows.push(Row {
                client,
                values: values.into_iter().collect(),
            });
        };
        of(&mut allocations, first.allocations, second.allocations);
        of(&mut bytes, first.allocated_bytes, second.allocated_bytes);
    }
    Ok(vec![allocations, bytes])
}

fn clients(plan: &Plan, load: Load) -> impl Iterator<Item = Client> {
    let all = plan.clients.iter().copied();
    all.filter(move |client| client.can_do(load))
}

fn work(load: Load, client: Client, server: &Server, cores: &Cores) -> Work {
    Work {
        load,
        client,
        port: server.port,
        calls: 0,
        warm_up: WARM_UP,
        threads: 1,
        cores: cores.worker.clone(),
        count_allocations: false,
    }
}

fn per_call(first: u64, second: u64, calls: u64) -> f64 {
    (second as f64 - first as f64) / calls as f64
}
