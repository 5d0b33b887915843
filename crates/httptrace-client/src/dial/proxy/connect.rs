//! `CONNECT` (RFC 9110 section 9.3.6): the question, and the answer as a value that is fed bytes.

use std::fmt;

use http::{HeaderValue, StatusCode};

/// As many bytes may all heads of an answer have, informational ones included.
pub(crate) const MAX_ANSWER: usize = 64 * 1024;

/// The request for a tunnel to `authority` (`host:port`), with the fields that Go sends.
pub(super) fn question(
    authority: &str,
    user_agent: Option<&HeaderValue>,
    authorization: Option<&HeaderValue>,
) -> Vec<u8> {
    let mut head = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n").into_bytes();
    let user_agent = user_agent.filter(|agent| !agent.is_empty());
    let fields = [
        ("User-Agent", user_agent),
        ("Proxy-Authorization", authorization),
    ];
    for (name, value) in fields {
        if let Some(value) = value {
            head.extend_from_slice(name.as_bytes());
            head.extend_from_slice(b": ");
            head.extend_from_slice(value.as_bytes());
            head.extend_from_slice(b"\r\n");
        }
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// Reads the answer to `CONNECT`: sans-IO. Informational answers before the final one are passed over.
#[derive(Debug, Default)]
pub(crate) struct AnswerDecoder {
    /// The line that has begun.
    line: Vec<u8>,
    /// Of the head that is being read, once its first line is there.
    status: Option<(StatusCode, String)>,
    /// Bytes of heads so far.
    seen: usize,
}

/// The final answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// As the proxy words it, without what a terminal would obey; may be empty.
    pub(crate) reason: String,
    /// What came behind the head: it is the target's if there is a tunnel, and of no interest otherwise.
    pub(crate) rest: Vec<u8>,
}

/// Why there is no answer among the bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BadAnswer {
    /// The first bytes are no status line of HTTP/1.
    NotHttp,
    /// A line of the head is no field.
    BadField,
    /// The head goes on and on.
    TooLarge,
}

impl AnswerDecoder {
    /// Takes the next bytes; returns the answer when its head is complete. Not to be fed any further then.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<Option<Answer>, BadAnswer> {
        let mut unread = bytes;
        while let Some((byte, rest)) = unread.split_first() {
            unread = rest;
            self.seen += 1;
            if self.seen > MAX_ANSWER {
                return Err(BadAnswer::TooLarge);
            }
            self.line.push(*byte);
            if self.status.is_none() && !may_be_http(&self.line) {
                return Err(BadAnswer::NotHttp);
            }
            if *byte != b'\n' {
                continue;
            }
            if let Some((status, reason)) = self.end_of_line()? {
                return Ok(Some(Answer {
                    status,
                    reason,
                    rest: unread.to_vec(),
                }));
            }
        }
        Ok(None)
    }

    /// Whether nothing has come yet.
    pub(crate) fn is_untouched(&self) -> bool {
        self.seen == 0
    }

    /// A line is complete; returns the status if it ends the final head.
    fn end_of_line(&mut self) -> Result<Option<(StatusCode, String)>, BadAnswer> {
        let line = std::mem::take(&mut self.line);
        let line = line.strip_suffix(b"\n").unwrap_or(&line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let Some((status, reason)) = self.status.take() else {
            self.status = Some(status_line(line).ok_or(BadAnswer::NotHttp)?);
            return Ok(None);
        };
        if !line.is_empty() {
            self.status = Some((status, reason));
            return match is_field(line) {
                true => Ok(None),
                false => Err(BadAnswer::BadField),
            };
        }
        // 101 would be another protocol than the tunnel asked for, and the last of this one.
        let goes_on = status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS;
        Ok((!goes_on).then_some((status, reason)))
    }
}

/// Whether the line so far can become a status line: whoever speaks something else is found out at once, even if they
/// never end a line.
fn may_be_http(line: &[u8]) -> bool {
    const BEGINNING: &[u8] = b"HTTP/1.";
    let common = line.len().min(BEGINNING.len());
    line[..common] == BEGINNING[..common]
}

/// `HTTP/1.1 200 Connection established` (RFC 9112 section 4); the reason may be absent, with or without its blank.
fn status_line(line: &[u8]) -> Option<(StatusCode, String)> {
    let rest = line.strip_prefix(b"HTTP/1.")?;
    let (minor, rest) = rest.split_first()?;
    let (code, reason) = rest.strip_prefix(b" ")?.split_at_checked(3)?;
    if !minor.is_ascii_digit() || !code.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let reason = match reason.split_first() {
        None => "",
        Some((b' ', reason)) => &String::from_utf8_lossy(reason),
        Some(_) => return None,
    };
    let shown = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let reason = reason.trim().chars().map(shown).collect();
    Some((StatusCode::from_bytes(code).ok()?, reason))
}

/// A field, or the folded rest of one: what it says does not matter.
fn is_field(line: &[u8]) -> bool {
    matches!(line.first(), Some(b' ' | b'\t')) || line.iter().position(|b| *b == b':') > Some(0)
}

impl fmt::Display for BadAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotHttp => f.write_str("its answer is not HTTP/1.1"),
            Self::BadField => f.write_str("a header field of its answer is none"),
            Self::TooLarge => write!(
                f,
                "the head of its answer is larger than {MAX_ANSWER} bytes"
            ),
        }
    }
}

