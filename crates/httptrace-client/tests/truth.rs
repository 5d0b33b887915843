//! The instants of events, against a peer that takes known times and notes its own: each event lies where the peer says
//! it must. Only orders are compared, never speeds.

mod rig;

use std::time::{Duration, Instant};

use httptrace::{Event, EventName, RequestExt};
use httptrace_client::{Body, Client};
use httptrace_test::peer::ConnReport;
use httptrace_test::{CannedDns, Checker, Peer, TestCa};
use rig::{
    Canned, HELLO, NO_CONTENT, direct, fetch, first, get, get_url, request, request_to, trusting,
};

fn at(events: &[Event], name: EventName) -> Instant {
    first(events, name).at
}

/// When the peer began to read again after its pause.
fn resumed(conn: &ConnReport) -> Instant {
    let head = conn.head(0).at;
    let reads = conn.reads.iter();
    let later = reads.filter(|io| io.begun > head).map(|io| io.begun);
    later.min().expect("the peer reads on after the head")
}

/// Fails unless the instants follow each other in this order.
fn in_order(instants: &[(&str, Instant)]) {
    for pair in instants.windows(2) {
        let [(before, first), (after, second)] = pair else {
            continue;
        };
        let by = first.saturating_duration_since(*second);
        assert!(first <= second, "{before} is {by:?} after {after}");
    }
}

#[tokio::test]
async fn a_lookup_lasts_as_long_as_the_resolver_takes() {
    let peer = Peer::loopback().conn(|c| c.exchange(NO_CONTENT).client_may_leave());
    let dns = CannedDns::new().slow_host("slow.example", 30, &["127.0.0.1"]);
    let client = direct().resolver(Canned(dns)).build();
    let checker = Checker::new();
    let url = format!("http://slow.example:{}/", peer.addr().port());
    fetch(&client, get_url(&url, &checker)).await.unwrap();

    let events = checker.finish().await;
    let begun = at(&events, EventName::DnsStart);
    let done = at(&events, EventName::DnsDone);
    assert!(done - begun >= Duration::from_millis(30));
    in_order(&[
        ("GetConn", at(&events, EventName::GetConn)),
        ("DnsStart", begun),
        ("DnsDone", done),
        ("ConnectStart", at(&events, EventName::ConnectStart)),
    ]);
}

#[tokio::test]
async fn a_server_slow_to_accept_tls_shows_in_the_handshake_alone() {
    let ca = TestCa::new();
    let tls = ca.server(&["127.0.0.1"]).config();
    let goodbye = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    let peer = Peer::loopback()
        .conn(|c| c.start_tls(tls.clone()).exchange(goodbye).close())
        .conn(|c| {
            let late = c.delay(40).start_tls(tls);
            late.exchange(NO_CONTENT).client_may_leave()
        });
    let url = peer.url("/").replacen("http", "https", 1);
    let client = trusting(&ca).build();
    // The first request sets TLS up, which takes a while.
    let warm_up = Checker::new();
    fetch(&client, get_url(&url, &warm_up)).await.unwrap();
    let checker = Checker::new();
    fetch(&client, get_url(&url, &checker)).await.unwrap();

    let events = checker.finish().await;
    let report = peer.report();
    let handshake = &report.conn(1).tls[0];
    in_order(&[
        ("ConnectStart", at(&events, EventName::ConnectStart)),
        ("ConnectDone", at(&events, EventName::ConnectDone)),
        (
            "TlsHandshakeStart",
            at(&events, EventName::TlsHandshakeStart),
        ),
        ("the peer's turn to TLS", handshake.begun),
        ("TlsHandshakeDone", at(&events, EventName::TlsHandshakeDone)),
        ("GotConn", at(&events, EventName::GotConn)),
        ("WroteHeaders", at(&events, EventName::WroteHeaders)),
        ("the peer has the head", report.conn(1).head(0).at),
    ]);
}

/// More than the kernel's buffers of both ends hold.
const LARGE: usize = 24 * 1024 * 1024;

