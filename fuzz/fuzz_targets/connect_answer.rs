//! The answer to `CONNECT`: the same however it is split, and what `httparse` makes of it where that understands it.
#![no_main]

use httptrace_client::fuzzing::{ConnectAnswer, connect_answer};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let whole = connect_answer(&[bytes]);
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(connect_answer(&single), whole, "byte by byte");
    for at in (0..bytes.len()).step_by(bytes.len().div_ceil(64).max(1)) {
        let (before, after) = bytes.split_at(at);
        assert_eq!(connect_answer(&[before, after]), whole, "cut at {at}");
    }
    if let Ok(Some(answer)) = &whole {
        is_plain(answer, bytes);
        // Not a byte less would do.
        let head = bytes.len() - answer.rest.len();
        assert_eq!(connect_answer(&[&bytes[..head - 1]]), Ok(None));
    }
    agrees_with_another_parser(bytes, &whole);
});

/// The reason is for terminals, the rest is untouched.
fn is_plain(answer: &ConnectAnswer, bytes: &[u8]) {
    assert!(
        !answer.reason.contains(char::is_control),
        "{:?}",
        answer.reason
    );
    assert!(bytes.ends_with(&answer.rest));
    assert!(!answer.status.is_informational() || answer.status == 101);
}

/// Where another parser finds the heads well-formed, up to a final one, its status is ours, and its end.
fn agrees_with_another_parser(bytes: &[u8], ours: &Result<Option<ConnectAnswer>, String>) {
    let mut rest = bytes;
    loop {
        let mut fields = [httparse::EMPTY_HEADER; 64];
        let mut response = httparse::Response::new(&mut fields);
        // It passes over blank lines in front, which no answer has.
        if !rest.starts_with(b"HTTP/1.") {
            return;
        }
        let Ok(httparse::Status::Complete(head)) = response.parse(rest) else {
            return;
        };
        rest = &rest[head..];
        let Some(code @ 100..) = response.code else {
            return;
        };
        if code >= 200 || code == 101 {
            let Ok(Some(answer)) = ours else {
                panic!("{ours:?} is not {code}");
            };
            assert_eq!(answer.status, code);
            assert_eq!(answer.rest, rest);
            return;
        }
    }
}
