//! What a server may not do to a client over HTTP/2, and what is said of one that does: header lists, informational
//! responses, resets and floods beyond all measure; and servers that speak something else.

mod rig;

use std::fmt::Debug;

use httptrace::{ClientTrace, ErrorKind, EventKind, EventName, Phase, RequestExt};
use httptrace_client::{ClientBuilder, Error};
use httptrace_test::DuplexPeer;
use httptrace_test::http2::{Data, Head, Kind, Script};
use rig::http2::{Told, get, peer, post, told};

const PROTOCOL_ERROR: u32 = 1;
const CANCEL: u32 = 8;
const ENHANCE_YOUR_CALM: u32 = 11;

/// What comes of requests, one after the other, to a peer, with a client set up so.
async fn results(
    peer: DuplexPeer,
    set_up: impl FnOnce(ClientBuilder) -> ClientBuilder,
    trace: ClientTrace,
    requests: usize,
) -> (Told, Vec<Result<String, Error>>) {
    let mut results = Vec::new();
    let told = told(peer, set_up, async |client, _| {
        for _ in 0..requests {
            let request = get("/").trace(trace.clone());
            results.push(rig::fetch(client, request).await);
        }
    });
    (told.await, results)
}

/// What comes of one request.
async fn result(
    script: impl FnOnce(Script) -> Script,
    set_up: impl FnOnce(ClientBuilder) -> ClientBuilder,
) -> (Told, Result<String, Error>) {
    let (told, results) = results(peer(script), set_up, ClientTrace::new(), 1).await;
    (told, results.into_iter().next().expect("there was one"))
}

/// A client as it comes.
fn plain(client: ClientBuilder) -> ClientBuilder {
    client
}

#[track_caller]
fn is_error<T: Debug>(result: &Result<T, Error>, kind: ErrorKind, phase: Phase, words: &[&str]) {
    let error = result.as_ref().unwrap_err();
    let message = error.to_string();
    assert_eq!(error.kind(), kind, "{error:?}");
    assert_eq!(error.phase(), Some(phase), "{message}");
    for word in words {
        assert!(message.contains(word), "{message}");
    }
}

/// Why the connections were closed, with the class of the error if there was one.
fn closings(told: &Told) -> Vec<(&'static str, Option<ErrorKind>)> {
    told.pick(|kind| match kind {
        EventKind::ConnClosed(info) => {
            let error = info.error.as_ref().map(|error| error.kind());
            Some((info.reason.as_str(), error))
        }
        _ => None,
    })
}

/// A head whose header list has so many bytes, as RFC 9113 section 6.5.2 counts them.
fn head_of(bytes: usize) -> Head {
    let status = ":status".len() + "200".len() + 32;
    let field = "x-long".len() + 32;
    Head::status(200).field("x-long", "x".repeat(bytes - status - field))
}

#[tokio::test(start_paused = true)]
async fn a_header_list_that_is_too_large_is_refused_and_the_connection_goes_on() {
    let peer = peer(|h| {
        h.handshake()
            .expect_request(1)
            .send_head(1, head_of(1001))
            .expect_reset(1, PROTOCOL_ERROR)
            .expect_request(2)
            .respond(2, head_of(999), "hello")
    });
    let set_up = |client: ClientBuilder| client.http2_max_header_list_size(1000);
    let (told, results) = results(peer, set_up, ClientTrace::new(), 2).await;
    let words = ["1000 bytes", "ClientBuilder::http2_max_header_list_size"];
    is_error(&results[0], ErrorKind::Limit, Phase::Wait, &words);
    assert_eq!(results[1].as_deref().unwrap(), "hello");
    assert_eq!(told.call(0).count(EventName::GotResponseHeaders), 0);
    assert_eq!(told.report.accepted(), 1);
}

#[tokio::test(start_paused = true)]
async fn by_default_a_header_list_may_be_as_large_as_a_head_of_http1() {
    let large = |bytes: usize| {
        move |h: Script| {
            let h = h.handshake().expect_request(1);
            h.respond(1, head_of(bytes).continued_after(&[16_384; 6]), "hello")
        }
    };
    let set_up = |client: ClientBuilder| client.max_response_header_bytes(100_000);
    let (_, fetched) = result(large(99_999), set_up).await;
    assert_eq!(fetched.unwrap(), "hello");
    let (_, refused) = result(large(100_001), set_up).await;
    let words = ["100000 bytes", "ClientBuilder::max_response_header_bytes"];
    is_error(&refused, ErrorKind::Limit, Phase::Wait, &words);
}

