//! The file that tcpdump writes: classic pcap, whole or still being written.

/// A captured frame, and when the kernel saw it: nanoseconds of the wall clock.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    pub(crate) at: i64,
    pub(crate) frame: &'a [u8],
}

/// The records of a file, up to one that is not whole yet.
pub(crate) struct Records<'a> {
    rest: &'a [u8],
    is_swapped: bool,
    /// How many nanoseconds the fraction of a second counts in.
    unit: i64,
}

const NANOSECONDS: u32 = 0xa1b2_3c4d;
const MICROSECONDS: u32 = 0xa1b2_c3d4;
const HEADER: usize = 24;
const RECORD_HEADER: usize = 16;
const ETHERNET: u32 = 1;

impl<'a> Records<'a> {
    /// Reads the header. Absent is one that is not whole yet.
    pub(crate) fn of(file: &'a [u8]) -> Result<Option<Self>, String> {
        let Some((header, rest)) = file.split_at_checked(HEADER) else {
            return Ok(None);
        };
        let magic = number(header, 0, false);
        let (is_swapped, unit) = match (magic, magic.swap_bytes()) {
            (NANOSECONDS, _) => (false, 1),
            (_, NANOSECONDS) => (true, 1),
            (MICROSECONDS, _) => (false, 1_000),
            (_, MICROSECONDS) => (true, 1_000),
            _ => return Err(format!("{magic:#x} is not how a pcap file begins")),
        };
        match number(header, 20, is_swapped) {
            ETHERNET => Ok(Some(Self {
                rest,
                is_swapped,
                unit,
            })),
            other => Err(format!("frames of link type {other} are not understood")),
        }
    }

    /// The least that two stamps can differ by, in nanoseconds.
    pub(crate) fn resolution(&self) -> i64 {
        self.unit
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        let (header, after) = self.rest.split_at_checked(RECORD_HEADER)?;
        let field = |at| number(header, at, self.is_swapped);
        let (frame, rest) = after.split_at_checked(field(8) as usize)?;
        self.rest = rest;
        let at = i64::from(field(0)) * 1_000_000_000 + i64::from(field(4)) * self.unit;
        Some(Record { at, frame })
    }
}

/// Four bytes as a number: in this machine's order, which is little-endian where this runs, or in the other.
fn number(bytes: &[u8], at: usize, is_swapped: bool) -> u32 {
    let mut four = [0; 4];
    four.copy_from_slice(&bytes[at..at + 4]);
    match is_swapped {
        true => u32::from_be_bytes(four),
        false => u32::from_le_bytes(four),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(magic: u32, link: u32, write: fn(u32) -> [u8; 4]) -> Vec<u8> {
        let mut file = write(magic).to_vec();
        file.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0]);
        file.extend(write(link));
        for (seconds, fraction, frame) in [(7, 5, &b"one"[..]), (8, 6, b"three")] {
            file.extend(write(seconds));
            file.extend(write(fraction));
            file.extend(write(u32::try_from(frame.len()).unwrap()));
            file.extend(write(9_999));
            file.extend(frame);
        }
        file
    }

    fn read(file: &[u8]) -> Vec<(i64, Vec<u8>)> {
        let records = Records::of(file).unwrap().unwrap();
        records.map(|r| (r.at, r.frame.to_vec())).collect()
    }

    #[test]
    fn stamps_are_read_in_either_order_and_unit() {
        let frames = |first: i64, second: i64| {
            vec![
                (7_000_000_000 + first, b"one".to_vec()),
                (8_000_000_000 + second, b"three".to_vec()),
            ]
        };
        assert_eq!(read(&file(NANOSECONDS, 1, u32::to_le_bytes)), frames(5, 6));
        assert_eq!(read(&file(NANOSECONDS, 1, u32::to_be_bytes)), frames(5, 6));
        let coarse = file(MICROSECONDS, 1, u32::to_le_bytes);
        assert_eq!(read(&coarse), frames(5_000, 6_000));
        let records = Records::of(&coarse).unwrap().unwrap();
        assert_eq!(records.resolution(), 1_000);
    }

    #[test]
    fn a_file_that_is_being_written_is_read_as_far_as_it_is_whole() {
        let whole = file(NANOSECONDS, 1, u32::to_le_bytes);
        for length in 0..whole.len() {
            let records = Records::of(&whole[..length]).unwrap();
            let read = records.map_or(0, Iterator::count);
            assert_eq!(read, usize::from(length >= HEADER + 19));
        }
    }

    #[test]
    fn what_is_no_capture_of_ethernet_is_refused() {
        assert!(Records::of(&[0; 24]).is_err());
        assert!(Records::of(&file(NANOSECONDS, 113, u32::to_le_bytes)).is_err());
    }
}
