//! The packets of the loopback interface, by tcpdump, with the stamps of the kernel.

mod packet;
mod pcap;
mod tcpdump;

use packet::Packet as Parsed;
use pcap::Records;

pub(crate) use packet::{Flags, Packet};
pub(crate) use tcpdump::{Tcpdump, install};

/// A finished capture.
#[derive(Debug)]
pub(crate) struct Capture {
    file: Vec<u8>,
    /// Packets that the kernel had no room for.
    pub(crate) dropped: u64,
}

impl Capture {
    /// All TCP segments, in the order in which the kernel saw them.
    pub(crate) fn packets(&self) -> Result<impl Iterator<Item = Packet<'_>>, String> {
        packets(&self.file)
    }

    /// The least that two stamps can differ by, in nanoseconds.
    pub(crate) fn resolution(&self) -> Result<i64, String> {
        let records = Records::of(&self.file)?;
        Ok(records.map_or(1, |records| records.resolution()))
    }
}

fn packets(file: &[u8]) -> Result<impl Iterator<Item = Packet<'_>>, String> {
    let records = Records::of(file)?.into_iter().flatten();
    Ok(records.filter_map(|record| Parsed::parse(record.at, record.frame)))
}
