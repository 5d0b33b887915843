//! How large a response's head may be, and all the heads before it.

mod rig;

use std::sync::Arc;

use httptrace::{ClientTrace, EventName, Phase, RequestExt};
use httptrace_client::{ClientBuilder, Error};
use httptrace_test::{Checker, DuplexPeer};
use rig::{HELLO, closings, get_url, in_memory, soon};

const URL: &str = "http://example.com/";
/// 140 bytes, as in Go's TestTransport1xxLimits.
const HINT_SIZE: usize = 140;

fn hint() -> String {
    let head = "HTTP/1.1 103 Early Hints\r\nLink: ";
    format!("{head}{}\r\n\r\n", "x".repeat(HINT_SIZE - head.len() - 4))
}

/// A head of exactly so many bytes, and a body.
fn of_size(bytes: usize) -> String {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Long: ";
    format!("{head}{}\r\n\r\nhello", "x".repeat(bytes - head.len() - 4))
}

/// What comes of a response.
async fn answered(
    response: String,
    set_up: impl FnOnce(ClientBuilder) -> ClientBuilder,
    trace: ClientTrace,
) -> Result<String, Error> {
    let peer = Arc::new(DuplexPeer::new().conn(|c| c.client_may_leave().exchange(response)));
    let client = set_up(in_memory(&peer)).build();
    let checker = Checker::new();
    let request = get_url(URL, &checker).trace(trace);
    let text = match soon(client.send(request)).await {
        Ok(response) => response.into_body().text().await,
        Err(error) => {
            assert_eq!(closings(&checker), [("failed", None)]);
            assert_eq!(checker.count(EventName::GotResponseHeaders), 0);
            Err(error)
        }
    };
    checker.finish().await;
    text
}

fn is_too_large(error: &Error, limit: usize) {
    assert!(error.is_limit(), "{error:?}");
    assert_eq!(error.phase(), Some(Phase::Wait));
    let message = error.to_string();
    assert!(message.contains(&format!("{limit} bytes")), "{message}");
    assert!(message.contains("max_response_header_bytes"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn half_a_megabyte_is_taken_and_a_byte_more_is_not() {
    const LIMIT: usize = 512 * 1024;
    let plain = |builder| builder;
    let text = answered(of_size(LIMIT), plain, ClientTrace::new()).await;
    assert_eq!(text.unwrap(), "hello");
    let text = answered(of_size(LIMIT + 1), plain, ClientTrace::new()).await;
    is_too_large(&text.unwrap_err(), LIMIT);
}

#[tokio::test(start_paused = true)]
async fn the_limit_can_be_raised_to_what_go_takes() {
    const LIMIT: usize = 10 << 20;
    let raised = |builder: ClientBuilder| builder.max_response_header_bytes(LIMIT);
    let text = answered(of_size(LIMIT), raised, ClientTrace::new()).await;
    assert_eq!(text.unwrap(), "hello");
    let text = answered(of_size(LIMIT + 1), raised, ClientTrace::new()).await;
    is_too_large(&text.unwrap_err(), LIMIT);
}

#[tokio::test(start_paused = true)]
async fn the_limit_can_be_lowered_below_what_a_buffer_holds() {
    let lowered = |builder: ClientBuilder| builder.max_response_header_bytes(100);
    let text = answered(of_size(100), lowered, ClientTrace::new()).await;
    assert_eq!(text.unwrap(), "hello");
    let text = answered(of_size(101), lowered, ClientTrace::new()).await;
    is_too_large(&text.unwrap_err(), 100);
}

#[tokio::test(start_paused = true)]
async fn too_many_fields_are_too_large_too() {
    let many = format!("HTTP/1.1 204 No Content\r\n{}\r\n", "A: b\r\n".repeat(513));
    let text = answered(many, |builder| builder, ClientTrace::new()).await;
    assert!(text.unwrap_err().to_string().contains("512 fields"));
}

// The sub-tests of Go's TestTransport1xxLimits: twenty hints against a limit of a thousand bytes.

#[tokio::test(start_paused = true)]
async fn hints_count_towards_the_limit() {
    let hints = format!("{}{HELLO}", hint().repeat(20));
    let lowered = |builder: ClientBuilder| builder.max_response_header_bytes(1000);
    let text = answered(hints.clone(), lowered, ClientTrace::new()).await;
    is_too_large(&text.unwrap_err(), 1000);
    let text = answered(hints, |builder| builder, ClientTrace::new()).await;
    assert_eq!(text.unwrap(), "hello");
}

#[tokio::test(start_paused = true)]
async fn hints_that_a_hook_looks_at_do_not_count() {
    let hints = format!("{}{HELLO}", hint().repeat(20));
    let lowered = |builder: ClientBuilder| builder.max_response_header_bytes(1000);
    let deciding = ClientTrace::new().on_got_1xx_response(|_| Ok(()));
    let text = answered(hints, lowered, deciding).await;
    assert_eq!(text.unwrap(), "hello");
}

#[tokio::test(start_paused = true)]
async fn the_final_head_counts_with_the_hints_before_it() {
    // Each alone is small enough.
    let answer = format!("{}{}", hint().repeat(5), of_size(500));
    let lowered = |builder: ClientBuilder| builder.max_response_header_bytes(1000);
    let text = answered(answer.clone(), lowered, ClientTrace::new()).await;
    is_too_large(&text.unwrap_err(), 1000);
    let deciding = ClientTrace::new().on_got_1xx_response(|_| Ok(()));
    assert_eq!(answered(answer, lowered, deciding).await.unwrap(), "hello");
}

#[tokio::test(start_paused = true)]
async fn trailers_have_the_same_limit() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n";
    let answer = format!("{chunked}X-Long: {}\r\n\r\n", "x".repeat(2000));
    let lowered = |builder: ClientBuilder| builder.max_response_header_bytes(1000);
    let text = answered(answer.clone(), lowered, ClientTrace::new()).await;
    assert!(text.unwrap_err().is_body());
    let text = answered(answer, |builder| builder, ClientTrace::new()).await;
    assert_eq!(text.unwrap(), "hello");
}

#[test]
#[should_panic(expected = "would let no response through")]
fn a_limit_of_nothing_is_a_mistake() {
    let _ = ClientBuilder::new().max_response_header_bytes(0);
}
