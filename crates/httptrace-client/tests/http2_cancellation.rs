//! A call over HTTP/2 is dropped after n polls, for each n it takes to its end. Whatever n is: every start has its done,
//! the next request is served, and nothing is left.

mod rig;

use std::sync::Arc;

use http::Request;
use httptrace::EventName;
use httptrace_client::{Body, Client};
use httptrace_test::http2::{Head, Response, Script, Service};
use httptrace_test::{Checker, DuplexPeer, Leaks, Script as ConnScript};
use rig::http2::{get, post};
use rig::{AtMost, fetch, in_memory, pieces, soon};

/// More polls than any scenario takes.
const LIMIT: usize = 500;
/// Requests that a connection may see: those before, the one that is dropped, the next.
const REQUESTS: usize = 4;

/// Answers each request of a connection alike.
fn each(script: Script, round: impl Fn(Script, usize) -> Script) -> Script {
    (1..=REQUESTS).fold(script, round)
}

/// The end of a request, or of what came of it before it was reset: it is answered either way.
fn slowly(script: Script, n: usize) -> Script {
    let hinted = script
        .expect_request(n)
        .delay(5)
        .send_head(n, Head::status(103).field("link", "</a>"))
        .delay(5);
    hinted
        .send_head(n, Head::status(200).continued_after(&[3]))
        .delay(5)
        .send_data(n, "hel")
        .delay(5)
        .send_data(n, "lo")
        .delay(5)
        .send_trailers(n, &[("x-sum", "5")])
}

/// Drops a request after 0, 1, 2 … polls, each time with a new peer and a new client. Returns how many it took to its
/// end.
async fn dropped_at_every_point(
    script: impl Fn(ConnScript) -> ConnScript,
    request: impl Fn() -> Request<Body>,
    warm_up: usize,
) -> usize {
    for polls in 0..LIMIT {
        let script = |c: ConnScript| script(c.client_may_leave());
        let peer = Arc::new(DuplexPeer::with_buffer(64).every_conn(script));
        let leaks = Leaks::watch(&*peer);
        let checker = Checker::new();
        let client = in_memory(&peer)
            .http2_prior_knowledge()
            .http2_strict_max_concurrent_requests(true)
            .trace(checker.trace())
            .build();
        for _ in 0..warm_up {
            to_its_end(&client, &request).await;
        }
        let outcome = soon(AtMost::polls(polls, fetch(&client, request()))).await;
        if let Some(outcome) = &outcome {
            assert_eq!(outcome.as_deref().unwrap(), "hello");
        }
        soon(to_its_end(&client, &request)).await;
        // What was dropped costs at most a connection that was being made.
        let dials = checker.count(EventName::ConnectStart);
        assert!(dials <= 2, "{dials} dials after {polls} polls");
        drop(client);
        leaks.assert_none().await;
        checker.finish().await;
        if outcome.is_some() {
            return polls;
        }
    }
    panic!("it never came to its end");
}

async fn to_its_end(client: &Client, request: &impl Fn() -> Request<Body>) {
    assert_eq!(fetch(client, request()).await.unwrap(), "hello");
}

#[tokio::test(start_paused = true)]
async fn a_cold_get() {
    let script = |c: ConnScript| c.http2(|h| each(h.handshake(), slowly));
    let polls = dropped_at_every_point(script, || get("/"), 0).await;
    assert!(polls > 5, "{polls}");
}

#[tokio::test(start_paused = true)]
async fn a_warm_get() {
    let script = |c: ConnScript| c.http2(|h| each(h.handshake(), slowly));
    let polls = dropped_at_every_point(script, || get("/"), 1).await;
    assert!(polls > 4, "{polls}");
}

