//! Responses' bodies over HTTP/2: absent, late, and given up by a deadline.

mod rig;

use std::time::Duration;

use http::{Method, Request};
use http_body::Body as _;
use http_body_util::BodyExt;
use httptrace::EventName;
use httptrace_client::{Body, Client};
use httptrace_test::DuplexPeer;
use httptrace_test::http2::{Head, Script};
use rig::http2::{Told, bodies, fetch_next, get, next, peer, post, told};
use rig::{Pieces, fetch};

const CANCEL: u32 = 8;

#[tokio::test(start_paused = true)]
async fn a_head_that_names_the_length_of_a_body_that_does_not_come_has_none() {
    for (method, status) in [(Method::HEAD, 200), (Method::GET, 304), (Method::HEAD, 204)] {
        let is_late = status == 200;
        let peer = peer(|h| {
            let head = Head::status(status).field("content-length", "5");
            let h = h.handshake().expect_request(1);
            next(match is_late {
                true => h.send_head(1, head).delay(10).send_last_data(1, ""),
                false => h.send_head(1, head.end_stream()),
            })
        });
        let play = async |client: &Client, _: &DuplexPeer| {
            let mut request = get("/");
            *request.method_mut() = method.clone();
            let response = client.send(request).await.unwrap();
            assert_eq!(response.body().size_hint().exact(), Some(0));
            assert_eq!(response.into_body().text().await.unwrap(), "");
            fetch_next(client).await;
        };
        let told = told(peer, |client| client, play).await;
        assert_eq!(
            bodies(&told)[0],
            ("end", Some(0), None),
            "{method} {status}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_ends_with_an_empty_frame_behind_its_last_byte() {
    let peer = peer(|h| {
        let h = h.handshake().expect_request(1);
        let h = h.send_head(1, Head::status(200).field("content-length", "5"));
        let h = h.send_data(1, "").send_data(1, "hel").send_data(1, "lo");
        h.delay(10).send_last_data(1, "")
    });
    let play = async |client: &Client, _: &DuplexPeer| {
        let mut body = client.send(get("/")).await.unwrap().into_body();
        assert_eq!(body.size_hint().exact(), Some(5));
        let mut text = Vec::new();
        while let Some(frame) = body.frame().await {
            text.extend_from_slice(&frame.unwrap().into_data().unwrap());
            assert_eq!(body.size_hint().exact(), Some(5 - text.len() as u64));
        }
        assert_eq!(text, b"hello");
        assert!(body.is_end_stream());
    };
    let told = told(peer, |client| client, play).await;
    assert_eq!(bodies(&told), [("end", Some(5), None)]);
    assert_eq!(told.at(EventName::BodyDone), 10);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stalls_is_given_up_and_the_connection_is_not() {
    let peer = peer(|h| {
        let h = h.handshake().expect_request(1).send_head(1, 200);
        next(h.send_data(1, "hel").expect_reset(1, CANCEL))
    });
    let play = async |client: &Client, _: &DuplexPeer| {
        let error = fetch(client, get("/")).await.unwrap_err();
        assert!(error.is_timeout(), "{error}");
        fetch_next(client).await;
    };
    let limit = Duration::from_millis(300);
    let told = told(peer, |client| client.idle_body_timeout(limit), play).await;
    assert_eq!(told.report.accepted(), 1);
    assert_eq!(told.all(EventName::BodyDone)[0], 300);
}

/// A request that a deadline of 300 ms ends, whatever it waits for.
async fn too_late(script: impl Fn(Script) -> Script, request: Request<Body>) -> Told {
    let peer = peer(|h| next(script(h).expect_reset(1, CANCEL)));
    let play = async |client: &Client, _: &DuplexPeer| {
        let error = fetch(client, request).await.unwrap_err();
        assert!(error.is_timeout(), "{error}");
        fetch_next(client).await;
    };
    let limit = Duration::from_millis(300);
    let told = told(peer, |client| client.timeout(limit), play).await;
    assert_eq!(told.report.accepted(), 1);
    assert_eq!(told.all(EventName::CallEnd)[0], 300);
    told.call(0)
}

#[tokio::test(start_paused = true)]
async fn a_deadline_resets_the_stream_whatever_it_waits_for() {
    let told = too_late(|h| h.handshake().expect_request(1), get("/")).await;
    assert_eq!(told.count(EventName::WroteRequest), 1);

    let no_room = |h: Script| {
        let h = h.handshake_with(|settings| settings.initial_window_size(0));
        h.expect_request(1)
    };
    let told = too_late(no_room, post("/", "held back")).await;
    assert_eq!(told.at(EventName::WroteRequest), 300);
    assert_eq!(told.at(EventName::FlowControlWaitDone), 300);

    let begun = |h: Script| {
        let h = h.handshake().expect_request(1).send_head(1, 200);
        h.send_data(1, "hel")
    };
    let told = too_late(begun, get("/")).await;
    assert_eq!(told.at(EventName::BodyDone), 300);

    let upload = || post("/", Pieces::new().data("one").never().body());
    let told = too_late(|h| h.handshake().expect_body(1, 3), upload()).await;
    assert_eq!(told.at(EventName::WroteRequest), 300);
    let answered = |h: Script| h.handshake().expect_body(1, 3).send_head(1, 200);
    let told = too_late(answered, upload()).await;
    assert_eq!(told.at(EventName::WroteRequest), 300);
}
