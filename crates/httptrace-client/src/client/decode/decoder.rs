//! The codings of a body, one on top of the other, taken off in one go. No I/O: it is given pieces and gives pieces.

use std::collections::VecDeque;
use std::fmt;

use bytes::{Buf, Bytes, BytesMut};

use super::codec::{Codec, Flaw, Step};
use super::coding::Coding;

/// Decodes a body with one coding or several.
pub(super) struct Decoder {
    /// The first one is given the body as transferred, the next one what that one gives, and so on.
    stages: Vec<Stage>,
    /// The latest piece of the body as transferred, as far as it is not decoded.
    input: Bytes,
    output: BytesMut,
    decoded: u64,
    limit: Option<u64>,
    /// What is to be told when what was decoded before it has been handed out.
    failure: Option<DecodeError>,
}

struct Stage {
    coding: Coding,
    codec: Box<dyn Codec>,
    /// What the stage before has given and this one has not taken.
    input: VecDeque<u8>,
    read: u64,
    /// It filled its output the last time, so that it may have more to give without being given more.
    holds_more: bool,
}

/// What decoding has come to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decoded {
    /// There is more, and `starved` says that nothing can follow it without more input.
    Piece { data: Bytes, starved: bool },
    /// Nothing, without more input.
    Starved,
    /// Nothing yet, after a lot of work: others should have their turn.
    Busy,
}

/// The largest piece handed out. Small enough to keep back-pressure, large enough for its cost not to matter.
const PIECE: usize = 32 * 1024;
/// A rest of the buffer that is smaller is not worth a round.
const SMALL: usize = 4 * 1024;
/// How much one stage hands to the next in one go.
const BETWEEN: usize = 8 * 1024;
/// How many steps may be made for one piece: a few bytes can be told to become any number of empty members.
const MAX_STEPS: usize = 1000;

impl Decoder {
    /// None if one of the codings is not compiled in. At most `limit` bytes are given.
    pub(super) fn new(codings: &[Coding], limit: Option<u64>) -> Option<Self> {
        let stages = codings.iter().map(|coding| {
            Some(Stage {
                coding: *coding,
                codec: coding.codec()?,
                input: VecDeque::new(),
                read: 0,
                holds_more: false,
            })
        });
        Some(Self {
            stages: stages.collect::<Option<_>>()?,
            input: Bytes::new(),
            output: BytesMut::new(),
            decoded: 0,
            limit,
            failure: None,
        })
    }

    /// How many bytes were decoded so far.
    pub(super) fn decoded(&self) -> u64 {
        self.decoded
    }

    /// The next piece of the body as transferred. What came before must have been decoded until it starved.
    pub(super) fn feed(&mut self, data: Bytes) {
        self.input = data;
    }

    /// Decodes a piece. What was decoded before a flaw is given before it is told.
    pub(super) fn decode(&mut self) -> Result<Decoded, DecodeError> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        let room = self.make_room();
        let mut pull = Pull {
            input: &mut self.input,
            steps: MAX_STEPS,
        };
        let mut written = 0;
        let end = loop {
            match pull.step(&mut self.stages, &mut self.output[written..room]) {
                Ok(0) => break Ok(()),
                Ok(more) => written += more,
                Err((stage, flaw)) => {
                    if stage + 1 == self.stages.len() {
                        written += flaw.written;
                    }
                    break Err((stage, flaw));
                }
            }
            if written == room || pull.steps == 0 {
                break Ok(());
            }
        };
        let busy = pull.steps == 0;
        self.take(written, room, busy, end)
    }

    /// Hands out what was written.
    fn take(
        &mut self,
        written: usize,
        room: usize,
        busy: bool,
        end: Result<(), (usize, Flaw)>,
    ) -> Result<Decoded, DecodeError> {
        let starved = end.is_ok() && written < room && !busy;
        if let Err((stage, flaw)) = end {
            self.failure = Some(self.broken(stage, &flaw));
        }
        let left = self.limit.map(|limit| limit - self.decoded);
        let within = left.and_then(|left| usize::try_from(left).ok());
        let within = within.map_or(written, |left| written.min(left));
        if within < written {
            self.failure = Some(self.error(Why::TooLong(self.limit.unwrap_or_default())));
        }
        self.decoded += within as u64;
        let data = self.output.split_to(written).split_to(within).freeze();
        match (data.is_empty(), self.failure.is_some()) {
            (false, _) => Ok(Decoded::Piece { data, starved }),
            (true, true) => self.decode(),
            (true, false) if starved => Ok(Decoded::Starved),
            (true, false) => Ok(Decoded::Busy),
        }
    }

    /// The size of the next piece at most: a byte more than allowed, so that it shows whether there is more.
    fn make_room(&mut self) -> usize {
        if self.output.len() < SMALL {
            self.output = BytesMut::zeroed(PIECE);
        }
        let left = self.limit.map(|limit| limit - self.decoded);
        let left = left.and_then(|left| usize::try_from(left).ok());
        let left = left.map_or(usize::MAX, |left| left.saturating_add(1));
        self.output.len().min(left)
    }

    /// The body as transferred is over, and everything of it was decoded. A body without a byte is a body without a
    /// byte, whatever its coding.
    pub(super) fn finish(&self) -> Result<(), DecodeError> {
        let is_unfinished = |stage: &&Stage| stage.read > 0 && !stage.codec.may_end();
        match self.stages.iter().find(is_unfinished) {
            Some(stage) => Err(self.error(Why::Truncated(stage.coding))),
            None => Ok(()),
        }
    }

    fn broken(&self, stage: usize, flaw: &Flaw) -> DecodeError {
        let broken = &self.stages[stage];
        let mut error = self.error(Why::Broken(broken.coding, flaw.why.to_string().into()));
        if stage == 0 {
            error.at = broken.read.saturating_add_signed(flaw.at as i64);
        }
        error
    }

    /// An error where the body as transferred was read to.
    fn error(&self, why: Why) -> DecodeError {
        DecodeError {
            at: self.stages.first().map_or(0, |stage| stage.read),
            why,
        }
    }
}