#[tokio::test(start_paused = true)]
async fn a_header_list_beyond_all_measure_ends_the_connection() {
    let script = |h: Script| {
        let h = h.handshake().expect_request(1);
        h.send_head(1, head_of(5000))
            .expect_go_away(ENHANCE_YOUR_CALM)
    };
    let set_up = |client: ClientBuilder| client.http2_max_header_list_size(1000);
    let (told, refused) = result(script, set_up).await;
    let words = ["1000 bytes", "ClientBuilder::http2_max_header_list_size"];
    is_error(&refused, ErrorKind::Limit, Phase::Wait, &words);
    assert_eq!(closings(&told), [("failed", Some(ErrorKind::Limit))]);
}

#[tokio::test(start_paused = true)]
async fn trailers_that_are_too_large_are_an_error_and_not_cut_short() {
    let long = "x".repeat(2000);
    let all = [("x-sum", "5"), ("x-long", &*long)];
    for trailers in [&all[..], &all[1..]] {
        let script = |h: Script| {
            let h = h.handshake().expect_request(1).send_head(1, 200);
            h.send_data(1, "hello").send_trailers(1, trailers)
        };
        let set_up = |client: ClientBuilder| client.http2_max_header_list_size(1000);
        let (told, refused) = result(script, set_up).await;
        let words = ["trailers are too large", "1000 bytes"];
        is_error(&refused, ErrorKind::Limit, Phase::Receive, &words);
        assert_eq!(closings(&told), [("client_dropped", None)]);
        let (_, fetched) = result(script, plain).await;
        assert_eq!(fetched.unwrap(), "hello");
    }
}

#[tokio::test(start_paused = true)]
async fn a_header_list_without_end_ends_the_connection() {
    let script = |h: Script| {
        let h = h.handshake().expect_request(1);
        let h = h.send_frame(Kind::Headers, 0, 1, *b"\x88");
        let endless = (0..30).fold(h, |h, _| h.send_frame(Kind::Continuation, 0, 1, []));
        endless.expect_go_away(ENHANCE_YOUR_CALM)
    };
    let set_up = |client: ClientBuilder| client.http2_max_header_list_size(10_000);
    let (told, refused) = result(script, set_up).await;
    let words = ["too many CONTINUATION frames"];
    is_error(&refused, ErrorKind::Limit, Phase::Wait, &words);
    assert_eq!(closings(&told), [("failed", Some(ErrorKind::Limit))]);
}

