//! Requests that the peer says it did not process: how often they are sent again, and how soon.

mod rig;

use std::sync::Arc;
use std::time::Duration;

use httptrace::EventName;
use httptrace_client::Client;
use httptrace_test::http2::{Response, Script, Service};
use httptrace_test::{Checker, DuplexPeer, Leaks, Peer};
use rig::http2::{get, peer, post, told};
use rig::{Pieces, direct, fetch, in_memory, soon};

const REFUSED: u32 = 7;

/// Refuses so many requests.
fn refuses(script: Script, count: usize) -> Script {
    (1..=count).fold(script, |h, n| h.expect_request(n).send_reset(n, REFUSED))
}

#[tokio::test(start_paused = true)]
async fn a_request_is_refused_eight_times_and_no_more() {
    let peer = Arc::new(peer(|h| refuses(h.handshake(), 8)));
    let (checker, leaks) = (Checker::new(), Leaks::watch(&*peer));
    let client = in_memory(&peer).http2_prior_knowledge();
    let client = client.trace(checker.trace()).build();
    let error = fetch(&client, get("/")).await.unwrap_err().to_string();
    assert!(error.contains("REFUSED_STREAM"), "{error}");
    drop(client);
    leaks.assert_none().await;
    let events = checker.finish().await;
    let starts = events
        .iter()
        .filter(|event| event.name() == EventName::AttemptStart);
    let starts: Vec<_> = starts.map(|event| event.at).collect();
    let waits: Vec<_> = starts
        .windows(2)
        .map(|two| (two[1] - two[0]).as_millis())
        .collect();
    let least = [0, 1000, 2000, 4000, 8000, 16_000, 32_000];
    assert_eq!(waits.len(), least.len());
    for (wait, least) in waits.into_iter().zip(least) {
        assert!(
            (least..=least + least / 10 + 2).contains(&wait),
            "{wait} for {least}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_the_pause_before_another_try() {
    let peer = peer(|h| refuses(h.handshake(), 2));
    let play = async |client: &Client, _: &DuplexPeer| {
        let error = fetch(client, get("/")).await.unwrap_err();
        assert!(error.is_timeout(), "{error}");
    };
    let limit = Duration::from_millis(500);
    let told = told(peer, |client| client.timeout(limit), play).await;
    assert_eq!(told.count(EventName::AttemptStart), 2);
    assert_eq!(told.at(EventName::CallEnd), 500);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_there_again_is_sent_again_and_one_that_is_gone_is_not() {
    let full = || post("/", "again");
    for (body, tries) in [
        (full(), 2),
        (post("/", Pieces::new().data("once").body()), 1),
    ] {
        let peer = peer(|h| {
            let h = h.handshake().expect_end(1).send_reset(1, REFUSED);
            match tries {
                2 => h.expect_end(2).respond(2, 200, "hello"),
                _ => h,
            }
        });
        let play = async |client: &Client, _: &DuplexPeer| {
            let fetched = fetch(client, body).await;
            assert_eq!(fetched.is_ok(), tries == 2);
        };
        let told = told(peer, |client| client, play).await;
        assert_eq!(told.count(EventName::AttemptStart), tries);
        assert_eq!(told.count(EventName::WroteRequest), tries);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_ends_a_connection_at_once_is_asked_again_whenever_that_is_heard() {
    let again = |peer: Peer| {
        let peer = peer.conn(|c| {
            let ends = |h: Script| h.send_settings(|s| s).send_go_away(0, 0, "");
            c.client_may_leave().http2(ends)
        });
        let hello = Service::new(|_| Response::new(200).body("hello"));
        peer.conn(|c| c.client_may_leave().serve_http2(hello))
    };
    let peer = (0..30).fold(Peer::loopback(), |peer, _| again(peer));
    let checker = Checker::new();
    for _ in 0..30 {
        let client = direct().http2_prior_knowledge().build();
        let request = rig::get(&peer, "/", &checker);
        assert_eq!(soon(fetch(&client, request)).await.unwrap(), "hello");
    }
    checker.finish().await;
}
