//! Bodies of requests and responses: framing, early ends, back-pressure.

mod rig;

use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use httptrace::{ErrorKind, EventKind, EventName, Phase};
use httptrace_client::{Body, Client};
use httptrace_test::{Checker, DuplexPeer, Peer, Script};
use rig::{
    HELLO, Pieces, call_error, closings, fetch, first, get, get_url, in_memory, next_text, pieces,
    request, request_to, soon,
};

const URL: &str = "http://example.com/";

#[tokio::test(start_paused = true)]
async fn after_an_early_response_the_connection_is_put_back_when_the_upload_ends() {
    // Narrow, so that the upload is still on its way when the response is over.
    let peer = Arc::new(DuplexPeer::with_buffer(64).conn(|c| {
        let early = c.expect_head().send_paced(HELLO, 20, 3);
        early.delay(5).expect_chunked_body().client_may_leave()
    }));
    let client = in_memory(&peer).build();
    let checker = Checker::new();
    let body = pieces(8, 40).body();
    let request = request_to("POST", URL, &checker, body);
    assert_eq!(fetch(&client, request).await.unwrap(), "hello");

    let events = checker.finish().await;
    let wrote = first(&events, EventName::WroteRequest).at;
    let put = first(&events, EventName::PutIdleConn);
    assert!(matches!(&put.kind, EventKind::PutIdleConn(info) if info.error.is_none()));
    assert_eq!(put.at - wrote, Duration::ZERO);
    assert_eq!(peer.report().conn(0).bodies, [vec![b'x'; 320]]);
}

/// The outcome of `WroteRequest`, with the body bytes it tells.
fn wrote(checker: &Checker) -> Vec<(&'static str, Option<u64>)> {
    checker.pick(|kind| match kind {
        EventKind::WroteRequest(info) => Some((info.outcome.as_str(), info.body_bytes)),
        _ => None,
    })
}

/// How the body ended, and its bytes on the wire.
fn ends(checker: &Checker) -> Vec<(&'static str, Option<u64>)> {
    checker.pick(|kind| match kind {
        EventKind::BodyDone(info) => Some((info.end.as_str(), info.wire_bytes)),
        _ => None,
    })
}

fn peer_in_memory(script: impl FnOnce(Script) -> Script) -> Arc<DuplexPeer> {
    Arc::new(DuplexPeer::new().conn(script))
}

/// Asks once and reads to the end. Returns the text and what was told.
async fn ask(
    method: &str,
    response: &'static str,
    close: bool,
) -> (Result<String, httptrace_client::Error>, Checker) {
    let peer = peer_in_memory(|c| match close {
        true => c.exchange(response).close(),
        false => c.exchange(response).client_may_leave(),
    });
    let client = in_memory(&peer).build();
    let checker = Checker::new();
    let request = request_to(method, URL, &checker, Body::empty());
    (soon(fetch(&client, request)).await, checker)
}

