//! What goes over the wire for which options.

use std::process::Stdio;

use httptrace_test::{Peer, PeerReport};
use tokio::io::AsyncWriteExt;

use crate::program::{command, httptrace};

const EMPTY: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// Runs the program with these options against a peer that answers one request.
async fn sent(options: &[&str]) -> PeerReport {
    let peer = Peer::loopback().conn(|c| c.exchange(EMPTY));
    let url = peer.url("/path?q");
    let args: Vec<&str> = options.iter().copied().chain([url.as_str()]).collect();
    httptrace(&args).await.expect(0);
    peer.finish().await
}

/// The same for a request with a body of so many bytes.
async fn sent_with_body(options: &[&str], bytes: usize) -> PeerReport {
    let peer = Peer::loopback().conn(|c| c.expect_head().expect_body(bytes).send(EMPTY));
    let url = peer.url("/");
    let args: Vec<&str> = options.iter().copied().chain([url.as_str()]).collect();
    httptrace(&args).await.expect(0);
    peer.finish().await
}

#[tokio::test]
async fn a_plain_url_is_a_get_by_httptrace() {
    let report = sent(&[]).await;
    let head = report.conn(0).head(0);
    assert_eq!(head.line(), "GET /path?q HTTP/1.1");
    assert!(
        head.field("user-agent").unwrap().starts_with("httptrace"),
        "{head:?}"
    );
    assert_eq!(head.field("content-length"), None);
}

#[tokio::test]
async fn headers_add_replace_remove_and_may_be_empty() {
    let fields = [
        "-H",
        "X-A: 1",
        "-H",
        "x-a: 2",
        "-H",
        "X-E;",
        "-H",
        "User-Agent:",
        "-H",
        "Host: else",
    ];
    let report = sent(&fields).await;
    let head = report.conn(0).head(0);
    let named = |name: &str| -> Vec<&str> {
        let fields = head.fields().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        fields.map(|(_, value)| value).collect()
    };
    assert_eq!(named("x-a"), ["1", "2"]);
    assert_eq!(named("x-e"), [""]);
    assert_eq!(named("user-agent"), [""; 0]);
    assert_eq!(named("host"), ["else"]);
}

#[tokio::test]
async fn method_user_and_user_agent_are_as_told() {
    let report = sent(&["-X", "PURGE", "-u", "Aladdin:open sesame", "-A", "me/1"]).await;
    let head = report.conn(0).head(0);
    assert_eq!(head.line(), "PURGE /path?q HTTP/1.1");
    assert_eq!(
        head.field("authorization"),
        Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
    );
    assert_eq!(head.field("user-agent"), Some("me/1"));

    let report = sent(&["-A", ""]).await;
    assert_eq!(report.conn(0).head(0).field("user-agent"), None);
}

#[tokio::test]
async fn head_asks_without_waiting_for_a_body() {
    let peer =
        Peer::loopback().conn(|c| c.exchange("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"));
    httptrace(&["-I", &peer.url("/")]).await.expect(0);
    assert_eq!(
        peer.finish().await.conn(0).head(0).line(),
        "HEAD / HTTP/1.1"
    );
}

#[tokio::test]
async fn data_is_posted_as_a_form() {
    let report = sent_with_body(&["-d", "a=1", "-d", "b=2"], 7).await;
    let head = report.conn(0).head(0);
    assert_eq!(head.line(), "POST / HTTP/1.1");
    assert_eq!(head.field("content-length"), Some("7"));
    assert_eq!(
        head.field("content-type"),
        Some("application/x-www-form-urlencoded")
    );
    assert_eq!(report.conn(0).bodies, [b"a=1&b=2"]);
}

#[tokio::test]
async fn data_comes_from_files_too() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data");
    std::fs::write(&path, "one\ntwo\n").unwrap();
    let at = format!("@{}", path.display());
    let report = sent_with_body(&["-d", &at], 6).await;
    assert_eq!(report.conn(0).bodies, [b"onetwo"]);
    let report = sent_with_body(&["--data-binary", &at], 8).await;
    assert_eq!(report.conn(0).bodies, [b"one\ntwo\n"]);
}

#[tokio::test]
async fn data_comes_from_stdin_too() {
    let peer = Peer::loopback().conn(|c| c.expect_head().expect_body(5).send(EMPTY));
    let mut program = command(&["-d", "@-", &peer.url("/")]);
    let mut child = program
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"piped").await.unwrap();
    drop(stdin);
    assert!(child.wait().await.unwrap().success());
    assert_eq!(peer.finish().await.conn(0).bodies, [b"piped"]);
}

