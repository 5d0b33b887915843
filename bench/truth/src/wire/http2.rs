//! Streams of HTTP/2 by prior knowledge, from the heads of their frames (RFC 9113 section 4.1).

use std::collections::BTreeMap;

use super::Exchange;
use super::stream::Stream;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEAD: usize = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// The exchanges of a connection, in the order of their streams.
pub(super) fn exchanges(ours: &Stream, theirs: &Stream) -> Vec<Exchange> {
    let mut exchanges: BTreeMap<u32, Exchange> = BTreeMap::new();
    let Some(sent) = ours.bytes.strip_prefix(PREFACE) else {
        return Vec::new();
    };
    for frame in frames(sent) {
        let end = ours.before(PREFACE.len() + frame.end);
        let is_head = matches!(frame.kind, HEADERS | CONTINUATION);
        if frame.kind == HEADERS {
            exchanges.entry(frame.stream).or_default();
        }
        let Some(exchange) = exchanges.get_mut(&frame.stream) else {
            continue;
        };
        if is_head && frame.flags & END_HEADERS != 0 {
            exchange.head_end = exchange.head_end.or(end);
        }
        // Our clients' heads fit one frame, so that the end of a stream is the end of the frame that says so.
        if matches!(frame.kind, HEADERS | DATA) && frame.flags & END_STREAM != 0 {
            exchange.request_end = end;
        }
    }
    for frame in frames(&theirs.bytes).filter(|frame| frame.kind == HEADERS) {
        if let Some(exchange) = exchanges.get_mut(&frame.stream) {
            exchange.response_begin = exchange.response_begin.or(theirs.at(frame.begin));
        }
    }
    exchanges.into_values().collect()
}

/// A frame's head, and where the frame stands.
struct Frame {
    begin: usize,
    end: usize,
    kind: u8,
    flags: u8,
    stream: u32,
}

/// The whole frames of a stream.
fn frames(bytes: &[u8]) -> impl Iterator<Item = Frame> {
    let mut begin = 0;
    std::iter::from_fn(move || {
        let head = bytes.get(begin..begin + HEAD)?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let end = begin + HEAD + length;
        let stream = u32::from_be_bytes([head[5] & 0x7f, head[6], head[7], head[8]]);
        let frame = Frame {
            begin,
            end,
            kind: head[3],
            flags: head[4],
            stream,
        };
        begin = end;
        (end <= bytes.len()).then_some(frame)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: u8 = 4;
    const WINDOW_UPDATE: u8 = 8;

    fn frame(kind: u8, flags: u8, stream: u8, length: u8) -> Vec<u8> {
        let mut frame = vec![0, 0, length, kind, flags, 0, 0, 0, stream];
        frame.resize(HEAD + usize::from(length), 0);
        frame
    }

    #[test]
    fn heads_ends_and_first_bytes_are_those_of_the_stream() {
        let post = frame(HEADERS, END_HEADERS, 1, 20);
        let body = frame(DATA, END_STREAM, 1, 30);
        let get = frame(HEADERS, END_HEADERS | END_STREAM, 3, 20);
        let ours = Stream::of(&[
            (1, PREFACE),
            (2, &frame(SETTINGS, 0, 0, 6)),
            (3, &post),
            (4, &body[..12]),
            (5, &body[12..]),
            (8, &get),
        ]);
        let answer = frame(HEADERS, END_HEADERS | END_STREAM, 1, 10);
        let theirs = Stream::of(&[
            (2, &frame(SETTINGS, 0, 0, 0)),
            (6, &frame(WINDOW_UPDATE, 0, 1, 4)),
            (7, &answer[..1]),
            (8, &answer[1..]),
            (9, &frame(HEADERS, END_HEADERS, 3, 10)),
            (10, &frame(HEADERS, END_HEADERS | END_STREAM, 3, 10)),
        ]);
        let exchange = |head, end, response| Exchange {
            head_end: Some(head),
            request_end: Some(end),
            response_begin: Some(response),
        };
        assert_eq!(
            exchanges(&ours, &theirs),
            [exchange(3, 5, 7), exchange(8, 8, 9)]
        );
    }

    #[test]
    fn a_connection_that_never_spoke_has_no_exchanges() {
        assert_eq!(exchanges(&Stream::default(), &Stream::default()), []);
    }
}
