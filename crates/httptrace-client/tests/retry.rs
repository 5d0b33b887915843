//! Another try on another connection, by Go's rule: only after a connection that others had before broke before its
//! answer, and only for what may be sent twice.

mod rig;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use httptrace::info::AttemptReason;
use httptrace::{EventKind, EventName};
use httptrace_client::{Body, Client, Error, ReplayBody};
use httptrace_test::{Checker, Peer, Script};
use rig::{HELLO, closings, fetch, get, pieces, request, soon};

/// Why each attempt was made.
fn reasons(checker: &Checker) -> Vec<&'static str> {
    checker.pick(|kind| match kind {
        EventKind::AttemptStart(start) => Some(match start.reason {
            AttemptReason::Retry(reason) => reason.as_str(),
            other => other.as_str(),
        }),
        _ => None,
    })
}

/// A peer whose first connection answers one request and does this to the second; the next one answers.
fn stale(then: impl FnOnce(Script) -> Script, next: impl FnOnce(Script) -> Script) -> Peer {
    Peer::loopback()
        .conn(|c| then(c.exchange(HELLO)))
        .conn(|c| next(c.client_may_leave()))
}

async fn warm_client(peer: &Peer) -> Client {
    let client = Client::new();
    let checker = Checker::new();
    fetch(&client, get(peer, "/", &checker)).await.unwrap();
    checker.finish().await;
    client
}

async fn second(
    peer: &Peer,
    prepare: impl FnOnce(&Checker) -> http::Request<Body>,
) -> (Result<String, Error>, Checker) {
    let client = warm_client(peer).await;
    let checker = Checker::new();
    let request = prepare(&checker);
    (soon(fetch(&client, request)).await, checker)
}

#[tokio::test]
async fn a_get_is_sent_again_when_its_pooled_connection_is_closed_or_reset() {
    let ends: [fn(Script) -> Script; 2] =
        [|c| c.expect_head().close(), |c| c.expect_head().reset()];
    for end in ends {
        let peer = stale(end, |c| c.exchange(HELLO));
        let (text, checker) = second(&peer, |checker| get(&peer, "/", checker)).await;
        assert_eq!(text.unwrap(), "hello");
        assert_eq!(reasons(&checker), ["first", "connection_lost"]);
        assert_eq!(closings(&checker), [("failed", None)]);
        assert_eq!(rig::reuses(&checker), [true, false]);
        let ends = checker.pick(|kind| match kind {
            EventKind::AttemptEnd(end) => Some(end.error.is_some()),
            _ => None,
        });
        assert_eq!(ends, [true, false]);
        checker.finish().await;
    }
}

#[tokio::test]
async fn a_post_that_may_have_arrived_is_not_sent_again() {
    let peer = Peer::loopback().conn(|c| c.exchange(HELLO).expect_head().expect_body(3).close());
    let (text, checker) =
        second(&peer, |checker| request("POST", &peer, "/", checker, "abc")).await;
    let error = text.unwrap_err();
    assert!(
        error.to_string().contains("closed the connection"),
        "{error}"
    );
    assert_eq!(reasons(&checker), ["first"]);
    checker.finish().await;
}

#[tokio::test]
async fn a_post_with_an_idempotency_key_is_sent_again_with_its_body() {
    let peer = stale(
        |c| c.expect_head().expect_body(3).close(),
        |c| c.expect_head().expect_body(3).send(HELLO),
    );
    let (text, checker) = second(&peer, |checker| {
        let mut post = request("POST", &peer, "/", checker, "abc");
        let key = http::HeaderValue::from_static("1");
        post.headers_mut().insert("idempotency-key", key);
        post
    })
    .await;
    assert_eq!(text.unwrap(), "hello");
    assert_eq!(reasons(&checker), ["first", "connection_lost"]);
    assert_eq!(peer.report().conn(1).bodies, [b"abc"]);
    checker.finish().await;
}

#[tokio::test]
async fn a_stream_is_sent_again_only_if_it_can_be_made_again() {
    let made = Arc::new(AtomicUsize::new(0));
    let replay = ReplayBody::new({
        let made = Arc::clone(&made);
        move || {
            made.fetch_add(1, Ordering::SeqCst);
            pieces(2, 5).body()
        }
    });
    let keyed = |peer: &Peer, checker: &Checker| {
        let mut put = request("PUT", peer, "/", checker, pieces(2, 5).body());
        let key = http::HeaderValue::from_static("1");
        put.headers_mut().insert("x-idempotency-key", key);
        put
    };

    let once = Peer::loopback().conn(|c| {
        c.exchange(HELLO)
            .expect_head()
            .expect_chunked_body()
            .close()
    });
    let (text, checker) = second(&once, |checker| keyed(&once, checker)).await;
    assert!(text.is_err());
    assert_eq!(reasons(&checker), ["first"]);
    checker.finish().await;

    let again = stale(
        |c| c.expect_head().expect_chunked_body().close(),
        |c| c.expect_head().expect_chunked_body().send(HELLO),
    );
    let (text, checker) = second(&again, |checker| {
        let mut put = keyed(&again, checker);
        put.extensions_mut().insert(replay);
        put
    })
    .await;
    assert_eq!(text.unwrap(), "hello");
    assert_eq!(again.report().conn(1).bodies, [b"xxxxxxxxxx"]);
    assert_eq!(made.load(Ordering::SeqCst), 1);
    checker.finish().await;
}

#[tokio::test]
async fn a_fresh_connection_that_breaks_is_an_error() {
    let peer = Peer::loopback().conn(|c| c.expect_head().close());
    let checker = Checker::new();
    let error = fetch(&Client::new(), get(&peer, "/", &checker))
        .await
        .unwrap_err();
    assert_eq!(error.phase(), Some(httptrace::Phase::Wait), "{error}");
    assert_eq!(reasons(&checker), ["first"]);
    assert_eq!(closings(&checker), [("failed", None)]);
    checker.finish().await;
}

#[tokio::test]
async fn an_answer_that_has_begun_is_not_asked_for_again() {
    let peer =
        Peer::loopback().conn(|c| c.exchange(HELLO).expect_head().send("HTTP/1.1 200").close());
    let (text, checker) = second(&peer, |checker| get(&peer, "/", checker)).await;
    assert!(text.is_err());
    assert_eq!(reasons(&checker), ["first"]);
    checker.finish().await;
}

#[tokio::test]
async fn connections_that_went_stale_together_are_used_up_one_by_one() {
    let stale = |c: Script| c.exchange(HELLO).expect_head().close();
    let peer = Peer::loopback()
        .conn(stale)
        .conn(stale)
        .conn(|c| c.exchange(HELLO).client_may_leave());
    let client = Client::new();
    let warm = Checker::new();
    let held = client.send(get(&peer, "/", &warm)).await.unwrap();
    fetch(&client, get(&peer, "/", &warm)).await.unwrap();
    held.into_body().bytes().await.unwrap();
    let checker = Checker::new();
    assert_eq!(
        soon(fetch(&client, get(&peer, "/", &checker)))
            .await
            .unwrap(),
        "hello"
    );
    assert_eq!(
        reasons(&checker),
        ["first", "connection_lost", "connection_lost"]
    );
    assert_eq!(checker.count(EventName::AttemptEnd), 3);
    checker.finish().await;
    warm.finish().await;
}
