//! Uploads: at the peer's pace, with their progress, and never as more or less than they are.

mod rig;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use httptrace::{EventKind, EventName, Phase};
use httptrace_client::{Body, Client};
use httptrace_test::{Checker, DuplexPeer, Peer, Script};
use rig::{HELLO, Pieces, fetch, in_memory, request, request_to, soon};

const URL: &str = "http://example.com/";

fn peer_in_memory(script: impl FnOnce(Script) -> Script) -> Arc<DuplexPeer> {
    Arc::new(DuplexPeer::new().conn(script))
}

/// The outcome of `WroteRequest`, with the body bytes it tells.
fn wrote(checker: &Checker) -> Vec<(&'static str, Option<u64>)> {
    checker.pick(|kind| match kind {
        EventKind::WroteRequest(info) => Some((info.outcome.as_str(), info.body_bytes)),
        _ => None,
    })
}

/// The bytes of each `WroteBody`.
fn progress(checker: &Checker) -> Vec<u64> {
    checker.pick(|kind| match kind {
        EventKind::WroteBody(info) => Some(info.bytes),
        _ => None,
    })
}

/// A body that counts the bytes that were asked of it.
struct Counted {
    piece: Bytes,
    left: usize,
    asked: Arc<AtomicUsize>,
    is_length_known: bool,
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        self.left -= 1;
        self.asked.fetch_add(self.piece.len(), Ordering::SeqCst);
        Poll::Ready(Some(Ok(Frame::data(self.piece.clone()))))
    }

    fn size_hint(&self) -> SizeHint {
        match self.is_length_known {
            true => SizeHint::with_exact((self.left * self.piece.len()) as u64),
            false => SizeHint::default(),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_read_holds_the_body_back() {
    for (is_length_known, size) in [(false, 10), (false, 20_000), (true, 10), (true, 20_000)] {
        let whole = 100 * 1024 * 1024;
        let count = whole / size;
        let peer = Arc::new(DuplexPeer::with_buffer(1000).conn(|c| {
            let stalled = c.expect_head().wait_for("go").client_may_leave();
            stalled.swallow()
        }));
        let checker = Checker::new();
        let client = in_memory(&peer).build();
        let asked = Arc::new(AtomicUsize::new(0));
        let body = Counted {
            piece: vec![b'x'; size].into(),
            left: count,
            asked: Arc::clone(&asked),
            is_length_known,
        };
        let request = request_to("PUT", URL, &checker, Body::wrap(body));
        let sending = tokio::time::timeout(Duration::from_secs(60), client.send(request));
        assert!(sending.await.is_err());
        let asked = asked.load(Ordering::SeqCst);
        assert!(asked > 0);
        // The codec's buffer, a piece beyond it, and what the pipe holds.
        assert!(asked <= 450 * 1024, "{asked} bytes of pieces of {size}");
        checker.finish().await;
    }
}

#[tokio::test]
async fn a_socket_that_is_full_holds_the_body_back_and_goes_on_when_it_is_read() {
    let size = 64 * 1024;
    let count = 600;
    let peer = Peer::loopback().conn(|c| {
        let stalled = c.expect_head().raise("begun").wait_for("go");
        let read = stalled.expect_body(size * count);
        read.send(HELLO).client_may_leave()
    });
    let checker = Checker::new();
    let asked = Arc::new(AtomicUsize::new(0));
    let body = Counted {
        piece: vec![b'x'; size].into(),
        left: count,
        asked: Arc::clone(&asked),
        is_length_known: true,
    };
    let upload = request("PUT", &peer, "/", &checker, Body::wrap(body));
    let client = Client::new();
    let sending = tokio::spawn(async move { fetch(&client, upload).await });
    peer.wait_for("begun").await;
    // What the kernel takes is the kernel's to say; it settles.
    let mut before = 0;
    loop {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let now = asked.load(Ordering::SeqCst);
        if now == before && now > 0 {
            break;
        }
        before = now;
    }
    assert!(before < size * count / 2, "{before} bytes were asked for");
    peer.raise("go");
    assert_eq!(soon(sending).await.unwrap().unwrap(), "hello");
    let whole = (size * count) as u64;
    assert_eq!(wrote(&checker), [("sent", Some(whole))]);
    assert_eq!(progress(&checker).iter().sum::<u64>(), whole);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn progress_is_told_as_the_bytes_go_whether_the_length_is_known_or_not() {
    for is_length_known in [false, true] {
        let peer = Arc::new(DuplexPeer::with_buffer(100).conn(|c| {
            let head = c.expect_head();
            let body = match is_length_known {
                true => head.expect_body(1000),
                false => head.expect_chunked_body(),
            };
            body.send(HELLO).client_may_leave()
        }));
        let checker = Checker::new();
        let client = in_memory(&peer).build();
        let body = (0..4).fold(Pieces::new(), |body, _| {
            body.pause(10).data(vec![b'x'; 250])
        });
        let body = match is_length_known {
            true => body.exactly(1000),
            false => body,
        };
        let upload = request_to("PUT", URL, &checker, body.body());
        assert_eq!(soon(fetch(&client, upload)).await.unwrap(), "hello");
        let told = progress(&checker);
        assert_eq!(told.iter().sum::<u64>(), 1000);
        // No more than fits into the pipe at a time.
        assert!(told.iter().all(|bytes| *bytes <= 100), "{told:?}");
        assert_eq!(wrote(&checker), [("sent", Some(1000))]);
        let events = checker.finish().await;
        let times = events
            .iter()
            .filter(|event| event.name() == EventName::WroteBody)
            .map(|event| event.at);
        let (first, last) = (times.clone().min().unwrap(), times.max().unwrap());
        assert_eq!(last - first, Duration::from_millis(30));
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_goes_on_after_its_announced_length_never_looks_whole() {
    // The announced length ends where a piece ends: only what comes next, at once or later, tells that it is wrong.
    let at_once = Pieces::new().data("abc").data("de").data("excess");
    let later = Pieces::new()
        .data("abc")
        .data("de")
        .pause(30)
        .data("excess");
    let empty_first = Pieces::new().data("abcde").data("").turn().data("excess");
    for body in [at_once, later, empty_first] {
        let peer = peer_in_memory(|c| c.client_may_leave().expect_head().swallow());
        let checker = Checker::new();
        let client = in_memory(&peer).build();
        let mut upload = request_to("POST", URL, &checker, body.body());
        let announced = http::HeaderValue::from_static("5");
        upload.headers_mut().insert("content-length", announced);
        let error = soon(client.send(upload)).await.unwrap_err();
        let message = "longer than its Content-Length of 5";
        assert!(error.to_string().contains(message), "{error}");
        assert_eq!((error.is_body(), error.phase()), (true, Some(Phase::Send)));
        assert_eq!(wrote(&checker)[0].0, "failed");
        checker.finish().await;
        tokio::time::sleep(Duration::from_millis(1)).await;
        let sent = peer.report().conn(0).read_bytes();
        let text = String::from_utf8(sent).unwrap();
        let body = text.split_once("\r\n\r\n").unwrap().1;
        assert!("abcde".starts_with(body) && body.len() < 5, "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_ends_a_while_after_its_last_byte_is_whole() {
    let peer = peer_in_memory(|c| {
        let read = c.expect_head().expect_body(5);
        read.send(HELLO).client_may_leave()
    });
    let checker = Checker::new();
    let client = in_memory(&peer).build();
    let body = Pieces::new().data("abc").data("de").data("").pause(30);
    let upload = request_to("POST", URL, &checker, body.exactly(5).body());
    assert_eq!(soon(fetch(&client, upload)).await.unwrap(), "hello");
    assert_eq!(wrote(&checker), [("sent", Some(5))]);
    assert_eq!(peer.report().conn(0).bodies, [b"abcde"]);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn trailers_after_a_body_of_known_length_are_sent_if_announced_and_an_error_otherwise() {
    let body = || {
        let body = Pieces::new().data("abc").trailer("x-sum", "3");
        body.exactly(3).body()
    };
    let peer = peer_in_memory(|c| {
        let body = c.expect_head();
        let body = body.expect_bytes("3\r\nabc\r\n0\r\nX-Sum: 3\r\n\r\n");
        body.send(HELLO).client_may_leave()
    });
    let checker = Checker::new();
    let client = in_memory(&peer).build();
    let mut upload = request_to("PUT", URL, &checker, body());
    let announced = http::HeaderValue::from_static("x-sum");
    upload.headers_mut().insert("trailer", announced);
    assert_eq!(soon(fetch(&client, upload)).await.unwrap(), "hello");
    checker.finish().await;

    let peer = peer_in_memory(|c| c.client_may_leave().expect_head().swallow());
    let checker = Checker::new();
    let client = in_memory(&peer).build();
    let upload = request_to("PUT", URL, &checker, body());
    let error = soon(client.send(upload)).await.unwrap_err();
    assert!(error.to_string().contains("Trailer header"), "{error}");
    assert_eq!(wrote(&checker), [("failed", Some(0))]);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_length_that_the_body_contradicts_costs_no_connection() {
    let peer = Arc::new(DuplexPeer::new());
    let checker = Checker::new();
    let client = in_memory(&peer).build();
    let mut upload = request_to("PUT", URL, &checker, "abc");
    let announced = http::HeaderValue::from_static("5");
    upload.headers_mut().insert("content-length", announced);
    let error = client.send(upload).await.unwrap_err();
    assert!(error.to_string().contains("has 3 bytes"), "{error}");
    assert_eq!(peer.accepted(), 0);
    checker.finish().await;
}
