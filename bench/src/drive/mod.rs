//! Starts servers and workers, and makes figures of what the workers say.

mod callgrind;
mod child;
mod figures;
mod stats;
mod table;

use std::path::PathBuf;

use clap::ValueEnum;

use crate::load::Load;
use crate::peer::Client;
use crate::{Error, usage};
use child::Cores;
use table::Table;

/// What is measured, per call.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Figure {
    /// Instructions that callgrind counts in user space, on one thread.
    Instructions,
    /// User and system time of the process.
    CpuUs,
    /// User time alone.
    UserCpuUs,
    /// Allocations, reallocations included.
    Allocations,
    /// Bytes of these allocations.
    AllocatedBytes,
}

impl Figure {
    pub(crate) const ALL: [Self; 5] = [
        Self::Instructions,
        Self::CpuUs,
        Self::UserCpuUs,
        Self::Allocations,
        Self::AllocatedBytes,
    ];

    pub(crate) fn name(self) -> String {
        // expect is ok because no figure is hidden from the command line.
        let value = self.to_possible_value().expect("a figure has a name");
        value.get_name().to_owned()
    }
}

/// What is to be measured, and how.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) loads: Vec<Load>,
    pub(crate) figures: Vec<Figure>,
    pub(crate) clients: Vec<Client>,
    pub(crate) rounds: usize,
    pub(crate) threads: usize,
    /// A folder for callgrind's profiles.
    pub(crate) keep: Option<PathBuf>,
}

/// Measures, and prints each table as soon as it is complete.
pub(crate) fn run(plan: &Plan) -> Result<(), Error> {
    let cores = Cores::choose(&usage::cores()?, plan.threads);
    for load in &plan.loads {
        for table in measure(plan, *load, &cores)? {
            print!("{table}");
        }
    }
    Ok(())
}

fn measure(plan: &Plan, load: Load, cores: &Cores) -> Result<Vec<Table>, Error> {
    let has = |figure| plan.figures.contains(&figure);
    let mut tables = Vec::new();
    if has(Figure::Instructions) {
        tables.extend(figures::instructions(plan, load, cores)?);
    }
    if has(Figure::CpuUs) || has(Figure::UserCpuUs) {
        tables.extend(figures::cpu(plan, load, cores)?);
    }
    if has(Figure::Allocations) || has(Figure::AllocatedBytes) {
        tables.extend(figures::allocations(plan, load, cores)?);
    }
    tables.retain(|table| has(table.figure));
    Ok(tables)
}