#[tokio::test]
async fn an_upload_is_written_when_the_peer_has_made_room_for_its_end() {
    let peer = Peer::loopback().conn(|c| {
        let pausing = c.expect_head().delay(60);
        pausing
            .expect_body(LARGE)
            .send(NO_CONTENT)
            .client_may_leave()
    });
    let checker = Checker::new();
    let upload = request("PUT", &peer, "/", &checker, vec![7; LARGE]);
    fetch(&Client::new(), upload).await.unwrap();

    let events = checker.finish().await;
    let report = peer.report();
    let conn = report.conn(0);
    in_order(&[
        ("GotConn", at(&events, EventName::GotConn)),
        ("WroteHeaders", at(&events, EventName::WroteHeaders)),
        ("the peer reads on", resumed(conn)),
        ("WroteRequest", at(&events, EventName::WroteRequest)),
        ("the peer has all", conn.reads.last().unwrap().at),
        ("the peer answers", conn.writes[0].begun),
        (
            "GotFirstResponseByte",
            at(&events, EventName::GotFirstResponseByte),
        ),
    ]);
    // The progress was told as it was made.
    assert!(checker_count(&events, EventName::WroteBody) > 1);
}

#[tokio::test]
async fn an_upload_over_tls_is_written_when_the_session_has_nothing_left_to_write() {
    let ca = TestCa::new();
    let tls = ca.server(&["127.0.0.1"]).config();
    let peer = Peer::loopback().conn(|c| {
        let pausing = c.start_tls(tls).expect_head().delay(60);
        pausing
            .expect_body(LARGE)
            .send(NO_CONTENT)
            .client_may_leave()
    });
    let checker = Checker::new();
    let url = peer.url("/").replacen("http", "https", 1);
    let upload = request_to("PUT", &url, &checker, vec![7; LARGE]);
    fetch(&trusting(&ca).build(), upload).await.unwrap();

    let events = checker.finish().await;
    let report = peer.report();
    let conn = report.conn(0);
    in_order(&[
        ("WroteHeaders", at(&events, EventName::WroteHeaders)),
        ("the peer reads on", resumed(conn)),
        ("WroteRequest", at(&events, EventName::WroteRequest)),
        ("the peer has all", conn.reads.last().unwrap().at),
    ]);
}

#[tokio::test]
async fn the_wait_for_a_slow_server_lies_between_request_and_first_byte() {
    let peer = Peer::loopback().conn(|c| {
        let late = c.expect_head().delay(40);
        late.send(HELLO).client_may_leave()
    });
    let checker = Checker::new();
    fetch(&Client::new(), get(&peer, "/", &checker))
        .await
        .unwrap();

    let events = checker.finish().await;
    let report = peer.report();
    let conn = report.conn(0);
    in_order(&[
        ("WroteHeaders", at(&events, EventName::WroteHeaders)),
        ("WroteRequest", at(&events, EventName::WroteRequest)),
        ("the peer has the head", conn.head(0).at),
        ("the peer answers", conn.writes[0].begun),
        (
            "GotFirstResponseByte",
            at(&events, EventName::GotFirstResponseByte),
        ),
        (
            "GotResponseHeaders",
            at(&events, EventName::GotResponseHeaders),
        ),
        ("BodyDone", at(&events, EventName::BodyDone)),
    ]);
}

#[tokio::test]
async fn a_head_in_pieces_begins_at_its_first_byte_and_is_had_at_its_last() {
    let peer =
        Peer::loopback().conn(|c| c.expect_head().send_paced(HELLO, 12, 15).client_may_leave());
    let checker = Checker::new();
    fetch(&Client::new(), get(&peer, "/", &checker))
        .await
        .unwrap();

    let events = checker.finish().await;
    let report = peer.report();
    let writes = &report.conn(0).writes;
    // 38 bytes of head: they end in the fourth piece; the body ends in the last.
    in_order(&[
        ("the first piece", writes[0].begun),
        (
            "GotFirstResponseByte",
            at(&events, EventName::GotFirstResponseByte),
        ),
        ("the second piece", writes[1].begun),
        ("the fourth piece", writes[3].begun),
        (
            "GotResponseHeaders",
            at(&events, EventName::GotResponseHeaders),
        ),
        ("BodyDone", at(&events, EventName::BodyDone)),
    ]);
    assert_eq!(writes.len(), 4);
}

