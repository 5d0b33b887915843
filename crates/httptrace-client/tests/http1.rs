//! One request after another over HTTP/1.1.

mod rig;

use httptrace_client::Client;
use httptrace_test::{Checker, Peer};
use rig::{get, words};

const HELLO: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

#[tokio::test]
async fn a_cold_request_fires_every_hook_in_order_and_its_connection_is_kept() {
    let peer = Peer::loopback().conn(|c| c.expect_head().send(HELLO).client_may_leave());
    let checker = Checker::new();
    let client = Client::new();

    let response = client.send(get(&peer, "/", &checker)).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.into_body().text().await.unwrap(), "hello");

    assert_eq!(
        words(&checker),
        "call_start attempt_start get_conn connect_start connect_done got_conn wrote_header_field wrote_header_field \
         wrote_headers wrote_request got_first_response_byte got_response_headers got_body body_done put_idle_conn \
         attempt_end call_end"
    );
    checker.finish().await;
}