#[tokio::test]
async fn chunked_data_has_no_length() {
    let peer = Peer::loopback().conn(|c| c.expect_head().expect_chunked_body().send(EMPTY));
    httptrace(&["--chunked", "-d", "hello", &peer.url("/")])
        .await
        .expect(0);
    let report = peer.finish().await;
    let head = report.conn(0).head(0);
    assert_eq!(head.field("transfer-encoding"), Some("chunked"));
    assert_eq!(head.field("content-length"), None);
    assert_eq!(report.conn(0).bodies, [b"hello"]);
}

#[tokio::test]
async fn redirects_are_followed_only_if_asked_for() {
    let moved = "HTTP/1.1 301 Moved Permanently\r\nLocation: /new\r\nContent-Length: 0\r\n\r\n";
    let peer = Peer::loopback()
        .conn(|c| c.exchange(moved))
        .conn(|c| c.exchange(moved).exchange(EMPTY));
    let url = peer.url("/old");
    httptrace(&[&url]).await.expect(0).shows("301");
    httptrace(&["-L", &url])
        .await
        .expect(0)
        .shows("301")
        .shows("/new");
    let report = peer.finish().await;
    assert_eq!(report.conn(0).heads.len(), 1);
    assert_eq!(report.conn(1).head(1).line(), "GET /new HTTP/1.1");
}

#[tokio::test]
async fn a_chunked_body_is_sent_again_after_a_307() {
    let moved = "HTTP/1.1 307 Temporary Redirect\r\nLocation: /new\r\nContent-Length: 0\r\n\r\n";
    let peer = Peer::loopback().conn(|c| {
        c.expect_head()
            .expect_chunked_body()
            .send(moved)
            .expect_head()
            .expect_chunked_body()
            .send(EMPTY)
    });
    httptrace(&["-L", "--chunked", "-d", "again", &peer.url("/")])
        .await
        .expect(0);
    assert_eq!(peer.finish().await.conn(0).bodies, [b"again", b"again"]);
}

#[tokio::test]
async fn the_table_answers_for_one_host_or_for_any() {
    for host in ["some.test", "*"] {
        let peer = Peer::loopback().conn(|c| c.exchange(EMPTY));
        let port = peer.addr().port();
        let table = format!("{host}:{port}:127.0.0.1");
        let url = format!("http://some.test:{port}/");
        httptrace(&["--resolve", &table, &url]).await.expect(0);
        let report = peer.finish().await;
        let expected = format!("some.test:{port}");
        assert_eq!(
            report.conn(0).head(0).field("host"),
            Some(expected.as_str())
        );
    }
}

#[tokio::test]
async fn addresses_of_the_other_family_are_not_used() {
    let peer = Peer::loopback();
    let port = peer.addr().port();
    let table = format!("some.test:{port}:127.0.0.1");
    let url = format!("http://some.test:{port}/");
    let run = httptrace(&["-6", "--resolve", &table, &url]).await;
    run.expect(3).says("hint: ");
    assert_eq!(peer.accepted(), 0);
}

#[tokio::test]
async fn a_pause_lies_between_two_urls() {
    let peer = Peer::loopback().conn(|c| c.repeat_exchange(EMPTY));
    let url = peer.url("/");
    httptrace(&["--pause", "0.3", &url, &url]).await.expect(0);
    let report = peer.finish().await;
    let between = report.conn(0).head(1).at - report.conn(0).head(0).at;
    assert!(between.as_secs_f64() >= 0.3, "{between:?}");
}

#[tokio::test]
async fn a_body_that_asks_first_waits_as_long_as_it_is_told() {
    let asking = ["-H", "Expect: 100-continue", "-d", "abc"];
    let peer = Peer::loopback().conn(|c| {
        let asked = c.expect_head().send("HTTP/1.1 100 Continue\r\n\r\n");
        asked.expect_body(3).send(EMPTY)
    });
    let url = peer.url("/");
    let patience = ["--expect100-timeout", "3600", &url];
    let run = httptrace(&[&asking[..], &patience].concat()).await;
    run.expect(0).shows("body held until 100 Continue");
    peer.finish().await;

    // The peer says nothing before it has the body.
    for (seconds, shown) in [("0.01", true), ("0", false)] {
        let peer = Peer::loopback().conn(|c| c.expect_head().expect_body(3).send(EMPTY));
        let url = peer.url("/");
        let patience = ["--expect100-timeout", seconds, &url];
        let run = httptrace(&[&asking[..], &patience].concat()).await;
        let text = &run.expect(0).stdout;
        assert_eq!(text.contains("body held: no 100 Continue"), shown, "{text}");
        peer.finish().await;
    }
}
