//! `Expect: 100-continue`: the body waits for the peer's word, and goes, or stays.

mod rig;

use std::sync::Arc;
use std::time::Duration;

use httptrace::{ClientTrace, Event, EventKind, EventName, Phase, RequestExt};
use httptrace_client::{Body, Client, ClientBuilder, ReplayBody};
use httptrace_test::{Checker, DuplexPeer, Script};
use rig::{
    HELLO, Pieces, closings, fetch, first, get_url, in_memory, pieces, request_to, reuses, soon,
    words,
};
use tokio::io::AsyncReadExt;

const URL: &str = "http://example.com/";
const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";
const HINT: &str = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n";
const REFUSAL: &str =
    "HTTP/1.1 417 Expectation Failed\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno";

fn asking(body: impl Into<Body>, checker: &Checker) -> http::Request<Body> {
    asking_to("POST", URL, body, checker)
}

fn asking_to(
    method: &str,
    url: &str,
    body: impl Into<Body>,
    checker: &Checker,
) -> http::Request<Body> {
    let mut request = request_to(method, url, checker, body);
    let value = http::HeaderValue::from_static("100-continue");
    request.headers_mut().insert("expect", value);
    request
}

fn peer(script: impl FnOnce(Script) -> Script) -> Arc<DuplexPeer> {
    Arc::new(DuplexPeer::new().conn(script))
}

/// A client whose patience no test outlasts by accident.
fn patient(peer: &Arc<DuplexPeer>) -> ClientBuilder {
    in_memory(peer).expect_continue_timeout(Duration::from_secs(3600))
}

/// The outcomes of `WroteRequest`, with the body bytes they tell.
fn wrote(checker: &Checker) -> Vec<(&'static str, Option<u64>)> {
    checker.pick(|kind| match kind {
        EventKind::WroteRequest(info) => Some((info.outcome.as_str(), info.body_bytes)),
        _ => None,
    })
}

/// The time between the first events of two names.
fn between(events: &[Event], from: EventName, to: EventName) -> Duration {
    first(events, to).at - first(events, from).at
}

/// What a peer read after the request's head.
fn after_the_head(peer: &DuplexPeer) -> String {
    let read = peer.report().conn(0).read_bytes();
    let text = String::from_utf8(read).unwrap();
    text.split_once("\r\n\r\n").unwrap().1.to_owned()
}

#[tokio::test(start_paused = true)]
async fn the_body_waits_for_the_100_and_then_goes() {
    let peer = peer(|c| {
        let asked = c.expect_head().delay(300).send(CONTINUE);
        asked.expect_body(3).send(HELLO).client_may_leave()
    });
    let checker = Checker::new();
    let client = in_memory(&peer).build();
    let text = soon(fetch(&client, asking("abc", &checker))).await;
    assert_eq!(text.unwrap(), "hello");
    assert_eq!(wrote(&checker), [("sent", Some(3))]);
    let told = words(&checker);
    let tail = told.split_once("wrote_headers ").unwrap().1;
    assert_eq!(
        tail,
        "wait_100_continue got_first_response_byte got_100_continue got_1xx_response wrote_body wrote_request \
         got_response_headers got_body body_done put_idle_conn attempt_end call_end"
    );
    let events = checker.finish().await;
    let waited = between(
        &events,
        EventName::Wait100Continue,
        EventName::Got100Continue,
    );
    assert_eq!(waited, Duration::from_millis(300));
    let held = between(&events, EventName::WroteHeaders, EventName::WroteRequest);
    assert_eq!(held, Duration::from_millis(300));
}

#[tokio::test(start_paused = true)]
async fn a_chunked_body_waits_as_well_and_is_not_even_begun() {
    let peer = peer(|c| {
        let asked = c.expect_head().delay(20).send(CONTINUE);
        asked.expect_chunked_body().send(HELLO).client_may_leave()
    });
    let checker = Checker::new();
    let client = patient(&peer).build();
    let body = pieces(4, 50).body();
    let text = soon(fetch(&client, asking(body, &checker))).await;
    assert_eq!(text.unwrap(), "hello");
    assert_eq!(wrote(&checker), [("sent", Some(200))]);
    let events = checker.finish().await;
    let held = between(&events, EventName::WroteHeaders, EventName::WroteBody);
    assert_eq!(held, Duration::from_millis(20));
    assert_eq!(peer.report().conn(0).bodies, [vec![b'x'; 200]]);
}