#[tokio::test]
async fn early_hints_are_the_first_byte_and_the_head_comes_when_it_comes() {
    let peer = Peer::loopback().conn(|c| {
        let hinted = c
            .expect_head()
            .delay(10)
            .send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
        hinted.delay(30).send(HELLO).client_may_leave()
    });
    let checker = Checker::new();
    fetch(&Client::new(), get(&peer, "/", &checker))
        .await
        .unwrap();

    let events = checker.finish().await;
    let report = peer.report();
    let writes = &report.conn(0).writes;
    in_order(&[
        ("the hints", writes[0].begun),
        (
            "GotFirstResponseByte",
            at(&events, EventName::GotFirstResponseByte),
        ),
        ("Got1xxResponse", at(&events, EventName::Got1xxResponse)),
        ("the response", writes[1].begun),
        (
            "GotResponseHeaders",
            at(&events, EventName::GotResponseHeaders),
        ),
    ]);
}

#[tokio::test]
async fn a_slow_body_is_done_at_its_last_byte() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n";
    let peer = Peer::loopback().conn(|c| {
        let begun = c.expect_head().send(head);
        begun
            .send_paced("01234567890123456789", 5, 12)
            .client_may_leave()
    });
    let checker = Checker::new();
    fetch(&Client::new(), get(&peer, "/", &checker))
        .await
        .unwrap();

    let events = checker.finish().await;
    let report = peer.report();
    let writes = &report.conn(0).writes;
    in_order(&[
        ("the head", writes[0].begun),
        (
            "GotResponseHeaders",
            at(&events, EventName::GotResponseHeaders),
        ),
        ("the second piece", writes[2].begun),
        ("the last piece", writes[4].begun),
        ("BodyDone", at(&events, EventName::BodyDone)),
        ("PutIdleConn", at(&events, EventName::PutIdleConn)),
        ("AttemptEnd", at(&events, EventName::AttemptEnd)),
    ]);
    assert_eq!(checker_count(&events, EventName::GotBody), 4);
}

#[tokio::test]
async fn idle_time_is_the_time_between_two_requests() {
    let peer = Peer::loopback().conn(|c| {
        let first = c.exchange(NO_CONTENT).client_may_leave();
        first.exchange(NO_CONTENT)
    });
    let client = Client::new();
    let (one, two) = (Checker::new(), Checker::new());
    fetch(&client, get(&peer, "/", &one)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(25)).await;
    fetch(&client, get(&peer, "/", &two)).await.unwrap();

    let put = at(&one.finish().await, EventName::PutIdleConn);
    let events = two.finish().await;
    let got = first(&events, EventName::GotConn);
    let httptrace::EventKind::GotConn(info) = &got.kind else {
        panic!("it is {got:?}");
    };
    assert!(info.reused && info.was_idle);
    let idle = info.idle_time.unwrap();
    assert!(idle >= Duration::from_millis(25), "{idle:?}");
    assert!(idle <= got.at - put, "{idle:?}");
}

#[tokio::test]
async fn the_instants_of_a_request_are_the_same_for_all_who_watch() {
    let peer = Peer::loopback().conn(|c| c.exchange(HELLO).client_may_leave());
    let (own, all) = (Checker::new(), Checker::new());
    let client = Client::builder().trace(all.trace()).build();
    let request = http::Request::get(peer.url("/"));
    let request = request.trace(own.trace()).body(Body::empty()).unwrap();
    fetch(&client, request).await.unwrap();
    let stamps = |events: Vec<Event>| -> Vec<_> {
        events
            .iter()
            .map(|event| (event.name(), event.at))
            .collect()
    };
    assert_eq!(stamps(own.finish().await), stamps(all.finish().await));
}

fn checker_count(events: &[Event], name: EventName) -> usize {
    events.iter().filter(|event| event.name() == name).count()
}
