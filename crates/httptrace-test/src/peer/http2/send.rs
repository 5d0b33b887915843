//! What a script sends on a stream: heads and data.

use super::frame::{Draft, END_HEADERS, END_STREAM, Kind, PADDED};

/// The largest payload that every client takes (RFC 9113 section 4.2).
const LARGEST: usize = 16 * 1024;

/// Header fields to be sent: the head of a response, or trailers.
#[derive(Clone, Debug, Default)]
#[must_use = "a head does nothing until it is sent"]
pub struct Head {
    fields: Vec<(String, Vec<u8>)>,
    ends: bool,
    cuts: Vec<usize>,
    padding: u8,
}

impl From<u16> for Head {
    fn from(status: u16) -> Self {
        Self::status(status)
    }
}

impl Head {
    /// The head of a response with this status.
    pub fn status(status: u16) -> Self {
        Self::default().field(":status", status.to_string())
    }

    /// Trailers, which end the stream; or a head without a status.
    pub fn trailers() -> Self {
        Self::default().end_stream()
    }

    /// Adds a field. Nothing is checked: also what no client may accept can be sent.
    pub fn field(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref().to_vec();
        self.fields.push((name.to_owned(), value));
        self
    }

    /// Nothing comes after it on its stream.
    pub fn end_stream(mut self) -> Self {
        self.ends = true;
        self
    }

    /// Cuts the block of fields into frames of these sizes, `HEADERS` first and `CONTINUATION` after it; what remains
    /// goes into a last one.
    pub fn continued_after(mut self, sizes: &[usize]) -> Self {
        self.cuts = sizes.to_vec();
        self
    }

    /// Pads the `HEADERS` frame with so many bytes.
    pub fn padded(mut self, bytes: u8) -> Self {
        self.padding = bytes;
        self
    }

    pub(super) fn drafts(&self, stream_id: u32) -> Vec<Draft> {
        let block = self.block();
        let mut rest = &block[..];
        let mut parts = Vec::new();
        for size in &self.cuts {
            let (part, after) = rest.split_at((*size).min(rest.len()));
            parts.push(part);
            rest = after;
        }
        parts.extend(rest.chunks(LARGEST));
        if parts.is_empty() {
            parts.push(rest);
        }
        let last = parts.len() - 1;
        let drafts = parts.into_iter().enumerate().map(|(index, part)| {
            let end = if index == last { END_HEADERS } else { 0 };
            if index > 0 {
                return Draft::new(Kind::Continuation, end, stream_id, part);
            }
            let flags = end | if self.ends { END_STREAM } else { 0 };
            padded(
                Draft::new(Kind::Headers, flags, stream_id, part),
                self.padding,
            )
        });
        drafts.collect()
    }

    /// HPACK (RFC 7541) in its simplest form: every field literal, without indexing and without Huffman coding.
    fn block(&self) -> Vec<u8> {
        let mut block = Vec::new();
        for (name, value) in &self.fields {
            block.push(0);
            for text in [name.as_bytes(), value] {
                push_length(&mut block, text.len());
                block.extend(text);
            }
        }
        block
    }
}

/// Data to be sent.
#[derive(Clone, Debug, Default)]
#[must_use = "data does nothing until it is sent"]
pub struct Data {
    bytes: Vec<u8>,
    ends: bool,
    padding: u8,
    frame: usize,
}

impl<B: AsRef<[u8]>> From<B> for Data {
    fn from(bytes: B) -> Self {
        Self::new(bytes)
    }
}

impl Data {
    /// These bytes, in frames of at most 16 KiB; no bytes are an empty frame.
    pub fn new(bytes: impl AsRef<[u8]>) -> Self {
        Self {
            bytes: bytes.as_ref().to_vec(),
            frame: LARGEST,
            ..Self::default()
        }
    }

    /// Nothing comes after it on its stream.
    pub fn end_stream(mut self) -> Self {
        self.ends = true;
        self
    }

    /// In frames of so many bytes.
    pub fn in_frames_of(mut self, bytes: usize) -> Self {
        self.frame = bytes;
        self
    }

    /// Pads each frame with so many bytes, and one that tells their number.
    pub fn padded(mut self, bytes: u8) -> Self {
        self.padding = bytes;
        self
    }

    pub(super) fn drafts(&self, stream_id: u32) -> Vec<Draft> {
        let mut parts: Vec<&[u8]> = self.bytes.chunks(self.frame).collect();
        if parts.is_empty() {
            parts.push(&[]);
        }
        let last = parts.len() - 1;
        let drafts = parts.into_iter().enumerate().map(|(index, part)| {
            let ends = self.ends && index == last;
            let flags = if ends { END_STREAM } else { 0 };
            padded(Draft::new(Kind::Data, flags, stream_id, part), self.padding)
        });
        drafts.collect()
    }
}

fn padded(mut draft: Draft, padding: u8) -> Draft {
    if padding > 0 {
        draft.flags |= PADDED;
        draft.payload.insert(0, padding);
        draft.payload.extend(vec![0; usize::from(padding)]);
    }
    draft
}

/// The length of a string without Huffman coding: an integer with a prefix of 7 bits (RFC 7541 section 5.1).
fn push_length(block: &mut Vec<u8>, length: usize) {
    if length < 127 {
        block.extend(u8::try_from(length));
        return;
    }
    block.push(127);
    let mut rest = length - 127;
    while rest >= 128 {
        block.extend(u8::try_from(rest % 128 + 128));
        rest /= 128;
    }
    block.extend(u8::try_from(rest));
}
