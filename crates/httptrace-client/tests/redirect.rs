//! Redirects: which are followed, with what, and that the trace goes on over every hop.

mod rig;

use std::sync::Arc;

use http::{HeaderValue, Method, Request};
use httptrace::{EventKind, EventName, RequestExt};
use httptrace_client::{Body, RedirectAction, RedirectPolicy, ReplayBody};
use httptrace_test::peer::Head;
use httptrace_test::{Checker, DuplexPeer};
use rig::{HELLO, fetch, get_url, in_memory, pieces, request_to, soon, words};

fn found(status: u16, location: &str) -> String {
    format!("HTTP/1.1 {status} Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n")
}

/// A peer whose connections each answer one of these, in order, and close.
fn answering(responses: &[String]) -> Arc<DuplexPeer> {
    let peer = DuplexPeer::new();
    let peer = responses.iter().fold(peer, |peer, response| {
        peer.conn(|c| c.client_may_leave().exchange(response).swallow())
    });
    Arc::new(peer)
}

fn heads(peer: &DuplexPeer) -> Vec<Head> {
    let report = peer.report();
    report
        .conns
        .iter()
        .flat_map(|conn| conn.heads.clone())
        .collect()
}

fn lines(peer: &DuplexPeer) -> Vec<String> {
    heads(peer)
        .iter()
        .map(|head| head.line().to_owned())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_redirect_is_a_new_attempt_of_the_same_call_on_the_same_connection() {
    let peer = Arc::new(DuplexPeer::new().conn(|c| {
        c.exchange(found(302, "/b?c"))
            .exchange(HELLO)
            .client_may_leave()
    }));
    let checker = Checker::new();
    let client = in_memory(&peer).build();
    let text = soon(fetch(&client, get_url("http://a.example/", &checker))).await;
    assert_eq!(text.unwrap(), "hello");
    assert_eq!(lines(&peer), ["GET / HTTP/1.1", "GET /b?c HTTP/1.1"]);
    assert_eq!(heads(&peer)[1].field("referer"), Some("http://a.example/"));
    assert_eq!(rig::reuses(&checker), [false, true]);
    let story = words(&checker);
    assert!(
        story.contains("redirect attempt_end attempt_start"),
        "{story}"
    );
    let reasons = checker.pick(|kind| match kind {
        EventKind::AttemptStart(start) => Some((start.reason.as_str(), start.uri.to_string())),
        _ => None,
    });
    let expected = [
        ("first", "http://a.example/"),
        ("redirect", "http://a.example/b?c"),
    ];
    assert_eq!(
        reasons,
        expected.map(|(reason, uri)| (reason, uri.to_owned()))
    );
    let events = checker.finish().await;
    let calls: Vec<_> = events.iter().map(|event| event.call).collect();
    assert!(calls.iter().all(|call| call.is_some() && *call == calls[0]));
}

#[tokio::test(start_paused = true)]
async fn a_post_becomes_a_get_except_where_the_status_forbids_it() {
    for (status, line, body) in [
        (301, "GET /x HTTP/1.1", ""),
        (302, "GET /x HTTP/1.1", ""),
        (303, "GET /x HTTP/1.1", ""),
        (307, "POST /x HTTP/1.1", "abc"),
        (308, "POST /x HTTP/1.1", "abc"),
    ] {
        let peer = Arc::new(
            DuplexPeer::new()
                .conn(|c| {
                    c.expect_head()
                        .expect_body(3)
                        .send(found(status, "http://b/x"))
                        .client_may_leave()
                })
                .conn(|c| {
                    c.client_may_leave()
                        .expect_head()
                        .expect_body(body.len())
                        .send(HELLO)
                }),
        );
        let checker = Checker::new();
        let client = in_memory(&peer).build();
        let mut post = request_to("POST", "http://a/", &checker, "abc");
        let kind = HeaderValue::from_static("text/plain");
        post.headers_mut().insert("content-type", kind);
        assert_eq!(soon(fetch(&client, post)).await.unwrap(), "hello");
        let second = &heads(&peer)[1];
        assert_eq!(second.line(), line, "{status}");
        assert_eq!(
            second.field("content-type").is_some(),
            !body.is_empty(),
            "{status}"
        );
        assert_eq!(peer.report().conn(1).bodies, [body.as_bytes()], "{status}");
        checker.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_cannot_be_made_again_is_not_followed_with() {
    let script = |c: httptrace_test::Script| {
        let read = c.expect_head().expect_chunked_body();
        read.send(found(307, "http://b/x")).client_may_leave()
    };
    let peer = Arc::new(DuplexPeer::new().conn(script));
    let checker = Checker::new();
    let client = in_memory(&peer).build();
    let once = request_to("PUT", "http://a/", &checker, pieces(1, 3).body());
    let response = soon(client.send(once)).await.unwrap();
    assert_eq!(response.status(), 307);
    drop(response);
    checker.finish().await;

    let again = |c: httptrace_test::Script| {
        c.client_may_leave()
            .expect_head()
            .expect_chunked_body()
            .send(HELLO)
    };
    let peer = Arc::new(DuplexPeer::new().conn(script).conn(again));
    let checker = Checker::new();
    let client = in_memory(&peer).build();
    let mut request = request_to("PUT", "http://a/", &checker, pieces(1, 3).body());
    let replay = ReplayBody::new(|| pieces(1, 3).body());
    request.extensions_mut().insert(replay);
    assert_eq!(soon(fetch(&client, request)).await.unwrap(), "hello");
    assert_eq!(peer.report().conn(1).bodies, [b"xxx"]);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn secrets_go_to_the_same_site_and_its_subdomains_alone() {
    for (to, kept) in [
        ("http://a.example:81/", true),
        ("http://sub.a.example/", true),
        ("https://a.example.evil/", false),
        ("http://b.example/", false),
        ("http://xa.example/", false),
    ] {
        let to = to.replace("https", "http");
        let peer = answering(&[found(302, &to), HELLO.to_owned()]);
        let checker = Checker::new();
        let client = in_memory(&peer).build();
        let mut request = get_url("http://a.example/", &checker);
        for name in ["authorization", "cookie", "x-own"] {
            request
                .headers_mut()
                .insert(name, HeaderValue::from_static("s"));
        }
        soon(fetch(&client, request)).await.unwrap();
        let second = &heads(&peer)[1];
        assert_eq!(second.field("authorization").is_some(), kept, "{to}");
        assert_eq!(second.field("cookie").is_some(), kept, "{to}");
        assert_eq!(second.field("x-own"), Some("s"));
        checker.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn userinfo_becomes_basic_auth_and_shows_in_no_event() {
    let peer = answering(&[found(302, "http://me:other@b.example/"), HELLO.to_owned()]);
    let checker = Checker::new();
    let client = in_memory(&peer).build();
    let request = get_url("http://user:pass%20word@a.example/", &checker);
    soon(fetch(&client, request)).await.unwrap();
    let heads = heads(&peer);
    assert_eq!(
        heads[0].field("authorization"),
        Some("Basic dXNlcjpwYXNzIHdvcmQ=")
    );
    assert_eq!(heads[0].field("host"), Some("a.example"));
    assert_eq!(heads[1].field("authorization"), Some("Basic bWU6b3RoZXI="));
    assert_eq!(heads[1].field("referer"), Some("http://a.example/"));
    for event in checker.finish().await {
        // The server's own words, the Location included, are told as they came.
        if event.name() == EventName::GotResponseHeaders {
            continue;
        }
        let text = format!("{event:?}");
        for secret in ["pass", "other", "dXNlcj", "bWU6"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn ten_requests_are_made_and_no_eleventh() {
    let peer = Arc::new(
        DuplexPeer::new()
            .every_conn(|c| c.client_may_leave().repeat_exchange(found(302, "/again"))),
    );
    let checker = Checker::new();
    let client = in_memory(&peer).build();
    let error = soon(fetch(&client, get_url("http://a/", &checker)))
        .await
        .unwrap_err();
    assert!(error.is_redirect(), "{error:?}");
    assert!(
        error.to_string().contains("stopped after 9 redirects"),
        "{error}"
    );
    assert_eq!(lines(&peer).len(), 10);
    assert_eq!(checker.count(EventName::Redirect), 9);
    assert_eq!(checker.count(EventName::AttemptEnd), 10);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_policy_decides_what_happens() {
    let peer = answering(&[found(302, "/x")]);
    let checker = Checker::new();
    let client = in_memory(&peer).redirect(RedirectPolicy::none()).build();
    let response = client.send(get_url("http://a/", &checker)).await.unwrap();
    assert_eq!(response.status(), 302);
    drop(response);
    assert_eq!(checker.count(EventName::Redirect), 0);
    checker.finish().await;

    let peer = answering(&[found(302, "/x")]);
    let checker = Checker::new();
    let policy = RedirectPolicy::custom(|step| match step.to.path() {
        "/x" => RedirectAction::Fail(format!("not after {}", step.requests).into()),
        _ => RedirectAction::Follow,
    });
    let client = in_memory(&peer).redirect(policy).build();
    let error = client
        .send(get_url("http://a/", &checker))
        .await
        .unwrap_err();
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(source.to_string(), "not after 1");
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_location_that_leads_nowhere_fails_the_call() {
    for (location, why) in [
        ("ftp://b/", "scheme `ftp`"),
        ("http://[::1", "IPv6"),
        ("http://", "empty host"),
    ] {
        let peer = answering(&[found(302, location)]);
        let checker = Checker::new();
        let client = in_memory(&peer).build();
        let error = client
            .send(get_url("http://a/", &checker))
            .await
            .unwrap_err();
        assert!(error.is_redirect(), "{location}: {error:?}");
        assert!(error.to_string().contains(why), "{location}: {error}");
        checker.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_redirect_without_a_location_and_other_3xx_are_responses() {
    for response in [
        "HTTP/1.1 302 Found\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 300 Multiple Choices\r\nLocation: /x\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 305 Use Proxy\r\nLocation: /x\r\nContent-Length: 5\r\n\r\nhello",
    ] {
        let peer = answering(&[response.to_owned()]);
        let checker = Checker::new();
        let client = in_memory(&peer).build();
        let text = fetch(&client, get_url("http://a/", &checker)).await;
        assert_eq!(text.unwrap(), "hello");
        checker.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_redirect_body_is_not_read_for_the_connections_sake() {
    let long = format!(
        "HTTP/1.1 302 Found\r\nLocation: http://a/x\r\nContent-Length: 900000\r\n\r\n{}",
        "x".repeat(9000)
    );
    let peer = answering(&[long, HELLO.to_owned()]);
    let checker = Checker::new();
    let client = in_memory(&peer).build();
    let text = soon(fetch(&client, get_url("http://a/", &checker))).await;
    assert_eq!(text.unwrap(), "hello");
    assert_eq!(rig::reuses(&checker), [false, false]);
    assert_eq!(rig::closings(&checker), [("body_dropped", None)]);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn every_hop_is_told_to_the_trace_of_the_request_and_of_the_client() {
    let peer = answering(&[
        found(301, "http://b/"),
        found(308, "http://c/"),
        HELLO.to_owned(),
    ]);
    let (own, all) = (Checker::new(), Checker::new());
    let client = in_memory(&peer).trace(all.trace()).build();
    let request = Request::builder().method(Method::GET).uri("http://a/");
    let request = request.trace(own.trace()).body(Body::empty()).unwrap();
    soon(fetch(&client, request)).await.unwrap();
    for checker in [own, all] {
        assert_eq!(checker.count(EventName::AttemptStart), 3);
        assert_eq!(checker.count(EventName::GotConn), 3);
        assert_eq!(checker.count(EventName::Redirect), 2);
        assert_eq!(checker.count(EventName::CallEnd), 1);
        checker.finish().await;
    }
}