#[tokio::test(start_paused = true)]
async fn a_get_whose_response_comes_in_pieces() {
    let script = |c: ConnScript| c.http2(|h| each(h.handshake().in_pieces_of(7, 1), slowly));
    dropped_at_every_point(script, || get("/"), 1).await;
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_waits_for_windows() {
    let service = Service::new(|_| Response::new(200).body("hello").trailer("x-sum", "5"));
    let service = service.initial_window_size(100);
    let script = move |c: ConnScript| c.serve_http2(service.clone());
    let upload = || post("/", pieces(8, 40).body());
    let polls = dropped_at_every_point(script, upload, 1).await;
    assert!(polls > 8, "{polls}");
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_goes_on_beside_its_response() {
    let script = |c: ConnScript| c.http2(|h| each(h.giving_back().handshake(), slowly));
    let upload = || {
        let body = pieces(4, 10)
            .pause(7)
            .data("more")
            .pause(7)
            .data("and more");
        post("/", body.pause(40).body())
    };
    dropped_at_every_point(script, upload, 1).await;
}

#[tokio::test(start_paused = true)]
async fn an_upload_whose_response_wants_none_of_it() {
    let round = |script: Script, n: usize| {
        let begun = script.expect_request(n).delay(5);
        begun.respond(n, 413, "hello")
    };
    let script = move |c: ConnScript| c.http2(|h| each(h.handshake(), round));
    let upload = || post("/", pieces(4, 10).never().body());
    dropped_at_every_point(script, upload, 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_get_that_is_refused_at_first() {
    let round = |script: Script, n: usize| match n % 2 {
        1 => script.expect_request(n).delay(5).send_reset(n, 7),
        _ => slowly(script, n),
    };
    let script = move |c: ConnScript| c.http2(|h| (1..=2 * REQUESTS).fold(h.handshake(), round));
    dropped_at_every_point(script, || get("/"), 0).await;
}

#[tokio::test(start_paused = true)]
async fn a_get_that_is_refused_twice_and_pauses() {
    let round = |script: Script, n: usize| match n % 3 {
        0 => slowly(script, n),
        _ => script.expect_request(n).delay(5).send_reset(n, 7),
    };
    let script = move |c: ConnScript| c.http2(|h| (1..=3 * REQUESTS).fold(h.handshake(), round));
    for polls in 0..40 {
        let peer = Arc::new(DuplexPeer::with_buffer(64).conn(|c| script(c.client_may_leave())));
        let leaks = Leaks::watch(&*peer);
        let checker = Checker::new();
        let client = in_memory(&peer).http2_prior_knowledge();
        let client = client.trace(checker.trace()).build();
        let outcome = soon(AtMost::polls(polls, fetch(&client, get("/")))).await;
        drop(client);
        leaks.assert_none().await;
        checker.finish().await;
        if let Some(outcome) = outcome {
            assert_eq!(outcome.unwrap(), "hello");
            return;
        }
    }
    panic!("it never came to its end");
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_asks_before_it_begins() {
    let round = |script: Script, n: usize| {
        let asked = script.expect_request(n).delay(5);
        let script = asked.send_head(n, Head::status(100)).delay(5);
        slowly(script, n)
    };
    let script = move |c: ConnScript| c.http2(|h| each(h.giving_back().handshake(), round));
    let upload = || {
        let mut request = post("/", pieces(4, 10).body());
        let expect = http::HeaderValue::from_static("100-continue");
        request.headers_mut().insert("expect", expect);
        request
    };
    dropped_at_every_point(script, upload, 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_get_that_is_sent_elsewhere() {
    let service = Service::new(|request| match request.line().contains("/elsewhere") {
        true => Response::new(200).body("hello").trailer("x-sum", "5"),
        false => Response::new(302)
            .field("location", "/elsewhere")
            .body("there")
            .delay(3),
    });
    let script = move |c: ConnScript| c.serve_http2(service.clone());
    dropped_at_every_point(script, || get("/"), 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_get_that_waits_for_a_stream() {
    for polls in 0..40 {
        let service = Service::new(|_| Response::new(200).body("hello").delay(20));
        let service = service.max_concurrent_streams(1);
        let peer = DuplexPeer::with_buffer(64).conn(|c| c.client_may_leave().serve_http2(service));
        let peer = Arc::new(peer);
        let leaks = Leaks::watch(&*peer);
        let checker = Checker::new();
        let client = in_memory(&peer)
            .http2_prior_knowledge()
            .http2_strict_max_concurrent_requests(true)
            .trace(checker.trace())
            .build();
        let request = || get("/");
        to_its_end(&client, &request).await;
        let waiting = AtMost::polls(polls, fetch(&client, get("/waits")));
        let others = async {
            tokio::join!(biased; to_its_end(&client, &request), waiting, to_its_end(&client, &request));
        };
        soon(others).await;
        soon(to_its_end(&client, &request)).await;
        drop(client);
        leaks.assert_none().await;
        checker.finish().await;
    }
}
