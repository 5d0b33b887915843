//! Private parts, opened for the fuzz targets alone: this module is there only under cargo-fuzz's `cfg(fuzzing)`, and no
//! part of the crate's interface.

pub use crate::client::fuzzing::{DecodedBody, decode};
pub use crate::dial::fuzzing::{ConnectAnswer, SocksTalk, bypasses, connect_answer, proxy, socks5};
pub use crate::wire::http2::fuzzing::{TapTold, tap_told};

use crate::wire::http1::RequestDecoder;

/// What the wire tap knows of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestFacts {
    /// A byte of it was written.
    pub is_begun: bool,
    /// Its head was written, the blank line included.
    pub is_head_done: bool,
    /// It was written to its end.
    pub is_done: bool,
    /// Bytes of its body that were written, without chunk framing.
    pub body_bytes: u64,
    /// Its head, as far as it was written.
    pub head: Vec<u8>,
}

/// What the tap knows of a request of which these pieces were written, one after the other. With `used`, that many bytes
/// of the same were another request before.
pub fn request_facts(pieces: &[&[u8]], used: usize) -> RequestFacts {
    let mut decoder = RequestDecoder::default();
    if let Some(piece) = pieces.first() {
        decoder.feed(&piece[..used.min(piece.len())]);
        decoder.restart();
    }
    for piece in pieces {
        decoder.feed(piece);
    }
    RequestFacts {
        is_begun: decoder.is_begun(),
        is_head_done: decoder.is_head_done(),
        is_done: decoder.is_done(),
        body_bytes: decoder.body_bytes(),
        head: decoder.head().to_vec(),
    }
}

/// The header fields that `WroteHeaderField` tells of, given the written head.
pub fn header_fields(head: &[u8]) -> Vec<(String, Vec<http::HeaderValue>)> {
    let fields = crate::wire::fields_by_name(head).into_iter();
    fields
        .map(|(name, values)| (name.to_string(), values.to_vec()))
        .collect()
}
