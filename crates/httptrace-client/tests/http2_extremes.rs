//! Settings of HTTP/2 at their extremes, of both sides, and streams that are reset by the thousand: exchanges are right
//! all the same, or the error says why not.

mod rig;

use std::time::Duration;

use httptrace::EventName;
use httptrace_client::ClientBuilder;
use httptrace_test::http2::{Data, Kind, Script, Settings};
use rig::http2::{Told, get, peer, post, told, told_of_one};

const PROTOCOL_ERROR: u32 = 1;
const FLOW_CONTROL_ERROR: u32 = 3;
const FRAME_SIZE_ERROR: u32 = 6;
const CANCEL: u32 = 8;
const LARGEST_WINDOW: u32 = (1 << 31) - 1;
const LARGEST_FRAME: u32 = (1 << 24) - 1;

/// A body of so many bytes, no two places alike within 251.
fn body(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|place| (place % 251) as u8).collect()
}

/// Has a client send a body to a server with these settings, and take it back.
async fn echoed(settings: impl FnOnce(Settings) -> Settings, bytes: usize) -> Told {
    let peer = peer(|h| {
        h.giving_back()
            .handshake_with(settings)
            .expect_settings_ack()
            .expect_end(1)
            .respond(1, 200, "thanks")
    });
    let sent = body(bytes);
    let told = told(peer, plain, async |client, _| {
        let text = rig::fetch(client, post("/", sent.clone())).await;
        assert_eq!(text.unwrap(), "thanks");
    });
    let told = told.await;
    assert!(told.h2().request(1).body == sent, "another body");
    told
}

fn plain(client: ClientBuilder) -> ClientBuilder {
    client
}

/// What comes of one request to a client set up so.
async fn answered(
    script: impl FnOnce(Script) -> Script,
    set_up: impl FnOnce(ClientBuilder) -> ClientBuilder,
) -> (Told, Result<String, String>) {
    let mut text = None;
    let told = told(peer(script), set_up, async |client, _| {
        let fetched = rig::fetch(client, get("/")).await;
        text = Some(fetched.map_err(|error| error.to_string()));
    });
    let told = told.await;
    (told, text.expect("it was fetched"))
}

