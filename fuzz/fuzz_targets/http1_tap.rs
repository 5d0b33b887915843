//! What the wire tap finds out about a request's bytes does not depend on how they are split, and is what a reader
//! that takes only well-formed requests says, too. Nor does what it makes of the heads of a response, of which nothing is lost.
#![no_main]

use httptrace_client::fuzzing::{RequestFacts, head_facts, header_fields, request_facts};
use libfuzzer_sys::fuzz_target;

/// Longer inputs are cut into two at every n-th byte only.
const CUTS: usize = 128;

fuzz_target!(|bytes: &[u8]| {
    let whole = request_facts(&[bytes], 0);
    assert_eq!(whole.is_begun, !bytes.is_empty());
    assert!(bytes.starts_with(&whole.head));
    assert!(whole.body_bytes <= (bytes.len() - whole.head.len()) as u64);
    let heads = head_facts(&[bytes]);
    let mut all = [&heads.given[..], &heads.surplus].concat();
    let mut read = bytes.to_vec();
    all.sort_unstable();
    read.sort_unstable();
    assert_eq!(all, read, "nothing is lost, and nothing is new");
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(head_facts(&single), heads, "byte by byte");
    assert_eq!(request_facts(&single, 0), whole, "byte by byte");
    for at in (0..bytes.len()).step_by(bytes.len().div_ceil(CUTS).max(1)) {
        let (before, after) = bytes.split_at(at);
        assert_eq!(request_facts(&[before, after], 0), whole, "cut at {at}");
        assert_eq!(head_facts(&[before, after]), heads, "cut at {at}");
        assert_eq!(request_facts(&[bytes], at), whole, "after one of {at}");
    }
    header_fields(&whole.head);
    agrees_with_the_reference(bytes, &whole);
});

fn agrees_with_the_reference(bytes: &[u8], facts: &RequestFacts) {
    let Some(head) = find(bytes, b"\r\n\r\n").map(|at| at + 4) else {
        assert!(!facts.is_head_done && !facts.is_done);
        assert_eq!(facts.head, bytes);
        return;
    };
    assert!(facts.is_head_done);
    assert_eq!(facts.head, &bytes[..head]);
    let body = match framing(&bytes[..head]) {
        Some(Framing::Length(length)) => {
            let there = length.min((bytes.len() - head) as u64);
            Body {
                bytes: there,
                is_done: there == length,
            }
        }
        Some(Framing::Chunked) => match chunked(&bytes[head..]) {
            Some(body) => body,
            None => return,
        },
        None => return,
    };
    assert_eq!(facts.body_bytes, body.bytes);
    assert_eq!(facts.is_done, body.is_done);
}

enum Framing {
    Length(u64),
    Chunked,
}

/// How a head delimits its body, if it is one that a client writes: no stray line ends, no framing told twice.
fn framing(head: &[u8]) -> Option<Framing> {
    let text = std::str::from_utf8(head).ok()?.strip_suffix("\r\n\r\n")?;
    let mut lines = text.split("\r\n");
    if lines.next()?.contains(['\r', '\n']) {
        return None;
    }
    let mut framing = None;
    for line in lines {
        let (name, value) = line.split_once(':')?;
        if line.contains(['\r', '\n']) {
            return None;
        }
        let told = match name.to_ascii_lowercase().as_str() {
            "content-length" if value.trim_matches(' ').bytes().all(|b| b.is_ascii_digit()) => {
                Framing::Length(value.trim_matches(' ').parse().ok()?)
            }
            "content-length" => return None,
            "transfer-encoding" => Framing::Chunked,
            _ => continue,
        };
        if framing.replace(told).is_some() {
            return None;
        }
    }
    Some(framing.unwrap_or(Framing::Length(0)))
}

struct Body {
    bytes: u64,
    is_done: bool,
}

/// Reads a chunked body (RFC 9112 section 7.1) that may break off anywhere; nothing if it is not well-formed.
fn chunked(mut rest: &[u8]) -> Option<Body> {
    let mut bytes = 0;
    let unfinished = |bytes| {
        Some(Body {
            bytes,
            is_done: false,
        })
    };
    loop {
        let Some(end) = find(rest, b"\r\n") else {
            return rest
                .iter()
                .all(u8::is_ascii_hexdigit)
                .then_some(())
                .and_then(|()| unfinished(bytes));
        };
        let line = std::str::from_utf8(&rest[..end]).ok()?;
        let digits = line.split(';').next()?;
        if digits.is_empty()
            || line.contains(['\r', '\n'])
            || !digits.bytes().all(|b| b.is_ascii_hexdigit())
        {
            return None;
        }
        let size = u64::from_str_radix(digits, 16).ok()?;
        rest = &rest[end + 2..];
        if size == 0 {
            return trailers(rest).map(|is_done| Body { bytes, is_done });
        }
        let there = size.min(rest.len() as u64);
        bytes += there;
        if there < size {
            return unfinished(bytes);
        }
        rest = &rest[there as usize..];
        match rest {
            [] | [b'\r'] => return unfinished(bytes),
            [b'\r', b'\n', after @ ..] => rest = after,
            _ => return None,
        }
    }
}

/// Whether a trailer section is at its end; nothing if it is not well-formed.
fn trailers(mut rest: &[u8]) -> Option<bool> {
    loop {
        let Some(end) = find(rest, b"\r\n") else {
            return (!rest.contains(&b'\n')).then_some(false);
        };
        if end == 0 {
            return Some(true);
        }
        if rest[..end].contains(&b'\n') || rest[..end].contains(&b'\r') {
            return None;
        }
        rest = &rest[end + 2..];
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}
