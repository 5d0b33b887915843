use std::time::Duration;

use bytes::Bytes;
use h2::Reason;
use h2::client::{ResponseFuture, SendRequest};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::task::AbortHandle;
use tokio_rustls::TlsConnector;

use super::*;
use crate::{DuplexPeer, Peer, TestCa};

/// A client's connection, which goes on in the background.
struct Client {
    send: SendRequest<Bytes>,
    driver: AbortHandle,
}

impl Client {
    async fn over(stream: DuplexStream) -> Self {
        Self::with(&h2::client::Builder::new(), stream).await
    }

    async fn with(builder: &h2::client::Builder, stream: DuplexStream) -> Self {
        let (send, connection) = builder.handshake(stream).await.unwrap();
        let driving = tokio::spawn(async move {
            let _ = connection.await;
        });
        let driver = driving.abort_handle();
        Self { send, driver }
    }

    async fn get(&mut self, path: &str) -> ResponseFuture {
        self.request("GET", path, true).await.0
    }

    async fn request(
        &mut self,
        method: &str,
        path: &str,
        end: bool,
    ) -> (ResponseFuture, h2::SendStream<Bytes>) {
        let uri = format!("http://example.com{path}");
        let request = http::Request::builder().method(method).uri(uri);
        let request = request.header("x-long", "v".repeat(300)).body(()).unwrap();
        let mut send = self.send.clone().ready().await.unwrap();
        send.send_request(request, end).unwrap()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

async fn text(response: http::Response<h2::RecvStream>) -> (String, Option<http::HeaderMap>) {
    let mut body = response.into_body();
    let mut text = Vec::new();
    while let Some(data) = body.data().await {
        let data = data.unwrap();
        body.flow_control().release_capacity(data.len()).unwrap();
        text.extend(data);
    }
    let trailers = body.trailers().await.unwrap();
    (String::from_utf8(text).unwrap(), trailers)
}

#[tokio::test(start_paused = true)]
async fn a_request_is_decoded_and_its_response_goes_out_when_the_script_says() {
    let peer = DuplexPeer::new().conn(|c| {
        c.http2(|h| {
            h.handshake()
                .expect_request(1)
                .delay(30)
                .send_head(1, Head::status(103).field("link", "<a>"))
                .delay(20)
                .send_head(
                    1,
                    Head::status(200).field("x-big", "b".repeat(500)).padded(7),
                )
                .delay(10)
                .send_data(1, Data::new("hello, ").padded(3))
                .send_data(1, "world")
                .send_trailers(1, &[("x-sum", "1")])
        })
    });
    let mut client = Client::over(peer.connect()).await;
    let response = client.get("/a").await.await.unwrap();
    assert_eq!(response.headers()["x-big"].len(), 500);
    let (text, trailers) = text(response).await;
    assert_eq!(text, "hello, world");
    assert_eq!(trailers.unwrap()["x-sum"], "1");
    drop(client);
    let report = peer.finish().await;
    let h2 = &report.conn(0).http2;
    let request = h2.request(1);
    assert_eq!(request.line(), "GET /a");
    assert_eq!(request.field("x-long").map(str::len), Some(300));
    assert_eq!(request.ended_at, Some(request.at));
    let heads = h2.sent_to(1, Kind::Headers);
    let after: Vec<_> = heads
        .iter()
        .map(|frame| (frame.at - request.at).as_millis())
        .collect();
    assert_eq!(after, [30, 50, 60]);
    // Both sides acknowledged the other's settings.
    assert!(
        h2.sent_of(Kind::Settings)
            .iter()
            .any(|frame| frame.is_ack())
    );
    assert!(
        h2.received_of(Kind::Settings)
            .iter()
            .any(|frame| frame.is_ack())
    );
}

#[tokio::test(start_paused = true)]
async fn heads_are_continued_and_sent_in_pieces() {
    let peer = DuplexPeer::new().conn(|c| {
        c.http2(|h| {
            h.handshake()
                .expect_settings_ack()
                .expect_request(1)
                .in_pieces_of(10, 5)
                .send_head(
                    1,
                    Head::status(200).field("a", "b").continued_after(&[4, 6]),
                )
                .whole()
                .send_last_data(1, "x")
        })
    });
    let mut client = Client::over(peer.connect()).await;
    let response = client.get("/").await.await.unwrap();
    assert_eq!(response.headers()["a"], "b");
    assert_eq!(text(response).await.0, "x");
    drop(client);
    let report = peer.finish().await;
    let h2 = &report.conn(0).http2;
    let head = h2.sent_of(Kind::Headers)[0];
    assert_eq!(head.at - head.begun, Duration::from_millis(5));
    assert!(!head.ends_headers());
    let rest = h2.sent_of(Kind::Continuation);
    let lengths: Vec<_> = rest.iter().map(|frame| frame.payload.len()).collect();
    assert_eq!(
        (lengths[0], rest[0].ends_headers(), rest[1].ends_headers()),
        (6, false, true)
    );
}

#[tokio::test(start_paused = true)]
async fn bodies_come_as_far_as_the_windows_allow() {
    let peer = DuplexPeer::new().conn(|c| {
        c.http2(|h| {
            h.handshake_with(|settings| settings.initial_window_size(5).max_concurrent_streams(7))
                .expect_settings_ack()
                .raise("settled")
                .expect_body(1, 5)
                .delay(40)
                .send_window_update(1, 100)
                .expect_end(1)
                .send_head(1, Head::status(204).end_stream())
        })
    });
    let mut client = Client::over(peer.connect()).await;
    peer.wait_for("settled").await;
    let (response, mut body) = client.request("POST", "/", false).await;
    body.send_data(Bytes::from_static(b"0123456789"), false)
        .unwrap();
    let fields = [(http::header::ETAG, http::HeaderValue::from_static("e"))];
    body.send_trailers(http::HeaderMap::from_iter(fields))
        .unwrap();
    assert_eq!(response.await.unwrap().status(), 204);
    drop(client);
    let report = peer.finish().await;
    let h2 = &report.conn(0).http2;
    let request = h2.request(1);
    assert_eq!(request.body, b"0123456789");
    assert_eq!(request.trailer("etag"), Some("e"));
    let data = h2.received_of(Kind::Data);
    assert_eq!(data[1].at - data[0].at, Duration::from_millis(40));
    let settings = h2.sent_of(Kind::Settings)[0];
    assert_eq!((settings.setting(3), settings.setting(1)), (Some(7), None));
}

#[tokio::test(start_paused = true)]
async fn resets_and_go_away_carry_their_codes_both_ways() {
    let peer = DuplexPeer::new().conn(|c| {
        c.http2(|h| {
            h.handshake()
                .expect_request(2)
                .send_reset(1, 7)
                .expect_reset(2, 8)
                .expect_request(3)
                .send_go_away(2, 11, "calm")
                .expect_eof()
                .close()
        })
    });
    let mut client = Client::over(peer.connect()).await;
    let (first, second) = (client.get("/1").await, client.get("/2").await);
    let refused = first.await.unwrap_err();
    assert_eq!(refused.reason(), Some(Reason::REFUSED_STREAM));
    drop(second);
    let error = client.get("/3").await.await.unwrap_err();
    assert!(error.is_go_away() && error.is_remote(), "{error:?}");
    drop(client);
    let report = peer.finish().await;
    assert_eq!(report.conn(0).http2.request(2).reset.unwrap().1, 8);
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "step 4 of 4 of HTTP/2, expect_reset(1, 7): the client's code is 8")]
async fn another_code_than_expected_fails_the_test() {
    let peer =
        DuplexPeer::new().conn(|c| c.http2(|h| h.handshake().expect_request(1).expect_reset(1, 7)));
    let mut client = Client::over(peer.connect()).await;
    let response = client.get("/").await;
    tokio::time::sleep(Duration::from_millis(1)).await;
    drop(response);
    tokio::time::sleep(Duration::from_millis(1)).await;
    peer.finish().await;
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "no preface of HTTP/2: \"GET / HTTP/1.1")]
async fn a_client_that_speaks_http1_fails_the_test() {
    let peer = DuplexPeer::new().conn(|c| c.http2(|h| h.handshake()));
    let mut client = peer.connect();
    client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    peer.finish().await;
}

