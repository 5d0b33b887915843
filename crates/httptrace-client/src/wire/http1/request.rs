//! What the bytes of an HTTP/1 request say: where its head ends, how much body has gone, where it is over.

use memchr::{memchr, memchr_iter};

/// Follows one request in the bytes that were written, however they are split.
///
/// Sans-IO: [`feed`](Self::feed) takes what the stream accepted, the getters tell how far the request has come.
#[derive(Debug)]
pub(crate) struct RequestDecoder {
    state: State,
    /// The head says how long the body is; otherwise the request is over with its head.
    is_framed: bool,
    begun: bool,
    /// The head so far, the blank line included.
    head: Vec<u8>,
    body_bytes: u64,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Head,
    /// A body of known length: bytes to go.
    Length(u64),
    Chunked(Chunk),
    Done,
}

/// Where in a chunked body (RFC 9112 section 7.1) the next byte falls.
#[derive(Debug, PartialEq, Eq)]
enum Chunk {
    /// In the size line; `digits` ends at the first byte that is no hex digit.
    Size { size: u64, digits: bool },
    /// In the chunk's data: bytes to go.
    Data(u64),
    /// In the line break after the data.
    DataEnd,
    /// In the trailer section; `empty` if the line has no byte yet.
    Trailer { empty: bool },
}

const START_OF_CHUNK: Chunk = Chunk::Size {
    size: 0,
    digits: true,
};

impl RequestDecoder {
    /// The next byte is the first of a request's head.
    pub(crate) fn new() -> Self {
        Self {
            state: State::Head,
            is_framed: true,
            begun: false,
            head: Vec::new(),
            body_bytes: 0,
        }
    }

    /// Forgets the previous request; the next byte is the first of the next one's head. `is_framed`: the head has a
    /// field that says how long the body is.
    pub(crate) fn restart(&mut self, is_framed: bool) {
        self.state = State::Head;
        self.is_framed = is_framed;
        self.begun = false;
        self.head.clear();
        self.body_bytes = 0;
    }

    /// Takes bytes that the stream accepted.
    pub(crate) fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let taken = match &mut self.state {
                State::Head => self.feed_head(bytes),
                State::Length(rest) => {
                    let taken = at_most(*rest, bytes.len());
                    *rest -= taken as u64;
                    self.body_bytes += taken as u64;
                    if *rest == 0 {
                        self.state = State::Done;
                    }
                    taken
                }
                State::Chunked(chunk) => match chunk.feed(bytes, &mut self.body_bytes) {
                    Some(taken) => taken,
                    None => {
                        self.state = State::Done;
                        1
                    }
                },
                // Nothing follows a request before the next one is announced by `restart`.
                State::Done => return,
            };
            bytes = &bytes[taken..];
        }
    }

    /// Whether a byte of the request was written.
    pub(crate) fn is_begun(&self) -> bool {
        self.begun
    }

    /// Whether the head was written, the blank line included.
    pub(crate) fn is_head_done(&self) -> bool {
        self.state != State::Head
    }

    /// Whether the request was written to its end.
    pub(crate) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Bytes of the body that were written, without chunk framing.
    pub(crate) fn body_bytes(&self) -> u64 {
        self.body_bytes
    }

    /// The head's bytes, as far as they were written.
    pub(crate) fn head(&self) -> &[u8] {
        &self.head
    }

    /// Takes bytes of the head; returns how many were of it.
    fn feed_head(&mut self, bytes: &[u8]) -> usize {
        let is_whole = !self.begun && bytes.ends_with(BLANK_LINE);
        self.begun = true;
        if is_whole && !self.is_framed {
            // Nothing can follow it: these bytes are all of the request.
            self.head.extend_from_slice(bytes);
            self.state = State::Done;
            return bytes.len();
        }
        let before = self.head.len();
        self.head.extend_from_slice(bytes);
        // The blank line may have begun in an earlier piece.
        let from = before.saturating_sub(BLANK_LINE.len() - 1);
        let mut line_ends = memchr_iter(b'\n', &self.head[from..]).map(|at| from + at + 1);
        let Some(end) = line_ends.find(|end| self.head[..*end].ends_with(BLANK_LINE)) else {
            return bytes.len();
        };
        self.head.truncate(end);
        self.state = framing(&self.head);
        end - before
    }
}

