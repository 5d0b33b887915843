//! Bodies of requests and responses: framing, early ends, back-pressure.

mod rig;

use std::sync::Arc;
use std::time::Duration;

use httptrace::{EventKind, EventName};
use httptrace_client::Client;
use httptrace_test::{Checker, DuplexPeer, Peer};
use rig::{HELLO, Pieces, fetch, first, in_memory, request_to, soon};

const URL: &str = "http://example.com/";

#[tokio::test(start_paused = true)]
async fn after_an_early_response_the_connection_is_put_back_when_the_upload_ends() {
    let peer = Arc::new(DuplexPeer::new().conn(|c| {
        let early = c.expect_head().send(HELLO);
        early.expect_chunked_body().client_may_leave()
    }));
    let client = in_memory(&peer).build();
    let checker = Checker::new();
    let body = Pieces::new().data("a").pause(20).data("b").body();
    let request = request_to("POST", URL, &checker, body);
    assert_eq!(fetch(&client, request).await.unwrap(), "hello");

    let events = checker.finish().await;
    let wrote = first(&events, EventName::WroteRequest).at;
    let put = first(&events, EventName::PutIdleConn);
    assert!(matches!(&put.kind, EventKind::PutIdleConn(info) if info.error.is_none()));
    assert_eq!(put.at - wrote, Duration::ZERO);
    assert_eq!(peer.report().conn(0).bodies, [b"ab"]);
}
