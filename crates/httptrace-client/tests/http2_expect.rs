//! `Expect: 100-continue` over HTTP/2: what holds the body back, until when, and what is told of it.

mod rig;

use http::{HeaderValue, Request};
use httptrace::{EventKind, EventName};
use httptrace_client::Body;
use httptrace_test::http2::{Head, Kind};
use rig::http2::{Told, get, peer, post, told, told_of_one};

/// An upload that asks before it goes.
fn asking() -> Request<Body> {
    let mut request = post("/", "abc");
    let value = HeaderValue::from_static("100-continue");
    request.headers_mut().insert("expect", value);
    request
}

/// The outcomes of `WroteRequest`, with the bytes of body that they tell.
fn wrote(told: &Told) -> Vec<(&'static str, Option<u64>)> {
    told.pick(|kind| match kind {
        EventKind::WroteRequest(info) => Some((info.outcome.as_str(), info.body_bytes)),
        _ => None,
    })
}

/// The instants of the first request's body on the wire.
fn data(told: &Told) -> Vec<u128> {
    let frames = told.h2().received_of(Kind::Data).into_iter();
    frames.map(|frame| told.of(frame)).collect()
}

#[tokio::test(start_paused = true)]
async fn the_body_waits_for_the_100_and_then_goes() {
    let peer = peer(|h| {
        h.handshake()
            .expect_request(1)
            .delay(200)
            .send_head(1, Head::status(103).field("link", "</a>"))
            .delay(100)
            .send_head(1, 100)
            .expect_end(1)
            .delay(5)
            .respond(1, 200, "hello")
    });
    let (told, text) = told_of_one(peer, asking()).await;
    assert_eq!(text.as_deref(), Ok("hello"));
    assert_eq!(told.at(EventName::WroteHeaders), 0);
    assert_eq!(told.at(EventName::Wait100Continue), 0);
    assert_eq!(told.at(EventName::GotFirstResponseByte), 200);
    assert_eq!(told.at(EventName::Got100Continue), 300);
    assert_eq!(told.all(EventName::Got1xxResponse), [200, 300]);
    assert_eq!(data(&told), [300]);
    assert_eq!(told.at(EventName::WroteRequest), 300);
    assert_eq!(told.at(EventName::GotResponseHeaders), 305);
    assert_eq!(wrote(&told), [("sent", Some(3))]);
    // It was no window that it waited for.
    assert_eq!(told.count(EventName::FlowControlWaitStart), 0);
}

#[tokio::test(start_paused = true)]
async fn after_a_second_of_silence_the_body_goes_by_default() {
    let peer = peer(|h| h.handshake().expect_end(1).respond(1, 200, "hello"));
    let (told, text) = told_of_one(peer, asking()).await;
    assert_eq!(text.as_deref(), Ok("hello"));
    assert_eq!(data(&told), [1000]);
    assert_eq!(told.at(EventName::WroteRequest), 1000);
    assert_eq!(told.count(EventName::Got100Continue), 0);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_keeps_the_body_back_and_the_connection_lives() {
    let peer = peer(|h| {
        h.handshake()
            .expect_request(1)
            .delay(50)
            .respond(1, 417, "no")
            .expect_reset(1, 0)
            .expect_request(2)
            .respond(2, 200, "yes")
    });
    let told = told(
        peer,
        |client| client,
        async |client, _| {
            let text = rig::fetch(client, asking()).await;
            assert_eq!(text.unwrap(), "no");
            assert_eq!(rig::fetch(client, get("/")).await.unwrap(), "yes");
        },
    );
    let told = told.await;
    assert_eq!(told.report.accepted(), 1);
    assert_eq!(data(&told), []);
    let call = told.call(0);
    assert_eq!(call.at(EventName::WroteRequest), 50);
    assert_eq!(wrote(&call), [("not_sent", Some(0))]);
    assert_eq!(call.at(EventName::StreamReset), 50);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_reset_during_the_wait_fails_the_request_without_its_body() {
    let peer = peer(|h| h.handshake().expect_request(1).delay(50).send_reset(1, 2));
    let (told, text) = told_of_one(peer, asking()).await;
    assert!(text.unwrap_err().contains("INTERNAL_ERROR"));
    assert_eq!(data(&told), []);
    assert_eq!(told.at(EventName::WroteRequest), 50);
    assert_eq!(wrote(&told)[0].0, "failed");
    assert_eq!(told.at(EventName::AttemptEnd), 50);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_refused_during_the_wait_is_asked_about_again() {
    let peer = peer(|h| {
        h.handshake()
            .expect_request(1)
            .delay(50)
            .send_reset(1, 7)
            .expect_request(2)
            .delay(50)
            .send_head(2, 100)
            .expect_end(2)
            .respond(2, 200, "hello")
    });
    let (told, text) = told_of_one(peer, asking()).await;
    assert_eq!(text.as_deref(), Ok("hello"));
    assert_eq!(told.all(EventName::Wait100Continue), [0, 50]);
    assert_eq!(data(&told), [100]);
    assert_eq!(told.h2().request(2).body, b"abc");
    assert_eq!(wrote(&told), [("failed", Some(0)), ("sent", Some(3))]);
}

#[tokio::test(start_paused = true)]
async fn a_success_during_the_wait_does_not_let_the_body_go_before_its_time() {
    let peer = peer(|h| {
        h.handshake()
            .expect_request(1)
            .delay(50)
            .send_head(1, 200)
            .expect_end(1)
            .send_last_data(1, "hello")
    });
    let (told, text) = told_of_one(peer, asking()).await;
    assert_eq!(text.as_deref(), Ok("hello"));
    assert_eq!(told.at(EventName::GotResponseHeaders), 50);
    assert_eq!(data(&told), [1000]);
    assert_eq!(wrote(&told), [("sent", Some(3))]);
}
