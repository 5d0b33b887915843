//! The coding `zstd` (RFC 8878): one frame or more.

use ::zstd::stream::raw::{DParameter, Decoder, Operation};

use super::codec::{Codec, Flaw, Step};

/// A decoder of Zstandard. It is fed block by block, as it asks, so that it is known which block a flaw is in.
pub(super) struct Zstd {
    decoder: Decoder<'static>,
    /// How many bytes the block still needs.
    wants: usize,
    /// How many bytes of it were taken.
    taken: usize,
    /// Between two frames.
    at_rest: bool,
}

/// The most memory that a response may ask for, as a power of two: RFC 9659 section 3.
const WINDOW_LOG_MAX: u32 = 23;
/// The beginning of a frame that tells how long its head is.
const FRAME_START: usize = 5;

impl Zstd {
    /// None if there is no memory for it.
    pub(super) fn new() -> Option<Self> {
        let mut decoder = Decoder::new().ok()?;
        decoder
            .set_parameter(DParameter::WindowLogMax(WINDOW_LOG_MAX))
            .ok()?;
        Some(Self {
            decoder,
            wants: FRAME_START,
            taken: 0,
            at_rest: true,
        })
    }
}

impl Codec for Zstd {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Flaw> {
        if self.at_rest && input.is_empty() {
            return Ok(Step::default());
        }
        let input = &input[..input.len().min(self.wants)];
        let status = self
            .decoder
            .run_on_buffers(input, output)
            .map_err(|error| {
                let begun = isize::try_from(self.taken).unwrap_or(isize::MAX);
                let why = format!("the block that begins here is not valid ({error})");
                Flaw::new(0, why).back(begun)
            })?;
        let step = Step {
            read: status.bytes_read,
            written: status.bytes_written,
        };
        self.at_rest = status.remaining == 0;
        self.taken += step.read;
        self.wants = self.wants.saturating_sub(step.read);
        if self.at_rest || self.wants == 0 {
            self.taken = 0;
            self.wants = match self.at_rest {
                true => FRAME_START,
                false => status.remaining,
            };
        }
        Ok(step)
    }

    fn may_end(&self) -> bool {
        self.at_rest
    }
}
