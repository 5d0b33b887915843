//! How streams and connections of HTTP/2 end: by a reset, by GOAWAY, by silence, in order; and what becomes of the
//! requests.

mod rig;

use std::time::Duration;

use http_body_util::BodyExt;
use httptrace::info::{ResetBy, WriteOutcome};
use httptrace::{ErrorKind, EventKind, EventName};
use httptrace_client::Client;
use httptrace_test::http2::{Head, Kind};
use rig::Pieces;
use rig::http2::{Told, get, peer, post, told, told_of_one};

const CANCEL: u32 = 8;

/// The resets: when, of which stream, by whom, why.
fn resets(told: &Told) -> Vec<(u128, u32, &'static str, String)> {
    let events = told.events.iter();
    let resets = events.filter_map(|event| match &event.kind {
        EventKind::StreamReset(info) => {
            let code = info.code.to_string();
            Some((told.ms(event.at), info.stream_id, info.by.as_str(), code))
        }
        _ => None,
    });
    resets.collect()
}

/// The closings: when, why.
fn closings(told: &Told) -> Vec<(u128, &'static str)> {
    let events = told.events.iter();
    let closings = events.filter_map(|event| match &event.kind {
        EventKind::ConnClosed(info) => Some((told.ms(event.at), info.reason.as_str())),
        _ => None,
    });
    closings.collect()
}

/// The reasons of the attempts.
fn attempts(told: &Told) -> Vec<String> {
    told.pick(|kind| match kind {
        EventKind::AttemptStart(info) => Some(format!("{:?}", info.reason)),
        _ => None,
    })
}