#[tokio::test(start_paused = true)]
async fn a_body_fits_into_the_smallest_frames_and_the_largest() {
    for size in [16_384, LARGEST_FRAME] {
        let told = echoed(
            |s| s.max_frame_size(size).initial_window_size(LARGEST_WINDOW),
            200_000,
        );
        let told = told.await;
        let frames = told.h2().received_of(Kind::Data);
        let longest = frames.iter().map(|frame| frame.payload.len()).max();
        assert!(longest <= Some(size as usize), "{longest:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_may_send_frames_as_large_as_it_was_told_and_no_larger() {
    let script = |bytes: usize| {
        move |h: Script| {
            let data = "x".repeat(bytes);
            let h = h.handshake().expect_request(1).send_head(1, 200);
            h.send_last_data(1, Data::new(data).in_frames_of(bytes))
        }
    };
    let set_up = |client: ClientBuilder| client.http2_max_frame_size(20_000);
    let (_, text) = answered(script(20_000), set_up).await;
    assert_eq!(text.unwrap().len(), 20_000);
    let refused = |h| script(20_001)(h).expect_go_away(FRAME_SIZE_ERROR);
    let (_, text) = answered(refused, set_up).await;
    let error = text.unwrap_err();
    assert!(error.contains("FRAME_SIZE_ERROR"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn without_a_table_every_request_has_its_fields_whole() {
    let peer = peer(|h| {
        h.handshake_with(|s| s.header_table_size(0))
            .expect_settings_ack()
            .expect_request(1)
            .respond(1, 200, "")
            .expect_request(2)
            .respond(2, 200, "")
    });
    let told = told(peer, plain, async |client, _| {
        for _ in 0..2 {
            let mut request = get("/any?thing");
            let value = "of its own".parse().unwrap();
            request.headers_mut().insert("x-field", value);
            rig::fetch(client, request).await.unwrap();
        }
    });
    let told = told.await;
    let [first, second] = [1, 2].map(|number| &told.h2().request(number).fields);
    assert_eq!(first, second);
    assert!(format!("{first:?}").contains("of its own"), "{first:?}");
}

#[tokio::test(start_paused = true)]
async fn a_window_of_nothing_is_widened_byte_by_byte() {
    let peer = peer(|h| {
        h.handshake_with(|s| s.initial_window_size(0))
            .expect_request(1)
            .respond(1, 200, "")
            .expect_request(2)
            .send_window_update(2, 1)
            .expect_body(2, 1)
            .send_window_update(2, 1)
            .expect_body(2, 2)
            .send_window_update(2, 1)
            .expect_end(2)
            .respond(2, 200, "thanks")
    });
    let told = told(peer, plain, async |client, _| {
        rig::fetch(client, get("/")).await.unwrap();
        let text = rig::fetch(client, post("/", "abc")).await;
        assert_eq!(text.unwrap(), "thanks");
    });
    let told = told.await;
    assert_eq!(told.h2().request(2).body, b"abc");
    assert_eq!(told.count(EventName::WroteBody), 3);
    let starts = told.count(EventName::FlowControlWaitStart);
    assert!(starts >= 1);
    assert_eq!(told.count(EventName::FlowControlWaitDone), starts);
}

#[tokio::test(start_paused = true)]
async fn a_window_beyond_the_largest_is_an_error_of_the_server() {
    let script = |h: Script| {
        h.handshake_with(|s| s.initial_window_size(LARGEST_WINDOW))
            .expect_request(1)
            .send_window_update(0, LARGEST_WINDOW)
            .expect_go_away(FLOW_CONTROL_ERROR)
    };
    let (_, text) = answered(script, plain).await;
    let error = text.unwrap_err();
    assert!(error.contains("not valid (FLOW_CONTROL_ERROR"), "{error}");
    let script = |h: Script| {
        // The RFC would have FLOW_CONTROL_ERROR.
        h.handshake_with(|s| s.initial_window_size(LARGEST_WINDOW + 1))
            .expect_go_away(PROTOCOL_ERROR)
    };
    let (_, text) = answered(script, plain).await;
    let error = text.unwrap_err();
    assert!(error.contains("not valid (PROTOCOL_ERROR"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_response_comes_through_a_window_of_one_byte() {
    let script = |h: Script| {
        let h = h.handshake().expect_request(1).send_head(1, 200);
        let h = h.send_data(1, "a").expect_widened(1, 1);
        let h = h.send_data(1, "b").expect_widened(1, 2);
        h.send_last_data(1, "c")
    };
    let set_up = |client: ClientBuilder| client.http2_initial_stream_window_size(1);
    let (told, text) = answered(script, set_up).await;
    assert_eq!(text.as_deref(), Ok("abc"));
    assert_eq!(told.count(EventName::GotBody), 3);
    // More than that is too much.
    let script = |h: Script| {
        let h = h.handshake().expect_request(1).send_head(1, 200);
        h.send_data(1, "ab").expect_reset(1, FLOW_CONTROL_ERROR)
    };
    let set_up = |client: ClientBuilder| client.http2_initial_stream_window_size(1);
    let (_, text) = answered(script, set_up).await;
    let error = text.unwrap_err();
    assert!(error.contains("FLOW_CONTROL_ERROR"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn the_largest_windows_of_ours_are_no_more_than_there_can_be() {
    let script = |h: Script| h.handshake().expect_request(1).respond(1, 200, "hello");
    let set_up = |client: ClientBuilder| {
        client
            .http2_initial_stream_window_size(LARGEST_WINDOW)
            .http2_initial_connection_window_size(LARGEST_WINDOW)
            .http2_max_frame_size(LARGEST_FRAME)
    };
    let (_, text) = answered(script, set_up).await;
    assert_eq!(text.as_deref(), Ok("hello"));
}

#[tokio::test(start_paused = true)]
async fn what_comes_on_a_stream_that_is_forgotten_harms_no_other() {
    for remembered in [0, 50] {
        let peer = peer(|h| {
            h.handshake()
                .expect_reset(1, CANCEL)
                .delay(5000)
                .send_head(1, 200)
                .send_data(1, "late")
                .expect_request(2)
                .respond(2, 200, "hello")
        });
        let set_up = |client: ClientBuilder| client.http2_max_concurrent_reset_streams(remembered);
        let told = told(peer, set_up, async |client, _| {
            let limit = Duration::from_millis(30);
            let sending = client.send(get("/"));
            assert!(tokio::time::timeout(limit, sending).await.is_err());
            tokio::time::sleep(Duration::from_secs(6)).await;
            let text = rig::fetch(client, get("/")).await;
            assert_eq!(text.unwrap(), "hello", "{remembered} are remembered");
        });
        assert_eq!(told.await.report.accepted(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_closes_after_its_settings_has_closed_the_connection() {
    let peer = peer(|h| h.handshake().expect_request(1).close());
    let (_, text) = told_of_one(peer, get("/")).await;
    let said = "the server closed the connection before its response";
    assert_eq!(text.unwrap_err(), said);
}
