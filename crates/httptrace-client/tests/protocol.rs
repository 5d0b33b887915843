//! Responses that violate the protocol: the error names the violation, and the connection is not used again.

mod rig;

use std::sync::Arc;

use httptrace::{EventName, Phase};
use httptrace_client::Error;
use httptrace_test::{Checker, DuplexPeer, Peer};
use rig::{HELLO, call_error, closings, fetch, get, get_url, in_memory, soon};

const URL: &str = "http://example.com/";

/// What comes of a response. The peer closes after it.
async fn answered(response: impl AsRef<[u8]>) -> (Result<String, Error>, Checker) {
    let peer =
        Arc::new(DuplexPeer::new().conn(|c| c.client_may_leave().exchange(response).close()));
    let client = in_memory(&peer).build();
    let checker = Checker::new();
    let text = soon(fetch(&client, get_url(URL, &checker))).await;
    (text, checker)
}

#[tokio::test(start_paused = true)]
async fn the_error_names_the_violation() {
    for (response, named) in [
        ("garbage\r\n\r\n", "HTTP version"),
        ("SSH-2.0-OpenSSH_9.9\r\n", "HTTP version"),
        ("HTTP/1.1 2x0 OK\r\n\r\n", "status"),
        ("HTTP/1.1 200 OK\r\nNo colon here\r\n\r\n", "header"),
        ("HTTP/1.1 200 OK\r\nBad Name: x\r\n\r\n", "header"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
            "content-length",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
            "content-length",
        ),
    ] {
        let (text, checker) = answered(response).await;
        let error = text.unwrap_err();
        assert!(error.is_protocol(), "{response:?}: {error:?}");
        let message = error.to_string();
        assert!(
            message.to_lowercase().contains(&named.to_lowercase()),
            "{response:?}: {message}"
        );
        assert_eq!(error.phase(), Some(Phase::Wait), "{message}");
        assert_eq!(closings(&checker), [("failed", None)]);
        assert_eq!(call_error(&checker).unwrap(), ("protocol", message));
        assert_eq!(checker.count(EventName::GotFirstResponseByte), 1);
        assert_eq!(checker.count(EventName::GotResponseHeaders), 0);
        checker.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn chunks_that_are_none_break_the_body_off() {
    for chunks in ["zz\r\nhello", "5\r\nhello!!0\r\n\r\n", "\r\n"] {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let (text, checker) = answered(format!("{head}{chunks}")).await;
        let error = text.unwrap_err();
        assert!(error.is_protocol(), "{chunks:?}: {error:?}");
        assert_eq!(error.phase(), Some(Phase::Receive));
        assert!(error.to_string().contains("chunk"), "{chunks:?}: {error}");
        assert_eq!(closings(&checker), [("failed", None)]);
        checker.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_that_is_cut_off_is_no_response() {
    for (response, begun) in [("", false), ("HTTP/1.1 200 OK\r\nContent-Le", true)] {
        let (text, checker) = answered(response).await;
        let error = text.unwrap_err();
        assert_eq!(error.kind().as_str(), "closed", "{response:?}: {error:?}");
        let told = error.to_string();
        assert!(told.contains("closed the connection"), "{told}");
        assert_eq!(
            checker.count(EventName::GotFirstResponseByte),
            usize::from(begun)
        );
        checker.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_without_end_is_not_read_for_ever() {
    let endless = format!("HTTP/1.1 200 OK\r\nA: {}", "x".repeat(2_000_000));
    let (text, checker) = answered(endless).await;
    let error = text.unwrap_err();
    assert!(error.is_limit(), "{error:?}");
    assert!(error.to_string().contains("too large"), "{error}");
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn more_than_was_announced_costs_the_connection_and_not_the_response() {
    let peer = Arc::new(
        DuplexPeer::new()
            .conn(|c| c.client_may_leave().exchange(format!("{HELLO}surplus")))
            .conn(|c| c.client_may_leave().exchange(HELLO)),
    );
    let client = in_memory(&peer).build();
    let checker = Checker::new();
    for _ in 0..2 {
        assert_eq!(
            soon(fetch(&client, get_url(URL, &checker))).await.unwrap(),
            "hello"
        );
    }
    assert_eq!(peer.accepted(), 2);
    checker.finish().await;
}

#[tokio::test]
async fn a_server_that_speaks_before_it_is_asked_is_not_answered() {
    let peer = Peer::loopback().conn(|c| {
        let banner = c.client_may_leave().send("220 mail.example ESMTP\r\n");
        banner.swallow()
    });
    let checker = Checker::new();
    let client = httptrace_client::Client::new();
    let error = soon(fetch(&client, get(&peer, "/", &checker)))
        .await
        .unwrap_err();
    assert!(error.is_protocol(), "{error:?}");
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_merely_odd_is_taken() {
    for response in [
        "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nhi",
        "HTTP/1.1 200 OK\nContent-Length: 2\n\nhi",
        "HTTP/1.1 299 \r\nContent-Length: 2\r\n\r\nhi",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Latin: \u{e9}\r\n\r\nhi",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi",
    ] {
        let (text, checker) = answered(response).await;
        assert_eq!(text.unwrap(), "hi", "{response:?}");
        checker.finish().await;
    }
}
