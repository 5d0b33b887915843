//! Starts servers and workers, and makes figures of what the workers say.

mod callgrind;
mod go;
mod stage;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::Error;
use crate::client::Client;
use crate::figure::Figure;
use crate::load::Load;
use crate::report::{Format, Report, Row, Table};
use crate::work::{Measured, Mode, Work};
use stage::Stage;

/// What is to be measured, and how.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) loads: Vec<Load>,
    pub(crate) figures: Vec<Figure>,
    pub(crate) clients: Vec<Client>,
    pub(crate) rounds: usize,
    pub(crate) threads: Vec<usize>,
    /// Shorter rounds, and fewer if time is up.
    pub(crate) is_quick: bool,
    pub(crate) format: Format,
    /// A folder for callgrind's profiles.
    pub(crate) keep: Option<PathBuf>,
}

/// What a quick run may take in all. It keeps to it by doing fewer rounds.
const QUICK: Duration = Duration::from_secs(105);
/// Fewer rounds would say nothing.
const MIN_ROUNDS: usize = 3;

/// Measures, and prints each table as soon as it is complete.
pub(crate) fn run(mut plan: Plan) -> Result<(), Error> {
    let began = Instant::now();
    let stage = Stage::set(&plan.clients)?;
    plan.clients.retain(|client| stage.has(*client));
    let plan = &plan;
    let mut report = Report::new(plan.format, plan.clients.clone());
    let mut add = |tables: Vec<Table>| {
        let asked = |table: &Table| plan.figures.contains(&table.figure) && !table.rows.is_empty();
        tables
            .into_iter()
            .filter(asked)
            .for_each(|table| report.add(table));
    };
    // Those first that take the time they take; the rounds share what is left.
    if plan.figures.contains(&Figure::Instructions) {
        if callgrind::is_there() {
            for load in &plan.loads {
                add(instructions(plan, &stage, *load)?);
            }
        } else {
            eprintln!("bench: skipped: instructions, since there is no valgrind here");
        }
    }
    for (index, load) in plan.loads.iter().enumerate() {
        add(allocations(plan, &stage, *load)?);
        let left = QUICK.saturating_sub(began.elapsed());
        let share = left / (plan.loads.len() - index) as u32;
        let until = plan.is_quick.then(|| Instant::now() + share);
        for threads in &plan.threads {
            add(timed(plan, &stage, *load, *threads, until)?);
        }
    }
    report.finish();
    eprintln!("bench: done in {:.0?}", began.elapsed());
    Ok(())
}

/// What Go's program is built with, where there is one.
pub(crate) fn go_version() -> Option<String> {
    go::version()
}

/// By the difference of two lengths, so that start-up and warm-up cancel out.
fn instructions(plan: &Plan, stage: &Stage, load: Load) -> Result<Vec<Table>, Error> {
    let mut table = Table::new(load, Figure::Instructions, 1);
    if !Figure::Instructions.is_of(load) {
        return Ok(Vec::new());
    }
    let (short, long) = load.counted_calls();
    for client in clients(plan, load).filter(|client| !client.is_go()) {
        eprintln!("bench: {}: instructions of {}", load.name(), client.name());
        let server = stage.server(load)?;
        let count = |calls| {
            let work = work(load, client, server.port, calls, Mode::Plain);
            twice(|| callgrind::instructions(stage.command(&work)?, &work, plan.keep.as_deref()))
        };
        let (first, second) = (count(short)?, count(long)?);
        table.rows.push(Row {
            client,
            values: vec![per_call(first, second, long - short)],
        });
    }
    Ok(vec![table])
}

/// By the difference of two lengths, too.
fn allocations(plan: &Plan, stage: &Stage, load: Load) -> Result<Vec<Table>, Error> {
    if let Some(halves) = load.halves() {
        return of_halves(load, halves, |half| allocations(plan, stage, half));
    }
    let mut tables = Tables::new(plan, load, 1);
    tables.keep(&[
        Figure::Allocations,
        Figure::AllocatedBytes,
        Figure::LiveBytes,
    ]);
    if tables.0.is_empty() {
        return Ok(Vec::new());
    }
    let (short, long) = load.counted_calls();
    for client in clients(plan, load) {
        eprintln!("bench: {}: allocations of {}", load.name(), client.name());
        let server = stage.server(load)?;
        let count = |calls| {
            let work = work(load, client, server.port, calls, Mode::Allocations);
            twice(|| stage.work(&work))
        };
        let first = count(short)?;
        if load == Load::Idle10k {
            let live = first.live_bytes.map(|live| live as f64 / short as f64);
            tables.push(client, |_| live);
            continue;
        }
        let second = count(long)?;
        let per_call = |of: fn(&Measured) -> Option<u64>| {
            let values = of(&first).zip(of(&second));
            values.map(|(first, second)| per_call(first, second, long - short))
        };
        tables.push(client, |figure| match figure {
            Figure::Allocations => per_call(|measured| measured.allocations),
            Figure::AllocatedBytes => per_call(|measured| measured.allocated_bytes),
            _ => None,
        });
    }
    Ok(tables.0)
}

