//! What is told of an exchange over HTTP/2 does not depend on how its bytes are split, and a connection that breaks off
//! after any byte is told of as such.

mod rig;

use http_body_util::BodyExt;
use httptrace::EventKind;
use httptrace_test::DuplexPeer;
use httptrace_test::http2::{Data, Frame, Head, Kind, Script};
use proptest::prelude::*;
use rig::Pieces;
use rig::http2::{Told, post, told};

/// What a call came to, and what was told of it.
#[derive(Debug, PartialEq)]
struct Account {
    text: Result<String, String>,
    /// The names of the events; progress, of which there may be more or less, once each.
    names: Vec<String>,
    sent: u64,
    received: u64,
    /// Facts that the bytes decide.
    facts: Vec<String>,
}

/// A response of all that there is, once the request is whole.
fn respond(script: Script) -> Script {
    let head = Head::status(200).field("x-field", "value").padded(3);
    script
        .send_head(1, Head::status(103).field("link", "</a>"))
        .send_ping([7; 8])
        .send_head(1, head.continued_after(&[7, 4]))
        .send_settings(|settings| settings.max_frame_size(20_000))
        .send_data(1, Data::new("hello, ").padded(2))
        .send_window_update(0, 5)
        .send_frame(Kind::Other(0xfa), 0, 0, "unknown")
        .send_data(1, Data::new("world"))
        .send_trailers(1, &[("x-sum", "1")])
}

/// Has a request answered as scripted, from the moment when the connection has settled.
async fn account(buffer: usize, script: impl FnOnce(Script) -> Script) -> Account {
    let peer = DuplexPeer::with_buffer(buffer).conn(|c| {
        c.client_may_leave().http2(|h| {
            let settled = h.handshake().expect_settings_ack().expect_end(1);
            script(settled)
        })
    });
    let mut text = Err("it was not fetched".to_owned());
    let told = told(
        peer,
        |client| client,
        async |client, _| {
            let body = Pieces::new()
                .data("some")
                .data("thing")
                .trailer("x-sum", "9");
            text = fetch(client, body).await;
        },
    );
    of(&told.await, text)
}

async fn fetch(client: &httptrace_client::Client, body: Pieces) -> Result<String, String> {
    let response = client.send(post("/", body.body())).await;
    let response = response.map_err(|error| error.to_string())?;
    let body = response.into_body().collect().await;
    let body = body.map_err(|error| error.to_string())?;
    let trailers = format!("{:?}", body.trailers());
    let text = String::from_utf8_lossy(&body.to_bytes()).into_owned();
    Ok(text + &trailers)
}

fn of(told: &Told, text: Result<String, String>) -> Account {
    let mut account = Account {
        text,
        names: told.names(),
        sent: 0,
        received: 0,
        facts: Vec::new(),
    };
    // They may come before or after others of the same instant.
    account.names.retain(|name| name != "settings_received");
    account.names.dedup();
    for event in &told.events {
        match &event.kind {
            EventKind::WroteBody(info) => account.sent += info.bytes,
            EventKind::GotBody(info) => account.received += info.bytes,
            EventKind::WroteRequest(info) => account.facts.push(format!("{info:?}")),
            EventKind::Got1xxResponse(info) => account.facts.push(format!("{info:?}")),
            EventKind::GotResponseHeaders(info) => account.facts.push(format!("{info:?}")),
            EventKind::BodyDone(info) => account.facts.push(format!("{info:?}")),
            EventKind::ConnClosed(info) => account.facts.push(format!("{info:?}")),
            EventKind::StreamOpened(info) => account.facts.push(format!("{info:?}")),
            EventKind::StreamReset(info) => account.facts.push(format!("{info:?}")),
            _ => {}
        }
    }
    account
}

async fn whole() -> Account {
    let whole = account(1 << 16, respond).await;
    let text = whole.text.as_deref().unwrap();
    assert!(text.starts_with("hello, world") && text.contains("x-sum"));
    assert_eq!((whole.sent, whole.received), (9, 12));
    whole
}