#[tokio::test(start_paused = true)]
async fn a_head_that_is_not_valid_is_not_called_too_large() {
    let script = |h: Script| {
        let h = h.handshake().expect_request(1);
        h.send_head(1, Head::status(200).field(":status", "200"))
            .expect_reset(1, PROTOCOL_ERROR)
    };
    let (_, refused) = result(script, plain).await;
    is_error(&refused, ErrorKind::Protocol, Phase::Wait, &["not valid"]);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_the_server_says_is_too_large_is_not_sent() {
    let peer = peer(|h| {
        h.handshake_with(|s| s.max_header_list_size(300))
            .expect_request(1)
            .respond(1, 200, "")
    });
    let mut refused = None;
    let told = told(peer, plain, async |client, _| {
        // By the end of this the server's SETTINGS are here.
        rig::fetch(client, get("/")).await.unwrap();
        let mut request = post("/", "body");
        let long = "x".repeat(300).parse().unwrap();
        request.headers_mut().insert("x-long", long);
        refused = Some(rig::fetch(client, request).await);
    });
    let told = told.await;
    let words = ["of which the server takes 300", "MAX_HEADER_LIST_SIZE"];
    is_error(&refused.unwrap(), ErrorKind::Limit, Phase::Send, &words);
    assert_eq!(told.h2().requests.len(), 1);
    assert_eq!(told.call(1).count(EventName::WroteHeaders), 0);
    assert_eq!(told.report.accepted(), 1);
}

/// So many early hints of about a hundred bytes, and the response.
fn hints(number: usize) -> impl Fn(Script) -> Script {
    move |h| {
        let h = h.handshake().expect_request(1);
        let hint = || Head::status(103).field("link", "x".repeat(80));
        let h = (0..number).fold(h, |h, _| h.send_head(1, hint()));
        h.respond(1, 200, "hello")
    }
}

#[tokio::test(start_paused = true)]
async fn a_hundred_informational_responses_are_taken_and_one_more_is_not() {
    let (told, fetched) = result(hints(100), plain).await;
    assert_eq!(fetched.unwrap(), "hello");
    assert_eq!(told.count(EventName::Got1xxResponse), 100);
    let (told, refused) = result(hints(101), plain).await;
    let words = ["too many informational responses"];
    is_error(&refused, ErrorKind::Limit, Phase::Wait, &words);
    assert_eq!(told.count(EventName::GotResponseHeaders), 0);
}

#[tokio::test(start_paused = true)]
async fn informational_responses_that_a_hook_looks_at_do_not_count() {
    let deciding = ClientTrace::new().on_got_1xx_response(|_| Ok(()));
    let (_, results) = results(peer(hints(300)), plain, deciding, 1).await;
    assert_eq!(results[0].as_deref().unwrap(), "hello");
}

#[tokio::test(start_paused = true)]
async fn empty_data_without_end_ends_the_connection() {
    let script = |h: Script| {
        let h = h.handshake().expect_request(1).send_head(1, 200);
        let h = (0..101).fold(h, |h, _| h.send_frame(Kind::Data, 0, 1, []));
        h.expect_go_away(ENHANCE_YOUR_CALM)
    };
    let (told, refused) = result(script, plain).await;
    let error = refused.as_ref().unwrap_err();
    assert!(
        error.to_string().contains("too many DATA frames"),
        "{error}"
    );
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert_eq!(closings(&told), [("failed", Some(ErrorKind::Limit))]);
}

#[tokio::test(start_paused = true)]
async fn floods_of_pings_and_settings_are_answered_and_harm_nobody() {
    const FLOOD: usize = 1000;
    let script = |h: Script| {
        let h = h.handshake().expect_request(1);
        let h = (0..FLOOD).fold(h, |h, _| {
            h.send_ping(*b"any ping").send_settings(|settings| settings)
        });
        let h = (0..FLOOD).fold(h, |h, _| h.expect_pong().expect_settings_ack());
        h.respond(1, 200, "hello")
    };
    let (told, fetched) = result(script, plain).await;
    assert_eq!(fetched.unwrap(), "hello");
    assert_eq!(told.count(EventName::SettingsReceived), FLOOD + 1);
    assert_eq!(told.count(EventName::Pong), 0);
}

#[tokio::test(start_paused = true)]
async fn small_messages_that_nobody_has_read_yet_harm_nobody() {
    // As many of 16 bytes as a stream's window has room for.
    const BYTES: u32 = 16_384;
    let peer = peer(|h| {
        h.handshake()
            .expect_request(1)
            .send_head(1, 200)
            .send_last_data(1, Data::new([b'x'; BYTES as usize]).in_frames_of(16))
            .expect_request(2)
            .respond(2, 200, "hello")
    });
    let set_up = |client: ClientBuilder| {
        let client = client.http2_initial_stream_window_size(BYTES);
        client.http2_initial_connection_window_size(65_535)
    };
    let told = told(peer, set_up, async |client, _| {
        let streaming = client.send(get("/")).await.unwrap();
        assert_eq!(rig::fetch(client, get("/")).await.unwrap(), "hello");
        let messages = streaming.into_body().bytes().await.unwrap();
        assert_eq!(messages.len(), BYTES as usize);
    });
    assert_eq!(told.await.report.accepted(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_still_comes_for_streams_that_are_forgotten_harms_nobody() {
    const FRAMES: usize = 1100;
    let peer = peer(|h| {
        h.handshake()
            .expect_request(1)
            .send_head(1, 200)
            .expect_request(2)
            .send_head(2, 200)
            .expect_reset(1, CANCEL)
            // Each for itself: they would be one to the codec otherwise.
            .in_pieces_of(10, 1)
            .send_data(1, Data::new(vec![b'x'; FRAMES]).in_frames_of(1))
            .send_last_data(2, "hello")
    });
    let set_up = |client: ClientBuilder| client.http2_max_concurrent_reset_streams(0);
    let told = told(peer, set_up, async |client, _| {
        let dropped = client.send(get("/")).await.unwrap();
        let beside = client.send(get("/")).await.unwrap();
        drop(dropped);
        assert_eq!(beside.into_body().text().await.unwrap(), "hello");
    });
    assert_eq!(told.await.report.accepted(), 1);
}
