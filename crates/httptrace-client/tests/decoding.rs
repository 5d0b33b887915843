//! Compressed responses, decoded as they are read: what the caller gets, what the hooks are told, and what becomes of
//! the connection.

mod rig;

use std::future::Future;
use std::io::Write as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use http::{Request, Response, header};
use http_body::Body as _;
use http_body_util::BodyExt;
use http_body_util::combinators::BoxBody;
use httptrace::{EventKind, EventName};
use httptrace_client::{Body, Client, DecodeError, Error, Transport, Uncompressed};
use httptrace_test::{Checker, DuplexPeer};
use rig::{call_error, closings, fetch, get_url, in_memory, next_text, request_to, reuses, soon};
use tower_layer::layer_fn;
use tower_service::Service;

mod coded;

use coded::{Coding, coded, text};

const URL: &str = "http://example.com/";

/// A response with this coding and these bytes, whose length is known.
fn with_length(coding: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// A response with this coding, in chunks of a size, with a trailer.
fn in_chunks(coding: &str, body: &[u8], size: usize) -> Vec<u8> {
    let mut response = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
    )
    .into_bytes();
    for chunk in body.chunks(size) {
        response.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        response.extend_from_slice(chunk);
        response.extend_from_slice(b"\r\n");
    }
    response.extend_from_slice(b"0\r\nX-Sum: 7\r\n\r\n");
    response
}

/// A client that decodes, and whose connections lead to this peer.
fn decoding(peer: &Arc<DuplexPeer>) -> Client {
    in_memory(peer).decompress(true).build()
}

/// What `BodyDone` told: how it ended, wire bytes, decoded bytes.
fn done(checker: &Checker) -> Vec<(&'static str, Option<u64>, Option<u64>)> {
    checker.pick(|kind| match kind {
        EventKind::BodyDone(info) => Some((info.end.as_str(), info.wire_bytes, info.decoded_bytes)),
        _ => None,
    })
}

fn decode_error(error: &Error) -> &DecodeError {
    let source = std::error::Error::source(error).expect("the error has a source");
    source.downcast_ref().expect("the source tells of decoding")
}

/// A peer that answers once.
fn peer_with(response: Vec<u8>) -> Arc<DuplexPeer> {
    Arc::new(DuplexPeer::new().conn(|c| c.exchange(response).client_may_leave()))
}

/// What one response came to.
struct Outcome {
    text: Result<String, Error>,
    checker: Checker,
}

/// Serves one response to a client, and reads it.
async fn read(client: impl FnOnce(&Arc<DuplexPeer>) -> Client, response: Vec<u8>) -> Outcome {
    let peer = peer_with(response);
    let client = client(&peer);
    let checker = Checker::new();
    let text = soon(fetch(&client, get_url(URL, &checker))).await;
    Outcome { text, checker }
}

