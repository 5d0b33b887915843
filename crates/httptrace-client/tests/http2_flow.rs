//! Flow control: a body that a window of the peer's holds back is told of as such, for as long as that is so; and what
//! the client takes of its own windows it gives back.

mod rig;

use http_body_util::BodyExt;
use httptrace::{EventKind, EventName};
use httptrace_client::{Body, Client};
use httptrace_test::DuplexPeer;
use httptrace_test::http2::{Data, Kind, Script};
use rig::Pieces;
use rig::http2::{Told, get, peer, post, told};

/// A script whose first request is for the sake of the settings, which the client knows when it is over.
fn settled(script: Script, window: u32) -> Script {
    script
        .handshake_with(|settings| settings.initial_window_size(window))
        .expect_settings_ack()
        .expect_request(1)
        .respond(1, 204, "")
}

/// What is told of the second request, after one without a body.
async fn second(peer: DuplexPeer, body: impl Into<Body>) -> Told {
    let body = body.into();
    let told = told(
        peer,
        |client| client,
        async |client, _| {
            fetch_no_content(client).await;
            let text = rig::fetch(client, post("/", body)).await;
            assert_eq!(text.unwrap(), "done");
        },
    );
    told.await.call(1)
}

async fn fetch_no_content(client: &Client) {
    rig::fetch(client, get("/")).await.unwrap();
}

/// When each wait began, and for which window.
fn starts(told: &Told) -> Vec<(u128, &'static str)> {
    let events = told.events.iter();
    let starts = events.filter_map(|event| match &event.kind {
        EventKind::FlowControlWaitStart(info) => Some((told.ms(event.at), info.window.as_str())),
        _ => None,
    });
    starts.collect()
}

/// When each wait was over, for which window, and whether the body went on.
fn dones(told: &Told) -> Vec<(u128, &'static str, bool)> {
    let events = told.events.iter();
    let dones = events.filter_map(|event| match &event.kind {
        EventKind::FlowControlWaitDone(info) => {
            let goes_on = info.error.is_none();
            Some((told.ms(event.at), info.window.as_str(), goes_on))
        }
        _ => None,
    });
    dones.collect()
}

/// The instants of the frames that carried the second request's body, each with its size.
fn data(told: &Told) -> Vec<(u128, usize)> {
    let frames = told.h2().received_of(Kind::Data).into_iter();
    let of_second = frames.filter(|frame| frame.stream_id == 3 && !frame.payload.is_empty());
    of_second
        .map(|frame| (told.of(frame), frame.payload.len()))
        .collect()
}

/// The instants of progress, each with its size.
fn progress(told: &Told) -> Vec<(u128, u64)> {
    let events = told.events.iter();
    let progress = events.filter_map(|event| match &event.kind {
        EventKind::WroteBody(info) => Some((told.ms(event.at), info.bytes)),
        _ => None,
    });
    progress.collect()
}

#[tokio::test(start_paused = true)]
async fn a_stream_window_of_zero_holds_the_body_back_until_it_is_widened() {
    let peer = peer(|h| {
        settled(h, 0)
            .expect_request(2)
            .delay(30)
            .send_window_update(2, 10)
            .expect_end(2)
            .respond(2, 200, "done")
    });
    let told = second(peer, "0123456789").await;
    assert_eq!(told.at(EventName::WroteHeaders), 0);
    assert_eq!(starts(&told), [(0, "stream")]);
    assert_eq!(dones(&told), [(30, "stream", true)]);
    assert_eq!(data(&told), [(30, 10)]);
    assert_eq!(progress(&told), [(30, 10)]);
    assert_eq!(told.at(EventName::WroteRequest), 30);
}

#[tokio::test(start_paused = true)]
async fn a_window_that_is_widened_bit_by_bit_is_waited_for_each_time() {
    let peer = peer(|h| {
        settled(h, 5)
            .expect_request(2)
            .delay(20)
            .send_window_update(2, 2)
            .delay(20)
            .send_window_update(2, 100)
            .expect_end(2)
            .respond(2, 200, "done")
    });
    let told = second(peer, "0123456789").await;
    assert_eq!(starts(&told), [(0, "stream"), (20, "stream")]);
    assert_eq!(dones(&told), [(20, "stream", true), (40, "stream", true)]);
    assert_eq!(data(&told), [(0, 5), (20, 2), (40, 3)]);
    assert_eq!(progress(&told), [(0, 5), (20, 2), (40, 3)]);
    assert_eq!(told.at(EventName::WroteRequest), 40);
}

#[tokio::test(start_paused = true)]
async fn settings_that_widen_all_streams_end_the_wait() {
    let peer = peer(|h| {
        settled(h, 4)
            .expect_request(2)
            .delay(25)
            .send_settings(|settings| settings.initial_window_size(50))
            .expect_end(2)
            .respond(2, 200, "done")
    });
    let told = second(peer, "0123456789").await;
    assert_eq!(starts(&told), [(0, "stream")]);
    assert_eq!(dones(&told), [(25, "stream", true)]);
    assert_eq!(data(&told), [(0, 4), (25, 6)]);
}