/// One piece's worth of work.
struct Pull<'a> {
    input: &'a mut Bytes,
    steps: usize,
}

impl Pull<'_> {
    /// Has the last of these stages write something. 0 if it is starved, or too many steps were made. An error comes
    /// with the number of its stage.
    fn step(&mut self, stages: &mut [Stage], output: &mut [u8]) -> Result<usize, (usize, Flaw)> {
        let Some((stage, before)) = stages.split_last_mut() else {
            return Ok(0);
        };
        while self.steps > 0 {
            self.steps -= 1;
            let input = match before.is_empty() {
                true => self.input.chunk(),
                false => stage.input.as_slices().0,
            };
            if !input.is_empty() || stage.holds_more {
                let was_given = !input.is_empty();
                let step = stage.codec.step(input, output);
                let step = step.map_err(|flaw| (before.len(), flaw))?;
                if was_given && step == Step::default() {
                    let stuck = Flaw::new(0, "the decoder makes nothing of it");
                    return Err((before.len(), stuck));
                }
                stage.holds_more = step.written == output.len();
                stage.read += step.read as u64;
                match before.is_empty() {
                    true => self.input.advance(step.read),
                    false => drop(stage.input.drain(..step.read)),
                }
                match step.written {
                    0 => continue,
                    written => return Ok(written),
                }
            }
            if before.is_empty() {
                return Ok(0);
            }
            let mut between = [0; BETWEEN];
            match self.step(before, &mut between)? {
                0 => return Ok(0),
                given => stage.input.extend(&between[..given]),
            }
        }
        Ok(0)
    }
}

/// Why a response's body could not be decoded, and where: the `source()` of the [`Error`](crate::Error) that ends it.
///
/// ```
/// use std::error::Error as _;
/// use httptrace_client::{DecodeError, Error};
///
/// fn broken_at(error: &Error) -> Option<u64> {
///     let source = error.source()?;
///     source.downcast_ref::<DecodeError>().map(DecodeError::position)
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError {
    at: u64,
    why: Why,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Why {
    Broken(Coding, Box<str>),
    Truncated(Coding),
    TooLong(u64),
}

impl DecodeError {
    /// Where it failed: how many bytes of the body as transferred, without chunk framing, came before that place.
    /// For `zstd` it is where the bad block begins; for `br` it may be off by up to 256 bytes. Of several codings only the outermost one's place is known so
    /// exactly; what fails within it has been read to there.
    pub fn position(&self) -> u64 {
        self.at
    }

    /// The coding that failed, by its name in header fields; absent if it was the size.
    pub fn coding(&self) -> Option<&'static str> {
        match &self.why {
            Why::Broken(coding, _) | Why::Truncated(coding) => Some(coding.name()),
            Why::TooLong(_) => None,
        }
    }

    /// Whether the body decoded to more than
    /// [`max_decoded_bytes`](crate::ClientBuilder::max_decoded_bytes).
    pub fn is_too_long(&self) -> bool {
        matches!(self.why, Why::TooLong(_))
    }

    /// Whether the body as transferred ended before the coded data did.
    pub fn is_truncated(&self) -> bool {
        matches!(self.why, Why::Truncated(_))
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.at;
        match &self.why {
            Why::Broken(coding, why) => {
                write!(
                    f,
                    "its {} data is broken at byte {at}: {why}",
                    coding.name()
                )
            }
            Why::Truncated(coding) => {
                write!(f, "its {} data is cut off at byte {at}", coding.name())
            }
            Why::TooLong(limit) => write!(
                f,
                "it has more than the {limit} decoded bytes allowed, by byte {at} of what was transferred"
            ),
        }
    }
}

impl std::error::Error for DecodeError {}

#[cfg(all(
    test,
    feature = "brotli",
    feature = "deflate",
    feature = "gzip",
    feature = "zstd"
))]
mod tests;
