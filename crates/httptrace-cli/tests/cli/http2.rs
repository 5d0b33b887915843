//! HTTP/2: which version is spoken, what is told of it, and what is said where the two sides do not agree on one.

use httptrace_test::http2::{Request, Response, Service};
use httptrace_test::{Peer, TestCa};
use serde_json::Value;

use crate::program::{httptrace, named};

const HTTP1_ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Without TLS, and without having been asked for.
fn plain(answer: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Peer {
    let service = Service::new(answer);
    Peer::loopback().every_conn(|c| c.client_may_leave().serve_http2(service))
}

fn ok(_: &Request) -> Response {
    Response::new(200).body("ok")
}

/// Over TLS, with these protocols to agree on; speaks HTTP/2 in any case.
fn over_tls(alpn: &[&str]) -> (Peer, String) {
    let tls = TestCa::new().server(&["127.0.0.1"]).alpn(alpn).config();
    let peer = Peer::loopback().every_conn(|c| {
        let secured = c.client_may_leave().start_tls(tls);
        secured.serve_http2(Service::new(ok))
    });
    let url = format!("https://{}/", peer.addr());
    (peer, url)
}

/// The same for a server that has HTTP/1.1 alone.
fn http1_over_tls(alpn: &[&str]) -> (Peer, String) {
    let tls = TestCa::new().server(&["127.0.0.1"]).alpn(alpn).config();
    let peer = Peer::loopback().every_conn(|c| {
        let secured = c.client_may_leave().start_tls(tls);
        secured.repeat_exchange(HTTP1_ANSWER)
    });
    let url = format!("https://{}/", peer.addr());
    (peer, url)
}

/// The protocol that a request to this URL was sent with.
async fn spoken(flags: &[&str], url: &str) -> String {
    let args = [&["-k", "--format", "events"], flags, &[url]].concat();
    let run = httptrace(&args).await;
    let events = run.expect(0).lines();
    let protocol = &named(&events, "got_conn")[0]["protocol"];
    protocol.as_str().expect("it is known").to_owned()
}

#[tokio::test]
async fn over_tls_the_server_chooses_unless_one_version_is_insisted_on() {
    let (_peer, both) = over_tls(&["h2", "http/1.1"]);
    for flags in [
        &[][..],
        &["--http2"],
        &["--http1.1", "--http2"],
        &["--http2-prior-knowledge"],
    ] {
        assert_eq!(spoken(flags, &both).await, "h2", "{flags:?}");
    }
    for alpn in [&["http/1.1"][..], &[]] {
        let (_peer, old) = http1_over_tls(alpn);
        assert_eq!(spoken(&["--http2"], &old).await, "http/1.1", "{alpn:?}");
    }
    // Offers nothing that the peer would prefer.
    let (_peer, both) = http1_over_tls(&["h2", "http/1.1"]);
    let flags = ["--http2-prior-knowledge", "--http1.1"];
    assert_eq!(spoken(&flags, &both).await, "http/1.1");
}

#[tokio::test]
async fn without_tls_it_is_http1_and_no_upgrade_unless_the_user_knows_better() {
    let peer = Peer::loopback().every_conn(|c| c.repeat_exchange(HTTP1_ANSWER));
    assert_eq!(spoken(&["--http2"], &peer.url("/")).await, "http/1.1");
    let report = peer.finish().await;
    let head = report.conn(0).head(0);
    for name in ["upgrade", "http2-settings", "connection"] {
        assert_eq!(head.field(name), None, "{name}");
    }
    let peer = plain(ok);
    let flags = ["--http2-prior-knowledge"];
    assert_eq!(spoken(&flags, &peer.url("/")).await, "h2");
}

#[tokio::test]
async fn urls_are_streams_of_one_connection() {
    let (peer, url) = over_tls(&["h2"]);
    let run = httptrace(&["-k", "--format", "events", &url, &url]).await;
    let events = run.expect(0).lines();
    let streams: Vec<_> = named(&events, "stream_opened")
        .iter()
        .map(|opened| opened["stream_id"].as_u64())
        .collect();
    assert_eq!(streams, [Some(1), Some(3)]);
    let got = named(&events, "got_conn");
    assert_eq!(got[0]["reused"], false);
    assert_eq!(got[1]["reused"], true);
    assert_eq!(got[0]["connection"], got[1]["connection"]);
    assert_eq!(
        named(&events, "got_response_headers")[0]["version"],
        "HTTP/2.0"
    );
    assert_eq!(named(&events, "settings_received").len(), 1, "{run:#?}");
    assert!(named(&events, "put_idle_conn").is_empty(), "{run:#?}");
    assert_eq!(peer.accepted(), 1);
}

#[tokio::test]
async fn fields_are_told_as_they_were_written_pseudo_headers_first() {
    let peer = plain(ok);
    let url = peer.url("/a?b");
    let run = httptrace(&[
        "--http2-prior-knowledge",
        "--format",
        "events",
        "-H",
        "X-One: 1",
        "-A",
        "me",
        &url,
    ])
    .await;
    let events = run.expect(0).lines();
    let fields = named(&events, "wrote_header_field");
    let names: Vec<_> = fields.iter().map(|field| field["name"].as_str()).collect();
    let pseudo = [":method", ":scheme", ":authority", ":path"].map(Some);
    assert_eq!(names[..4], pseudo);
    let report = peer.report();
    let request = report.conn(0).http2.request(1);
    assert_eq!(request.field(":path"), Some("/a?b"));
    assert_eq!(request.field(":authority"), Some(&*peer.addr().to_string()));
    assert_eq!(request.field("x-one"), Some("1"));
    assert_eq!(request.field("user-agent"), Some("me"));
    assert_eq!(request.field("host"), None);
}

#[tokio::test]
async fn an_upload_has_its_length_unless_it_is_to_have_none() {
    let peer = plain(ok);
    let url = peer.url("/");
    let args = ["--http2-prior-knowledge", "-d", "a=1"];
    httptrace(&[&args[..], &[&url]].concat()).await.expect(0);
    httptrace(&[&args[..], &["--chunked", &url]].concat())
        .await
        .expect(0);
    let report = peer.report();
    for (conn, length) in [(0, Some("3")), (1, None)] {
        let request = report.conn(conn).http2.request(1);
        assert_eq!(request.line(), "POST /");
        assert_eq!(request.field("content-length"), length);
        assert_eq!(request.field("transfer-encoding"), None);
        assert_eq!(request.body, b"a=1");
    }
}

#[tokio::test]
async fn a_timeline_in_json_knows_stream_and_settings() {
    let peer = plain(ok);
    let url = peer.url("/");
    let run = httptrace(&["--http2-prior-knowledge", "--format", "json", &url]).await;
    let timeline: Value = serde_json::from_str(&run.expect(0).stdout).unwrap();
    let attempt = &timeline["attempts"][0];
    assert_eq!(attempt["got_conn"]["protocol"], "h2");
    assert_eq!(attempt["http2"]["stream"]["stream_id"], 1, "{attempt}");
    assert_eq!(attempt["response"]["head"]["version"], "HTTP/2.0");
}

#[tokio::test]
async fn a_waterfall_says_which_version_it_was() {
    let (_peer, url) = over_tls(&["h2"]);
    httptrace(&["-k", &url]).await.expect(0).shows("HTTP/2");
}

#[tokio::test]
async fn a_refused_stream_is_tried_again_on_the_same_connection() {
    let peer = plain(|request| match request.stream_id {
        1 => Response::new(200).reset(7),
        _ => Response::new(200),
    });
    let url = peer.url("/");
    let run = httptrace(&["--http2-prior-knowledge", "--format", "events", &url]).await;
    let events = run.expect(0).lines();
    let reset = named(&events, "stream_reset")[0];
    assert_eq!(reset["code"], "REFUSED_STREAM");
    assert_eq!(reset["by"], "peer");
    assert_eq!(named(&events, "attempt_start").len(), 2);
    assert_eq!(peer.accepted(), 1);
}

#[tokio::test]
async fn a_stream_that_is_reset_is_a_failure_after_connecting() {
    for (code, name) in [(2, "INTERNAL_ERROR"), (11, "ENHANCE_YOUR_CALM")] {
        let peer = plain(move |_| Response::new(200).reset(code));
        let run = httptrace(&["--http2-prior-knowledge", &peer.url("/")]).await;
        run.expect(4).says(name).says("phase wait").says("hint: ");
    }
    let peer = plain(|_| Response::new(200).reset(13));
    let run = httptrace(&["--http2-prior-knowledge", &peer.url("/")]).await;
    run.expect(4)
        .says("HTTP_1_1_REQUIRED")
        .says("hint: the server wants HTTP/1.1 for this: ask with --http1.1");
}

#[tokio::test]
async fn a_server_of_http1_that_is_spoken_to_in_http2_gets_a_hint() {
    let answers = ["HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", ""];
    for answer in answers {
        let peer = Peer::loopback().every_conn(|c| c.client_may_leave().exchange(answer).close());
        let run = httptrace(&["--http2-prior-knowledge", &peer.url("/")]).await;
        run.expect(4)
            .says("hint: ")
            .says("without --http2-prior-knowledge");
    }
}

#[tokio::test]
async fn a_server_of_http2_that_is_spoken_to_in_http1_gets_a_hint() {
    let peer = plain(ok);
    let run = httptrace(&[&peer.url("/")]).await;
    run.expect(4).says("--http2-prior-knowledge");
    let (_peer, url) = over_tls(&[]);
    let run = httptrace(&["-k", &url]).await;
    run.expect(4).says("--http2-prior-knowledge");
}

#[tokio::test]
async fn no_version_of_http_in_common_is_no_connection() {
    let (_peer, url) = over_tls(&["h2"]);
    let run = httptrace(&["-k", "--http1.1", &url]).await;
    run.expect(3)
        .says("phase tls")
        .says("hint: what is offered is limited by --http1.1");
    let (_peer, url) = http1_over_tls(&["http/1.1"]);
    let run = httptrace(&["-k", "--http2-prior-knowledge", &url]).await;
    run.expect(3)
        .says("phase tls")
        .says("limited by --http1.1 and --http2-prior-knowledge");
}

#[tokio::test]
async fn versions_that_are_not_spoken_are_wrong_usage() {
    let url = "https://127.0.0.1:9/";
    for flag in ["--http0.9", "--http1.0", "-0", "--http3", "--http3-only"] {
        let run = httptrace(&[flag, url]).await;
        run.expect(2).says("is not spoken").says("hint: ");
    }
}

#[tokio::test]
async fn a_server_that_takes_its_time_can_be_seen_to_be_there() {
    let peer = plain(|_| Response::new(200).delay(300));
    let url = peer.url("/");
    let run = httptrace(&[
        "--http2-prior-knowledge",
        "--http2-ping",
        "0.05",
        "--format",
        "events",
        &url,
    ])
    .await;
    let events = run.expect(0).lines();
    let pong = named(&events, "pong")[0];
    assert!(pong["round_trip_us"].is_number(), "{pong}");
    assert_eq!(pong["call"], 1);
}

#[tokio::test]
async fn a_body_whose_stream_is_reset_is_incomplete_whatever_the_code() {
    for (code, name) in [(0, "NO_ERROR"), (2, "INTERNAL_ERROR"), (8, "CANCEL")] {
        let peer = Peer::loopback().conn(|c| {
            c.client_may_leave().http2(|h| {
                let answered = h.handshake().expect_end(1).send_head(1, 200);
                answered.send_data(1, "half").send_reset(1, code)
            })
        });
        let run = httptrace(&["--http2-prior-knowledge", &peer.url("/")]).await;
        run.expect(4)
            .says(name)
            .says("phase receive")
            .says("hint: ")
            .shows(name);
    }
}