/// A client's preface, and the frames of a request with a body, which heed nothing.
async fn careless(stream: &mut DuplexStream, body: usize) {
    let ack = frame::Draft::new(Kind::Settings, frame::ACK, 0, []);
    let settings = frame::Draft::new(Kind::Settings, 0, 0, []);
    let mut frames = vec![settings, ack];
    for stream_id in [1, 3] {
        // Index 2 of the static table: `:method: GET`.
        let flags = frame::END_HEADERS;
        frames.push(frame::Draft::new(Kind::Headers, flags, stream_id, [0x82]));
    }
    frames.push(frame::Draft::new(Kind::Data, 0, 1, vec![0; body]));
    stream.write_all(frame::PREFACE).await.unwrap();
    for frame in frames {
        stream.write_all(&frame.bytes()).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "a request beside 1 others, where 1 may be open")]
async fn more_streams_than_there_may_be_fail_the_test() {
    let peer =
        DuplexPeer::new().conn(|c| c.http2(|h| h.send_settings(|s| s.max_concurrent_streams(1))));
    let mut client = peer.connect();
    careless(&mut client, 0).await;
    peer.finish().await;
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "10 bytes of DATA, where stream 1 takes 9 and the connection 65535")]
async fn more_data_than_the_window_takes_fails_the_test() {
    let peer =
        DuplexPeer::new().conn(|c| c.http2(|h| h.send_settings(|s| s.initial_window_size(9))));
    let mut client = peer.connect();
    careless(&mut client, 10).await;
    peer.finish().await;
}

