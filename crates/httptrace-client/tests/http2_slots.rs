//! How many requests an HTTP/2 connection carries at once is the peer's to say: what has to wait for its turn is told
//! to have waited, or goes to another connection.

mod rig;

use std::time::Duration;

use httptrace::{EventKind, EventName};
use httptrace_client::Client;
use httptrace_test::DuplexPeer;
use httptrace_test::http2::{Response, Script, Service};
use rig::http2::{Told, get, peer, told};

/// `GotConn` of each call that had one, in their order: reused, was idle, waited for.
fn had(told: &Told) -> Vec<(bool, bool, Option<&'static str>)> {
    told.pick(|kind| match kind {
        EventKind::GotConn(info) => {
            let waited_for = info.waited_for.map(|what| what.as_str());
            Some((info.reused, info.was_idle, waited_for))
        }
        _ => None,
    })
}

/// Says how many streams there may be, and serves a request so that the client knows it.
fn settled(script: Script, streams: u32) -> Script {
    script
        .handshake_with(|settings| settings.max_concurrent_streams(streams))
        .expect_settings_ack()
        .expect_request(1)
        .respond(1, 200, "")
}

async fn fetch_ok(client: &Client, path: &str) {
    rig::fetch(client, get(path)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_strict_client_waits_for_a_stream_and_that_is_the_time_between_looking_and_having() {
    let peer = peer(|h| {
        settled(h, 1)
            .expect_request(2)
            .delay(40)
            .respond(2, 200, "")
            .expect_request(3)
            .delay(5)
            .respond(3, 200, "")
    });
    let told = told(
        peer,
        |client| client.http2_strict_max_concurrent_requests(true),
        async |client, _| {
            fetch_ok(client, "/0").await;
            tokio::join!(biased; fetch_ok(client, "/1"), fetch_ok(client, "/2"));
        },
    );
    let told = told.await;
    assert_eq!(told.report.accepted(), 1);
    assert_eq!(
        had(&told),
        [
            (false, false, None),
            (true, true, None),
            (true, false, Some("stream"))
        ]
    );
    let waited = told.call(2);
    assert_eq!(waited.at(EventName::GetConn), 0);
    assert_eq!(waited.at(EventName::GotConn), 40);
    assert_eq!(waited.at(EventName::WroteHeaders), 40);
    let request = told.h2().request(3);
    assert_eq!(request.field(":path"), Some("/2"));
    assert_eq!(waited.ms(request.begun), 40);
    assert_eq!(waited.at(EventName::GotFirstResponseByte), 45);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_not_strict_makes_another_connection() {
    let peer = peer(|h| {
        settled(h, 1)
            .expect_request(2)
            .delay(40)
            .respond(2, 200, "")
    });
    let peer =
        peer.conn(|c| c.http2(|h| h.handshake().expect_request(1).delay(5).respond(1, 200, "")));
    let told = told(
        peer,
        |client| client,
        async |client, _| {
            fetch_ok(client, "/0").await;
            tokio::join!(biased; fetch_ok(client, "/1"), fetch_ok(client, "/2"));
        },
    );
    let told = told.await;
    let other = told.report.conn(1).http2.request(1);
    assert_eq!(other.field(":path"), Some("/2"));
    let call = told.call(2);
    assert_eq!(call.at(EventName::GotConn), 0);
    assert_eq!(call.at(EventName::GotFirstResponseByte), 5);
    assert_eq!(had(&call), [(false, false, None)]);
}

#[tokio::test(start_paused = true)]
async fn a_request_takes_the_stream_that_comes_free_before_the_dial_is_done() {
    // There is no script for another connection: the peer would fail the test.
    let peer = peer(|h| {
        settled(h, 1)
            .expect_request(2)
            .respond(2, 200, "")
            .expect_request(3)
            .respond(3, 200, "")
    });
    let told = told(
        peer,
        |client| client.http2_strict_max_concurrent_requests(true),
        async |client, _| {
            fetch_ok(client, "/0").await;
            fetch_ok(client, "/1").await;
            fetch_ok(client, "/2").await;
        },
    );
    let told = told.await;
    assert_eq!(
        had(&told),
        [(false, false, None), (true, true, None), (true, true, None)]
    );
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_reset_is_free_again() {
    for by_peer in [false, true] {
        let peer = peer(|h| {
            let begun = settled(h, 1).expect_request(2);
            let reset = match by_peer {
                true => begun.delay(30).send_reset(2, 2),
                false => begun.expect_reset(2, 8),
            };
            reset.expect_request(3).respond(3, 200, "")
        });
        let told = told(
            peer,
            |client| client.http2_strict_max_concurrent_requests(true),
            async |client, _| {
                fetch_ok(client, "/0").await;
                let given_up = async {
                    let limit = Duration::from_millis(if by_peer { 1000 } else { 30 });
                    let sending = tokio::time::timeout(limit, client.send(get("/1")));
                    let ended = sending.await;
                    assert_eq!(ended.is_ok_and(|sent| sent.is_err()), by_peer);
                };
                tokio::join!(biased; given_up, fetch_ok(client, "/2"));
            },
        );
        let told = told.await;
        let call = told.call(2);
        assert_eq!(call.at(EventName::GotConn), 30, "by the peer: {by_peer}");
        assert_eq!(had(&call), [(true, false, Some("stream"))]);
    }
}

#[tokio::test(start_paused = true)]
async fn settings_that_allow_more_streams_let_the_next_request_through() {
    let peer = peer(|h| {
        settled(h, 1)
            .expect_request(2)
            .delay(20)
            .send_settings(|settings| settings.max_concurrent_streams(2))
            .expect_request(3)
            .delay(20)
            .respond(3, 200, "")
            .respond(2, 200, "")
    });
    let told = told(
        peer,
        |client| client.http2_strict_max_concurrent_requests(true),
        async |client, _| {
            fetch_ok(client, "/0").await;
            tokio::join!(biased; fetch_ok(client, "/1"), fetch_ok(client, "/2"));
        },
    );
    let told = told.await;
    let call = told.call(2);
    assert_eq!(call.at(EventName::GotConn), 20);
    assert_eq!(call.ms(told.h2().request(3).begun), 20);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_gives_up_waiting_leaves_its_turn_to_the_next() {
    let peer = peer(|h| {
        settled(h, 1)
            .expect_request(2)
            .delay(40)
            .respond(2, 200, "")
            .expect_request(3)
            .respond(3, 200, "")
    });
    let told = told(
        peer,
        |client| client.http2_strict_max_concurrent_requests(true),
        async |client, _| {
            fetch_ok(client, "/0").await;
            let impatient = async {
                let sending = client.send(get("/2"));
                let limit = Duration::from_millis(10);
                assert!(tokio::time::timeout(limit, sending).await.is_err());
            };
            tokio::join!(biased; fetch_ok(client, "/1"), impatient, fetch_ok(client, "/3"));
        },
    );
    let told = told.await;
    assert_eq!(told.h2().request(3).field(":path"), Some("/3"));
    assert_eq!(told.call(2).count(EventName::GotConn), 0);
    assert_eq!(told.call(3).at(EventName::GotConn), 40);
}

#[tokio::test(start_paused = true)]
async fn first_requests_share_a_dial_and_the_connection() {
    let peer = peer(|h| {
        // The client knows no limit yet, and does not wait for one.
        h.expect_request(3)
            .delay(10)
            .send_settings(|settings| settings.max_concurrent_streams(10))
            .respond(1, 200, "")
            .respond(2, 200, "")
            .respond(3, 200, "")
    });
    let told = told(
        peer,
        |client| client,
        async |client, _| {
            tokio::join!(biased;
                fetch_ok(client, "/1"),
                fetch_ok(client, "/2"),
                fetch_ok(client, "/3")
            );
        },
    );
    let told = told.await;
    assert_eq!(told.report.accepted(), 1);
    assert_eq!(told.count(EventName::ConnectStart), 1);
    let had = had(&told);
    assert_eq!(had[0], (false, false, None));
    assert_eq!(had[1..], [(true, false, Some("dial")); 2]);
}

#[tokio::test(start_paused = true)]
async fn many_requests_go_through_few_streams_and_none_is_lost() {
    let service = Service::new(|request| {
        let path = request.field(":path").unwrap_or_default();
        Response::new(200).body(path).delay(10)
    });
    let service = service.max_concurrent_streams(7);
    let peer = DuplexPeer::new().conn(|c| c.serve_http2(service));
    let told = told(
        peer,
        |client| client.http2_strict_max_concurrent_requests(true),
        async |client, _| {
            fetch_ok(client, "/first").await;
            let fetch = |number: usize| async move {
                let path = format!("/{number}");
                assert_eq!(rig::fetch(client, get(&path)).await.unwrap(), path);
            };
            let mut all: Vec<_> = (0..100).map(|number| Box::pin(fetch(number))).collect();
            std::future::poll_fn(|cx| {
                all.retain_mut(|one| one.as_mut().poll(cx).is_pending());
                match all.is_empty() {
                    true => std::task::Poll::Ready(()),
                    false => std::task::Poll::Pending,
                }
            })
            .await;
        },
    );
    let told = told.await;
    assert_eq!(told.report.accepted(), 1);
    assert_eq!(told.report.conn(0).http2.requests.len(), 101);
    // Seven at a time, ten milliseconds each.
    let last = told.all(EventName::GotConn).into_iter().max();
    assert_eq!(last, Some(10 + 14 * 10));
}
