//! What is told of an exchange does not depend on how its bytes are split, and a connection that breaks off after any
//! byte of a response is told of as such.

mod rig;

use std::sync::Arc;

use httptrace::EventKind;
use httptrace_client::Error;
use httptrace_test::{Checker, DuplexPeer, Script};
use proptest::prelude::*;
use rig::{fetch, get_url, in_memory, request_to, soon};

const URL: &str = "http://example.com/";

/// Responses whose end is known, each with its body.
const RESPONSES: [(&str, &str); 5] = [
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello"),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nhel\r\n2\r\nlo\r\n0\r\nT: v\r\n\r\n",
        "hello",
    ),
    (
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi",
        "hi",
    ),
    ("HTTP/1.1 204 No Content\r\nVia: one\r\n\r\n", ""),
    (
        "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi",
        "hi",
    ),
];

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

/// Has a request answered as scripted, under a checker.
async fn account(
    method: &str,
    body: &'static str,
    buffer: usize,
    script: impl FnOnce(Script) -> Script,
) -> Account {
    let peer = DuplexPeer::with_buffer(buffer).conn(|c| script(c).client_may_leave());
    let peer = Arc::new(peer);
    let client = in_memory(&peer).build();
    let checker = Checker::new();
    let request = match body {
        "" => get_url(URL, &checker),
        body => request_to(method, URL, &checker, body),
    };
    let text: Result<String, Error> = soon(fetch(&client, request)).await;
    // What became of the connection belongs to the account.
    drop(client);
    let events = checker.finish().await;
    let mut account = Account {
        text: text.map_err(|error| error.to_string()),
        names: events
            .iter()
            .map(|event| event.name().to_string())
            .collect(),
        sent: 0,
        received: 0,
        facts: Vec::new(),
    };
    account.names.dedup();
    for event in &events {
        match &event.kind {
            EventKind::WroteBody(info) => account.sent += info.bytes,
            EventKind::GotBody(info) => account.received += info.bytes,
            EventKind::WroteRequest(info) => account.facts.push(format!("{info:?}")),
            EventKind::Got1xxResponse(info) => account.facts.push(format!("{info:?}")),
            EventKind::GotResponseHeaders(info) => account.facts.push(format!("{info:?}")),
            EventKind::BodyDone(info) => account.facts.push(format!("{info:?}")),
            EventKind::ConnClosed(info) => account.facts.push(format!("{info:?}")),
            EventKind::PutIdleConn(info) => account.facts.push(format!("{info:?}")),
            _ => {}
        }
    }
    account
}

#[tokio::test(start_paused = true)]
async fn a_response_cut_in_two_at_any_byte_is_told_of_as_if_it_came_at_once() {
    for (response, body) in RESPONSES {
        let whole = account("GET", "", 1 << 16, |c| c.exchange(response)).await;
        assert_eq!(whole.text.as_deref(), Ok(body));
        assert_eq!(whole.received, body.len() as u64);
        for at in 1..response.len() {
            let (before, after) = response.split_at(at);
            let cut = account("GET", "", 1 << 16, |c| {
                c.exchange(before).delay(1).send(after)
            });
            assert_eq!(cut.await, whole, "{before:?} then {after:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_ends_within_a_response_is_an_error_after_any_byte() {
    for (response, body) in RESPONSES {
        for at in 0..response.len() {
            let (sent, missing) = response.split_at(at);
            let account = account("GET", "", 1 << 16, |c| c.exchange(sent).close()).await;
            let error = account.text.expect_err(sent);
            assert!(!error.is_empty());
            assert!(account.received <= body.len() as u64);
            let closed = account.facts.iter().filter(|f| f.starts_with("ConnClosed"));
            assert_eq!(closed.count(), 1, "{sent:?} without {missing:?}");
            let kept = account.names.iter().any(|name| name == "put_idle_conn");
            assert!(!kept, "{sent:?} without {missing:?}");
            let has_begun = account.names.iter().any(|n| n == "got_first_response_byte");
            assert_eq!(has_begun, at > 0);
            // The final head, and after it the body, is told of if and only if it was there.
            let final_head = response.find("HTTP/1.1 200").unwrap_or_default();
            let end = response[final_head..].find("\r\n\r\n").unwrap() + 4 + final_head;
            let told = |name: &str| account.names.iter().any(|known| known == name);
            assert_eq!(told("got_response_headers"), at >= end, "{sent:?}");
            assert_eq!(told("body_done"), at >= end, "{sent:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_leaves_in_pieces_of_any_size_is_told_of_as_if_it_left_at_once() {
    const BODY: &str = "a body of some bytes";
    let script = |c: Script| {
        c.expect_head()
            .expect_body(BODY.len())
            .send("HTTP/1.1 204 No Content\r\n\r\n")
    };
    let whole = account("PUT", BODY, 1 << 16, script).await;
    assert_eq!(whole.text.as_deref(), Ok(""));
    assert_eq!(whole.sent, BODY.len() as u64);
    // No pipe holds more than the head and the body have together.
    for buffer in 1..160 {
        assert_eq!(
            account("PUT", BODY, buffer, script).await,
            whole,
            "{buffer}"
        );
    }
}

/// A chunked response of any chunks, and its body.
fn chunked() -> impl Strategy<Value = (String, String)> {
    let chunks = proptest::collection::vec("[a-z]{1,20}", 0..5);
    (chunks, any::<bool>(), 0..3_usize).prop_map(|(chunks, upper, hints)| {
        let mut response = "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(hints);
        response += "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        for chunk in &chunks {
            let size = match upper {
                true => format!("{:X}", chunk.len()),
                false => format!("{:04x}", chunk.len()),
            };
            response += &format!("{size}\r\n{chunk}\r\n");
        }
        (response + "0\r\n\r\n", chunks.concat())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_chunks_in_any_pieces_are_told_of_as_if_they_came_at_once(
        (response, body) in chunked(),
        sizes in proptest::collection::vec(1..30_usize, 0..20),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        let (whole, split) = runtime.block_on(async {
            let whole = account("GET", "", 1 << 16, |c| c.exchange(&response)).await;
            let split = account("GET", "", 1 << 16, |c| c.expect_head().send_split(&response, &sizes));
            (whole, split.await)
        });
        prop_assert_eq!(whole.text.as_deref(), Ok(&*body));
        prop_assert_eq!(whole.received, body.len() as u64);
        prop_assert_eq!(split, whole);
    }
}