#[tokio::test(start_paused = true)]
async fn pings_are_answered_unless_the_script_says_otherwise() {
    let peer = DuplexPeer::new()
        .conn(|c| {
            c.http2(|h| {
                h.handshake()
                    .send_ping(*b"12345678")
                    .expect_pong()
                    .expect_ping()
            })
        })
        .conn(|c| {
            c.http2(|h| {
                h.without_pongs()
                    .handshake()
                    .expect_ping()
                    .delay(2000)
                    .send_pong()
            })
        });
    for seconds in [0, 2] {
        let (send, mut connection) = h2::client::handshake(peer.connect()).await.unwrap();
        let _send: SendRequest<Bytes> = send;
        let mut ping = connection.ping_pong().unwrap();
        let driving = tokio::spawn(connection);
        let begun = tokio::time::Instant::now();
        ping.ping(h2::Ping::opaque()).await.unwrap();
        assert_eq!(begun.elapsed().as_secs(), seconds);
        driving.abort();
    }
    peer.finish().await;
}

#[tokio::test(start_paused = true)]
async fn windows_are_given_back_where_the_script_says_so_and_the_clients_are_counted() {
    let peer = DuplexPeer::new().conn(|c| {
        c.http2(|h| {
            h.giving_back()
                .handshake()
                .expect_end(1)
                .send_head(1, 200)
                .send_last_data(1, vec![b'a'; 40_000])
                .expect_widened(0, 32_768)
                .raise("widened")
        })
    });
    let mut client = Client::over(peer.connect()).await;
    let (response, mut body) = client.request("POST", "/", false).await;
    body.send_data(vec![b'x'; 200_000].into(), true).unwrap();
    assert_eq!(text(response.await.unwrap()).await.0.len(), 40_000);
    peer.wait_for("widened").await;
    let report = peer.report();
    assert_eq!(report.conn(0).http2.request(1).body.len(), 200_000);
    drop(client);
    peer.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_is_stuck_does_not_keep_the_peer_from_reading() {
    let peer = DuplexPeer::with_buffer(64).conn(|c| {
        c.http2(|h| {
            h.handshake()
                .expect_request(1)
                .send_head(1, 200)
                .send_last_data(1, "done")
        })
    });
    let mut client = Client::over(peer.connect()).await;
    let response = client.get("/").await.await.unwrap();
    assert_eq!(text(response).await.0, "done");
    drop(client);
    peer.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_read_blocks_the_client_when_the_pipe_is_full() {
    let peer = DuplexPeer::with_buffer(100).conn(|c| {
        c.http2(|h| {
            h.handshake()
                .expect_settings_ack()
                .pause_reading()
                .raise("paused")
                .delay(50)
                .resume_reading()
                .respond(1, 200, "")
        })
    });
    let mut client = Client::over(peer.connect()).await;
    peer.wait_for("paused").await;
    let begun = tokio::time::Instant::now();
    client.get("/").await.await.unwrap();
    drop(client);
    let report = peer.finish().await;
    let read = report.conn(0).http2.request(1).begun - begun.into_std();
    assert_eq!(read, Duration::from_millis(50));
}

#[tokio::test(start_paused = true)]
async fn a_service_answers_many_requests_at_once() {
    let service = Service::new(|request| match request.field(":path") {
        Some("/reset") => Response::new(200).reset(2),
        Some(path) => Response::new(200)
            .body(path)
            .trailer("x-end", "1")
            .delay(50),
        None => Response::new(400),
    });
    let service = service.max_concurrent_streams(100);
    let peer = DuplexPeer::new().conn(|c| c.serve_http2(service));
    let mut client = Client::over(peer.connect()).await;
    let begun = tokio::time::Instant::now();
    let mut responses = Vec::new();
    for number in 0..40 {
        responses.push(client.get(&format!("/{number}")).await);
    }
    for (number, response) in responses.into_iter().enumerate() {
        let (text, trailers) = text(response.await.unwrap()).await;
        assert_eq!((text, trailers.unwrap().len()), (format!("/{number}"), 1));
    }
    assert_eq!(begun.elapsed(), Duration::from_millis(50));
    let reset = client.get("/reset").await.await.unwrap_err();
    assert_eq!(reset.reason(), Some(Reason::INTERNAL_ERROR));
    drop(client);
    let report = peer.finish().await;
    assert_eq!(report.conn(0).http2.requests.len(), 41);
}

#[tokio::test]
async fn frames_go_through_tls_as_well() {
    let ca = TestCa::new();
    let server = ca.server(&["a"]).alpn(&["h2"]).config();
    let peer = Peer::loopback().conn(|c| {
        c.start_tls(server).http2(|h| {
            h.handshake()
                .expect_request(1)
                .respond(1, 200, "tls")
                .expect_eof()
        })
    });
    let stream = tokio::net::TcpStream::connect(peer.addr()).await.unwrap();
    let connector = TlsConnector::from(ca.client_config(&["h2"]));
    let stream = connector
        .connect("a".try_into().unwrap(), stream)
        .await
        .unwrap();
    let (mut send, connection) = h2::client::handshake(stream).await.unwrap();
    let driving = tokio::spawn(connection);
    let request = http::Request::get("https://a/").body(()).unwrap();
    let response = send.send_request(request, true).unwrap().0.await.unwrap();
    assert_eq!(text(response).await.0, "tls");
    drop(send);
    driving.await.unwrap().unwrap();
    let report = peer.finish().await;
    assert_eq!(report.conn(0).tls[0].alpn.as_deref(), Some("h2"));
    assert_eq!(
        report.conn(0).http2.request(1).field(":scheme"),
        Some("https")
    );
}

#[tokio::test]
async fn a_reset_and_a_half_close_are_seen_by_the_client() {
    let peer = Peer::loopback()
        .conn(|c| c.http2(|h| h.expect_settings().reset()))
        .conn(|c| c.http2(|h| h.expect_settings().half_close().expect_eof()));
    let hello = [frame::PREFACE, &[0, 0, 0, 4, 0, 0, 0, 0, 0]].concat();
    for reset in [true, false] {
        let mut stream = tokio::net::TcpStream::connect(peer.addr()).await.unwrap();
        stream.write_all(&hello).await.unwrap();
        let read = stream.read_to_end(&mut Vec::new()).await;
        assert_eq!(read.is_err(), reset, "{read:?}");
    }
    peer.finish().await;
}
