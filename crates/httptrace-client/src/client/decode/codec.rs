//! What every coding's decoder does.

use std::borrow::Cow;

/// A decoder of one coding that is given bytes and gives bytes: no I/O, and exact about where it is.
pub(super) trait Codec: Send + Sync {
    /// Takes from `input` and writes to `output`, which has room, as far as it goes in one step. A step that does
    /// neither wants more input.
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Flaw>;

    /// Whether the coded data may end where it is now: behind its end, or between two of its members.
    fn may_end(&self) -> bool;
}

/// How far a step went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) read: usize,
    pub(super) written: usize,
}

/// Where and why the coded data is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Flaw {
    /// Counted from the step's input; negative if it is in what was taken before.
    pub(super) at: isize,
    pub(super) why: Cow<'static, str>,
    /// How much the step wrote before it came upon it.
    pub(super) written: usize,
}

impl Flaw {
    pub(super) fn new(at: usize, why: impl Into<Cow<'static, str>>) -> Self {
        Self {
            // A slice is never longer than that.
            at: isize::try_from(at).unwrap_or(isize::MAX),
            why: why.into(),
            written: 0,
        }
    }

    /// A flaw in a step that wrote something.
    #[cfg(any(feature = "brotli", feature = "deflate", feature = "gzip"))]
    pub(super) fn having_written(self, written: usize) -> Self {
        Self { written, ..self }
    }

    /// A flaw in what comes behind so many bytes.
    #[cfg(feature = "deflate")]
    pub(super) fn after(self, bytes: usize) -> Self {
        let at = self.at.saturating_add_unsigned(bytes);
        Self { at, ..self }
    }

    /// A flaw that was noticed so many bytes behind its place.
    #[cfg(any(feature = "gzip", feature = "zstd"))]
    pub(super) fn back(self, bytes: isize) -> Self {
        let at = self.at - bytes;
        Self { at, ..self }
    }

    /// The data goes on behind its end.
    #[cfg(any(feature = "brotli", feature = "deflate", feature = "gzip"))]
    pub(super) fn trailing(at: usize) -> Self {
        Self::new(at, "it goes on behind the end of the coded data")
    }
}
