//! Fields of a response's head that go on in another line (RFC 9112 section 5.2): put on one line.

use super::heads::is_informational;

/// Joins the lines of folded fields in the bytes that the codec is given, however they are split.
///
/// hyper can do it, but then looks for it at every byte of every field of every response. Here only those heads come by
/// that the tap has to look at line by line anyhow.
///
/// Sans-IO: [`feed`](Self::feed) takes what was read, and says what to make of it.
#[derive(Debug, Default)]
pub(super) struct Unfold {
    state: State,
    /// The status line, as far as it is needed.
    status_line: Vec<u8>,
    /// Blanks that end the line so far, and its end: whether they go with a fold, the next line says.
    held: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// No head is expected.
    #[default]
    Over,
    /// At the beginning of a line; the line before is a field.
    Begin {
        after_field: bool,
    },
    StatusLine,
    /// In a field's line, or one that continues it.
    Field,
    /// In the blanks that a continuing line begins with.
    Fold,
}

impl Unfold {
    /// The next byte is the first of a response.
    pub(super) fn begin(&mut self) {
        self.state = State::Begin { after_field: false };
        self.status_line.clear();
        self.held.clear();
    }

    /// Takes bytes that were read; what the codec is to be given for them.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut given = Vec::with_capacity(self.held.len() + bytes.len());
        for (at, byte) in bytes.iter().enumerate() {
            if self.state == State::Over {
                given.extend_from_slice(&bytes[at..]);
                break;
            }
            self.take(*byte, &mut given);
        }
        given
    }

    /// The rest is not to be looked at; gives what was held back.
    pub(super) fn end(&mut self) -> Vec<u8> {
        self.state = State::Over;
        std::mem::take(&mut self.held)
    }

    fn take(&mut self, byte: u8, given: &mut Vec<u8>) {
        let is_blank = matches!(byte, b' ' | b'\t');
        match self.state {
            State::Begin { after_field: true } if is_blank => {
                self.held.clear();
                given.push(b' ');
                self.state = State::Fold;
                return;
            }
            State::Fold if is_blank => return,
            State::Begin { .. } if !matches!(byte, b'\r' | b'\n') => {
                self.state = match self.status_line.is_empty() {
                    true => State::StatusLine,
                    false => State::Field,
                };
            }
            State::Fold => self.state = State::Field,
            _ => {}
        }
        if self.state == State::StatusLine && self.status_line.len() < 12 {
            self.status_line.push(byte);
        }
        if byte == b'\n' {
            return self.end_line(given);
        }
        if !(is_blank || byte == b'\r') {
            given.append(&mut self.held);
            given.push(byte);
        } else {
            self.held.push(byte);
        }
    }

    fn end_line(&mut self, given: &mut Vec<u8>) {
        self.held.push(b'\n');
        match self.state {
            State::Field => self.state = State::Begin { after_field: true },
            State::StatusLine => self.state = State::Begin { after_field: false },
            // A blank line: before a response, or after its head.
            _ => {
                given.append(&mut self.held);
                if self.status_line.is_empty() || is_informational(&self.status_line) {
                    self.begin();
                } else {
                    self.state = State::Over;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use httparse::{EMPTY_HEADER, ParserConfig, Response};
    use proptest::prelude::*;

    use super::*;

    fn unfolded(pieces: &[&[u8]]) -> Vec<u8> {
        let mut unfold = Unfold::default();
        unfold.begin();
        let mut given = Vec::new();
        for piece in pieces {
            given.extend(unfold.feed(piece));
        }
        given.extend(unfold.end());
        given
    }

    #[test]
    fn lines_that_continue_a_field_are_joined_to_it() {
        let head = b"HTTP/1.1 200 OK\r\nA: b \r\n\t c\r\n  d\r\nE:\n f\r\n\r\n x\r\n y";
        let one = b"HTTP/1.1 200 OK\r\nA: b c d\r\nE: f\r\n\r\n x\r\n y";
        assert_eq!(unfolded(&[head]), one);
    }

    #[test]
    fn what_continues_a_status_line_is_left_for_the_codec_to_refuse() {
        let head = b"HTTP/1.1 200 OK\r\n A: b\r\n\r\n";
        assert_eq!(unfolded(&[head]), head);
    }

    #[test]
    fn heads_before_the_final_one_are_unfolded_too() {
        let heads =
            b"\r\nHTTP/1.1 103 E\r\nA: b\r\n c\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n";
        let one = b"\r\nHTTP/1.1 103 E\r\nA: b c\r\n\r\nHTTP/1.1 200 OK\r\nA: b c\r\n\r\n";
        assert_eq!(unfolded(&[heads]), one);
    }

    /// The fields of a head, if it is one.
    fn parsed(bytes: &[u8], folded: bool) -> Option<Vec<(String, Vec<u8>)>> {
        let mut fields = [EMPTY_HEADER; 20];
        let mut response = Response::new(&mut fields);
        let mut config = ParserConfig::default();
        config.allow_obsolete_multiline_headers_in_responses(folded);
        let status = config.parse_response(&mut response, bytes).ok()?;
        if status.is_partial() {
            return None;
        }
        let line = |value: &[u8]| {
            let lines: Vec<_> = value
                .split(|b| *b == b'\n')
                .map(<[u8]>::trim_ascii)
                .collect();
            lines.join(&b' ')
        };
        let fields = response.headers.iter();
        Some(
            fields
                .map(|field| (field.name.to_owned(), line(field.value)))
                .collect(),
        )
    }

    proptest! {
        #[test]
        fn the_codec_gets_what_it_would_have_made_of_it(
            rest in "([AB]: ?|[ab]|[ \\t]|\r\n|\n|\r\n [ \\t]?){0,16}",
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        ) {
            let bytes = format!("HTTP/1.1 200 OK\r\nA: b{rest}\r\n\r\n").into_bytes();
            let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            cuts.sort_unstable();
            let mut pieces = Vec::new();
            let mut from = 0;
            for cut in cuts.into_iter().chain([bytes.len()]) {
                pieces.push(&bytes[from..cut]);
                from = cut;
            }
            prop_assert_eq!(parsed(&unfolded(&pieces), false), parsed(&bytes, true));
        }
    }
}
