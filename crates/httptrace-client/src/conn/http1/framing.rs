//! Where a head says how long its message is: what Go refuses, and hyper delivers.

use http::header::{CONTENT_LENGTH, TRAILER, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Version};
use httptrace::{ErrorKind, Phase};

use crate::error::Error;

/// Why a response's head cannot be trusted, if it cannot. It makes no difference whether there is a body: two readers
/// that do not agree on where a response ends can be played off against each other (RFC 9112 section 11.2).
pub(super) fn unsound(version: Version, headers: &HeaderMap) -> Option<Error> {
    let fields = Fields::of(headers);
    // HTTP/1.0 knows no transfer coding.
    let coding = fields.coding.filter(|_| version != Version::HTTP_10);
    let is_unknown = |coding| !is_chunked(coding) || fields.has_several_codings;
    let message = if coding.is_some_and(is_unknown) {
        "the response has a transfer coding besides chunked, which is not supported"
    } else if fields.lengths_disagree {
        "the response has several Content-Length fields that disagree"
    } else if fields.length.is_some_and(|length| !is_length(length)) {
        "the response's Content-Length is not a number"
    } else if coding.is_some() && announces_framing(headers) {
        "the response announces a trailer that would say where its body ends"
    } else {
        return None;
    };
    Some(Error::new(Phase::Wait, ErrorKind::Protocol, message))
}

/// The fields that say where a message ends: found in one pass.
#[derive(Default)]
struct Fields<'a> {
    coding: Option<&'a HeaderValue>,
    has_several_codings: bool,
    length: Option<&'a HeaderValue>,
    lengths_disagree: bool,
}

impl<'a> Fields<'a> {
    fn of(headers: &'a HeaderMap) -> Self {
        let mut fields = Self::default();
        for (name, value) in headers {
            match *name {
                TRANSFER_ENCODING => {
                    fields.has_several_codings = fields.coding.is_some();
                    fields.coding.get_or_insert(value);
                }
                CONTENT_LENGTH => {
                    let first = *fields.length.get_or_insert(value);
                    fields.lengths_disagree |= first != value;
                }
                _ => {}
            }
        }
        fields
    }
}

fn is_chunked(coding: &HeaderValue) -> bool {
    coding.as_bytes().eq_ignore_ascii_case(b"chunked")
}

/// Whether it is a length: digits alone, and not too many of them.
fn is_length(value: &HeaderValue) -> bool {
    let digits = value.as_bytes();
    let number = digits.iter().try_fold(0_i64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| i64::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    });
    !digits.is_empty() && number.is_some()
}

/// Whether the fields announced as trailers are among those that must not be (RFC 9110 section 6.5.1).
fn announces_framing(headers: &HeaderMap) -> bool {
    let announced = headers.get_all(TRAILER).iter();
    let mut names = announced.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    names.any(|name| {
        let name = HeaderName::from_bytes(name.trim_ascii());
        name.is_ok_and(|name| [TRANSFER_ENCODING, TRAILER, CONTENT_LENGTH].contains(&name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_sound(version: Version, fields: &[(&'static str, &'static str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_static(value));
        }
        unsound(version, &headers).is_none()
    }

    #[test]
    fn a_length_is_digits_and_the_same_ones_wherever_it_is_given() {
        let sound = |lengths: &[&'static str]| {
            let fields: Vec<_> = lengths.iter().map(|l| ("content-length", *l)).collect();
            is_sound(Version::HTTP_11, &fields)
        };
        for good in [
            &[][..],
            &["0"],
            &["007"],
            &["9223372036854775807"],
            &["5", "5"],
        ] {
            assert!(sound(good), "{good:?}");
        }
        for bad in [
            "",
            "x",
            "+1",
            "-1",
            "1,1",
            "0x1",
            "1.0",
            "9223372036854775808",
        ] {
            assert!(!sound(&[bad]), "{bad:?}");
            assert!(!sound(&[bad, bad]), "{bad:?} twice");
        }
        assert!(!sound(&["2", "02"]));
        assert!(!sound(&["2", "2", "3"]));
    }

    #[test]
    fn the_one_transfer_coding_is_chunked_once() {
        let coding = |value| ("transfer-encoding", value);
        let sound = |fields: &[_]| is_sound(Version::HTTP_11, fields);
        assert!(sound(&[coding("chunked")]));
        assert!(sound(&[coding("Chunked"), ("content-length", "7")]));
        assert!(!sound(&[coding("Chunked"), ("content-length", "x")]));
        assert!(!sound(&[coding("gzip")]));
        assert!(!sound(&[coding("chunked"), coding("chunked")]));
        assert!(is_sound(Version::HTTP_10, &[coding("gzip")]));
    }

    #[test]
    fn what_frames_a_message_is_no_trailer_of_it() {
        let announced = |names| [("transfer-encoding", "chunked"), ("trailer", names)];
        let sound = |names| is_sound(Version::HTTP_11, &announced(names));
        assert!(sound("x-sum, ,x-more"));
        assert!(!sound("x-sum, Content-Length"));
        assert!(!sound("transfer-encoding"));
        assert!(!sound("Trailer"));
        assert!(
            is_sound(Version::HTTP_11, &[("trailer", "trailer")]),
            "without chunks there are no trailers"
        );
    }
}
