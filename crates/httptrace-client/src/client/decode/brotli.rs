//! The coding `br` (RFC 7932).

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};

use super::codec::{Codec, Flaw, Step};

/// A decoder of Brotli.
pub(super) struct Brotli {
    state: Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>,
    ended: bool,
}

/// How much is decoded in one go. Of some flaws the decoder does not say where they are in what it was given, and it
/// notices some only when it has used that up; so it is given little.
const FEED: usize = 256;

impl Brotli {
    pub(super) fn new() -> Self {
        let alloc = StandardAlloc::default;
        Self {
            state: Box::new(BrotliState::new(alloc(), alloc(), alloc())),
            ended: false,
        }
    }
}

impl Codec for Brotli {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Flaw> {
        if self.ended {
            return match input.is_empty() {
                true => Ok(Step::default()),
                false => Err(Flaw::trailing(0)),
            };
        }
        let input = &input[..input.len().min(FEED)];
        let mut step = Step::default();
        let result = BrotliDecompressStream(
            &mut input.len(),
            &mut step.read,
            input,
            &mut output.len(),
            &mut step.written,
            output,
            &mut 0,
            &mut self.state,
        );
        match result {
            BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => {}
            BrotliResult::ResultSuccess => self.ended = true,
            BrotliResult::ResultFailure => {
                let code = format!("{:?}", self.state.error_code);
                let why = code.trim_start_matches("BROTLI_DECODER_ERROR_FORMAT_");
                let why = format!("the compressed data is not valid ({why})");
                let flaw = Flaw::new(step.read, why.to_lowercase());
                return Err(flaw.having_written(step.written));
            }
        }
        Ok(step)
    }

    fn may_end(&self) -> bool {
        self.ended
    }
}
