//! Requests and responses of HTTP/1.1 in plain text, as far as our own server and its clients write them.

use super::Exchange;
use super::stream::Stream;

/// The exchanges of a connection, in order.
pub(super) fn exchanges(ours: &Stream, theirs: &Stream) -> Vec<Exchange> {
    let responses = messages(&theirs.bytes);
    let mut responses = responses.into_iter();
    let requests = messages(&ours.bytes).into_iter();
    requests
        .map(|request| Exchange {
            head_end: ours.before(request.head_end),
            request_end: ours.before(request.end),
            response_begin: responses.next().and_then(|found| theirs.at(found.begin)),
        })
        .collect()
}

/// Where a message stands in its stream.
struct Message {
    begin: usize,
    head_end: usize,
    end: usize,
}

/// The messages of a stream that are whole. A body is as long as `Content-Length` says, in either direction.
fn messages(bytes: &[u8]) -> Vec<Message> {
    let mut found = Vec::new();
    let mut begin = 0;
    while let Some(length) = head(&bytes[begin..]) {
        let head_end = begin + length;
        let end = head_end + body_length(&bytes[begin..head_end]);
        if end > bytes.len() {
            break;
        }
        found.push(Message {
            begin,
            head_end,
            end,
        });
        begin = end;
    }
    found
}

/// How long the head is, with the empty line at its end.
fn head(bytes: &[u8]) -> Option<usize> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    Some(end + 4)
}

fn body_length(head: &[u8]) -> usize {
    let lines = head.split(|byte| *byte == b'\n');
    let fields = lines.filter_map(|line| line.split_at_checked(CONTENT_LENGTH.len()));
    let mut lengths = fields
        .filter(|(name, _)| name.eq_ignore_ascii_case(CONTENT_LENGTH))
        .filter_map(|(_, value)| {
            value
                .trim_ascii()
                .utf8_chunks()
                .next()?
                .valid()
                .parse()
                .ok()
        });
    lengths.next().unwrap_or(0)
}

const CONTENT_LENGTH: &[u8] = b"content-length:";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_and_ends_are_where_they_passed() {
        let ours = Stream::of(&[
            (1, b"GET / HTTP/1.1\r\n"),
            (2, b"\r\nPOST / HTTP/1.1\r\nContent-Length: 6\r\n\r\n"),
            (3, b"abc"),
            (6, b"def"),
        ]);
        let theirs = Stream::of(&[
            (4, b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"),
            (5, b"ok"),
            (7, b"HTTP/1.1 204 No Content\r\n\r\n"),
        ]);
        let exchange = |head, end, response| Exchange {
            head_end: Some(head),
            request_end: Some(end),
            response_begin: Some(response),
        };
        assert_eq!(
            exchanges(&ours, &theirs),
            [exchange(2, 2, 4), exchange(2, 6, 7)]
        );
    }

    #[test]
    fn a_request_that_is_not_whole_is_none() {
        let ours = Stream::of(&[(1, b"POST / HTTP/1.1\r\nContent-Length: 6\r\n\r\nabc")]);
        assert_eq!(exchanges(&ours, &Stream::default()), []);
    }
}
