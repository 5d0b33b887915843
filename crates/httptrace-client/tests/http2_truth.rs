//! The instants of events over HTTP/2, against a peer that sends single frames at known times and notes when those of
//! the client came. The clock stands still but for the script's pauses, so that instants are the same or are not.

mod rig;

use httptrace::{EventKind, EventName};
use httptrace_test::http2::{Data, Head, Kind};
use httptrace_test::{Checker, DuplexPeer, Leaks, Peer, TestCa};
use rig::Pieces;
use rig::http2::{get, peer, post, told, told_of_one};

#[tokio::test(start_paused = true)]
async fn the_first_byte_is_that_of_the_first_headers_frame_and_of_nothing_before() {
    let peer = peer(|h| {
        let noisy = h
            .handshake()
            .expect_request(1)
            .delay(10)
            .send_ping([1; 8])
            .delay(10)
            .send_settings(|settings| settings.max_frame_size(20_000))
            .delay(10)
            .send_window_update(0, 10)
            .delay(10)
            .send_window_update(1, 10)
            .delay(10);
        let head = noisy.in_pieces_of(4, 7).send_head(1, 200).whole();
        head.delay(5)
            .send_data(1, "hel")
            .delay(5)
            .send_last_data(1, "lo")
    });
    let (told, text) = told_of_one(peer, get("/")).await;
    assert_eq!(text.as_deref(), Ok("hello"));
    let head = told.h2().sent_to(1, Kind::Headers)[0];
    let data = told.h2().sent_to(1, Kind::Data);
    assert_eq!(told.ms(head.begun), 50);
    assert!(head.at > head.begun);
    assert_eq!(
        told.at(EventName::GotFirstResponseByte),
        told.ms(head.begun)
    );
    assert_eq!(told.at(EventName::GotResponseHeaders), told.of(head));
    let pieces: Vec<_> = data.iter().map(|frame| told.of(frame)).collect();
    assert_eq!(told.all(EventName::GotBody), pieces);
    assert_eq!(told.at(EventName::BodyDone), pieces[1]);
}

#[tokio::test(start_paused = true)]
async fn a_request_without_a_body_has_left_with_its_head() {
    let peer = peer(|h| h.handshake().expect_end(1).delay(10).respond(1, 200, ""));
    let (told, _) = told_of_one(peer, get("/a?b")).await;
    let request = told.h2().request(1);
    assert_eq!(request.line(), "GET /a?b");
    let read = told.ms(request.at);
    for name in [
        EventName::GotConn,
        EventName::StreamOpened,
        EventName::WroteHeaders,
        EventName::WroteRequest,
    ] {
        assert_eq!(told.at(name), read, "{name}");
    }
    let opened = told.pick(|kind| match kind {
        EventKind::StreamOpened(info) => Some(info.stream_id),
        _ => None,
    });
    assert_eq!(opened, [1]);
    let fields = told.pick(|kind| match kind {
        EventKind::WroteHeaderField(info) => Some(info.name.to_string()),
        _ => None,
    });
    let wire: Vec<_> = request.fields.iter().map(|(name, _)| name).collect();
    assert_eq!(
        fields[..4],
        [":method", ":scheme", ":authority", ":path"].map(str::to_owned)
    );
    let (mut fields, mut wire) = (fields.iter().collect::<Vec<_>>(), wire);
    fields.sort();
    wire.sort();
    assert_eq!(fields, wire);
}

#[tokio::test(start_paused = true)]
async fn a_large_head_is_written_when_its_last_continuation_left() {
    // The pipe holds a small part of the head; the rest waits for the peer to read.
    let peer = DuplexPeer::with_buffer(1000).conn(|c| {
        c.http2(|h| {
            h.handshake()
                .expect_request(1)
                .send_head(1, Head::status(204).end_stream())
                .expect_settings_ack()
                .pause_reading()
                .raise("stuck")
                .delay(40)
                .resume_reading()
                .expect_request(2)
                .delay(5)
                .respond(2, 200, "done")
        })
    });
    let build = |client| client;
    let told = told(peer, build, async |client, peer| {
        rig::fetch(client, get("/")).await.unwrap();
        peer.wait_for("stuck").await;
        let mut request = get("/large");
        for number in 0..10 {
            let name = http::HeaderName::try_from(format!("x-{number}")).unwrap();
            let value = http::HeaderValue::try_from("v".repeat(4000)).unwrap();
            request.headers_mut().insert(name, value);
        }
        assert_eq!(rig::fetch(client, request).await.unwrap(), "done");
    });
    let told = told.await;
    let request = told.h2().request(2);
    assert!(told.h2().received_of(Kind::Continuation).len() > 1);
    let call = told.call(1);
    assert_eq!(told.ms(request.at), 40);
    assert_eq!(call.ms(request.at), 40);
    for name in [
        EventName::StreamOpened,
        EventName::WroteHeaders,
        EventName::WroteRequest,
    ] {
        assert_eq!(call.at(name), 40, "{name}");
    }
    let fields = call.all(EventName::WroteHeaderField);
    assert!(fields.iter().all(|at| *at == 40), "{fields:?}");
    assert_eq!(call.at(EventName::GotConn), 0);
    assert_eq!(call.at(EventName::GotFirstResponseByte), 45);
}