/// In rounds, each of them with every client in turn.
fn timed(
    plan: &Plan,
    stage: &Stage,
    load: Load,
    threads: usize,
    until: Option<Instant>,
) -> Result<Vec<Table>, Error> {
    if let Some(halves) = load.halves() {
        return of_halves(load, halves, |half| {
            timed(plan, stage, half, threads, until)
        });
    }
    let mut tables = Tables::new(plan, load, threads);
    tables.keep(&[
        Figure::CpuUs,
        Figure::UserCpuUs,
        Figure::MemoryBytes,
        Figure::WallUs,
        Figure::P50Us,
        Figure::P99Us,
    ]);
    if tables.0.is_empty() {
        return Ok(Vec::new());
    }
    let server = stage.server(load)?;
    let shorter = if plan.is_quick { 5 } else { 1 };
    for round in 1..=plan.rounds {
        let is_late = until.is_some_and(|until| Instant::now() > until);
        if is_late && round > MIN_ROUNDS {
            eprintln!(
                "bench: {}: only {} rounds, since time is up",
                load.name(),
                round - 1
            );
            break;
        }
        eprintln!(
            "bench: {}: round {round} of {}, {threads} thread(s)",
            load.name(),
            plan.rounds
        );
        for client in clients(plan, load) {
            let calls = load.timed_calls() / shorter;
            let mut work = work(load, client, server.port, calls, Mode::Latencies);
            work.threads = threads;
            let measured = twice(|| stage.work(&work))?;
            tables.push(client, |figure| value(figure, load, &measured));
        }
    }
    Ok(tables.0)
}

/// What is disturbed once may go well the next time, and a run of all takes too long to begin again; what fails twice
/// fails.
fn twice<T>(mut measure: impl FnMut() -> Result<T, Error>) -> Result<T, Error> {
    measure().or_else(|error| {
        eprintln!("bench: once more, since {error}");
        measure()
    })
}

fn value(figure: Figure, load: Load, measured: &Measured) -> Option<f64> {
    let calls = measured.calls as f64;
    match figure {
        Figure::CpuUs => Some(measured.cpu_us / calls),
        Figure::UserCpuUs => Some(measured.user_cpu_us / calls),
        Figure::WallUs => Some(measured.wall_us / calls),
        Figure::P50Us => measured.p50_us,
        Figure::P99Us => measured.p99_us,
        Figure::MemoryBytes => {
            let top = match load {
                Load::Idle10k => measured.resident_after,
                _ => measured.resident_peak,
            };
            let grown = top.saturating_sub(measured.resident_before);
            Some(grown as f64 / load.concurrency() as f64)
        }
        _ => None,
    }
}

/// The tables of a load's halves, and of the two together: their sum, or the larger of the two where it is about
/// memory.
fn of_halves(
    load: Load,
    halves: [Load; 2],
    mut measure: impl FnMut(Load) -> Result<Vec<Table>, Error>,
) -> Result<Vec<Table>, Error> {
    let [first, second] = halves;
    let (first, second) = (measure(first)?, measure(second)?);
    let mut tables = Vec::new();
    for (first, second) in first.into_iter().zip(second) {
        if first.figure.is_compared() {
            tables.push(first.with(&second, load));
        }
        tables.extend([first, second]);
    }
    Ok(tables)
}

/// Tables that are filled together.
struct Tables(Vec<Table>);

impl Tables {
    fn new(plan: &Plan, load: Load, threads: usize) -> Self {
        let figures = plan.figures.iter().copied();
        let figures = figures.filter(|figure| figure.is_of(load));
        Self(
            figures
                .map(|figure| Table::new(load, figure, threads))
                .collect(),
        )
    }

    fn keep(&mut self, figures: &[Figure]) {
        self.0.retain(|table| figures.contains(&table.figure));
    }

    fn push(&mut self, client: Client, value: impl Fn(Figure) -> Option<f64>) {
        for table in &mut self.0 {
            if let Some(value) = value(table.figure) {
                table.push(client, value);
            }
        }
    }
}

fn clients(plan: &Plan, load: Load) -> impl Iterator<Item = Client> {
    let all = plan.clients.iter().copied();
    all.filter(move |client| client.can_do(load))
}

fn work(load: Load, client: Client, port: u16, calls: u64, mode: Mode) -> Work {
    Work {
        load,
        client,
        port,
        calls,
        threads: 1,
        mode,
    }
}

fn per_call(first: u64, second: u64, calls: u64) -> f64 {
    (second as f64 - first as f64) / calls as f64
}
