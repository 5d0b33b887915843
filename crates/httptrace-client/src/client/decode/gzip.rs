//! The coding `gzip` (RFC 1952): one member or more, each with a head and a checksum.

use flate2::Crc;

use super::codec::{Codec, Flaw, Step};
use super::inflate::Inflate;

/// A decoder of gzip. As Go's, it reads member after member, and anything else behind a member is a flaw.
pub(super) struct Gzip {
    state: State,
    inflate: Inflate,
    /// Of the member's data, or of its head.
    crc: Crc,
    members: u64,
}

enum State {
    Head(Head),
    Data,
    /// The checksum and the size of the data, as far as they came.
    Foot([u8; 8], usize),
}

impl Gzip {
    pub(super) fn new() -> Self {
        Self {
            state: State::Head(Head::default()),
            inflate: Inflate::new(false),
            crc: Crc::new(),
            members: 0,
        }
    }

    fn read_head(&mut self, input: &[u8]) -> Result<Step, Flaw> {
        let State::Head(head) = &mut self.state else {
            return Ok(Step::default());
        };
        for (at, byte) in input.iter().enumerate() {
            if let Err(why) = head.take(*byte, &mut self.crc) {
                return Err(match self.members > 0 && head.is_at_magic() {
                    true => Flaw::trailing(at),
                    false => Flaw::new(at, why),
                });
            }
            if head.next == Part::Over {
                self.state = State::Data;
                self.inflate.reset();
                self.crc.reset();
                return Ok(Step {
                    read: at + 1,
                    written: 0,
                });
            }
        }
        Ok(Step {
            read: input.len(),
            written: 0,
        })
    }

    fn read_data(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Flaw> {
        let (step, ended) = self.inflate.step(input, output)?;
        self.crc.update(&output[..step.written]);
        if ended {
            self.state = State::Foot([0; 8], 0);
        }
        Ok(step)
    }

    fn read_foot(&mut self, input: &[u8]) -> Result<Step, Flaw> {
        let State::Foot(foot, had) = &mut self.state else {
            return Ok(Step::default());
        };
        let read = input.len().min(foot.len() - *had);
        foot[*had..*had + read].copy_from_slice(&input[..read]);
        *had += read;
        if *had == foot.len() {
            let (sum, size) = foot.split_at(4);
            if sum != self.crc.sum().to_le_bytes() {
                return Err(Flaw::new(read, "the checksum is not that of the data").back(8));
            }
            if size != self.crc.amount().to_le_bytes() {
                return Err(Flaw::new(read, "the size is not that of the data").back(4));
            }
            self.crc.reset();
            self.members += 1;
            self.state = State::Head(Head::default());
        }
        Ok(Step { read, written: 0 })
    }
}

impl Codec for Gzip {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Flaw> {
        match &self.state {
            State::Head(_) => self.read_head(input),
            State::Data => self.read_data(input, output),
            State::Foot(..) => self.read_foot(input),
        }
    }

    fn may_end(&self) -> bool {
        self.members > 0 && matches!(&self.state, State::Head(head) if head.is_at_magic())
    }
}

/// A member's head (RFC 1952 section 2.3), byte by byte.
#[derive(Default)]
struct Head {
    flags: u8,
    next: Part,
}

/// What the next byte of a head belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// The ten bytes that every head has, by number.
    Fixed(u8),
    ExtraLength(Option<u8>),
    Extra(u16),
    Name,
    Comment,
    Checksum(Option<u8>),
    Over,
}

impl Default for Part {
    fn default() -> Self {
        Self::Fixed(0)
    }
}

const HAS_CHECKSUM: u8 = 1 << 1;
const HAS_EXTRA: u8 = 1 << 2;
const HAS_NAME: u8 = 1 << 3;
const HAS_COMMENT: u8 = 1 << 4;

impl Head {
    fn is_at_magic(&self) -> bool {
        self.next == Part::Fixed(0)
    }

    fn take(&mut self, byte: u8, crc: &mut Crc) -> Result<(), &'static str> {
        self.next = match self.next {
            Part::Fixed(0) if byte != 0x1f => return Err("it does not begin as gzip does"),
            Part::Fixed(1) if byte != 0x8b => return Err("it does not begin as gzip does"),
            Part::Fixed(2) if byte != 8 => return Err("its compression method is unknown"),
            Part::Fixed(3) => {
                self.flags = byte;
                Part::Fixed(4)
            }
            Part::Fixed(9) => self.after(HAS_EXTRA >> 1),
            Part::Fixed(place) => Part::Fixed(place + 1),
            Part::ExtraLength(None) => Part::ExtraLength(Some(byte)),
            Part::ExtraLength(Some(low)) => match u16::from_le_bytes([low, byte]) {
                0 => self.after(HAS_EXTRA),
                length => Part::Extra(length),
            },
            Part::Extra(1) => self.after(HAS_EXTRA),
            Part::Extra(left) => Part::Extra(left - 1),
            Part::Name if byte == 0 => self.after(HAS_NAME),
            Part::Comment if byte == 0 => self.after(HAS_COMMENT),
            part @ (Part::Name | Part::Comment | Part::Over) => part,
            Part::Checksum(None) => {
                let expected = crc.sum().to_le_bytes();
                if byte != expected[0] {
                    return Err("the checksum of its head is wrong");
                }
                Part::Checksum(Some(expected[1]))
            }
            Part::Checksum(Some(expected)) if byte != expected => {
                return Err("the checksum of its head is wrong");
            }
            Part::Checksum(Some(_)) => Part::Over,
        };
        if !matches!(self.next, Part::Checksum(Some(_))) {
            crc.update(&[byte]);
        }
        Ok(())
    }

    /// What follows the optional part with this flag.
    fn after(&self, part: u8) -> Part {
        let has = |flag: u8| flag > part && self.flags & flag != 0;
        if has(HAS_EXTRA) {
            Part::ExtraLength(None)
        } else if has(HAS_NAME) {
            Part::Name
        } else if has(HAS_COMMENT) {
            Part::Comment
        } else if self.flags & HAS_CHECKSUM != 0 {
            Part::Checksum(None)
        } else {
            Part::Over
        }
    }
}