impl std::error::Error for BadAnswer {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Feeds the bytes in pieces of one size.
    fn decode(bytes: &[u8], size: usize) -> Result<Option<Answer>, BadAnswer> {
        let mut decoder = AnswerDecoder::default();
        let mut pieces = bytes.chunks(size);
        while let Some(piece) = pieces.next() {
            if let Some(mut answer) = decoder.feed(piece)? {
                answer.rest.extend(pieces.flatten());
                return Ok(Some(answer));
            }
        }
        Ok(None)
    }

    fn whole(text: &str) -> Result<Option<Answer>, BadAnswer> {
        decode(text.as_bytes(), text.len().max(1))
    }

    #[test]
    fn the_question_names_the_target_twice_and_has_the_fields_of_go() {
        let agent = HeaderValue::from_static("agent/1");
        let authorization = HeaderValue::from_static("Basic eDp5");
        let text = |agent, authorization| {
            String::from_utf8(question("a.example:443", agent, authorization)).unwrap()
        };
        assert_eq!(
            text(Some(&agent), Some(&authorization)),
            "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\nUser-Agent: agent/1\r\n\
             Proxy-Authorization: Basic eDp5\r\n\r\n"
        );
        let empty = HeaderValue::from_static("");
        assert_eq!(
            text(Some(&empty), None),
            "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n"
        );
    }

    #[test]
    fn answers_are_read_to_the_end_of_their_final_head() {
        let table = [
            ("HTTP/1.1 200 OK\r\n\r\n", 200, "OK", ""),
            (
                "HTTP/1.0 200 Connection established\r\nVia: a\r\n\r\nrest",
                200,
                "Connection established",
                "rest",
            ),
            ("HTTP/1.1 200\r\n\r\n\r\n", 200, "", "\r\n"),
            ("HTTP/1.1 204 \nA: b\n\nx", 204, "", "x"),
            (
                "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 2\r\n\r\nno",
                407,
                "Proxy Authentication Required",
                "no",
            ),
            (
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 E\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
                200,
                "OK",
                "",
            ),
            (
                "HTTP/1.1 101 Switching Protocols\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
                101,
                "Switching Protocols",
                "HTTP/1.1 200 OK\r\n\r\n",
            ),
            (
                "HTTP/1.1 502 \u{1b}[31mred\r\nA: b\r\n folded\r\n\r\n",
                502,
                "\u{fffd}[31mred",
                "",
            ),
        ];
        for (text, status, reason, rest) in table {
            let answer = whole(text).unwrap().unwrap_or_else(|| panic!("{text:?}"));
            assert_eq!(answer.status, status, "{text:?}");
            assert_eq!(
                (&*answer.reason, answer.rest),
                (reason, rest.into()),
                "{text:?}"
            );
        }
    }

    #[test]
    fn what_is_no_answer_is_found_out_as_soon_as_it_shows() {
        for text in [
            "\x15\x03",
            "SSH-2.0",
            "HTTP/2",
            "HTTP/1.1 2x0 OK\r\n",
            "HTTP/1.1 200OK\r\n",
            "HTTP/1.1200\n",
            "\r\nHTTP",
        ] {
            assert_eq!(whole(text), Err(BadAnswer::NotHttp), "{text:?}");
        }
        for field in ["no field", ": no name"] {
            let text = format!("HTTP/1.1 200 OK\r\n{field}\r\n");
            assert_eq!(whole(&text), Err(BadAnswer::BadField), "{field}");
        }
        for text in ["", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nA: b\r\n"] {
            assert_eq!(whole(text), Ok(None), "{text:?}");
        }
    }

    #[test]
    fn a_head_without_end_and_hints_without_end_are_too_large() {
        let field = format!("HTTP/1.1 200 OK\r\nA: {}", "b".repeat(MAX_ANSWER));
        assert_eq!(whole(&field), Err(BadAnswer::TooLarge));
        let hints = "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(MAX_ANSWER / 20);
        assert_eq!(whole(&hints), Err(BadAnswer::TooLarge));
        // What comes behind the head is not part of it.
        let large = format!("HTTP/1.1 200 OK\r\n\r\n{}", "b".repeat(2 * MAX_ANSWER));
        assert_eq!(whole(&large).unwrap().unwrap().rest.len(), 2 * MAX_ANSWER);
    }

    proptest! {
        #[test]
        fn where_the_bytes_are_split_makes_no_difference(
            informational in 0..3_usize,
            code in 200..600_u16,
            reason in "[ -~]{0,20}",
            fields in proptest::collection::vec("[A-Za-z-]{1,8}: [ -~]{0,20}", 0..4),
            rest in proptest::collection::vec(any::<u8>(), 0..30),
            size in 1..20_usize,
        ) {
            let mut bytes = "HTTP/1.1 100 Continue\r\n\r\n".repeat(informational).into_bytes();
            bytes.extend(format!("HTTP/1.1 {code} {reason}\r\n").bytes());
            bytes.extend(fields.iter().flat_map(|field| format!("{field}\r\n").into_bytes()));
            bytes.extend(b"\r\n");
            let head = bytes.len();
            bytes.extend(&rest);
            let answer = decode(&bytes, size).unwrap().unwrap();
            prop_assert_eq!(answer.status.as_u16(), code);
            prop_assert_eq!(&answer.reason, reason.trim());
            prop_assert_eq!(&answer.rest, &rest);
            for cut in 0..head {
                prop_assert_eq!(decode(&bytes[..cut], size), Ok(None));
            }
        }

        #[test]
        fn any_bytes_come_to_the_same_however_they_are_split(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            http in any::<bool>(),
            size in 1..20_usize,
        ) {
            let mut text = if http { b"HTTP/1.1 200 ".to_vec() } else { Vec::new() };
            text.extend(bytes);
            prop_assert_eq!(decode(&text, size), decode(&text, text.len().max(1)));
        }
    }
}