impl Chunk {
    /// Takes bytes of a chunked body; returns how many, or nothing when the first of them ends the body.
    fn feed(&mut self, bytes: &[u8], body_bytes: &mut u64) -> Option<usize> {
        let byte = bytes[0];
        match self {
            Self::Size { size, digits } => match (byte, *digits) {
                (b'\n', _) if *size == 0 => *self = Self::Trailer { empty: true },
                (b'\n', _) => *self = Self::Data(*size),
                (_, true) => match char::from(byte).to_digit(16) {
                    Some(digit) => *size = size.saturating_mul(16).saturating_add(digit.into()),
                    None => *digits = false,
                },
                _ => {}
            },
            Self::Data(rest) => {
                let taken = at_most(*rest, bytes.len());
                *rest -= taken as u64;
                *body_bytes += taken as u64;
                if *rest == 0 {
                    *self = Self::DataEnd;
                }
                return Some(taken);
            }
            Self::DataEnd if byte == b'\n' => *self = START_OF_CHUNK,
            Self::DataEnd => {}
            Self::Trailer { empty } => match byte {
                b'\n' if *empty => return None,
                b'\n' => *empty = true,
                b'\r' => {}
                _ => *empty = false,
            },
        }
        Some(1)
    }
}

const BLANK_LINE: &[u8] = b"\r\n\r\n";

fn at_most(rest: u64, available: usize) -> usize {
    usize::try_from(rest).map_or(available, |rest| rest.min(available))
}

/// How the body after this head is delimited (RFC 9112 section 6.3, the request's side).
fn framing(head: &[u8]) -> State {
    let mut length = 0;
    // Of other fields no more than the first letter is looked at.
    let may_frame =
        |line: &&[u8]| matches!(line.first().map(|byte| byte | 0x20), Some(b'c' | b't'));
    for (name, value) in lines(head).filter(may_frame).filter_map(field) {
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            return State::Chunked(START_OF_CHUNK);
        }
        if name.eq_ignore_ascii_case(b"content-length") {
            let text = std::str::from_utf8(value).unwrap_or_default();
            length = text.parse().unwrap_or(0);
        }
    }
    match length {
        0 => State::Done,
        length => State::Length(length),
    }
}

/// The header fields of a written head: name and value, in order.
pub(crate) fn fields(head: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    lines(head).filter_map(field)
}

/// The lines after the request line.
fn lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut from = 0;
    let lines = memchr_iter(b'\n', head).map(move |end| {
        let line = &head[from..end];
        from = end + 1;
        line
    });
    lines.skip(1)
}