/// A peer that has taken all that the connection carries, and gives nothing back.
fn used_up(script: Script, window: u32) -> Script {
    script
        .handshake_with(|settings| settings.initial_window_size(window))
        .expect_settings_ack()
        .expect_end(1)
        .respond(1, 204, "")
}

/// What is told of a request after one that has used the connection's window up.
async fn after_a_large_one(peer: DuplexPeer) -> Told {
    let told = told(
        peer,
        |client| client,
        async |client, _| {
            let large = post("/", vec![b'x'; 65_535]);
            rig::fetch(client, large).await.unwrap();
            let text = rig::fetch(client, post("/", "0123456789")).await;
            assert_eq!(text.unwrap(), "done");
        },
    );
    told.await.call(1)
}

#[tokio::test(start_paused = true)]
async fn a_connection_window_of_zero_holds_the_body_back_until_it_is_widened() {
    let peer = peer(|h| {
        used_up(h, 65_535)
            .expect_request(2)
            .delay(30)
            .send_window_update(0, 4)
            .delay(10)
            .send_window_update(0, 6)
            .expect_end(2)
            .respond(2, 200, "done")
    });
    let told = after_a_large_one(peer).await;
    assert_eq!(told.at(EventName::WroteHeaders), 0);
    assert_eq!(starts(&told), [(0, "connection"), (30, "connection")]);
    let over = [(30, "connection", true), (40, "connection", true)];
    assert_eq!(dones(&told), over);
    assert_eq!(data(&told), [(30, 4), (40, 6)]);
    assert_eq!(told.at(EventName::WroteRequest), 40);
}

