//! Bodies of requests and responses: framing, early ends, back-pressure.

mod rig;

use std::sync::Arc;
use std::time::Duration;

use httptrace::{EventKind, EventName};
use httptrace_test::{Checker, DuplexPeer};
use rig::{HELLO, fetch, first, in_memory, pieces, request_to};

const URL: &str = "http://example.com/";

#[tokio::test(start_paused = true)]
async fn after_an_early_response_the_connection_is_put_back_when_the_upload_ends() {
    // Narrow, so that the upload is still on its way when the response is over.
    let peer = Arc::new(DuplexPeer::with_buffer(64).conn(|c| {
        let early = c.expect_head().send_paced(HELLO, 20, 3);
        early.delay(5).expect_chunked_body().client_may_leave()
    }));
    let client = in_memory(&peer).build();
    let checker = Checker::new();
    let body = pieces(8, 40).body();
    let request = request_to("POST", URL, &checker, body);
    assert_eq!(fetch(&client, request).await.unwrap(), "hello");

    let events = checker.finish().await;
    let wrote = first(&events, EventName::WroteRequest).at;
    let put = first(&events, EventName::PutIdleConn);
    assert!(matches!(&put.kind, EventKind::PutIdleConn(info) if info.error.is_none()));
    assert_eq!(put.at - wrote, Duration::ZERO);
    assert_eq!(peer.report().conn(0).bodies, [vec![b'x'; 320]]);
}