#[tokio::test(start_paused = true)]
async fn responses_without_a_body_leave_the_connection_to_be_used_again() {
    for (method, response) in [
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"),
        (
            "HEAD",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        ),
        ("HEAD", "HTTP/1.1 200 OK\r\n\r\n"),
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n"),
        (
            "GET",
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n",
        ),
        ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        (
            "GET",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
    ] {
        let (text, checker) = ask(method, response, false).await;
        assert_eq!(text.unwrap(), "", "{response}");
        assert_eq!(ends(&checker), [("end", Some(0))], "{response}");
        assert_eq!(checker.count(EventName::PutIdleConn), 1, "{response}");
        assert_eq!(checker.count(EventName::ConnClosed), 0, "{response}");
        checker.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_without_a_length_ends_with_its_connection() {
    let (text, checker) = ask("GET", "HTTP/1.1 200 OK\r\n\r\nto the end", true).await;
    assert_eq!(text.unwrap(), "to the end");
    assert_eq!(ends(&checker), [("end", Some(10))]);
    assert_eq!(closings(&checker), [("body_until_eof", None)]);
    assert_eq!(checker.count(EventName::PutIdleConn), 0);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn http_1_0_closes_after_its_body_unless_it_says_keep_alive() {
    let plain = "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi";
    let (text, checker) = ask("GET", plain, true).await;
    assert_eq!(text.unwrap(), "hi");
    assert_eq!(closings(&checker), [("http_1_0", None)]);
    checker.finish().await;

    let kept = "HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nhi";
    let (text, checker) = ask("GET", kept, false).await;
    assert_eq!(text.unwrap(), "hi");
    assert_eq!(checker.count(EventName::PutIdleConn), 1);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn chunks_are_counted_without_their_framing_and_trailers_are_kept() {
    let peer = peer_in_memory(|c| {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let chunks = "5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nX-Sum: 11\r\n\r\n";
        c.exchange(head)
            .send_split(chunks, &[1, 4, 6, 9])
            .client_may_leave()
    });
    let checker = Checker::new();
    let client = in_memory(&peer).build();
    let response = client.send(get_url(URL, &checker)).await.unwrap();
    let collected = response.into_body().collect().await.unwrap();
    assert_eq!(collected.trailers().unwrap()["x-sum"], "11");
    assert_eq!(collected.to_bytes(), "hello world");
    assert_eq!(ends(&checker), [("end", Some(11))]);
    let trailers = checker.pick(|kind| match kind {
        EventKind::BodyDone(info) => info.trailers.clone(),
        _ => None,
    });
    assert_eq!(trailers[0]["x-sum"], "11");
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn trailers_of_a_request_are_sent_after_its_chunks() {
    let peer = peer_in_memory(|c| {
        let head = c.expect_head();
        let body = head.expect_bytes("3\r\nabc\r\n0\r\nX-Sum: 3\r\n\r\n");
        body.send(HELLO).client_may_leave()
    });
    let checker = Checker::new();
    let client = in_memory(&peer).build();
    let body = Pieces::new().data("abc").trailer("x-sum", "3").body();
    let mut request = request_to("POST", URL, &checker, body);
    let announced = http::HeaderValue::from_static("x-sum");
    request.headers_mut().insert("trailer", announced);
    assert_eq!(soon(fetch(&client, request)).await.unwrap(), "hello");
    assert_eq!(wrote(&checker), [("sent", Some(3))]);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn trailers_that_were_not_announced_are_an_error_and_not_left_out_in_silence() {
    let peer = peer_in_memory(|c| c.expect_head().client_may_leave());
    let checker = Checker::new();
    let client = in_memory(&peer).build();
    let body = Pieces::new().data("abc").trailer("x-sum", "3").body();
    let request = request_to("POST", URL, &checker, body);
    let error = soon(fetch(&client, request)).await.unwrap_err();
    assert!(error.is_body(), "{error:?}");
    assert!(error.to_string().contains("x-sum"), "{error}");
    assert_eq!(wrote(&checker)[0].0, "failed");
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_body_cut_short_is_an_error_that_says_how_far_it_came() {
    for (response, message) in [
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
            "after 4 bytes",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
            "after 4 bytes",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nhalf",
            "after 4 bytes",
        ),
    ] {
        let (text, checker) = ask("GET", response, true).await;
        let error = text.unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
        assert!(error.is_body(), "{error}");
        assert_eq!(error.phase(), Some(Phase::Receive));
        assert_eq!(ends(&checker), [("error", Some(4))]);
        assert_eq!(closings(&checker), [("failed", None)]);
        assert_eq!(call_error(&checker).unwrap().1, error.to_string());
        checker.finish().await;
    }
}

#[tokio::test]
async fn a_body_whose_connection_is_reset_is_an_error() {
    let peer = Peer::loopback().conn(|c| {
        c.exchange("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
            .wait_for("go")
            .reset()
    });
    let checker = Checker::new();
    let client = Client::new();
    let mut response = client.send(get(&peer, "/", &checker)).await.unwrap();
    assert_eq!(next_text(&mut response).await.unwrap(), "half");
    peer.raise("go");
    let error = soon(response.into_body().text()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Reset, "{error}");
    assert_eq!(error.phase(), Some(Phase::Receive));
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_short_body_dropped_early_is_drained_and_its_connection_kept() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n";
    let peer = peer_in_memory(|c| {
        let script = c.exchange(head).send("0123456789");
        script
            .delay(20)
            .send("01234567890123456789")
            .client_may_leave()
    });
    let checker = Checker::new();
    let client = in_memory(&peer).build();
    let response = client.send(get_url(URL, &checker)).await.unwrap();
    drop(response);
    assert_eq!(checker.count(EventName::CallEnd), 1);
    let put = checker.wait_for(EventName::PutIdleConn).await;
    let end = checker.wait_for(EventName::CallEnd).await;
    assert_eq!(put.at - end.at, Duration::from_millis(20));
    assert_eq!(ends(&checker)[0].0, "dropped");
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_body_dropped_early_is_not_waited_for_longer_than_fifty_milliseconds() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n";
    let peer = peer_in_memory(|c| c.exchange(head).client_may_leave());
    let checker = Checker::new();
    let client = in_memory(&peer).build();
    drop(client.send(get_url(URL, &checker)).await.unwrap());
    let closed = checker.wait_for(EventName::ConnClosed).await;
    let end = checker.wait_for(EventName::CallEnd).await;
    assert_eq!(closed.at - end.at, Duration::from_millis(50));
    assert_eq!(closings(&checker), [("body_dropped", None)]);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_long_body_dropped_early_closes_its_connection_at_once() {
    let announced = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nbegin";
    let endless = "HTTP/1.1 200 OK\r\n\r\nbegin";
    for response in [announced, endless] {
        let peer = peer_in_memory(|c| c.exchange(response).client_may_leave());
        let checker = Checker::new();
        let client = in_memory(&peer).build();
        drop(client.send(get_url(URL, &checker)).await.unwrap());
        assert_eq!(closings(&checker), [("body_dropped", None)]);
        assert_eq!(checker.names().last().unwrap(), "call_end");
        checker.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn no_more_than_256_kib_of_a_dropped_body_are_read() {
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(65536));
    let peer = Arc::new(DuplexPeer::with_buffer(1024 * 1024).conn(|c| {
        let head = c.exchange("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        head.send(chunk.repeat(5)).client_may_leave()
    }));
    let checker = Checker::new();
    let client = in_memory(&peer).build();
    drop(client.send(get_url(URL, &checker)).await.unwrap());
    let closed = checker.wait_for(EventName::ConnClosed).await;
    let end = checker.wait_for(EventName::CallEnd).await;
    assert_eq!(closings(&checker), [("body_dropped", None)]);
    assert_eq!(closed.at, end.at);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_request_body_longer_or_shorter_than_announced_is_never_sent_as_complete() {
    let short = (
        Pieces::new().data("abc").body(),
        "ended after 3 of the 5 bytes",
    );
    let long = (
        Pieces::new().data("abc").data("def").body(),
        "longer than its Content-Length of 5",
    );
    for (body, message) in [short, long] {
        let peer = peer_in_memory(|c| c.client_may_leave().expect_head().swallow());
        let checker = Checker::new();
        let client = in_memory(&peer).build();
        let mut request = request_to("POST", URL, &checker, body);
        let announced = http::HeaderValue::from_static("5");
        request.headers_mut().insert("content-length", announced);
        let error = soon(client.send(request)).await.unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
        assert_eq!(
            (error.kind(), error.phase()),
            (ErrorKind::Body, Some(Phase::Send))
        );
        let [(outcome, bytes)] = wrote(&checker)[..] else {
            panic!("WroteRequest once");
        };
        assert_eq!((outcome, bytes), ("failed", Some(3)));
        let events = checker.finish().await;
        assert!(
            events
                .iter()
                .all(|event| event.name() != EventName::PutIdleConn)
        );
        tokio::time::sleep(Duration::from_millis(1)).await;
        let sent = peer.report().conn(0).read_bytes();
        assert!(sent.ends_with(b"\r\n\r\nabc"), "{}", sent.escape_ascii());
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_body_that_fails_leaves_its_chunks_without_an_end() {
    let peer = peer_in_memory(|c| c.client_may_leave().expect_head().swallow());
    let checker = Checker::new();
    let client = in_memory(&peer).build();
    let body = Pieces::new()
        .data("abc")
        .turn()
        .fail("the disk is gone")
        .body();
    let request = request_to("POST", URL, &checker, body);
    let error = soon(client.send(request)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the request's body failed: the disk is gone"
    );
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(source.to_string(), "the disk is gone");
    assert_eq!(wrote(&checker), [("failed", Some(3))]);
    assert_eq!(closings(&checker), [("failed", None)]);
    checker.finish().await;
    tokio::time::sleep(Duration::from_millis(1)).await;
    let sent = peer.report().conn(0).read_bytes();
    assert!(sent.ends_with(b"3\r\nabc\r\n"), "{}", sent.escape_ascii());
}

#[tokio::test]
async fn an_early_response_during_an_upload_that_never_ends_closes_the_connection() {
    let peer = Peer::loopback().conn(|c| c.expect_head().send(HELLO).client_may_leave().swallow());
    let checker = Checker::new();
    let client = Client::new();
    let body = Pieces::new().data("abc").never().body();
    let text = soon(fetch(&client, request("POST", &peer, "/", &checker, body))).await;
    assert_eq!(text.unwrap(), "hello");
    assert_eq!(closings(&checker), [("upload_unfinished", None)]);
    assert_eq!(wrote(&checker), [("failed", Some(3))]);
    peer.wait_until_none_is_open().await;
    checker.finish().await;
}

#[tokio::test]
async fn an_early_response_that_breaks_off_during_an_upload_ends_in_order() {
    let half = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf";
    let peer = Peer::loopback().conn(|c| {
        c.expect_head()
            .send(half)
            .client_may_leave()
            .half_close()
            .swallow()
    });
    let checker = Checker::new();
    let client = Client::new();
    let body = Pieces::new().data("abc").never().body();
    let upload = request("POST", &peer, "/", &checker, body);
    let error = soon(fetch(&client, upload)).await.unwrap_err();
    assert_eq!(error.phase(), Some(Phase::Receive), "{error}");
    assert_eq!(closings(&checker), [("failed", None)]);
    checker.finish().await;
}

#[tokio::test]
async fn an_early_response_that_closes_is_read_although_the_upload_breaks() {
    let refusal =
        "HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nno!";
    let peer = Peer::loopback().conn(|c| {
        // Half-closed and read on, as good servers do, so that no reset destroys the answer.
        c.expect_head()
            .send(refusal)
            .half_close()
            .client_may_leave()
            .swallow()
    });
    let checker = Checker::new();
    let client = Client::new();
    let body = pieces(100_000, 100).body();
    let request = request("POST", &peer, "/", &checker, body);
    let response = soon(client.send(request)).await.unwrap();
    assert_eq!(response.status(), 413);
    assert_eq!(response.into_body().text().await.unwrap(), "no!");
    assert_eq!(closings(&checker), [("response_said_close", None)]);
    assert_eq!(wrote(&checker)[0].0, "failed");
    checker.finish().await;
}

#[tokio::test]
async fn a_large_download_waits_for_its_reader() {
    const SIZE: usize = 24 * 1024 * 1024;
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n");
    let peer = Peer::loopback().conn(|c| {
        let script = c.exchange(head).raise("begun").send(vec![b'x'; SIZE]);
        script.raise("all sent").client_may_leave()
    });
    let checker = Checker::new();
    let client = Client::new();
    let response = client.send(get(&peer, "/", &checker)).await.unwrap();
    peer.wait_for("begun").await;
    // Nobody reads: the peer cannot get rid of all of it.
    let all_sent = peer.wait_for("all sent");
    let waited = tokio::time::timeout(Duration::from_millis(100), all_sent).await;
    assert!(waited.is_err(), "the client reads ahead without end");
    let body = soon(response.into_body().bytes()).await.unwrap();
    assert_eq!(body.len(), SIZE);
    assert_eq!(ends(&checker), [("end", Some(SIZE as u64))]);
    checker.finish().await;
}

#[tokio::test]
async fn a_large_upload_arrives_whole() {
    let peer = Peer::loopback().conn(|c| {
        c.expect_head()
            .expect_chunked_body()
            .send(HELLO)
            .client_may_leave()
    });
    let checker = Checker::new();
    let client = Client::new();
    let body = pieces(800, 10_000).body();
    let upload = request("PUT", &peer, "/", &checker, body);
    assert_eq!(soon(fetch(&client, upload)).await.unwrap(), "hello");
    assert_eq!(wrote(&checker), [("sent", Some(8_000_000))]);
    assert_eq!(peer.report().conn(0).bodies[0].len(), 8_000_000);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn requests_are_framed_by_what_is_known_of_their_bodies() {
    let length = |head: &str| -> (Option<String>, Option<String>) {
        let head = httptrace_test::peer::Head {
            at: std::time::Instant::now(),
            text: head.to_owned(),
        };
        let field = |name| head.field(name).map(str::to_owned);
        (field("content-length"), field("transfer-encoding"))
    };
    let some = |text: &str| Some(text.to_owned());
    for (method, body, framing) in [
        ("GET", Body::empty(), (None, None)),
        ("POST", Body::empty(), (some("0"), None)),
        ("POST", Body::from("abc"), (some("3"), None)),
        ("GET", Body::from("abc"), (some("3"), None)),
        ("PUT", pieces(1, 3).body(), (None, some("chunked"))),
        ("PUT", pieces(1, 3).exactly(3).body(), (some("3"), None)),
    ] {
        let chunked = framing.1.is_some();
        let size = framing.0.as_deref().map_or(0, |text| text.parse().unwrap());
        let peer = peer_in_memory(|c| match chunked {
            true => c
                .expect_head()
                .expect_chunked_body()
                .send(HELLO)
                .client_may_leave(),
            false => c
                .expect_head()
                .expect_body(size)
                .send(HELLO)
                .client_may_leave(),
        });
        let checker = Checker::new();
        let client = in_memory(&peer).build();
        let request = request_to(method, URL, &checker, body);
        assert_eq!(soon(fetch(&client, request)).await.unwrap(), "hello");
        assert_eq!(length(peer.report().heads()[0]), framing);
        checker.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_may_stop_at_the_end_that_the_body_announces() {
    let peer = peer_in_memory(|c| c.exchange(HELLO).client_may_leave());
    let checker = Checker::new();
    let client = in_memory(&peer).build();
    let mut response = client.send(get_url(URL, &checker)).await.unwrap();
    assert_eq!(next_text(&mut response).await.unwrap(), "hello");
    assert!(http_body::Body::is_end_stream(response.body()));
    assert_eq!(checker.names().last().unwrap(), "call_end");
    assert_eq!(checker.count(EventName::PutIdleConn), 1);
    drop(response);
    assert_eq!(checker.names().last().unwrap(), "call_end");
    checker.finish().await;
}
