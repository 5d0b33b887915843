//! The decoder, opened for the fuzz targets alone.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};

use super::coding::codings;
use super::decoder::{DecodeError, Decoded, Decoder};

/// What became of a body.
#[derive(Debug)]
pub struct DecodedBody {
    /// What was decoded, up to the error if there is one.
    pub data: Vec<u8>,
    /// Why it was not decoded to its end.
    pub error: Option<DecodeError>,
    /// How often the decoder was asked.
    pub rounds: usize,
}

/// Decodes a body that comes in these pieces, to `limit` bytes at most. None if nothing is to be decoded, given this
/// value of `Content-Encoding`.
pub fn decode(content_encoding: &str, pieces: &[&[u8]], limit: u64) -> Option<DecodedBody> {
    let value = HeaderValue::from_str(content_encoding).ok()?;
    let headers = HeaderMap::from_iter([(header::CONTENT_ENCODING, value)]);
    let mut decoder = Decoder::new(&codings(&headers)?, Some(limit))?;
    let mut body = DecodedBody {
        data: Vec::new(),
        error: None,
        rounds: 0,
    };
    let end = read(&mut decoder, pieces, &mut body).and_then(|()| decoder.finish());
    body.error = end.err();
    assert_eq!(decoder.decoded(), body.data.len() as u64);
    Some(body)
}

/// As a body is read: what is read is decoded until there is no more to be had of it.
fn read(
    decoder: &mut Decoder,
    pieces: &[&[u8]],
    body: &mut DecodedBody,
) -> Result<(), DecodeError> {
    for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
        decoder.feed(Bytes::copy_from_slice(piece));
        loop {
            body.rounds += 1;
            match decoder.decode()? {
                Decoded::Piece { data, starved } => {
                    assert!(!data.is_empty());
                    body.data.extend_from_slice(&data);
                    if starved {
                        break;
                    }
                }
                Decoded::Starved => break,
                Decoded::Busy => {}
            }
        }
    }
    Ok(())
}
