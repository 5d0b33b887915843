//! Who says that a connection is at its end, and how: a `Connection: close` on either side, or half of the socket.

mod rig;

use std::sync::Arc;

use httptrace::info::WriteOutcome;
use httptrace::{EventKind, EventName};
use httptrace_client::Client;
use httptrace_test::{Checker, ClientEnd, DuplexPeer, Leaks, Peer};
use rig::{
    HELLO, NO_CONTENT, Pieces, closings, fetch, get, get_url, in_memory, request, reuses, soon,
};

const URL: &str = "http://example.com/";

/// A response with a body and these further fields.
fn hello_with(fields: &str) -> String {
    HELLO.replacen("\r\n", &format!("\r\n{fields}"), 1)
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_closed_for_whoever_said_so_first() {
    for (ours, theirs, reason) in [
        ("close", "", "request_said_close"),
        ("Close", "Connection: close\r\n", "request_said_close"),
        ("TE, CLOSE", "", "request_said_close"),
        ("keep-alive", "Connection: close\r\n", "response_said_close"),
        ("", "Connection: close\r\n", "response_said_close"),
        ("", "connection: foo, CLOSE\r\n", "response_said_close"),
        (
            "",
            "Connection: foo\r\nConnection: close\r\n",
            "response_said_close",
        ),
        // Whoever says both means the end.
        (
            "",
            "Connection: keep-alive, close\r\n",
            "response_said_close",
        ),
    ] {
        // The peer itself closes nothing.
        let answer = hello_with(theirs);
        let peer = Arc::new(DuplexPeer::new().every_conn(|c| c.exchange(answer).hold_open()));
        let leaks = Leaks::watch(&*peer);
        let client = in_memory(&peer).build();
        let checker = Checker::new();
        for _ in 0..2 {
            let mut request = get_url(URL, &checker);
            if !ours.is_empty() {
                request
                    .headers_mut()
                    .insert("connection", ours.parse().unwrap());
            }
            assert_eq!(fetch(&client, request).await.unwrap(), "hello");
        }
        let why = format!("{ours:?} and {theirs:?}");
        assert_eq!(reuses(&checker), [false, false], "{why}");
        assert_eq!(closings(&checker), [(reason, None); 2], "{why}");
        assert_eq!(checker.count(EventName::PutIdleConn), 0, "{why}");
        leaks.assert_none().await;
        checker.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn options_that_are_no_close_keep_the_connection() {
    for theirs in [
        "Connection: closed\r\n",
        "Connection: keep-alive\r\n",
        "Connection: \r\n",
    ] {
        let answer = hello_with(theirs);
        let peer = Arc::new(
            DuplexPeer::new().every_conn(|c| c.client_may_leave().repeat_exchange(answer)),
        );
        let client = in_memory(&peer).build();
        let checker = Checker::new();
        for _ in 0..2 {
            let text = fetch(&client, get_url(URL, &checker)).await;
            assert_eq!(text.unwrap(), "hello");
        }
        assert_eq!(reuses(&checker), [false, true], "{theirs:?}");
        checker.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_response_without_a_body_may_say_close_too() {
    let answer = NO_CONTENT.replacen("\r\n", "\r\nConnection: close\r\n", 1);
    let peer = Arc::new(DuplexPeer::new().conn(|c| c.exchange(answer).hold_open()));
    let leaks = Leaks::watch(&*peer);
    let client = in_memory(&peer).build();
    let checker = Checker::new();
    let response = client.send(get_url(URL, &checker)).await.unwrap();
    // Closed before the caller sees the head.
    assert_eq!(closings(&checker), [("response_said_close", None)]);
    drop(response);
    leaks.assert_none().await;
    checker.finish().await;
}

#[tokio::test]
async fn a_peer_that_sends_no_more_is_not_asked_again() {
    let peer = Peer::loopback().every_conn(|c| c.exchange(HELLO).half_close().hold_open());
    let leaks = Leaks::watch(&peer);
    let client = Client::new();
    let checker = Checker::new();
    for _ in 0..3 {
        let text = soon(fetch(&client, get(&peer, "/", &checker))).await;
        assert_eq!(text.unwrap(), "hello");
        // Who sends no more will not answer: our half goes as well.
        leaks.assert_none().await;
    }
    assert_eq!(reuses(&checker), [false; 3]);
    for connection in &peer.report().conns {
        let end = connection.client_end.map(|(_, end)| end);
        assert_eq!(end, Some(ClientEnd::Fin));
    }
    drop(client);
    checker.finish().await;
}

#[tokio::test]
async fn a_peer_that_has_answered_and_sends_no_more_breaks_the_upload_and_not_the_answer() {
    let peer = Peer::loopback().conn(|c| {
        let answered = c.client_may_leave().expect_head().send(HELLO);
        answered.half_close().raise("ended").swallow()
    });
    let leaks = Leaks::watch(&peer);
    let client = Client::new();
    let checker = Checker::new();
    let body = Pieces::new().data("one").never().body();
    let sent = client.send(request("POST", &peer, "/", &checker, body));
    let response = soon(sent).await.unwrap();
    peer.wait_for("ended").await;
    assert_eq!(soon(response.into_body().text()).await.unwrap(), "hello");
    let failures = checker.pick(|kind| match kind {
        EventKind::WroteRequest(wrote) => Some(matches!(wrote.outcome, WriteOutcome::Failed(_))),
        _ => None,
    });
    assert_eq!(failures, [true]);
    assert_eq!(closings(&checker), [("peer_closed", None)]);
    assert_eq!(checker.count(EventName::PutIdleConn), 0);
    leaks.assert_none().await;
    checker.finish().await;
}
