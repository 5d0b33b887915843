//! What is measured.

use clap::ValueEnum;

use crate::load::Load;

/// A figure, by the name that reports give it; of a call, if nothing else is said.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Figure {
    /// Instructions that callgrind counts in user space, on one thread
    Instructions,
    /// User and system time of the process
    CpuUs,
    /// User time alone
    UserCpuUs,
    /// Allocations, reallocations included
    Allocations,
    /// Bytes of these allocations
    AllocatedBytes,
    /// Resident memory: of an idle connection, of a call in flight, or as much as a large body makes it grow
    MemoryBytes,
    /// Of an idle connection, what the allocator has given out and not got back
    LiveBytes,
    /// Wall time, not compared
    WallUs,
    /// Half of the calls take no longer, not compared
    P50Us,
    /// 99 of 100 calls take no longer, not compared
    P99Us,
}

impl Figure {
    pub(crate) fn all() -> Vec<Self> {
        Self::value_variants().to_vec()
    }

    pub(crate) fn name(self) -> String {
        // expect is ok because no figure is skipped on the command line.
        let value = self.to_possible_value().expect("a figure has a name");
        value.get_name().to_owned()
    }

    /// Whether a load has this figure.
    pub(crate) fn is_of(self, load: Load) -> bool {
        let is_idle = load == Load::Idle10k;
        let is_large =
            load.halves().is_some() || load.download().is_some() || load.upload().is_some();
        match self {
            // Of calls in memory nothing else is worth knowing.
            _ if load.hosts().is_some() => self == Self::Instructions,
            // Callgrind would take minutes for a large body, and for 10,000 connections.
            Self::Instructions => !is_idle && !is_large && load != Load::Slow10k,
            Self::LiveBytes => is_idle,
            Self::MemoryBytes => is_idle || is_large || load == Load::Slow10k,
            _ => !is_idle,
        }
    }

    /// Whether ratios are taken of it.
    pub(crate) fn is_compared(self) -> bool {
        !matches!(self, Self::WallUs | Self::P50Us | Self::P99Us)
    }

    /// Digits behind the point.
    pub(crate) fn digits(self) -> usize {
        match self {
            Self::CpuUs | Self::UserCpuUs | Self::Allocations => 2,
            Self::WallUs | Self::P50Us | Self::P99Us => 1,
            Self::Instructions | Self::AllocatedBytes | Self::MemoryBytes | Self::LiveBytes => 0,
        }
    }
}