fn field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = memchr(b':', line)?;
    Some((&line[..colon], line[colon + 1..].trim_ascii()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(pieces: &[&[u8]]) -> RequestDecoder {
        let mut decoder = RequestDecoder::new();
        for piece in pieces {
            decoder.feed(piece);
        }
        decoder
    }

    #[test]
    fn a_request_without_a_body_is_done_with_its_head() {
        let decoder = decode(&[b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"]);
        assert!(decoder.is_head_done() && decoder.is_done());
        assert_eq!(decoder.body_bytes(), 0);
    }

    #[test]
    fn head_and_body_in_one_write_are_told_apart() {
        let decoder = decode(&[b"PUT / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhel"]);
        assert!(decoder.is_head_done() && !decoder.is_done());
        assert_eq!(decoder.body_bytes(), 3);
        assert!(decoder.head().ends_with(BLANK_LINE));
    }

    #[test]
    fn a_body_of_known_length_is_done_at_its_last_byte() {
        let decoder = decode(&[b"PUT / HTTP/1.1\r\ncontent-length: 5\r\n\r\nhel", b"lo"]);
        assert!(decoder.is_done());
        assert_eq!(decoder.body_bytes(), 5);
    }

    #[test]
    fn a_chunked_body_is_done_at_the_blank_line_after_its_trailers() {
        let almost = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nA;x=1\r\n0123456789\r\n0\r\nA: b\r\n\r";
        let mut decoder = decode(&[almost]);
        assert!(!decoder.is_done());
        assert_eq!(decoder.body_bytes(), 10);
        decoder.feed(b"\n");
        assert!(decoder.is_done());
    }

    #[test]
    fn the_next_request_starts_over() {
        let mut decoder = decode(&[b"GET / HTTP/1.1\r\n\r\n"]);
        decoder.restart(true);
        assert!(!decoder.is_begun() && !decoder.is_head_done());
        decoder.feed(b"GET /");
        assert!(decoder.is_begun() && !decoder.is_head_done());
    }

    #[test]
    fn a_request_that_says_nothing_of_a_body_is_over_with_its_head_however_it_comes() {
        let head = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        for cut in 0..head.len() {
            let mut decoder = RequestDecoder::new();
            decoder.restart(false);
            decoder.feed(&head[..cut]);
            assert!(!decoder.is_head_done() && decoder.is_begun() == (cut > 0));
            decoder.feed(&head[cut..]);
            assert!(decoder.is_done() && decoder.body_bytes() == 0);
        }
    }

    fn request() -> impl Strategy<Value = (Vec<u8>, u64)> {
        let length = proptest::collection::vec(any::<u8>(), 0..200).prop_map(|body| {
            let mut bytes = format!(
                "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n",
                body.len()
            )
            .into_bytes();
            bytes.extend_from_slice(&body);
            (bytes, body.len() as u64)
        });
        let chunks = proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..40), 0..6);
        let chunked = (chunks, any::<bool>()).prop_map(|(chunks, trailers)| {
            let mut bytes = b"POST /p HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
            let mut body = 0;
            for chunk in &chunks {
                bytes.extend_from_slice(format!("{:X}\r\n", chunk.len()).as_bytes());
                bytes.extend_from_slice(chunk);
                bytes.extend_from_slice(b"\r\n");
                body += chunk.len() as u64;
            }
            bytes.extend_from_slice(if trailers {
                b"0\r\nT: v\r\n\r\n"
            } else {
                b"0\r\n\r\n"
            });
            (bytes, body)
        });
        prop_oneof![length, chunked]
    }

    proptest! {
        #[test]
        fn splitting_the_bytes_anywhere_changes_nothing((bytes, body) in request(), cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..5)) {
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            cuts.sort_unstable();
            let mut decoder = RequestDecoder::new();
            let mut from = 0;
            for cut in cuts.into_iter().chain([bytes.len()]) {
                prop_assert!(!decoder.is_done() || from == bytes.len());
                decoder.feed(&bytes[from..cut]);
                from = cut;
            }
            prop_assert!(decoder.is_done());
            prop_assert_eq!(decoder.body_bytes(), body);
        }

        #[test]
        fn byte_by_byte_the_request_is_done_exactly_at_its_last_byte((bytes, _) in request()) {
            let mut decoder = RequestDecoder::new();
            for (index, byte) in bytes.iter().enumerate() {
                prop_assert!(!decoder.is_done(), "done before byte {index}");
                decoder.feed(std::slice::from_ref(byte));
            }
            prop_assert!(decoder.is_done());
        }

        #[test]
        fn no_bytes_make_it_panic(pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..50), 0..8)) {
            let mut decoder = RequestDecoder::new();
            for piece in &pieces {
                decoder.feed(piece);
            }
        }
    }
}