async fn fetch_ok(client: &Client, path: &str) {
    rig::fetch(client, get(path)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_reset_has_no_first_byte_and_the_connection_lives() {
    let peer = peer(|h| {
        h.handshake()
            .expect_request(1)
            .delay(10)
            .send_reset(1, 2)
            .expect_request(2)
            .respond(2, 200, "")
    });
    let told = told(
        peer,
        |client| client,
        async |client, _| {
            let error = rig::fetch(client, get("/")).await.unwrap_err().to_string();
            assert!(error.contains("INTERNAL_ERROR"), "{error}");
            fetch_ok(client, "/").await;
        },
    );
    let told = told.await;
    assert_eq!(told.report.accepted(), 1);
    let failed = told.call(0);
    let reset = (10, 1, "peer", "INTERNAL_ERROR".to_owned());
    assert_eq!(resets(&failed), [reset]);
    assert_eq!(failed.count(EventName::GotFirstResponseByte), 0);
    assert_eq!(failed.count(EventName::GotResponseHeaders), 0);
    assert_eq!(failed.count(EventName::AttemptStart), 1);
    assert_eq!(closings(&told), [(10, "client_dropped")]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_reset_within_its_body_is_an_error_of_the_body() {
    let peer = peer(|h| {
        h.handshake()
            .expect_request(1)
            .send_head(1, 200)
            .send_data(1, "hel")
            .delay(10)
            .send_reset(1, 2)
    });
    let (told, text) = told_of_one(peer, get("/")).await;
    let error = text.unwrap_err();
    assert!(error.contains("INTERNAL_ERROR"), "{error}");
    assert_eq!(told.at(EventName::GotFirstResponseByte), 0);
    assert_eq!(told.at(EventName::BodyDone), 10);
    assert_eq!(resets(&told)[0].0, 10);
    let ends = told.pick(|kind| match kind {
        EventKind::BodyDone(info) => Some(info.end.as_str()),
        _ => None,
    });
    assert_eq!(ends, ["error"]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_stream_is_tried_again_at_once() {
    let peer = peer(|h| {
        h.handshake()
            .expect_request(1)
            .delay(10)
            .send_reset(1, 7)
            .expect_request(2)
            .respond(2, 200, "second")
    });
    let (told, text) = told_of_one(peer, post("/", "again")).await;
    assert_eq!(text.as_deref(), Ok("second"));
    assert_eq!(told.report.accepted(), 1);
    assert_eq!(told.h2().request(2).body, b"again");
    assert_eq!(told.all(EventName::AttemptStart), [0, 10]);
    assert!(attempts(&told)[1].contains("StreamRefused"));
    assert_eq!(
        told.all(EventName::WroteHeaders),
        [0, told.ms(told.h2().request(2).at)]
    );
    assert_eq!(told.all(EventName::GotFirstResponseByte), [10]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_resets_its_stream_and_leaves_the_connection() {
    let peer = peer(|h| {
        h.handshake()
            .expect_reset(1, CANCEL)
            .expect_request(2)
            .respond(2, 200, "")
    });
    let told = told(
        peer,
        |client| client,
        async |client, _| {
            let sending = client.send(get("/"));
            let limit = Duration::from_millis(30);
            assert!(tokio::time::timeout(limit, sending).await.is_err());
            fetch_ok(client, "/").await;
        },
    );
    let told = told.await;
    assert_eq!(told.report.accepted(), 1);
    let reset = (30, 1, "local", "CANCEL".to_owned());
    assert_eq!(resets(&told), [reset]);
    let (at, _) = told.h2().request(1).reset.unwrap();
    assert_eq!(told.ms(at), 30);
}

#[tokio::test(start_paused = true)]
async fn a_final_answer_that_is_no_success_stops_the_upload() {
    let peer = peer(|h| {
        h.handshake()
            .expect_body(1, 3)
            .delay(20)
            .respond(1, 413, "too large")
            .expect_reset(1, 0)
            .expect_request(2)
            .respond(2, 200, "")
    });
    let told = told(
        peer,
        |client| client,
        async |client, _| {
            let body = Pieces::new().data("one").never().body();
            let text = rig::fetch(client, post("/", body)).await;
            assert_eq!(text.unwrap(), "too large");
            fetch_ok(client, "/").await;
        },
    );
    let told = told.await.call(0);
    assert_eq!(told.at(EventName::WroteRequest), 20);
    let outcomes = told.pick(|kind| match kind {
        EventKind::WroteRequest(info) => Some(info.outcome.as_str()),
        _ => None,
    });
    assert_eq!(outcomes, ["not_sent"]);
    let reset = (20, 1, "local", "NO_ERROR".to_owned());
    assert_eq!(resets(&told), [reset]);
    assert_eq!(told.at(EventName::GotResponseHeaders), 20);
    assert_eq!(told.at(EventName::BodyDone), 20);
}

#[tokio::test(start_paused = true)]
async fn a_success_before_the_end_of_the_upload_lets_it_go_on() {
    let peer = peer(|h| {
        h.handshake()
            .expect_body(1, 3)
            .delay(10)
            .send_head(1, 200)
            .send_data(1, "so far")
            .expect_end(1)
            .delay(10)
            .send_last_data(1, ", so good")
    });
    let body = Pieces::new().data("one").pause(40).data("two");
    let (told, text) = told_of_one(peer, post("/", body.body())).await;
    assert_eq!(text.as_deref(), Ok("so far, so good"));
    assert_eq!(told.h2().request(1).body, b"onetwo");
    assert_eq!(told.at(EventName::GotResponseHeaders), 10);
    assert_eq!(told.at(EventName::WroteRequest), 40);
    assert_eq!(told.at(EventName::BodyDone), 50);
    assert!(resets(&told).is_empty());
    let whole = told.pick(|kind| match kind {
        EventKind::WroteRequest(info) => Some(matches!(info.outcome, WriteOutcome::Sent)),
        _ => None,
    });
    assert_eq!(whole, [true]);
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_outlives_its_response_is_told_to_its_end() {
    let peer = peer(|h| {
        h.handshake()
            .expect_body(1, 3)
            .respond(1, 200, "done")
            .expect_end(1)
    });
    let told = told(
        peer,
        |client| client,
        async |client, _| {
            let body = Pieces::new().data("one").pause(20).data("two").pause(20);
            let text = rig::fetch(client, post("/", body.body())).await;
            assert_eq!(text.unwrap(), "done");
            tokio::time::sleep(Duration::from_millis(100)).await;
        },
    );
    let told = told.await;
    assert_eq!(told.h2().request(1).body, b"onetwo");
    assert_eq!(told.at(EventName::BodyDone), 0);
    assert_eq!(told.at(EventName::WroteRequest), 40);
    let whole = told.pick(|kind| match kind {
        EventKind::WroteRequest(info) => Some(matches!(info.outcome, WriteOutcome::Sent)),
        _ => None,
    });
    assert_eq!(whole, [true]);
}

/// A server that has its say on a large upload, and then closes the stream (RFC 9113 section 8.1).
async fn stopped_with(status: u16) -> (Told, String) {
    let peer = peer(|h| {
        h.handshake()
            .expect_body(1, 3)
            .delay(10)
            .respond(1, status, "enough")
            .send_reset(1, 0)
    });
    let body = Pieces::new().data("one").never().body();
    let (told, text) = told_of_one(peer, post("/", body)).await;
    let outcomes = told.pick(|kind| match kind {
        EventKind::WroteRequest(info) => Some(info.outcome.as_str()),
        _ => None,
    });
    assert_eq!(text.as_deref(), Ok("enough"));
    assert_eq!(told.at(EventName::WroteRequest), 10);
    (told, outcomes.concat())
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_is_refused_and_reset_was_not_sent() {
    let (_, outcome) = stopped_with(403).await;
    assert_eq!(outcome, "not_sent");
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_is_reset_after_a_success_was_cut_short_by_the_server() {
    let (told, outcome) = stopped_with(200).await;
    assert_eq!(outcome, "failed");
    let why = told.pick(|kind| match kind {
        EventKind::WroteRequest(info) => match &info.outcome {
            WriteOutcome::Failed(error) => Some(error.kind()),
            _ => None,
        },
        _ => None,
    });
    assert_eq!(why, [ErrorKind::Reset]);
}

/// What becomes of a body that has two bytes, where `length` were announced.
async fn announced(length: &str) -> Result<String, String> {
    let head = Head::status(200).field("content-length", length);
    let peer = peer(|h| {
        h.handshake()
            .expect_request(1)
            .send_head(1, head)
            .send_last_data(1, "ok")
            .expect_reset(1, 1)
    });
    told_of_one(peer, get("/")).await.1
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_not_as_long_as_announced_is_an_error() {
    for length in ["1", "9"] {
        let error = announced(length).await.unwrap_err();
        assert!(error.contains("PROTOCOL_ERROR"), "{length}: {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_window_beyond_its_limit_is_an_error_of_the_stream_that_is_not_waited_for() {
    let peer = peer(|h| {
        h.handshake()
            .expect_body(1, 3)
            .send_window_update(1, i32::MAX as u32)
            .expect_reset(1, 3)
    });
    let body = Pieces::new().data("one").never().body();
    let (_, text) = told_of_one(peer, post("/", body)).await;
    let error = text.unwrap_err();
    assert!(error.contains("FLOW_CONTROL_ERROR"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_fails_resets_the_stream() {
    let peer = peer(|h| h.handshake().expect_reset(1, CANCEL));
    let body = Pieces::new().data("one").pause(10).fail("disk on fire");
    let (told, text) = told_of_one(peer, post("/", body.body())).await;
    let error = text.unwrap_err();
    assert!(error.contains("disk on fire"), "{error}");
    assert_eq!(told.at(EventName::WroteRequest), 10);
    let reset = (10, 1, "local", "CANCEL".to_owned());
    assert_eq!(resets(&told), [reset]);
    assert_eq!(told.count(EventName::GotFirstResponseByte), 0);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_fails_after_the_response_began_is_why_the_response_breaks_off() {
    let peer = peer(|h| {
        h.handshake()
            .expect_body(1, 3)
            .send_head(1, 200)
            .send_data(1, "so far")
            .expect_reset(1, CANCEL)
    });
    let body = Pieces::new().data("one").pause(10).fail("disk on fire");
    let (told, text) = told_of_one(peer, post("/", body.body())).await;
    let error = text.unwrap_err();
    assert_eq!(error, "the request's body failed: disk on fire");
    assert_eq!(told.at(EventName::WroteRequest), 10);
    assert_eq!(told.at(EventName::BodyDone), 10);
    let reset = (10, 1, "local", "CANCEL".to_owned());
    assert_eq!(resets(&told), [reset]);
}

#[tokio::test(start_paused = true)]
async fn go_away_alone_is_no_response() {
    let peer = peer(|h| {
        h.handshake()
            .expect_request(1)
            .delay(10)
            .send_go_away(1, 11, "too many questions")
            .close()
    });
    let (told, text) = told_of_one(peer, get("/")).await;
    let error = text.unwrap_err();
    assert!(!error.is_empty());
    assert_eq!(told.count(EventName::GotFirstResponseByte), 0);
    let said = told.pick(|kind| match kind {
        EventKind::GoAway(info) => Some(info.clone()),
        _ => None,
    });
    let by_peer: Vec<_> = said
        .iter()
        .filter(|info| info.by == ResetBy::Peer)
        .collect();
    assert_eq!(by_peer.len(), 1);
    assert_eq!(by_peer[0].last_stream_id, 1);
    assert_eq!(by_peer[0].code.to_string(), "ENHANCE_YOUR_CALM");
    assert_eq!(by_peer[0].debug_data.as_deref(), Some("too many questions"));
    assert_eq!(told.all(EventName::GoAway)[0], 10);
    assert_eq!(closings(&told).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn after_go_away_what_was_begun_is_served_and_the_next_request_goes_elsewhere() {
    let peer = peer(|h| {
        h.handshake()
            .expect_request(1)
            .delay(10)
            .send_go_away_notice()
            .delay(10)
            .send_go_away(1, 0, "")
            .raise("said")
            .delay(10)
            .respond(1, 200, "served")
            .expect_eof()
    });
    let peer = peer.conn(|c| c.http2(|h| h.handshake().expect_request(1).respond(1, 200, "else")));
    let told = told(
        peer,
        |client| client,
        async |client, peer| {
            let first = async {
                let text = rig::fetch(client, get("/1")).await;
                assert_eq!(text.unwrap(), "served");
            };
            let second = async {
                peer.wait_for("said").await;
                tokio::task::yield_now().await;
                let text = rig::fetch(client, get("/2")).await;
                assert_eq!(text.unwrap(), "else");
            };
            tokio::join!(biased; first, second);
        },
    );
    let told = told.await;
    assert_eq!(told.report.accepted(), 2);
    assert_eq!(told.call(0).all(EventName::GoAway)[..2], [10, 20]);
    assert_eq!(closings(&told), [(30, "go_away"), (30, "client_dropped")]);
    let (ended, _) = told.report.conn(0).client_end.unwrap();
    assert_eq!(told.ms(ended), 30);
}

#[tokio::test(start_paused = true)]
async fn what_go_away_says_was_not_processed_is_sent_again_elsewhere() {
    let peer = peer(|h| {
        h.handshake()
            .expect_request(2)
            .delay(10)
            .send_go_away(1, 0, "")
            .delay(10)
            .respond(1, 200, "first")
    });
    let peer =
        peer.conn(|c| c.http2(|h| h.handshake().expect_request(1).respond(1, 200, "second")));
    let told = told(
        peer,
        |client| client,
        async |client, _| {
            let fetch = async |path, expected| {
                let text = rig::fetch(client, get(path)).await;
                assert_eq!(text.unwrap(), expected);
            };
            tokio::join!(biased; fetch("/1", "first"), fetch("/2", "second"));
        },
    );
    let told = told.await;
    assert_eq!(told.report.accepted(), 2);
    let second = told.call(1);
    assert_eq!(attempts(&second).len(), 2);
    assert!(attempts(&second)[1].contains("GoAway"));
    assert_eq!(second.all(EventName::AttemptStart)[1], 10);
    assert_eq!(attempts(&told.call(0)).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_closes_within_a_response_has_failed() {
    for head in [false, true] {
        let peer = peer(|h| {
            let begun = h.handshake().expect_request(1).delay(10);
            let begun = match head {
                true => begun.send_head(1, 200).send_data(1, "hel").delay(10),
                false => begun,
            };
            begun.close()
        });
        let (told, text) = told_of_one(peer, get("/")).await;
        assert!(!text.unwrap_err().is_empty());
        assert_eq!(
            told.count(EventName::GotFirstResponseByte),
            usize::from(head)
        );
        let at = if head { 20 } else { 10 };
        assert_eq!(closings(&told).len(), 1);
        assert_eq!(closings(&told)[0].0, at);
        assert_eq!(told.at(EventName::AttemptEnd), at);
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_the_peer_closes_while_it_is_idle_is_told_to_the_clients_trace() {
    let peer = peer(|h| {
        h.handshake()
            .expect_request(1)
            .respond(1, 200, "")
            .delay(25)
            .close()
    });
    let told = told(
        peer,
        |client| client,
        async |client, peer| {
            fetch_ok(client, "/").await;
            while peer.open() > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        },
    );
    let told = told.await;
    assert_eq!(closings(&told), [(25, "peer_closed")]);
    let mut events = told.events.iter();
    let closed = events.find(|event| event.name() == EventName::ConnClosed);
    assert!(closed.unwrap().call.is_none());
    assert_eq!(told.count(EventName::PutIdleConn), 0);
}

#[tokio::test(start_paused = true)]
async fn a_response_that_is_no_http2_ends_the_connection_with_go_away() {
    let peer = peer(|h| {
        // DATA belongs to no stream here.
        h.handshake()
            .expect_request(1)
            .delay(10)
            .send_frame(Kind::Data, 0, 0, "stray")
            .expect_go_away(1)
    });
    let (told, text) = told_of_one(peer, get("/")).await;
    let error = text.unwrap_err();
    assert!(error.contains("PROTOCOL_ERROR"), "{error}");
    let said = told.pick(|kind| match kind {
        EventKind::GoAway(info) => Some((info.by.as_str(), info.code.to_string())),
        _ => None,
    });
    assert_eq!(said, [("local", "PROTOCOL_ERROR".to_owned())]);
    assert_eq!(closings(&told), [(10, "failed")]);
    assert_eq!(told.count(EventName::GotFirstResponseByte), 0);
}

#[tokio::test(start_paused = true)]
async fn a_ping_is_sent_after_a_silence_and_its_round_trip_is_told() {
    let peer = peer(|h| {
        h.without_pongs()
            .handshake()
            .expect_request(1)
            .expect_ping()
            .delay(70)
            .send_pong()
            .delay(100)
            .respond(1, 200, "late")
    });
    let told = told(
        peer,
        |client| client.http2_keep_alive_interval(Duration::from_secs(1)),
        async |client, _| {
            assert_eq!(rig::fetch(client, get("/")).await.unwrap(), "late");
        },
    );
    let told = told.await;
    let ping = told.h2().received_of(Kind::Ping)[0];
    assert_eq!(told.of(ping), 1000);
    assert_eq!(told.at(EventName::Pong), 1070);
    let trips = told.pick(|kind| match kind {
        EventKind::Pong(info) => Some(info.round_trip.as_millis()),
        _ => None,
    });
    assert_eq!(trips, [70]);
    assert_eq!(told.at(EventName::GotFirstResponseByte), 1170);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_answer_pings_is_given_up() {
    for busy in [true, false] {
        let peer = peer(|h| {
            let script = h.without_pongs().handshake().expect_request(1);
            match busy {
                true => script.expect_ping().expect_eof(),
                false => script.respond(1, 200, "").expect_ping().expect_eof(),
            }
        });
        let told = told(
            peer,
            |client| {
                let client = client.http2_keep_alive_interval(Duration::from_secs(1));
                client.http2_keep_alive_timeout(Duration::from_secs(3))
            },
            async |client, peer| {
                let fetched = rig::fetch(client, get("/")).await;
                assert_eq!(fetched.is_err(), busy);
                while peer.open() > 0 {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            },
        );
        let told = told.await;
        assert_eq!(closings(&told), [(4000, "ping_timeout")], "busy: {busy}");
        if busy {
            assert_eq!(told.at(EventName::AttemptEnd), 4000);
        }
        let (ended, _) = told.report.conn(0).client_end.unwrap();
        assert_eq!(told.ms(ended), 4000);
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_dropped_says_goodbye() {
    let peer = peer(|h| {
        h.handshake()
            .expect_request(1)
            .respond(1, 200, "")
            .expect_go_away(0)
            .expect_eof()
    });
    let told = told(
        peer,
        |client| client,
        async |client, _| {
            fetch_ok(client, "/").await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        },
    );
    let told = told.await;
    assert_eq!(closings(&told), [(50, "client_dropped")]);
    assert_eq!(told.report.conn(0).http2.sent_to(1, Kind::Headers).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_response_without_a_body_is_over_with_its_head() {
    let peer = peer(|h| {
        h.handshake()
            .expect_request(1)
            .delay(10)
            .send_head(1, Head::status(204).end_stream())
    });
    let told = told(
        peer,
        |client| client,
        async |client, _| {
            let response = client.send(get("/")).await.unwrap();
            let body = response.into_body().collect().await.unwrap();
            assert!(body.to_bytes().is_empty());
        },
    );
    let told = told.await;
    assert_eq!(told.at(EventName::GotResponseHeaders), 10);
    assert_eq!(told.at(EventName::BodyDone), 10);
    assert_eq!(told.at(EventName::CallEnd), 10);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_breaks_before_it_began_is_told_as_such() {
    let peer = peer(|h| h.expect_settings().close());
    let (told, text) = told_of_one(peer, get("/")).await;
    assert!(!text.unwrap_err().is_empty());
    // On a connection of its own a request is not sent twice, or it might go on for ever.
    assert_eq!(attempts(&told).len(), 1);
    assert_eq!(told.count(EventName::GotFirstResponseByte), 0);
    assert_eq!(closings(&told).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_go_away_at_once_is_asked_again_on_another_connection() {
    for (code, waits) in [(0, false), (0, true), (11, false)] {
        let peer = peer(|h| {
            let begun = match waits {
                true => h.handshake().expect_request(1),
                false => h.expect_settings().send_settings(|settings| settings),
            };
            begun.send_go_away(0, code, "").close()
        });
        let peer = match code {
            0 => {
                peer.conn(|c| c.http2(|h| h.handshake().expect_request(1).respond(1, 200, "else")))
            }
            _ => peer,
        };
        let (told, text) = told_of_one(peer, get("/")).await;
        match code {
            0 => assert_eq!(text.as_deref(), Ok("else"), "waits: {waits}"),
            _ => assert!(text.unwrap_err().contains("ENHANCE_YOUR_CALM")),
        }
        assert_eq!(attempts(&told).len(), told.report.accepted());
        assert_eq!(
            told.count(EventName::GotFirstResponseByte),
            told.report.accepted() - 1
        );
    }
}
