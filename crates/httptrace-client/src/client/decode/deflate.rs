//! The coding `deflate`: zlib (RFC 1950) by its definition, and plain DEFLATE from servers that took the name literally.

use super::codec::{Codec, Flaw, Step};
use super::inflate::Inflate;

/// A decoder of `deflate`, of either kind.
pub(super) enum Deflate {
    /// The first byte, if it came. The second one tells which kind it is.
    Undecided(Option<u8>),
    Within(Inflate),
    Ended,
}

impl Deflate {
    pub(super) fn new() -> Self {
        Self::Undecided(None)
    }

    /// Sees which kind it is, as soon as that shows. Returns how many bytes it took.
    fn decide(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize, Flaw> {
        let Self::Undecided(before) = *self else {
            return Ok(0);
        };
        let mut bytes = before.iter().chain(input).copied();
        let (first, second) = (bytes.next(), bytes.next());
        *self = match (first, second) {
            (Some(first), Some(second)) => {
                let mut inflate = Inflate::new(is_zlib(first, second));
                // One byte is taken, and is too little for any output.
                let taken = inflate.step(&[first], output);
                // It may have come with an earlier piece.
                let at = -isize::from(before.is_some());
                taken.map_err(|flaw| Flaw { at, ..flaw })?;
                Self::Within(inflate)
            }
            _ => Self::Undecided(first),
        };
        Ok(usize::from(before.is_none() && first.is_some()))
    }
}

/// Whether these are the first bytes of zlib (RFC 1950 section 2.2): no plain DEFLATE of practice begins like this.
fn is_zlib(first: u8, second: u8) -> bool {
    let is_deflate = first & 0x0f == 8;
    let check = u16::from_be_bytes([first, second]) % 31;
    is_deflate && first >> 4 <= 7 && check == 0
}

impl Codec for Deflate {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Flaw> {
        let taken = self.decide(input, output)?;
        let mut step = match self {
            Self::Undecided(_) => Step::default(),
            Self::Within(inflate) => {
                let stepped = inflate.step(&input[taken..], output);
                let (step, ended) = stepped.map_err(|flaw| flaw.after(taken))?;
                if ended {
                    *self = Self::Ended;
                }
                step
            }
            Self::Ended if input.is_empty() => Step::default(),
            Self::Ended => return Err(Flaw::trailing(0)),
        };
        step.read += taken;
        Ok(step)
    }

    fn may_end(&self) -> bool {
        matches!(self, Self::Ended)
    }
}
