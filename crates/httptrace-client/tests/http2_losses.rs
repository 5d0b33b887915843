//! HTTP/2 connections that are lost, or stuck, at an awkward moment: nobody hangs, nothing is cut short in silence, and
//! what is told is so.

mod rig;

use std::sync::Arc;
use std::time::Duration;

use httptrace::info::WriteOutcome;
use httptrace::{EventKind, EventName};
use httptrace_client::Client;
use httptrace_test::http2::{Kind, Script};
use httptrace_test::{Checker, DuplexPeer, Leaks};
use rig::http2::{Told, get, peer, post, told, told_of_one};
use rig::{Pieces, fetch, in_memory, pieces, soon};

/// The closings: why, whether with an error, and whether a call was told.
fn closings(told: &Told) -> Vec<(&'static str, bool, bool)> {
    let events = told.events.iter();
    let closings = events.filter_map(|event| match &event.kind {
        EventKind::ConnClosed(info) => Some((
            info.reason.as_str(),
            info.error.is_some(),
            event.call.is_some(),
        )),
        _ => None,
    });
    closings.collect()
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_came_whole_before_the_connection_ended_is_whole() {
    let peer = peer(|h| {
        h.handshake()
            .expect_body(1, 3)
            .respond(1, 413, "too large")
            .close()
    });
    let body = Pieces::new().data("one").never().body();
    let (told, text) = told_of_one(peer, post("/", body)).await;
    assert_eq!(text.as_deref(), Ok("too large"));
    let ends = told.pick(|kind| match kind {
        EventKind::BodyDone(info) => Some(info.end.as_str()),
        _ => None,
    });
    assert_eq!(ends, ["end"]);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_ends_before_the_refusal_does_has_cut_it_short() {
    let peer = peer(|h| {
        let h = h.handshake().expect_body(1, 3).send_head(1, 413);
        h.send_data(1, "too la").close()
    });
    let body = Pieces::new().data("one").never().body();
    let (_, text) = told_of_one(peer, post("/", body)).await;
    assert!(text.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_ends_behind_a_response_that_is_read_later_is_told_to_its_call() {
    let peer = peer(|h| {
        let h = h.handshake().expect_request(1).respond(1, 200, "hello");
        h.send_go_away(1, 0, "").close()
    });
    let play = async |client: &Client, _: &DuplexPeer| {
        let response = client.send(get("/")).await.unwrap();
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(response.into_body().text().await.unwrap(), "hello");
    };
    let told = told(peer, |client| client, play).await;
    assert_eq!(closings(&told), [("go_away", false, true)]);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_was_to_end_anyway_and_is_lost_before_has_been_lost() {
    let peer = peer(|h| {
        let h = h.handshake().expect_request(1).send_head(1, 200);
        h.send_data(1, "hel").close()
    });
    let play = async |client: &Client, _: &DuplexPeer| {
        fetch(client, get("/")).await.unwrap_err();
    };
    let told = told(peer, |client| client.keep_alives(false), play).await;
    let [(reason, ..)] = closings(&told)[..] else {
        panic!()
    };
    assert_eq!(reason, "peer_closed");
}

#[tokio::test(start_paused = true)]
async fn a_keep_alive_interval_without_end_asks_nothing() {
    let peer = peer(|h| h.handshake().expect_request(1).respond(1, 200, "hello"));
    let play = async |client: &Client, _: &DuplexPeer| {
        assert_eq!(fetch(client, get("/")).await.unwrap(), "hello");
    };
    let told = told(
        peer,
        |client| client.http2_keep_alive_interval(Duration::MAX),
        play,
    )
    .await;
    assert_eq!(closings(&told), [("client_dropped", false, false)]);
}

/// Longer than a peer is stuck.
const STUCK: Duration = Duration::from_secs(12);

/// A peer that reads nothing for long, behind a pipe that is full.
fn stuck(script: impl FnOnce(Script) -> Script) -> DuplexPeer {
    DuplexPeer::with_buffer(200).conn(|c| {
        c.client_may_leave().http2(|h| {
            let h = h.handshake().expect_body(1, 1).pause_reading().delay(100);
            script(h).delay(10_000).resume_reading()
        })
    })
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_breaks_the_rules_and_reads_nothing_holds_nobody_up() {
    let peer = stuck(|h| h.send_frame(Kind::Data, 0, 0, "x"));
    let play = async |client: &Client, _: &DuplexPeer| {
        let upload = post("/", pieces(50, 100).body());
        let error = fetch(client, upload).await.unwrap_err().to_string();
        assert!(error.contains("PROTOCOL_ERROR"), "{error}");
        tokio::time::sleep(STUCK).await;
    };
    let told = told(peer, |client| client, play).await;
    assert_eq!(told.all(EventName::CallEnd), [1100]);
    assert_eq!(closings(&told), [("failed", true, true)]);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_reads_nothing_does_not_keep_the_connection_of_a_client_that_is_gone() {
    let peer = Arc::new(stuck(|h| h));
    let (checker, leaks) = (Checker::new(), Leaks::watch(&*peer));
    let client = in_memory(&peer)
        .http2_prior_knowledge()
        .trace(checker.trace())
        .build();
    let sending = fetch(&client, post("/", pieces(50, 100).body()));
    let limit = Duration::from_secs(2);
    tokio::time::timeout(limit, sending).await.unwrap_err();
    drop(client);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(checker.count(EventName::ConnClosed), 1);
    tokio::time::sleep(STUCK).await;
    leaks.assert_none().await;
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn goaway_between_a_stream_and_its_request_leaves_the_other_streams_alone() {
    let peer = peer(|h| {
        let h = h.handshake_with(|settings| settings.max_concurrent_streams(2));
        let h = h.expect_request(2).send_head(1, 200).delay(10);
        let h = h.respond(2, 200, "").delay(10).send_go_away(2, 0, "");
        h.delay(5000).send_last_data(1, "slow")
    });
    let second = |c: httptrace_test::Script| {
        c.http2(|h| h.handshake().expect_request(1).respond(1, 200, "again"))
    };
    let play = async |client: &Client, _: &DuplexPeer| {
        let late = async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            let mut late = Box::pin(fetch(client, get("/late")));
            // It waits for a stream, has one, and hears of that too late.
            assert!(rig::AtMost::polls(1, &mut late).await.is_none());
            tokio::time::sleep(Duration::from_millis(100)).await;
            late.await
        };
        let (slow, quick) = (fetch(client, get("/slow")), fetch(client, get("/")));
        let (slow, quick, late) = tokio::join!(biased; slow, quick, late);
        assert_eq!(quick.unwrap(), "");
        assert_eq!(late.unwrap(), "again");
        assert_eq!(slow.unwrap(), "slow");
    };
    let strict =
        |client: httptrace_client::ClientBuilder| client.http2_strict_max_concurrent_requests(true);
    let told = told(peer.conn(second), strict, play).await;
    assert_eq!(told.count(EventName::AttemptStart), 4);
}

#[tokio::test(start_paused = true)]
async fn te_is_said_once_and_as_the_codec_likes_it() {
    let peer = peer(|h| {
        let h = h.handshake().expect_request(1).respond(1, 200, "hello");
        h.expect_request(2).respond(2, 200, "hello")
    });
    let play = async |client: &Client, _: &DuplexPeer| {
        for te in ["trailers", "Trailers"] {
            let mut request = get("/");
            request.headers_mut().append("te", te.parse().unwrap());
            request.headers_mut().append("te", te.parse().unwrap());
            let named = http::HeaderValue::from_static("te, x-mine");
            request.headers_mut().insert("connection", named);
            request.headers_mut().insert("x-mine", te.parse().unwrap());
            assert_eq!(fetch(client, request).await.unwrap(), "hello");
        }
    };
    let told = told(peer, |client| client, play).await;
    for n in [1, 2] {
        let fields = &told.h2().request(n).fields;
        let named = fields
            .iter()
            .filter(|(name, _)| name == "te" || name == "x-mine");
        let named: Vec<_> = named.map(|(_, value)| value.as_str()).collect();
        assert_eq!(named, ["trailers"]);
    }
}

/// An upload goes on after its response when its runtime goes.
#[test]
fn an_upload_that_goes_on_ends_with_its_runtime() {
    let checker = Checker::new();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let client = runtime.block_on(async {
        let peer = peer(|h| {
            let h = h.handshake().expect_body(1, 3).respond(1, 200, "hello");
            h.delay(60_000)
        });
        let client = in_memory(&Arc::new(peer)).http2_prior_knowledge();
        let client = client.trace(checker.trace()).build();
        let body = Pieces::new().data("one").never().body();
        assert_eq!(
            soon(fetch(&client, post("/", body))).await.unwrap(),
            "hello"
        );
        client
    });
    drop(runtime);
    drop(client);
    let outcomes = checker.pick(|kind| match kind {
        EventKind::WroteRequest(info) => Some(info.outcome.clone()),
        _ => None,
    });
    assert!(
        matches!(outcomes[..], [WriteOutcome::Failed(_)]),
        "{outcomes:?}"
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(checker.finish());
}
