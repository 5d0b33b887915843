//! `--compressed`: bodies that come compressed.

use std::fs;

use httptrace_test::Peer;

use crate::program::{httptrace, named};

const PLAIN: &str = "hello, hello, hello, hello\n";

/// The same by gzip.
const GZIP: [u8; 30] = [
    0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 3, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0xd7, 0x51, 0xc8, 0xc0, 0xa4,
    0xb8, 0, 0x4b, 0x21, 0xa1, 0x29, 0x1b, 0, 0, 0,
];

fn answer(body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

#[tokio::test]
async fn a_compressed_body_is_written_decompressed_and_both_sizes_are_shown() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("body").to_str().unwrap().to_owned();
    let peer = Peer::loopback().conn(|c| c.exchange(answer(&GZIP)));
    let run = httptrace(&["--compressed", "-o", &file, &peer.url("/")]).await;
    run.expect(0).shows("30 B body").shows("27 B decoded");
    assert_eq!(fs::read_to_string(file).unwrap(), PLAIN);
    let report = peer.finish().await;
    let offered = report.conn(0).head(0).field("accept-encoding");
    assert_eq!(offered, Some("gzip, deflate, br, zstd"));
}

#[tokio::test]
async fn events_tell_both_sizes_and_the_head_as_it_came() {
    let peer = Peer::loopback().conn(|c| c.exchange(answer(&GZIP)));
    let run = httptrace(&["--compressed", "--format", "events", &peer.url("/")]).await;
    run.expect(0);
    let events = run.lines();
    let done = named(&events, "body_done")[0];
    assert_eq!(done["wire_bytes"], 30);
    assert_eq!(done["decoded_bytes"], 27);
    assert_eq!(named(&events, "got_body")[0]["bytes"], 30);
    assert_eq!(named(&events, "call_end")[0]["bytes"], 27);
}

#[tokio::test]
async fn without_the_flag_the_body_stays_as_it_comes() {
    let peer = Peer::loopback().conn(|c| c.exchange(answer(&GZIP)));
    let run = httptrace(&["--format", "events", &peer.url("/")]).await;
    run.expect(0);
    let events = run.lines();
    let done = named(&events, "body_done")[0];
    assert_eq!(done["wire_bytes"], 30);
    assert!(done.get("decoded_bytes").is_none(), "{done}");
    let report = peer.finish().await;
    assert_eq!(report.conn(0).head(0).field("accept-encoding"), None);
}

#[tokio::test]
async fn a_body_that_cannot_be_decoded_is_a_failure_that_says_where_and_what_to_do() {
    let mut broken = GZIP;
    broken[22] ^= 1;
    let peer = Peer::loopback().conn(|c| c.exchange(answer(&broken)));
    let run = httptrace(&["--compressed", &peer.url("/")]).await;
    run.expect(4)
        .says("cannot be decoded: its gzip data is broken at byte 22: the checksum is not that of the data")
        .says("without --compressed");
}