#[tokio::test(start_paused = true)]
async fn a_large_response_head_is_had_with_its_last_continuation() {
    let peer = peer(|h| {
        let head = Head::status(200).field("x-large", "v".repeat(100));
        let head = head.continued_after(&[5, 20, 40]);
        h.handshake()
            .expect_request(1)
            .delay(3)
            .in_pieces_of(1000, 8)
            .send_head(1, head)
            .delay(2)
            .send_last_data(1, "x")
    });
    let (told, text) = told_of_one(peer, get("/")).await;
    assert_eq!(text.as_deref(), Ok("x"));
    assert_eq!(told.h2().sent_of(Kind::Continuation).len(), 3);
    assert_eq!(told.at(EventName::GotFirstResponseByte), 3);
    assert_eq!(told.at(EventName::GotResponseHeaders), 3 + 3 * 8);
    assert_eq!(told.at(EventName::BodyDone), 3 + 3 * 8 + 2);
}

#[tokio::test(start_paused = true)]
async fn each_informational_response_is_told_when_it_came_and_the_first_is_the_first_byte() {
    let peer = peer(|h| {
        h.handshake()
            .expect_request(1)
            .delay(10)
            .send_head(1, Head::status(103).field("link", "</a>"))
            .delay(10)
            .send_head(1, Head::status(103).field("link", "</b>"))
            .delay(10)
            .respond(1, 200, "hello")
    });
    let (told, text) = told_of_one(peer, get("/")).await;
    assert_eq!(text.as_deref(), Ok("hello"));
    assert_eq!(told.at(EventName::GotFirstResponseByte), 10);
    assert_eq!(told.all(EventName::Got1xxResponse), [10, 20]);
    assert_eq!(told.at(EventName::GotResponseHeaders), 30);
    let hints = told.pick(|kind| match kind {
        EventKind::Got1xxResponse(info) => Some((info.status.as_u16(), info.headers.clone())),
        _ => None,
    });
    assert_eq!(hints[0].0, 103);
    assert_eq!(hints[1].1["link"], "</b>");
}