#[tokio::test(start_paused = true)]
async fn a_response_in_pieces_of_any_size_is_told_of_as_if_it_came_at_once() {
    let whole = whole().await;
    for size in 1..30 {
        for pause in [0, 1] {
            let pieces = account(1 << 16, |h| respond(h.in_pieces_of(size, pause)));
            assert_eq!(pieces.await, whole, "pieces of {size}, {pause} ms between");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn pipes_of_any_size_make_no_difference() {
    let whole = whole().await;
    for buffer in (1..40).chain([100, 250, 999]) {
        assert_eq!(account(buffer, respond).await, whole, "{buffer}");
    }
}

/// The frames of the response, as a peer sends them.
async fn frames() -> Vec<Vec<u8>> {
    let peer = DuplexPeer::new()
        .conn(|c| c.http2(|h| respond(h.handshake().expect_settings_ack().expect_end(1))));
    let told = told(
        peer,
        |client| client,
        async |client, _| {
            fetch(client, Pieces::new().data("something"))
                .await
                .unwrap();
        },
    );
    let told = told.await;
    let since = told.h2().request(1).ended_at.unwrap();
    let sent = told.h2().sent.iter().filter(|frame| !frame.is_ack());
    let of_it = sent.filter(|frame| frame.begun >= since);
    // The first are the settings of the handshake.
    of_it.skip(1).map(Frame::bytes).collect()
}

#[tokio::test(start_paused = true)]
async fn a_response_cut_in_two_at_any_byte_is_told_of_as_if_it_came_at_once() {
    let whole = whole().await;
    let bytes = frames().await.concat();
    for at in 1..bytes.len() {
        let (before, after) = bytes.split_at(at);
        let cut = account(1 << 16, |h| h.send_raw(before).delay(1).send_raw(after));
        assert_eq!(cut.await, whole, "{at} of {}", bytes.len());
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_ends_within_a_response_is_an_error_after_any_byte() {
    let frames = frames().await;
    let (hints, bytes) = (frames[0].len(), frames.concat());
    for at in 0..bytes.len() {
        let account = account(1 << 16, |h| h.send_raw(&bytes[..at]).delay(1).close()).await;
        let error = account.text.expect_err("the response is not whole");
        assert!(!error.is_empty());
        let told = |name: &str| account.names.iter().any(|known| known == name);
        // Before its head is whole, a frame might be any.
        assert_eq!(told("got_first_response_byte"), at >= 9, "{at}");
        assert_eq!(told("got_1xx_response"), at >= hints, "{at}");
        assert_eq!(told("got_response_headers"), told("body_done"), "{at}");
        let closed = account.facts.iter().filter(|f| f.starts_with("ConnClosed"));
        assert_eq!(closed.count(), 1, "{at}");
        assert!(account.received <= 12);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn any_frames_in_any_pieces_are_told_of_as_if_they_came_at_once(
        parts in proptest::collection::vec(("[a-z]{0,20}", 0..9_u8), 0..6),
        cuts in proptest::collection::vec(0..12_usize, 0..4),
        size in 1..50_usize,
        hints in 0..3_usize,
    ) {
        let script = |h: Script| {
            let hint = || Head::status(103).field("link", "</a>");
            let head = Head::status(200).field("x", "y").continued_after(&cuts);
            let h = (0..hints).fold(h, |h, _| h.send_head(1, hint()));
            let h = parts.iter().fold(h.send_head(1, head), |h, (text, padding)| {
                h.send_data(1, Data::new(text).padded(*padding))
            });
            h.send_last_data(1, "")
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        let (whole, pieces) = runtime.block_on(async {
            let whole = account(1 << 16, script).await;
            (whole, account(1 << 16, |h| script(h.in_pieces_of(size, 1))).await)
        });
        let text: String = parts.iter().map(|(text, _)| text.as_str()).collect();
        prop_assert_eq!(whole.received, text.len() as u64);
        prop_assert!(whole.text.as_deref().unwrap().starts_with(&text));
        prop_assert_eq!(pieces, whole);
    }
}
