//! DEFLATE data (RFC 1951), as gzip and zlib contain it.

use flate2::{Decompress, FlushDecompress, Status};

use super::codec::{Flaw, Step};

/// The inside of gzip, of zlib, or on its own.
pub(super) struct Inflate(Decompress);

impl Inflate {
    /// With the frame of zlib (RFC 1950) around it, or without.
    pub(super) fn new(zlib: bool) -> Self {
        Self(Decompress::new(zlib))
    }

    /// For the next member: without a frame.
    #[cfg(feature = "gzip")]
    pub(super) fn reset(&mut self) {
        self.0.reset(false);
    }

    /// One step, and whether the data ended with it.
    pub(super) fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<(Step, bool), Flaw> {
        let (read_before, written_before) = (self.0.total_in(), self.0.total_out());
        let status = self.0.decompress(input, output, FlushDecompress::None);
        // Both are differences within slices.
        let read = usize::try_from(self.0.total_in() - read_before).unwrap_or(input.len());
        let written = usize::try_from(self.0.total_out() - written_before).unwrap_or(output.len());
        let step = Step { read, written };
        match status {
            Ok(Status::StreamEnd) => Ok((step, true)),
            Ok(Status::Ok | Status::BufError) => Ok((step, false)),
            Err(error) => {
                let why = error
                    .message()
                    .unwrap_or("the compressed data is not valid");
                Err(Flaw::new(read, why.to_owned()).having_written(written))
            }
        }
    }
}