#[tokio::test(start_paused = true)]
async fn after_a_second_of_silence_the_body_goes_by_default() {
    let peer = peer(|c| {
        let silent = c.expect_head().expect_body(3);
        silent.send(HELLO).client_may_leave()
    });
    let checker = Checker::new();
    let client = in_memory(&peer).build();
    let text = soon(fetch(&client, asking("abc", &checker))).await;
    assert_eq!(text.unwrap(), "hello");
    assert_eq!(checker.count(EventName::Got100Continue), 0);
    let events = checker.finish().await;
    let held = between(&events, EventName::Wait100Continue, EventName::WroteRequest);
    assert_eq!(held, Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_100_that_comes_too_late_is_told_all_the_same() {
    let peer = peer(|c| {
        let late = c.expect_head().delay(50).expect_body(3).send(CONTINUE);
        late.send(HELLO).client_may_leave()
    });
    let checker = Checker::new();
    let client = in_memory(&peer)
        .expect_continue_timeout(Duration::from_millis(40))
        .build();
    let text = soon(fetch(&client, asking("abc", &checker))).await;
    assert_eq!(text.unwrap(), "hello");
    assert_eq!(checker.count(EventName::Got100Continue), 1);
    let events = checker.finish().await;
    let held = between(&events, EventName::WroteHeaders, EventName::WroteRequest);
    assert_eq!(held, Duration::from_millis(40));
}

#[tokio::test(start_paused = true)]
async fn without_patience_the_body_goes_at_once_and_nothing_tells_of_a_wait() {
    for none in [None, Some(Duration::ZERO)] {
        let peer = peer(|c| {
            let script = c.expect_head().expect_body(3).send(CONTINUE);
            script.send(HELLO).client_may_leave()
        });
        let checker = Checker::new();
        let client = in_memory(&peer).expect_continue_timeout(none).build();
        let text = soon(fetch(&client, asking("abc", &checker))).await;
        assert_eq!(text.unwrap(), "hello");
        assert_eq!(checker.count(EventName::Wait100Continue), 0);
        // It was asked for, and it came.
        assert_eq!(checker.count(EventName::Got100Continue), 1);
        let events = checker.finish().await;
        let held = between(&events, EventName::WroteHeaders, EventName::WroteRequest);
        assert_eq!(held, Duration::ZERO);
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_without_a_body_waits_for_nothing() {
    let peer = peer(|c| {
        c.expect_head()
            .send(CONTINUE)
            .send(HELLO)
            .client_may_leave()
    });
    let checker = Checker::new();
    let client = patient(&peer).build();
    let text = soon(fetch(&client, asking(Body::empty(), &checker))).await;
    assert_eq!(text.unwrap(), "hello");
    assert_eq!(wrote(&checker), [("sent", Some(0))]);
    for name in [EventName::Wait100Continue, EventName::Got100Continue] {
        assert_eq!(checker.count(name), 0, "{name}");
    }
    assert_eq!(checker.count(EventName::Got1xxResponse), 1);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_not_asked_about_is_not_held_back() {
    let peer = peer(|c| {
        c.expect_head()
            .expect_body(3)
            .send(HELLO)
            .client_may_leave()
    });
    let checker = Checker::new();
    let client = patient(&peer).build();
    let text = fetch(&client, request_to("POST", URL, &checker, "abc")).await;
    assert_eq!(text.unwrap(), "hello");
    assert_eq!(checker.count(EventName::Wait100Continue), 0);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn hints_leave_the_question_open_and_only_the_first_100_is_the_answer() {
    let peer = peer(|c| {
        let hinted = c.expect_head().send(HINT).delay(10);
        let asked = hinted.send(format!("{CONTINUE}{CONTINUE}"));
        asked.expect_body(3).send(HELLO).client_may_leave()
    });
    let checker = Checker::new();
    let client = patient(&peer).build();
    let text = soon(fetch(&client, asking("abc", &checker))).await;
    assert_eq!(text.unwrap(), "hello");
    let codes = checker.pick(|kind| match kind {
        EventKind::Got1xxResponse(info) => Some(info.status.as_u16()),
        EventKind::Got100Continue(_) => Some(0),
        _ => None,
    });
    assert_eq!(codes, [103, 0, 100, 100]);
    let events = checker.finish().await;
    let held = between(&events, EventName::WroteHeaders, EventName::WroteRequest);
    assert_eq!(held, Duration::from_millis(10));
}

#[tokio::test(start_paused = true)]
async fn a_final_answer_on_a_connection_that_stays_lets_the_body_go_after_it() {
    for chunked in [false, true] {
        let peer = peer(|c| {
            let answered = c.expect_head().send(HELLO);
            let read = match chunked {
                false => answered.expect_body(200),
                true => answered.expect_chunked_body(),
            };
            read.exchange(HELLO).client_may_leave()
        });
        let checker = Checker::new();
        let client = patient(&peer).build();
        let body = match chunked {
            false => Body::from(vec![b'x'; 200]),
            true => pieces(4, 50).body(),
        };
        let text = soon(fetch(&client, asking(body, &checker))).await;
        assert_eq!(text.unwrap(), "hello");
        assert_eq!(wrote(&checker), [("sent", Some(200))]);
        let text = soon(fetch(&client, get_url(URL, &checker))).await;
        assert_eq!(text.unwrap(), "hello");
        assert_eq!(reuses(&checker), [false, true]);
        assert_eq!(peer.report().conn(0).bodies, [vec![b'x'; 200]]);
        checker.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_goes_after_the_answer_keeps_the_connection_no_longer_than_the_grace() {
    let peer = peer(|c| {
        let answered = c.expect_head().send(HELLO);
        answered.client_may_leave().swallow()
    });
    let checker = Checker::new();
    let client = patient(&peer).build();
    let body = Pieces::new().data("abc").never().body();
    let text = soon(fetch(&client, asking(body, &checker))).await;
    assert_eq!(text.unwrap(), "hello");
    assert_eq!(wrote(&checker), [("failed", Some(3))]);
    assert_eq!(closings(&checker), [("upload_unfinished", None)]);
    let events = checker.finish().await;
    let grace = between(&events, EventName::BodyDone, EventName::ConnClosed);
    assert_eq!(grace, Duration::from_millis(50));
}

#[tokio::test(start_paused = true)]
async fn a_final_answer_that_closes_keeps_the_body_back() {
    for body in [Body::from("abc"), pieces(4, 50).body()] {
        let peer = peer(|c| c.expect_head().send(REFUSAL).client_may_leave().swallow());
        let checker = Checker::new();
        let client = patient(&peer).build();
        let response = soon(client.send(asking(body, &checker))).await.unwrap();
        assert_eq!(response.status(), 417);
        assert_eq!(wrote(&checker), [("not_sent", Some(0))]);
        assert_eq!(response.into_body().text().await.unwrap(), "no");
        assert_eq!(closings(&checker), [("response_said_close", None)]);
        assert_eq!(checker.count(EventName::WroteBody), 0);
        checker.finish().await;
        tokio::time::sleep(Duration::from_millis(1)).await;
        // Neither a byte of it nor the last chunk, which would make an empty body of it.
        assert_eq!(after_the_head(&peer), "");
    }
}

#[tokio::test(start_paused = true)]
async fn answers_after_which_nothing_can_follow_keep_the_body_back_too() {
    let refused = |answer: &'static str, says_close: bool| async move {
        let peer = peer(|c| {
            let answered = c.expect_head().send(answer).half_close();
            answered.client_may_leave().swallow()
        });
        let checker = Checker::new();
        let client = patient(&peer).build();
        let mut request = asking("abc", &checker);
        if says_close {
            let close = http::HeaderValue::from_static("close");
            request.headers_mut().insert("connection", close);
        }
        let response = soon(client.send(request)).await.unwrap();
        assert_eq!(response.into_body().text().await.unwrap(), "hello");
        assert_eq!(wrote(&checker), [("not_sent", Some(0))], "{answer}");
        checker.finish().await;
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(after_the_head(&peer), "", "{answer}");
    };
    refused(HELLO, true).await;
    refused("HTTP/1.1 200 OK\r\n\r\nhello", false).await;
    refused("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", false).await;
}

#[tokio::test(start_paused = true)]
async fn a_large_refusal_is_read_whole_and_then_the_connection_is_closed() {
    const SIZE: usize = 3_000_000;
    let head = format!(
        "HTTP/1.1 417 Expectation Failed\r\nConnection: close\r\nContent-Length: {SIZE}\r\n\r\n"
    );
    let peer = peer(|c| {
        let refused = c.expect_head().send(head).send(vec![b'n'; SIZE]);
        refused.half_close().client_may_leave().swallow()
    });
    let checker = Checker::new();
    let client = patient(&peer).build();
    let request = asking(pieces(1000, 1000).body(), &checker);
    let response = soon(client.send(request)).await.unwrap();
    assert_eq!(response.status(), 417);
    let body = soon(response.into_body().bytes()).await.unwrap();
    assert_eq!(body.len(), SIZE);
    assert_eq!(wrote(&checker), [("not_sent", Some(0))]);
    let told = words(&checker);
    assert!(
        told.ends_with("body_done conn_closed attempt_end call_end"),
        "{told}"
    );
    checker.finish().await;
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(after_the_head(&peer), "");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_was_wanted_goes_although_the_answer_comes_with_the_100() {
    for answer in [HELLO, REFUSAL] {
        let peer = peer(|c| {
            let both = c.expect_head().send(format!("{CONTINUE}{answer}"));
            both.expect_body(3).raise("read").client_may_leave()
        });
        let checker = Checker::new();
        let client = patient(&peer).build();
        let text = soon(fetch(&client, asking("abc", &checker))).await;
        assert!(answer.ends_with(&text.unwrap()));
        assert_eq!(wrote(&checker), [("sent", Some(3))]);
        checker.finish().await;
        soon(peer.wait_for("read")).await;
        assert_eq!(peer.report().conn(0).bodies, [b"abc"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_switch_of_protocols_comes_after_the_body_that_waited() {
    let switching =
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";
    for body in [
        Body::from("abc"),
        Pieces::new()
            .data("ab")
            .pause(9)
            .data("c")
            .exactly(3)
            .body(),
    ] {
        let peer = peer(|c| {
            let switched = c.expect_head().send(switching).expect_body(3);
            switched.send("pong").client_may_leave()
        });
        let checker = Checker::new();
        let client = patient(&peer).build();
        let mut request = asking(body, &checker);
        for (name, value) in [("connection", "Upgrade"), ("upgrade", "echo")] {
            let value = http::HeaderValue::from_static(value);
            request.headers_mut().insert(name, value);
        }
        let response = soon(client.send(request)).await.unwrap();
        assert_eq!(response.status(), 101);
        assert_eq!(wrote(&checker), [("sent", Some(3))]);
        let stream = soon(hyper::upgrade::on(response)).await.unwrap();
        let mut answer = [0; 4];
        let mut stream = hyper_util::rt::TokioIo::new(stream);
        soon(stream.read_exact(&mut answer)).await.unwrap();
        assert_eq!(&answer, b"pong");
        checker.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_refuses_the_100_keeps_the_body_back() {
    let peer = peer(|c| c.expect_head().send(CONTINUE).client_may_leave().swallow());
    let checker = Checker::new();
    let hook = ClientTrace::new().on_got_1xx_response(|_| Err("no".into()));
    let client = patient(&peer).build();
    let request = asking("abc", &checker).trace(hook);
    let error = soon(client.send(request)).await.unwrap_err();
    assert!(error.to_string().contains("a hook refused"), "{error}");
    assert_eq!(wrote(&checker), [("failed", Some(0))]);
    checker.finish().await;
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(after_the_head(&peer), "");
}

#[tokio::test(start_paused = true)]
async fn a_connection_lost_during_the_wait_fails_the_request_without_its_body() {
    let peer = peer(|c| c.expect_head().delay(30).close());
    let checker = Checker::new();
    let client = patient(&peer).build();
    let error = soon(client.send(asking("abc", &checker)))
        .await
        .unwrap_err();
    assert_eq!(error.phase(), Some(Phase::Send), "{error:?}");
    assert_eq!(
        error.to_string(),
        "the server closed the connection while the request's body waited for 100 Continue"
    );
    assert_eq!(wrote(&checker), [("failed", Some(0))]);
    let events = checker.finish().await;
    let waited = between(&events, EventName::Wait100Continue, EventName::WroteRequest);
    assert_eq!(waited, Duration::from_millis(30));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_passes_during_the_wait_ends_the_call() {
    let peer = peer(|c| c.expect_head().client_may_leave().swallow());
    let checker = Checker::new();
    let client = patient(&peer).timeout(Duration::from_millis(70)).build();
    let error = soon(client.send(asking("abc", &checker)))
        .await
        .unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert_eq!(wrote(&checker), [("failed", Some(0))]);
    let events = checker.finish().await;
    let waited = between(&events, EventName::Wait100Continue, EventName::WroteRequest);
    assert_eq!(waited, Duration::from_millis(70));
    assert_eq!(after_the_head(&peer), "");
}

#[tokio::test(start_paused = true)]
async fn the_time_for_the_answers_head_begins_when_the_body_is_written() {
    let peer = peer(|c| {
        let script = c.expect_head().expect_body(3);
        script.client_may_leave().swallow()
    });
    let checker = Checker::new();
    let client = in_memory(&peer)
        .expect_continue_timeout(Duration::from_millis(200))
        .response_head_timeout(Duration::from_millis(50))
        .build();
    let error = soon(client.send(asking("abc", &checker)))
        .await
        .unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert_eq!(wrote(&checker), [("sent", Some(3))]);
    let events = checker.finish().await;
    let all = between(&events, EventName::Wait100Continue, EventName::ConnClosed);
    assert_eq!(all, Duration::from_millis(250));
}

/// Two connections: the first answers once, and is closed when the second request's head is there.
fn going_stale() -> Arc<DuplexPeer> {
    let peer = DuplexPeer::new()
        .conn(|c| c.exchange(HELLO).expect_head().close())
        .conn(|c| {
            let asked = c.expect_head().send(CONTINUE).expect_chunked_body();
            asked.send(HELLO).client_may_leave()
        });
    Arc::new(peer)
}

#[tokio::test(start_paused = true)]
async fn a_request_that_may_be_repeated_is_asked_about_again_on_a_new_connection() {
    let peer = going_stale();
    let client: Client = patient(&peer).build();
    let checker = Checker::new();
    fetch(&client, get_url(URL, &checker)).await.unwrap();
    let body = || Pieces::new().data("abc").body();
    let mut request = asking_to("PUT", URL, body(), &checker);
    let key = http::HeaderValue::from_static("1");
    request.headers_mut().insert("idempotency-key", key);
    request.extensions_mut().insert(ReplayBody::new(body));
    let text = soon(fetch(&client, request)).await;
    assert_eq!(text.unwrap(), "hello");
    assert_eq!(
        wrote(&checker),
        [("sent", Some(0)), ("failed", Some(0)), ("sent", Some(3))]
    );
    assert_eq!(checker.count(EventName::Wait100Continue), 2);
    assert_eq!(checker.count(EventName::Got100Continue), 1);
    assert_eq!(peer.report().conn(1).bodies, [b"abc"]);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_post_whose_head_was_written_is_not_repeated_although_its_body_stayed() {
    let peer = Arc::new(DuplexPeer::new().conn(|c| c.exchange(HELLO).expect_head().close()));
    let client = patient(&peer).build();
    let checker = Checker::new();
    fetch(&client, get_url(URL, &checker)).await.unwrap();
    let error = soon(client.send(asking("abc", &checker)))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("100 Continue"), "{error}");
    assert_eq!(peer.accepted(), 1);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_redirect_that_keeps_the_body_asks_at_the_new_place_as_well() {
    let moved = "HTTP/1.1 307 Temporary Redirect\r\nLocation: /there\r\nConnection: close\r\n\
                 Content-Length: 0\r\n\r\n";
    let peer = DuplexPeer::new()
        .conn(|c| c.expect_head().send(moved).client_may_leave().swallow())
        .conn(|c| {
            let asked = c.expect_head().send(CONTINUE).expect_body(3);
            asked.send(HELLO).client_may_leave()
        });
    let peer = Arc::new(peer);
    let client = patient(&peer).build();
    let checker = Checker::new();
    let text = soon(fetch(&client, asking("abc", &checker))).await;
    assert_eq!(text.unwrap(), "hello");
    assert_eq!(wrote(&checker), [("not_sent", Some(0)), ("sent", Some(3))]);
    assert_eq!(checker.count(EventName::Wait100Continue), 2);
    assert_eq!(after_the_head(&peer), "");
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_redirect_on_a_connection_that_stays_gets_the_body_and_then_the_next_request() {
    let moved = "HTTP/1.1 303 See Other\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n";
    let peer = peer(|c| {
        let moved = c.expect_head().send(moved).expect_body(3);
        moved.exchange(HELLO).client_may_leave()
    });
    let client = patient(&peer).build();
    let checker = Checker::new();
    let text = soon(fetch(&client, asking("abc", &checker))).await;
    assert_eq!(text.unwrap(), "hello");
    assert_eq!(reuses(&checker), [false, true]);
    assert_eq!(wrote(&checker), [("sent", Some(3)), ("sent", Some(0))]);
    assert_eq!(checker.count(EventName::Wait100Continue), 1);
    // Without a body there is nothing to ask about (RFC 9110 section 10.1.1).
    let report = peer.report();
    let asks = |head: &&str| head.contains("Expect:");
    assert_eq!(
        report.heads().iter().map(asks).collect::<Vec<_>>(),
        [true, false]
    );
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_refusal_while_the_head_is_still_on_its_way_is_told_in_order() {
    // Too narrow for the head.
    let peer = Arc::new(DuplexPeer::with_buffer(16).conn(|c| {
        let answered = c.expect_bytes("POST / ").send(REFUSAL);
        answered.client_may_leave().swallow()
    }));
    let checker = Checker::new();
    let client = patient(&peer).build();
    let response = soon(client.send(asking("abc", &checker))).await.unwrap();
    assert_eq!(response.into_body().text().await.unwrap(), "no");
    assert_eq!(wrote(&checker), [("not_sent", Some(0))]);
    checker.finish().await;
}