#[tokio::test(start_paused = true)]
async fn the_streams_window_is_told_of_before_the_connections() {
    let peer = peer(|h| {
        h.handshake()
            .expect_end(1)
            .respond(1, 204, "")
            .send_settings(|settings| settings.initial_window_size(0))
            .expect_settings_ack()
            .expect_settings_ack()
            .raise("settled")
            .expect_request(2)
            .delay(20)
            .send_window_update(2, 10)
            .delay(20)
            .send_window_update(0, 10)
            .expect_end(2)
            .respond(2, 200, "done")
    });
    let told = told(
        peer,
        |client| client,
        async |client, peer| {
            let large = post("/", vec![b'x'; 65_535]);
            rig::fetch(client, large).await.unwrap();
            peer.wait_for("settled").await;
            let text = rig::fetch(client, post("/", "0123456789")).await;
            assert_eq!(text.unwrap(), "done");
        },
    );
    let told = told.await.call(1);
    assert_eq!(starts(&told), [(0, "stream"), (20, "connection")]);
    let over = [(20, "stream", true), (40, "connection", true)];
    assert_eq!(dones(&told), over);
    assert_eq!(data(&told), [(40, 10)]);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_just_fits_waits_for_nothing() {
    for body in [
        Pieces::new().data("01234"),
        Pieces::new().data("01234").pause(10),
        Pieces::new().data("012").pause(10).data("34").pause(10),
        Pieces::new().data("01234").pause(10).trailer("x-sum", "5"),
    ] {
        let peer = peer(|h| settled(h, 5).expect_end(2).respond(2, 200, "done"));
        let told = second(peer, body.body()).await;
        assert_eq!(starts(&told), []);
        assert_eq!(told.h2().request(2).body, b"01234");
        let end = told.h2().request(2).ended_at.unwrap();
        assert_eq!(told.at(EventName::WroteRequest), told.ms(end));
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_has_nothing_to_send_yet_waits_for_no_window() {
    let peer = peer(|h| {
        settled(h, 5)
            .expect_request(2)
            .delay(30)
            .send_window_update(2, 100)
            .expect_end(2)
            .respond(2, 200, "done")
    });
    let body = Pieces::new().data("01234").pause(20).data("56789");
    let told = second(peer, body.body()).await;
    assert_eq!(starts(&told), [(20, "stream")]);
    assert_eq!(dones(&told), [(30, "stream", true)]);
    assert_eq!(data(&told), [(0, 5), (30, 5)]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_reset_ends_the_wait_with_an_error() {
    let peer = peer(|h| settled(h, 0).expect_request(2).delay(30).send_reset(2, 2));
    let told = told(
        peer,
        |client| client,
        async |client, _| {
            fetch_no_content(client).await;
            let error = rig::fetch(client, post("/", "0123456789")).await;
            let error = error.unwrap_err().to_string();
            assert!(error.contains("INTERNAL_ERROR"), "{error}");
        },
    );
    let told = told.await.call(1);
    assert_eq!(starts(&told), [(0, "stream")]);
    assert_eq!(dones(&told), [(30, "stream", false)]);
    assert_eq!(told.at(EventName::StreamReset), 30);
    assert_eq!(told.at(EventName::WroteRequest), 30);
    assert_eq!(told.count(EventName::GotFirstResponseByte), 0);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_ends_the_wait_with_an_error() {
    let peer = peer(|h| {
        settled(h, 0)
            .expect_reset(2, 8)
            .expect_request(3)
            .respond(3, 200, "")
    });
    let told = told(
        peer,
        |client| client,
        async |client, _| {
            fetch_no_content(client).await;
            let sending = client.send(post("/", "0123456789"));
            let limit = std::time::Duration::from_millis(30);
            let late = tokio::time::timeout(limit, sending).await;
            assert!(late.is_err());
            // The connection lives on.
            fetch_no_content(client).await;
        },
    );
    let told = told.await;
    assert_eq!(told.report.accepted(), 1);
    let told = told.call(1);
    assert_eq!(starts(&told), [(0, "stream")]);
    assert_eq!(dones(&told), [(30, "stream", false)]);
    let (reset, _) = told.h2().request(2).reset.unwrap();
    assert_eq!(told.ms(reset), 30);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_was_dropped_early_gives_the_connections_window_back() {
    const ROUNDS: usize = 6;
    let peer = peer(|h| {
        let script = h.handshake();
        // The connection's window is 65535 bytes: without giving back, the third round is a breach of it.
        let script = (1..=ROUNDS).fold(script, |script, n| {
            let sent = (n * 30_000) as u64;
            script
                .expect_request(n)
                .send_head(n, 200)
                .send_data(n, vec![b'x'; 30_000])
                .expect_reset(n, 8)
                .expect_widened(0, sent.saturating_sub(40_000))
        });
        script
            .expect_request(ROUNDS + 1)
            .respond(ROUNDS + 1, 200, "whole")
    });
    let told = told(
        peer,
        |client| client.http2_initial_connection_window_size(65_535),
        async |client, _| {
            for _ in 0..ROUNDS {
                let mut response = client.send(get("/")).await.unwrap();
                let frame = response.body_mut().frame().await.unwrap().unwrap();
                assert!(!frame.into_data().unwrap().is_empty());
                drop(response);
            }
            assert_eq!(rig::fetch(client, get("/")).await.unwrap(), "whole");
        },
    );
    let told = told.await;
    assert_eq!(told.report.accepted(), 1);
    assert_eq!(told.count(EventName::StreamReset), ROUNDS);
    let ends = told.pick(|kind| match kind {
        EventKind::BodyDone(info) => Some(info.end.as_str()),
        _ => None,
    });
    assert_eq!(ends[..ROUNDS], ["dropped"; ROUNDS]);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_read_slowly_holds_the_peer_back() {
    let peer = peer(|h| {
        h.handshake()
            .expect_request(1)
            .send_head(1, 200)
            .send_data(1, vec![b'x'; 60_000])
            .raise("sent")
            .expect_widened(1, 30_000)
            .send_last_data(1, Data::new(vec![b'y'; 5535 + 30_000]).padded(0))
    });
    let told = told(
        peer,
        |client| client.http2_initial_stream_window_size(65_535),
        async |client, peer| {
            let response = client.send(get("/")).await.unwrap();
            peer.wait_for("sent").await;
            tokio::time::sleep(std::time::Duration::from_millis(40)).await;
            let body = response.into_body().collect().await.unwrap();
            assert_eq!(body.to_bytes().len(), 60_000 + 5535 + 30_000);
        },
    );
    let told = told.await;
    let widened = told.h2().received_of(Kind::WindowUpdate).into_iter();
    let of_stream = widened.filter(|frame| frame.stream_id == 1);
    // Nothing was given back before it was read.
    assert!(of_stream.into_iter().all(|frame| told.of(frame) == 40));
}

#[tokio::test(start_paused = true)]
async fn after_the_request_was_given_up_no_window_is_waited_for() {
    let peer = peer(|h| {
        settled(h, 5)
            .expect_body(2, 5)
            .send_head(2, 413)
            .delay(20)
            .send_window_update(2, 2)
            .expect_body(2, 7)
            .delay(20)
            .send_last_data(2, "done")
            .expect_reset(2, 0)
    });
    let told = second(
        peer,
        Body::wrap(Pieces::new().data("0123456789").data("more")),
    )
    .await;
    assert_eq!(starts(&told), [(0, "stream")]);
    assert_eq!(dones(&told), [(0, "stream", false)]);
}

#[tokio::test(start_paused = true)]
async fn a_body_of_which_the_codec_has_all_goes_on_after_an_answer_of_success() {
    let peer = peer(|h| {
        settled(h, 5)
            .expect_body(2, 5)
            .respond(2, 200, "done")
            .delay(20)
            .send_window_update(2, 200)
            .expect_end(2)
            .raise("whole")
    });
    let told = told(
        peer,
        |client| client,
        async |client, peer| {
            fetch_no_content(client).await;
            let text = rig::fetch(client, post("/", "0123456789")).await;
            assert_eq!(text.unwrap(), "done");
            peer.wait_for("whole").await;
        },
    );
    let told = told.await.call(1);
    assert_eq!(told.at(EventName::CallEnd), 0);
    assert_eq!(told.at(EventName::WroteRequest), 20);
    assert_eq!(dones(&told), [(20, "stream", true)]);
    assert_eq!(told.count(EventName::StreamReset), 0);
}