#[tokio::test(start_paused = true)]
async fn a_body_has_left_with_its_last_frame_and_trailers_count() {
    for (trailers, left) in [(false, 20), (true, 20)] {
        let peer = peer(|h| h.handshake().expect_end(1).delay(5).respond(1, 200, "done"));
        let mut body = Pieces::new().data("one").pause(20).data("two");
        if trailers {
            body = body.trailer("x-sum", "6");
        }
        let (told, text) = told_of_one(peer, post("/", body.body())).await;
        assert_eq!(text.as_deref(), Ok("done"));
        let request = told.h2().request(1);
        assert_eq!(request.body, b"onetwo");
        assert_eq!(request.trailer("x-sum"), trailers.then_some("6"));
        assert_eq!(told.at(EventName::WroteHeaders), 0);
        assert_eq!(told.all(EventName::WroteBody), [0, 20]);
        assert_eq!(told.at(EventName::WroteRequest), left);
        assert_eq!(request.ended_at.map(|at| told.ms(at)), Some(left));
        assert_eq!(told.at(EventName::GotFirstResponseByte), left + 5);
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_ends_later_than_its_last_byte_has_left_with_its_end() {
    let peer = peer(|h| h.handshake().expect_end(1).respond(1, 204, ""));
    let body = Pieces::new().data("all").pause(30);
    let (told, _) = told_of_one(peer, post("/", body.body())).await;
    assert_eq!(told.all(EventName::WroteBody), [0]);
    assert_eq!(told.at(EventName::WroteRequest), 30);
    let end = told.h2().request(1).ended_at.unwrap();
    assert_eq!(told.ms(end), 30);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_stuck_in_the_pipe_has_left_when_the_peer_read_it() {
    let peer = DuplexPeer::with_buffer(500).conn(|c| {
        c.http2(|h| {
            h.handshake()
                .expect_request(1)
                .pause_reading()
                .delay(50)
                .resume_reading()
                .expect_end(1)
                .delay(5)
                .respond(1, 200, "done")
        })
    });
    let body = Pieces::new().pause(10).data(vec![b'x'; 9000]);
    let (told, text) = told_of_one(peer, post("/", body.body())).await;
    assert_eq!(text.as_deref(), Ok("done"));
    assert_eq!(told.at(EventName::WroteHeaders), 0);
    assert_eq!(told.at(EventName::WroteRequest), 50);
    assert_eq!(told.at(EventName::GotFirstResponseByte), 55);
    let sent: u64 = told
        .pick(|kind| match kind {
            EventKind::WroteBody(info) => Some(info.bytes),
            _ => None,
        })
        .iter()
        .sum();
    assert_eq!(sent, 9000);
    // It was no window of the peer's that it waited for.
    assert_eq!(told.count(EventName::FlowControlWaitStart), 0);
}

#[tokio::test(start_paused = true)]
async fn response_trailers_end_the_body_when_they_came() {
    let peer = peer(|h| {
        h.handshake()
            .expect_request(1)
            .send_head(1, 200)
            .send_data(1, Data::new("hello").padded(9))
            .delay(20)
            .send_trailers(1, &[("x-sum", "5")])
    });
    let told = told(
        peer,
        |client| client,
        async |client, _| {
            use http_body_util::BodyExt;
            let response = client.send(get("/")).await.unwrap();
            let body = response.into_body().collect().await.unwrap();
            assert_eq!(body.trailers().unwrap()["x-sum"], "5");
            assert_eq!(body.to_bytes(), "hello");
        },
    );
    let told = told.await;
    assert_eq!(told.at(EventName::GotFirstResponseByte), 0);
    assert_eq!(told.at(EventName::BodyDone), 20);
    let received = told.pick(|kind| match kind {
        EventKind::GotBody(info) => Some(info.bytes),
        _ => None,
    });
    // Padding is no body.
    assert_eq!(received.iter().sum::<u64>(), 5);
}

#[tokio::test(start_paused = true)]
async fn settings_are_told_when_they_came_with_what_they_name() {
    let peer = peer(|h| {
        h.expect_request(1)
            .delay(10)
            .send_settings(|settings| settings.max_concurrent_streams(7).header_table_size(0))
            .delay(10)
            .send_settings(|settings| settings.initial_window_size(100))
            .delay(10)
            .respond(1, 200, "")
            .delay(10)
            .send_settings(|settings| settings.max_frame_size(17_000))
            .expect_settings_ack()
            .expect_settings_ack()
            .expect_settings_ack()
            .raise("settled")
    });
    let told = told(
        peer,
        |client| client,
        async |client, peer| {
            rig::fetch(client, get("/")).await.unwrap();
            peer.wait_for("settled").await;
        },
    );
    let told = told.await;
    assert_eq!(told.all(EventName::SettingsReceived), [10, 20, 40]);
    let events = told.events.iter();
    let settings: Vec<_> = events
        .filter_map(|event| match &event.kind {
            EventKind::SettingsReceived(info) => Some((event.call.is_some(), info)),
            _ => None,
        })
        .collect();
    let (of_call, first) = settings[0];
    assert!(of_call);
    assert_eq!(first.max_concurrent_streams, Some(7));
    assert_eq!(first.header_table_size, Some(0));
    assert_eq!(first.initial_window_size, None);
    assert_eq!(settings[1].1.initial_window_size, Some(100));
    // By then no call was on the connection.
    assert!(!settings[2].0);
    assert_eq!(settings[2].1.max_frame_size, Some(17_000));
}

#[tokio::test]
async fn over_tls_a_slow_answer_is_waited_for_between_request_and_first_byte() {
    let ca = TestCa::new();
    let tls = ca.server(&["127.0.0.1"]).alpn(&["h2", "http/1.1"]).config();
    let peer = Peer::loopback().conn(|c| {
        c.start_tls(tls).http2(|h| {
            h.handshake()
                .expect_end(1)
                .delay(40)
                .respond(1, 200, "hello")
        })
    });
    let leaks = Leaks::watch(&peer);
    let checker = Checker::new();
    let url = peer.url("/").replacen("http", "https", 1);
    let client = rig::trusting(&ca).build();
    let text = rig::fetch(&client, rig::get_url(&url, &checker)).await;
    assert_eq!(text.unwrap(), "hello");
    drop(client);
    leaks.assert_none().await;

    let events = checker.finish().await;
    // They come right after the handshake, as a rule before the request has its stream; they are told to it all the same.
    let settings = events
        .iter()
        .find(|event| event.name() == EventName::SettingsReceived);
    assert!(settings.is_some_and(|settings| settings.call.is_some()));
    let at = |name| rig::first(&events, name).at;
    let report = peer.finish().await;
    let h2 = &report.conn(0).http2;
    assert_eq!(report.conn(0).tls[0].alpn.as_deref(), Some("h2"));
    let head = h2.sent_to(1, Kind::Headers)[0];
    let instants = [
        ("TlsHandshakeDone", at(EventName::TlsHandshakeDone)),
        ("GotConn", at(EventName::GotConn)),
        ("WroteHeaders", at(EventName::WroteHeaders)),
        ("WroteRequest", at(EventName::WroteRequest)),
        ("the peer has the request", h2.request(1).at),
        ("the peer answers", head.begun),
        ("GotFirstResponseByte", at(EventName::GotFirstResponseByte)),
        ("GotResponseHeaders", at(EventName::GotResponseHeaders)),
        ("BodyDone", at(EventName::BodyDone)),
    ];
    for pair in instants.windows(2) {
        let [(before, first), (after, second)] = pair else {
            continue;
        };
        let by = first.saturating_duration_since(*second);
        assert!(first <= second, "{before} is {by:?} after {after}");
    }
}
