//! Bodies read as JSON.

use httptrace_client::{Body, Client, Error};
use httptrace_test::Peer;
use serde_json::{Value, json};

async fn answer_of(body: &str) -> Result<Value, Error> {
    let length = body.len();
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}");
    let peer = Peer::loopback().conn(|c| c.exchange(answer).client_may_leave());
    let request = http::Request::get(peer.url("/")).body(Body::empty());
    let response = Client::new().send(request.unwrap()).await.unwrap();
    let value = response.into_body().json().await;
    peer.finish().await;
    value
}

#[tokio::test]
async fn a_body_is_read_as_json() {
    let value = answer_of(r#"{"hops": [1, 2]}"#).await.unwrap();
    assert_eq!(value, json!({ "hops": [1, 2] }));
}

#[tokio::test]
async fn a_body_that_is_not_json_is_an_error_that_says_where() {
    let error = answer_of("[1, 2").await.unwrap_err();
    assert!(error.is_body());
    assert!(error.to_string().contains("line 1"), "{error}");
    assert!(std::error::Error::source(&error).is_some());
}

#[cfg(feature = "gzip")]
#[tokio::test]
async fn a_compressed_body_is_read_as_json_too() {
    use std::io::Write;

    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(b"[1, 2]").unwrap();
    let body = encoder.finish().unwrap();
    let length = body.len();
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {length}\r\n\r\n");
    let answer = [head.as_bytes(), &body].concat();
    let peer = Peer::loopback().conn(|c| c.exchange(answer).client_may_leave());
    let request = http::Request::get(peer.url("/")).body(Body::empty());
    let client = Client::builder().decompress(true).build();
    let response = client.send(request.unwrap()).await.unwrap();
    let value: Value = response.into_body().json().await.unwrap();
    assert_eq!(value, json!([1, 2]));
    peer.finish().await;
}