#[tokio::test(start_paused = true)]
async fn every_coding_is_decoded_and_both_sizes_are_told() {
    let text = text(100_000);
    for coding in Coding::ALL {
        let body = coded(coding, &text);
        let wire = body.len() as u64;
        for response in [
            with_length(coding.name(), &body),
            in_chunks(coding.name(), &body, 1000),
        ] {
            let outcome = read(decoding, response).await;
            assert_eq!(outcome.text.unwrap(), text, "{coding:?}");
            let checker = outcome.checker;
            assert_eq!(done(&checker), [("end", Some(wire), Some(100_000))]);
            let received: u64 = checker
                .pick(|kind| match kind {
                    EventKind::GotBody(info) => Some(info.bytes),
                    _ => None,
                })
                .iter()
                .sum();
            assert_eq!(received, wire);
            let handed_out = checker.pick(|kind| match kind {
                EventKind::CallEnd(end) => end.bytes,
                _ => None,
            });
            assert_eq!(handed_out, [100_000]);
            assert_eq!(checker.count(EventName::PutIdleConn), 1);
            checker.finish().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_head_is_that_of_the_decoded_body_and_what_it_was_is_still_known() {
    let body = coded(Coding::Gzip, "hello");
    let peer = peer_with(with_length("gzip", &body));
    let checker = Checker::new();
    let response = decoding(&peer).send(get_url(URL, &checker)).await.unwrap();
    let headers = response.headers();
    assert!(
        !headers.contains_key(header::CONTENT_ENCODING),
        "{headers:?}"
    );
    assert!(!headers.contains_key(header::CONTENT_LENGTH), "{headers:?}");
    let before = response.extensions().get::<Uncompressed>().unwrap();
    assert_eq!(before.content_encoding().unwrap(), "gzip");
    assert_eq!(before.content_length(), Some(body.len() as u64));
    assert_eq!(response.body().size_hint().exact(), None);
    assert_eq!(response.into_body().text().await.unwrap(), "hello");
    // Hooks see the wire.
    let told = checker.pick(|kind| match kind {
        EventKind::GotResponseHeaders(info) => Some(info.headers[header::CONTENT_ENCODING].clone()),
        _ => None,
    });
    assert_eq!(told, ["gzip"]);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_body_is_over_with_its_last_piece_when_its_length_is_known() {
    let peer = peer_with(with_length("gzip", &coded(Coding::Gzip, "hello")));
    let checker = Checker::new();
    let client = decoding(&peer);
    let mut response = client.send(get_url(URL, &checker)).await.unwrap();
    let frame = response.body_mut().frame().await.unwrap().unwrap();
    assert_eq!(frame.into_data().unwrap(), "hello");
    // Readers may stop here: everything has happened already.
    assert!(response.body().is_end_stream());
    assert_eq!(response.body().size_hint().exact(), Some(0));
    assert_eq!(checker.count(EventName::PutIdleConn), 1);
    assert_eq!(checker.count(EventName::CallEnd), 1);
    assert!(response.body_mut().frame().await.is_none());
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn trailers_survive() {
    let body = coded(Coding::Brotli, "hello");
    let peer = peer_with(in_chunks("br", &body, 3));
    let checker = Checker::new();
    let response = decoding(&peer).send(get_url(URL, &checker)).await.unwrap();
    let collected = soon(response.into_body().collect()).await.unwrap();
    assert_eq!(collected.trailers().unwrap()["x-sum"], "7");
    assert_eq!(collected.to_bytes(), "hello");
    let told = checker.pick(|kind| match kind {
        EventKind::BodyDone(info) => info.trailers.clone(),
        _ => None,
    });
    assert_eq!(told[0]["x-sum"], "7");
    checker.finish().await;
}

/// Go's `TestTransportReuseConnection_Gzip_Chunked` and `_ContentLength`: the body is read, and never closed.
#[tokio::test(start_paused = true)]
async fn the_connection_is_used_again_after_a_decoded_body() {
    let body = coded(Coding::Gzip, text(5000));
    for response in [with_length("gzip", &body), in_chunks("gzip", &body, 100)] {
        let peer = Arc::new(DuplexPeer::new().conn(|c| c.repeat_exchange(response)));
        let client = decoding(&peer);
        for round in 0..4 {
            let checker = Checker::new();
            let mut response = client.send(get_url(URL, &checker)).await.unwrap();
            let mut read = 0;
            while let Some(frame) = soon(response.body_mut().frame()).await {
                read += frame.unwrap().data_ref().map_or(0, |data| data.len());
            }
            assert_eq!(read, 5000);
            assert_eq!(reuses(&checker), [round > 0]);
            // The body is still there.
            assert_eq!(checker.count(EventName::PutIdleConn), 1);
            drop(response);
            checker.finish().await;
        }
        assert_eq!(peer.accepted(), 1);
    }
}

/// The fields of the request that asks for a coding, as a client sends them.
async fn asked(
    client: impl FnOnce(&Arc<DuplexPeer>) -> Client,
    fields: &[(&str, &str)],
) -> (String, Option<String>) {
    let body = coded(Coding::Gzip, "hello");
    let peer = peer_with(with_length("gzip", &body));
    let client = client(&peer);
    let checker = Checker::new();
    let mut request = get_url(URL, &checker);
    for (name, value) in fields {
        let name: http::HeaderName = name.parse().unwrap();
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    let response = client.send(request).await.unwrap();
    let coding = response.headers().get(header::CONTENT_ENCODING).cloned();
    let body = soon(response.into_body().bytes()).await.unwrap();
    let outcome = match coding {
        Some(_) => "left",
        None => "decoded",
    };
    assert_eq!(body == "hello", outcome == "decoded");
    checker.finish().await;
    let offered = peer
        .report()
        .conn(0)
        .head(0)
        .field("accept-encoding")
        .map(ToString::to_string);
    (outcome.to_owned(), offered)
}

#[tokio::test(start_paused = true)]
async fn codings_are_offered_unless_the_request_says_itself_what_it_wants() {
    let all = Some("gzip, deflate, br, zstd".to_owned());
    assert_eq!(asked(decoding, &[]).await, ("decoded".to_owned(), all));
    let own = asked(decoding, &[("accept-encoding", "gzip")]).await;
    assert_eq!(own, ("left".to_owned(), Some("gzip".to_owned())));
    let range = asked(decoding, &[("range", "bytes=0-99")]).await;
    assert_eq!(range, ("left".to_owned(), None));
    let off = asked(|peer| in_memory(peer).build(), &[]).await;
    assert_eq!(off, ("left".to_owned(), None));
}

#[tokio::test(start_paused = true)]
async fn responses_without_a_body_keep_their_head() {
    for (method, response) in [
        (
            "HEAD",
            "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 500\r\n\r\n",
        ),
        (
            "GET",
            "HTTP/1.1 204 No Content\r\nContent-Encoding: gzip\r\n\r\n",
        ),
        (
            "GET",
            "HTTP/1.1 304 Not Modified\r\nContent-Encoding: gzip\r\nContent-Length: 500\r\n\r\n",
        ),
        (
            "GET",
            "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 0\r\n\r\n",
        ),
    ] {
        let peer = peer_with(response.into());
        let checker = Checker::new();
        let request = request_to(method, URL, &checker, Body::empty());
        let response = decoding(&peer).send(request).await.unwrap();
        assert_eq!(response.headers()[header::CONTENT_ENCODING], "gzip");
        assert!(response.extensions().get::<Uncompressed>().is_none());
        assert_eq!(response.into_body().text().await.unwrap(), "");
        assert_eq!(done(&checker), [("end", Some(0), None)]);
        checker.finish().await;
        let report = peer.report();
        assert!(report.conn(0).head(0).field("accept-encoding").is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn an_empty_body_is_empty_whatever_its_coding() {
    for coding in ["gzip", "br", "zstd", "deflate", "gzip, br"] {
        let outcome = read(decoding, in_chunks(coding, b"", 1)).await;
        assert_eq!(outcome.text.unwrap(), "", "{coding}");
        assert_eq!(done(&outcome.checker), [("end", Some(0), Some(0))]);
        outcome.checker.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn codings_on_top_of_each_other_are_taken_off_in_turn() {
    let plain = text(50_000);
    let body = coded(Coding::Brotli, coded(Coding::Gzip, &plain));
    let outcome = read(decoding, in_chunks("gzip, identity, br", &body, 777)).await;
    assert_eq!(outcome.text.unwrap(), plain);
    assert_eq!(
        done(&outcome.checker),
        [("end", Some(body.len() as u64), Some(50_000))]
    );
    outcome.checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn an_unknown_coding_is_left_as_it_is() {
    for coding in ["compress", "gzip, sdch", "identity"] {
        let outcome = read(decoding, with_length(coding, b"as it is")).await;
        assert_eq!(outcome.text.unwrap(), "as it is");
        assert_eq!(done(&outcome.checker), [("end", Some(8), None)]);
        outcome.checker.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn members_and_frames_one_after_another_are_one_body() {
    for coding in [Coding::Gzip, Coding::Zstd] {
        let body = [
            coded(coding, "hello, "),
            coded(coding, ""),
            coded(coding, "world"),
        ]
        .concat();
        let outcome = read(decoding, with_length(coding.name(), &body)).await;
        assert_eq!(outcome.text.unwrap(), "hello, world");
        outcome.checker.finish().await;
    }
    let outcome = read(
        decoding,
        with_length("x-gzip", &coded(Coding::Gzip, "hello")),
    )
    .await;
    assert_eq!(outcome.text.unwrap(), "hello");
    outcome.checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_cut_off_is_an_error_although_its_framing_is_whole() {
    for coding in Coding::ALL {
        let whole = coded(coding, text(1000));
        let body = &whole[..whole.len() - 3];
        for response in [
            with_length(coding.name(), body),
            in_chunks(coding.name(), body, 99),
        ] {
            let outcome = read(decoding, response).await;
            let error = outcome.text.unwrap_err();
            assert!(error.is_decode() && error.is_body(), "{error}");
            let decode = decode_error(&error);
            assert!(decode.is_truncated(), "{error}");
            assert_eq!(decode.position(), body.len() as u64);
            assert_eq!(decode.coding(), Some(coding.name()));
            let checker = outcome.checker;
            assert_eq!(done(&checker)[0].0, "error");
            assert_eq!(done(&checker)[0].1, Some(body.len() as u64));
            let (kind, message) = call_error(&checker).unwrap();
            assert_eq!((kind, message), ("decode", error.to_string()));
            // HTTP has nothing to complain about.
            assert_eq!(checker.count(EventName::PutIdleConn), 1);
            checker.finish().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn bytes_behind_the_end_are_an_error_that_says_where_they_begin() {
    for coding in Coding::ALL {
        let whole = coded(coding, "hello");
        let body = [&whole[..], b"\0\0garbage, and lots of it"].concat();
        let response = in_chunks(coding.name(), &body, 1000);
        let outcome = read(decoding, response).await;
        let error = outcome.text.unwrap_err();
        let decode = decode_error(&error);
        assert_eq!(decode.position(), whole.len() as u64, "{error}");
        let checker = outcome.checker;
        assert_eq!(
            done(&checker),
            [("error", Some(body.len() as u64), Some(5))]
        );
        assert_eq!(
            checker.count(EventName::PutIdleConn),
            1,
            "what was left had arrived"
        );
        checker.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_broken_body_that_goes_on_costs_the_connection() {
    let peer = Arc::new(DuplexPeer::new().conn(|c| {
        let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1000\r\n\r\n";
        c.expect_head()
            .send(head)
            .send("this is no gzip")
            .client_may_leave()
    }));
    let checker = Checker::new();
    let error = soon(fetch(&decoding(&peer), get_url(URL, &checker)))
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the response's body cannot be decoded: its gzip data is broken at byte 0: it does not begin as gzip does"
    );
    assert_eq!(done(&checker), [("error", Some(15), Some(0))]);
    assert_eq!(closings(&checker), [("failed", None)]);
    assert_eq!(checker.count(EventName::PutIdleConn), 0);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_body_that_breaks_off_on_the_wire_is_no_fault_of_its_coding() {
    let mut response = with_length("gzip", &coded(Coding::Gzip, text(1000)));
    response.truncate(response.len() - 10);
    let peer = Arc::new(DuplexPeer::new().conn(|c| c.exchange(response).close()));
    let checker = Checker::new();
    let error = soon(fetch(&decoding(&peer), get_url(URL, &checker)))
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("closed the connection"),
        "{error}"
    );
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_bomb_goes_off_no_further_than_the_limit() {
    const LIMIT: u64 = 100_000;
    for coding in Coding::ALL {
        let bomb = coded(coding, vec![0; 4_000_000]);
        for response in [
            with_length(coding.name(), &bomb),
            in_chunks(coding.name(), &bomb, 100),
        ] {
            let limited = |peer: &_| {
                in_memory(peer)
                    .decompress(true)
                    .max_decoded_bytes(LIMIT)
                    .build()
            };
            let outcome = read(limited, response).await;
            let error = outcome.text.unwrap_err();
            assert!(decode_error(&error).is_too_long(), "{error}");
            assert!(
                error.to_string().contains("100000 decoded bytes"),
                "{error}"
            );
            let told = done(&outcome.checker);
            assert_eq!((told[0].0, told[0].2), ("error", Some(LIMIT)));
            outcome.checker.finish().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_of_exactly_the_limit_is_let_through() {
    for coding in Coding::ALL {
        for length in [0, 1, 32 * 1024, 100_000] {
            let plain = text(length);
            let exact = |peer: &_| {
                in_memory(peer)
                    .decompress(true)
                    .max_decoded_bytes(length as u64)
                    .build()
            };
            let outcome = read(exact, with_length(coding.name(), &coded(coding, &plain))).await;
            assert_eq!(outcome.text.unwrap(), plain, "{coding:?} {length}");
            outcome.checker.finish().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_dropped_early_is_drained_like_any_other() {
    let plain = text(200_000);
    let body = coded(Coding::Gzip, &plain);
    let peer = peer_with(in_chunks("gzip", &body, 1000));
    let client = decoding(&peer);
    let checker = Checker::new();
    let mut response = client.send(get_url(URL, &checker)).await.unwrap();
    let first = soon(response.body_mut().frame()).await.unwrap().unwrap();
    let handed_out = first.data_ref().unwrap().len() as u64;
    drop(response);
    let told = done(&checker);
    assert_eq!((told[0].0, told[0].2), ("dropped", Some(handed_out)));
    checker.wait_for(EventName::PutIdleConn).await;
    checker.finish().await;
}

/// A `POST` whose body is on its way for longer than the response.
fn long_upload(checker: &Checker) -> Request<Body> {
    request_to("POST", URL, checker, rig::pieces(8, 40).body())
}

#[tokio::test(start_paused = true)]
async fn a_response_that_is_over_before_the_upload_is_decoded_too() {
    let body = coded(Coding::Gzip, "hello");
    for response in [with_length("gzip", &body), in_chunks("gzip", &body, 7)] {
        let peer = Arc::new(DuplexPeer::with_buffer(64).conn(|c| {
            let early = c.expect_head().send_paced(response, 20, 3);
            early.delay(5).expect_chunked_body().client_may_leave()
        }));
        let client = decoding(&peer);
        let checker = Checker::new();
        let text = soon(fetch(&client, long_upload(&checker))).await;
        assert_eq!(text.unwrap(), "hello");
        assert_eq!(done(&checker), [("end", Some(body.len() as u64), Some(5))]);
        assert_eq!(checker.count(EventName::PutIdleConn), 1);
        checker.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_broken_response_before_the_upload_is_over_ends_both() {
    let peer = Arc::new(DuplexPeer::with_buffer(64).conn(|c| {
        let head = "HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 1000\r\n\r\n";
        let early = c.expect_head().send(head).send([0xff; 40]);
        early.client_may_leave().swallow()
    }));
    let client = decoding(&peer);
    let checker = Checker::new();
    let error = soon(fetch(&client, long_upload(&checker)))
        .await
        .unwrap_err();
    assert_eq!(decode_error(&error).coding(), Some("br"));
    assert_eq!(closings(&checker), [("failed", None)]);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn deadlines_hold_while_a_body_is_decoded() {
    let body = coded(Coding::Gzip, text(10_000));
    let whole = with_length("gzip", &body);
    let part = whole[..whole.len() / 2].to_vec();
    let limit = Duration::from_secs(2);
    for silence in [true, false] {
        let peer =
            Arc::new(DuplexPeer::new().conn(|c| c.exchange(&part).client_may_leave().hold_open()));
        let builder = in_memory(&peer).decompress(true);
        let client = match silence {
            true => builder.idle_body_timeout(limit).build(),
            false => builder.timeout(limit).build(),
        };
        let checker = Checker::new();
        let error = soon(fetch(&client, get_url(URL, &checker)))
            .await
            .unwrap_err();
        assert!(error.is_timeout(), "{error}");
        let told = done(&checker);
        assert_eq!(told[0].0, "error");
        assert!(told[0].2.is_some_and(|decoded| decoded > 0), "{told:?}");
        assert_eq!(closings(&checker), [("canceled", None)]);
        checker.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_for_more_after_a_deadline_hears_of_no_second_end() {
    let whole = with_length("gzip", &coded(Coding::Gzip, text(10_000)));
    let part = whole[..whole.len() / 2].to_vec();
    let peer =
        Arc::new(DuplexPeer::new().conn(|c| c.exchange(part).client_may_leave().hold_open()));
    let client = in_memory(&peer)
        .decompress(true)
        .timeout(Duration::from_secs(2))
        .build();
    let checker = Checker::new();
    let response = client.send(get_url(URL, &checker)).await.unwrap();
    let mut body = response.into_body();
    let error = loop {
        match soon(body.frame()).await.expect("the body breaks off") {
            Ok(_) => continue,
            Err(error) => break error,
        }
    };
    assert!(error.is_timeout(), "{error}");
    for _ in 0..2 {
        assert!(soon(body.frame()).await.is_none());
    }
    assert_eq!(done(&checker).len(), 1);
    drop(body);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_redirect_is_followed_with_the_offer_and_only_the_last_response_is_decoded() {
    let moved = "HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\njunk";
    let there = with_length("gzip", &coded(Coding::Gzip, "hello"));
    let peer =
        Arc::new(DuplexPeer::new().conn(|c| c.exchange(moved).exchange(there).client_may_leave()));
    let client = decoding(&peer);
    let checker = Checker::new();
    assert_eq!(
        soon(fetch(&client, get_url(URL, &checker))).await.unwrap(),
        "hello"
    );
    let decoded: Vec<_> = done(&checker).iter().map(|told| told.2).collect();
    assert_eq!(decoded, [None, Some(5)]);
    let report = peer.report();
    for hop in 0..2 {
        assert!(report.conn(0).head(hop).field("accept-encoding").is_some());
    }
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_closes_does_so_after_the_decoded_body() {
    let body = coded(Coding::Zstd, "hello");
    let head = "HTTP/1.1 200 OK\r\nContent-Encoding: zstd\r\n\r\n";
    let response = [head.as_bytes(), &body].concat();
    let peer = Arc::new(DuplexPeer::new().conn(|c| c.exchange(response).close()));
    let client = decoding(&peer);
    let checker = Checker::new();
    assert_eq!(
        soon(fetch(&client, get_url(URL, &checker))).await.unwrap(),
        "hello"
    );
    assert_eq!(done(&checker), [("end", Some(body.len() as u64), Some(5))]);
    assert_eq!(closings(&checker), [("body_until_eof", None)]);
    checker.finish().await;
}

/// A layer that hands on bodies in a type of its own.
#[derive(Clone)]
struct Wrapping(Transport);

type Wrapped = Response<BoxBody<Bytes, Error>>;

impl Service<Request<Body>> for Wrapping {
    type Response = Wrapped;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Wrapped, Error>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let sent = self.0.call(request);
        Box::pin(async {
            let response = sent.await?;
            // Decoding happens around the layers.
            assert_eq!(response.headers()[header::CONTENT_ENCODING], "gzip");
            Ok(response.map(BoxBody::new))
        })
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_layer_wraps_is_decoded_around_it() {
    let whole = coded(Coding::Gzip, text(3000));
    let responses = [
        (with_length("gzip", &whole), Ok(text(3000))),
        (in_chunks("gzip", &whole, 100), Ok(text(3000))),
        (with_length("gzip", &whole[..500]), Err(500)),
    ];
    for (response, expected) in responses {
        let peer = peer_with(response);
        let client = in_memory(&peer)
            .decompress(true)
            .layer(layer_fn(Wrapping))
            .build();
        let checker = Checker::new();
        let response = client.send(get_url(URL, &checker)).await.unwrap();
        let text = soon(response.into_body().text()).await;
        let text = text.map_err(|error| decode_error(&error).position());
        assert_eq!(text, expected);
        // Where the wire ends is known, what became of it is not.
        let told = done(&checker);
        assert_eq!((told[0].0, told[0].2), ("end", None));
        assert_eq!(checker.count(EventName::PutIdleConn), 1);
        checker.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_server_is_decoded_piece_by_piece() {
    let (first, second) = ("a".repeat(100), "b".repeat(100));
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(first.as_bytes()).unwrap();
    encoder.flush().unwrap();
    let flushed = encoder.get_ref().len();
    encoder.write_all(second.as_bytes()).unwrap();
    let response = with_length("gzip", &encoder.finish().unwrap());
    let head = response
        .windows(4)
        .position(|end| end == b"\r\n\r\n")
        .unwrap()
        + 4;
    let (now, later) = response.split_at(head + flushed);
    let peer = Arc::new(DuplexPeer::new().conn(|c| {
        c.expect_head()
            .send(now)
            .wait_for("read")
            .send(later)
            .client_may_leave()
    }));
    let client = decoding(&peer);
    let checker = Checker::new();
    let mut response = client.send(get_url(URL, &checker)).await.unwrap();
    // It comes although the body is far from its end.
    assert_eq!(soon(next_text(&mut response)).await.unwrap(), first);
    peer.raise("read");
    assert_eq!(soon(next_text(&mut response)).await.unwrap(), second);
    assert!(response.body().is_end_stream());
    checker.finish().await;
}

#[test]
fn a_decoded_body_can_go_anywhere() {
    fn anywhere<T: Send + Sync + Unpin + 'static>() {}
    anywhere::<Body>();
    anywhere::<DecodeError>();
    anywhere::<Uncompressed>();
}

#[tokio::test(start_paused = true)]
async fn a_body_dropped_when_all_of_it_was_read_but_not_decoded_leaves_the_connection() {
    let mut number = 1_u32;
    let noise = std::iter::repeat_with(|| {
        number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        number.to_be_bytes()[0]
    });
    // Longer than what is drained, and at its end much is made of little.
    let plain: Vec<u8> = noise
        .take(300_000)
        .chain(std::iter::repeat_n(0, 1_000_000))
        .collect();
    let body = coded(Coding::Gzip, &plain);
    assert!(body.len() > 256 * 1024);
    let peer = peer_with(with_length("gzip", &body));
    let client = decoding(&peer);
    let checker = Checker::new();
    let mut response = client.send(get_url(URL, &checker)).await.unwrap();
    let received = || {
        checker.pick(|kind| match kind {
            EventKind::GotBody(info) => Some(info.bytes),
            _ => None,
        })
    };
    while received().iter().sum::<u64>() < body.len() as u64 {
        soon(response.body_mut().frame()).await.unwrap().unwrap();
    }
    assert!(!response.body().is_end_stream());
    drop(response);
    assert_eq!(done(&checker)[0].0, "dropped");
    assert_eq!(checker.count(EventName::PutIdleConn), 1);
    assert_eq!(closings(&checker), []);
    checker.finish().await;
}
