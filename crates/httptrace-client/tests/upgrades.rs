//! `101 Switching Protocols`: the stream goes to whoever asks hyper for it, with all its bytes, and the call is over.

mod rig;

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use httptrace::{ErrorKind, EventKind, EventName, Phase};
use httptrace_client::{Body, CallTimeout, Client};
use httptrace_test::{Checker, ClientEnd, DuplexPeer, Leaks, Peer, Script, TestCa};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use rig::{
    HELLO, Pieces, call_error, closings, fetch, get, get_url, in_memory, request_to, soon,
    trusting, words,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower_layer::layer_fn;
use tower_service::Service;

const URL: &str = "http://example.com/";
const SWITCHING: &str =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";

/// The same request, asking for an upgrade.
fn asking(mut request: Request<Body>) -> Request<Body> {
    let headers = request.headers_mut();
    headers.insert("connection", "Upgrade".parse().unwrap());
    headers.insert("upgrade", "echo".parse().unwrap());
    request
}

/// Switches, and says "pong" to a "ping" until the client is gone.
fn ping_pong(script: Script) -> Script {
    let switched = script.exchange(SWITCHING);
    switched.repeat(|c| c.expect_bytes("ping").send("pong"))
}

fn ping_pong_peer() -> Arc<DuplexPeer> {
    Arc::new(DuplexPeer::new().every_conn(|c| ping_pong(c.client_may_leave())))
}

/// Takes the stream out of a response.
async fn upgraded(response: Response<Body>) -> TokioIo<Upgraded> {
    let stream = soon(hyper::upgrade::on(response)).await;
    TokioIo::new(stream.expect("the response is an upgrade"))
}

async fn play(stream: &mut TokioIo<Upgraded>) {
    for _ in 0..3 {
        stream.write_all(b"ping").await.unwrap();
        let mut answer = [0; 4];
        soon(stream.read_exact(&mut answer)).await.unwrap();
        assert_eq!(&answer, b"pong");
    }
}

#[tokio::test(start_paused = true)]
async fn the_call_is_over_with_the_101_and_the_stream_goes_on() {
    let peer = ping_pong_peer();
    let leaks = Leaks::watch(&*peer);
    let checker = Checker::new();
    let client = in_memory(&peer).build();
    let response = client.send(asking(get_url(URL, &checker))).await.unwrap();
    assert_eq!(response.status(), 101);
    assert_eq!(response.headers()["upgrade"], "echo");
    let told = words(&checker);
    assert!(
        told.ends_with(
            "wrote_headers wrote_request got_first_response_byte got_response_headers body_done conn_closed \
             attempt_end call_end"
        ),
        "{told}"
    );
    assert_eq!(closings(&checker), [("upgraded", None)]);

    let mut stream = upgraded(response).await;
    drop(client);
    play(&mut stream).await;
    // What is said on the stream is no event of HTTP.
    assert_eq!(words(&checker), told);
    checker.finish().await;
    drop(stream);
    leaks.assert_none().await;
}

#[tokio::test(start_paused = true)]
async fn bytes_that_came_with_the_101_are_not_lost() {
    let greeting = format!("{SWITCHING}HTTP/1.1 200 OK\r\n\r\n\0\u{1}");
    for sizes in [
        &[][..],
        &[SWITCHING.len()],
        &[SWITCHING.len() + 3],
        &[10, 90],
    ] {
        let peer = Arc::new(DuplexPeer::new().conn(|c| {
            let greeted = c.expect_head().send_split(&greeting, sizes);
            greeted.expect_bytes("bye").close()
        }));
        let checker = Checker::new();
        let request = asking(get_url(URL, &checker));
        let response = in_memory(&peer).build().send(request).await.unwrap();
        let mut stream = upgraded(response).await;
        stream.write_all(b"bye").await.unwrap();
        let mut rest = String::new();
        soon(stream.read_to_string(&mut rest)).await.unwrap();
        assert_eq!(rest, greeting[SWITCHING.len()..]);
        assert_eq!(checker.count(EventName::GotResponseHeaders), 1);
        checker.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_upgrade_may_be_taken_by_reference_and_the_body_is_empty() {
    let peer = ping_pong_peer();
    let checker = Checker::new();
    let client = in_memory(&peer).build();
    let request = asking(get_url(URL, &checker));
    let mut response = client.send(request).await.unwrap();
    let stream = hyper::upgrade::on(&mut response).await.unwrap();
    assert_eq!(response.into_body().text().await.unwrap(), "");
    play(&mut TokioIo::new(stream)).await;
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn an_upgrade_that_nobody_takes_closes_the_connection() {
    let peer = ping_pong_peer();
    let leaks = Leaks::watch(&*peer);
    let client = in_memory(&peer).build();
    let checker = Checker::new();
    let response = client.send(asking(get_url(URL, &checker))).await.unwrap();
    assert_eq!(peer.open(), 1);
    // Its head goes here, and the upgrade with it.
    assert_eq!(response.into_body().text().await.unwrap(), "");
    leaks.assert_none().await;
    let response = client.send(asking(get_url(URL, &checker))).await.unwrap();
    drop(response);
    leaks.assert_none().await;
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn an_upgraded_connection_counts_no_more_as_one_of_its_host() {
    let peer = ping_pong_peer();
    let checker = Checker::new();
    let client = in_memory(&peer).max_conns_per_host(1).build();
    let mut streams = Vec::new();
    for _ in 0..3 {
        let request = asking(get_url(URL, &checker));
        streams.push(upgraded(soon(client.send(request)).await.unwrap()).await);
    }
    for stream in &mut streams {
        play(stream).await;
    }
    assert_eq!(peer.accepted(), 3);
    assert_eq!(checker.count(EventName::PutIdleConn), 0);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn the_upgrade_comes_through_layers_and_redirects() {
    #[derive(Clone)]
    struct Wrapping<S>(S);
    impl<S> Service<Request<Body>> for Wrapping<S>
    where
        S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
        S::Future: Send,
    {
        type Response =
            Response<http_body_util::combinators::BoxBody<bytes::Bytes, httptrace_client::Error>>;
        type Error = S::Error;
        type Future =
            std::pin::Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;
        fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
            self.0.poll_ready(cx)
        }
        fn call(&mut self, request: Request<Body>) -> Self::Future {
            let answered = self.0.call(request);
            Box::pin(async move { Ok(answered.await?.map(http_body_util::BodyExt::boxed)) })
        }
    }

    let moved = "HTTP/1.1 307 Temporary Redirect\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n";
    let peer =
        Arc::new(DuplexPeer::new().conn(|c| ping_pong(c.client_may_leave().exchange(moved))));
    let checker = Checker::new();
    let client = in_memory(&peer).layer(layer_fn(Wrapping)).build();
    let request = asking(get_url(URL, &checker));
    let response = client.send(request).await.unwrap();
    assert_eq!(peer.report().conn(0).head(1).field("upgrade"), Some("echo"));
    play(&mut upgraded(response).await).await;
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_101_that_names_no_protocol_is_the_answer_and_nobody_gets_its_stream() {
    for head in ["", "Upgrade: echo\r\n", "Connection: upgrade\r\n"] {
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\n{head}\r\nHTTP/1.1 204 No Content\r\n\r\n"
        );
        let peer = Arc::new(DuplexPeer::new().conn(|c| c.exchange(answer).client_may_leave()));
        let leaks = Leaks::watch(&*peer);
        let checker = Checker::new();
        let client = in_memory(&peer).build();
        let mut response = client.send(get_url(URL, &checker)).await.unwrap();
        assert_eq!(response.status(), 101);
        // Closed while the response is still there.
        leaks.assert_none().await;
        assert!(hyper::upgrade::on(&mut response).await.is_err());
        assert_eq!(closings(&checker), [("upgraded", None)]);
        assert_eq!(checker.count(EventName::Got1xxResponse), 0);
        checker.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn any_other_response_is_no_upgrade() {
    let peer = Arc::new(DuplexPeer::new().conn(|c| c.client_may_leave().exchange(HELLO)));
    let checker = Checker::new();
    let client = in_memory(&peer).build();
    let request = asking(get_url(URL, &checker));
    let mut response = client.send(request).await.unwrap();
    assert!(hyper::upgrade::on(&mut response).await.is_err());
    assert_eq!(response.into_body().text().await.unwrap(), "hello");
    assert_eq!(checker.count(EventName::PutIdleConn), 1);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn informational_responses_before_the_101_are_told() {
    let answer = format!("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n{SWITCHING}");
    let peer = Arc::new(DuplexPeer::new().conn(|c| {
        let switched = c.client_may_leave().exchange(answer);
        switched.repeat(|c| c.expect_bytes("ping").send("pong"))
    }));
    let checker = Checker::new();
    let client = in_memory(&peer).build();
    let response = client.send(asking(get_url(URL, &checker))).await.unwrap();
    play(&mut upgraded(response).await).await;
    assert_eq!(checker.count(EventName::Got1xxResponse), 1);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn an_upgrade_is_asked_for_where_connections_are_not_kept() {
    let peer = ping_pong_peer();
    let checker = Checker::new();
    let client = in_memory(&peer).keep_alives(false).build();
    let response = client.send(asking(get_url(URL, &checker))).await.unwrap();
    let report = peer.report();
    let fields: Vec<_> = report.conn(0).head(0).fields().collect();
    assert!(fields.contains(&("Connection", "Upgrade")), "{fields:?}");
    assert!(!fields.contains(&("Connection", "close")), "{fields:?}");
    assert_eq!(closings(&checker), [("upgraded", None)]);
    play(&mut upgraded(response).await).await;
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_101_during_an_upload_waits_for_its_end() {
    let peer = Arc::new(DuplexPeer::with_buffer(64).conn(|c| {
        let early = c.client_may_leave().expect_head().send(SWITCHING);
        let whole = early.delay(50).expect_chunked_body();
        whole.repeat(|c| c.expect_bytes("ping").send("pong"))
    }));
    let checker = Checker::new();
    let client = in_memory(&peer).build();
    let body = Pieces::new()
        .data("one")
        .pause(20)
        .data("two")
        .pause(20)
        .body();
    let request = asking(request_to("POST", URL, &checker, body));
    let response = soon(client.send(request)).await.unwrap();
    assert_eq!(response.status(), 101);
    assert_eq!(checker.count(EventName::WroteRequest), 1);
    play(&mut upgraded(response).await).await;
    assert_eq!(peer.report().conn(0).bodies, [b"onetwo"]);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_body_that_fails_after_the_101_fails_the_request() {
    let peer = Arc::new(
        DuplexPeer::new().conn(|c| c.client_may_leave().expect_head().send(SWITCHING).swallow()),
    );
    let checker = Checker::new();
    let client = in_memory(&peer).build();
    let body = Pieces::new().data("one").pause(20).fail("boom").body();
    let request = asking(request_to("POST", URL, &checker, body));
    let error = soon(client.send(request)).await.unwrap_err();
    assert!(error.to_string().contains("boom"), "{error}");
    assert_eq!(closings(&checker), [("failed", None)]);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_leaves_after_the_101_fails_an_upload_that_goes_on() {
    let peer = Arc::new(DuplexPeer::with_buffer(64).conn(|c| {
        let switched = c.client_may_leave().expect_head().send(SWITCHING);
        switched.delay(10).close()
    }));
    let leaks = Leaks::watch(&*peer);
    let checker = Checker::new();
    let client = in_memory(&peer).build();
    let body = Pieces::new().data(vec![7; 1000]).never().body();
    let request = asking(request_to("POST", URL, &checker, body));
    let error = soon(client.send(request)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed, "{error:?}");
    assert_eq!(closings(&checker), [("failed", None)]);
    leaks.assert_none().await;
    checker.finish().await;
}

/// A request that asks for an upgrade, and whether its body is wanted.
fn expecting(checker: &Checker) -> Request<Body> {
    let mut request = asking(request_to("POST", URL, checker, "abc"));
    let expect = "100-continue".parse().unwrap();
    request.headers_mut().insert("expect", expect);
    request
}

#[tokio::test(start_paused = true)]
async fn a_101_instead_of_a_100_lets_the_body_go_before_the_stream_is_handed_over() {
    let peer = Arc::new(DuplexPeer::new().conn(|c| {
        let switched = c.client_may_leave().exchange(SWITCHING).expect_body(3);
        switched.repeat(|c| c.expect_bytes("ping").send("pong"))
    }));
    let checker = Checker::new();
    let client = in_memory(&peer).build();
    let response = soon(client.send(expecting(&checker))).await.unwrap();
    assert_eq!(checker.count(EventName::WroteRequest), 1);
    play(&mut upgraded(response).await).await;
    assert_eq!(peer.report().conn(0).bodies, [b"abc"]);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_101_that_closes_gets_no_body_and_gives_no_stream() {
    let closing = SWITCHING.replace("Upgrade\r\n", "Upgrade, close\r\n");
    let peer = Arc::new(DuplexPeer::new().conn(|c| c.client_may_leave().exchange(closing)));
    let leaks = Leaks::watch(&*peer);
    let checker = Checker::new();
    let client = in_memory(&peer).build();
    let mut response = soon(client.send(expecting(&checker))).await.unwrap();
    let outcomes = checker.pick(|kind| match kind {
        EventKind::WroteRequest(wrote) => Some(format!("{:?}", wrote.outcome)),
        _ => None,
    });
    assert_eq!(outcomes, ["NotSent(FinalResponseFirst)"]);
    assert!(hyper::upgrade::on(&mut response).await.is_err());
    leaks.assert_none().await;
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_101_that_cuts_a_request_off_is_an_error() {
    let peer = Arc::new(
        DuplexPeer::with_buffer(64)
            .conn(|c| c.client_may_leave().expect_head().send(SWITCHING).swallow()),
    );
    let leaks = Leaks::watch(&*peer);
    let checker = Checker::new();
    let client = in_memory(&peer).build();
    let request = asking(request_to("POST", URL, &checker, vec![7; 100_000]));
    let error = soon(client.send(request)).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.phase()),
        (ErrorKind::Protocol, Some(Phase::Send))
    );
    assert!(error.to_string().contains("switched protocols"), "{error}");
    assert_eq!(call_error(&checker).unwrap().0, "protocol");
    leaks.assert_none().await;
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn the_deadline_of_the_call_ends_with_the_101() {
    let peer = ping_pong_peer();
    let checker = Checker::new();
    let client = in_memory(&peer)
        .timeout(Duration::from_secs(1))
        .idle_body_timeout(Duration::from_secs(1))
        .build();
    let mut request = asking(get_url(URL, &checker));
    request
        .extensions_mut()
        .insert(CallTimeout(Duration::from_secs(2)));
    let mut response = client.send(request).await.unwrap();
    let stream = hyper::upgrade::on(&mut response).await.unwrap();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    play(&mut TokioIo::new(stream)).await;
    checker.finish().await;
}

#[tokio::test]
async fn a_stream_under_tls_is_handed_over_and_says_farewell_when_it_is_dropped() {
    let ca = TestCa::new();
    let tls = ca.server(&["127.0.0.1"]).config();
    let peer = Peer::loopback().conn(|c| {
        let switched = c.start_tls(tls).exchange(SWITCHING);
        switched.expect_bytes("ping").send("pong").hold_open()
    });
    let leaks = Leaks::watch(&peer);
    let checker = Checker::new();
    let url = peer.url("/").replacen("http", "https", 1);
    let client = trusting(&ca).build();
    let response = soon(client.send(asking(get_url(&url, &checker))))
        .await
        .unwrap();
    let mut stream = upgraded(response).await;
    stream.write_all(b"ping").await.unwrap();
    let mut answer = [0; 4];
    soon(stream.read_exact(&mut answer)).await.unwrap();
    assert_eq!(&answer, b"pong");
    drop((stream, client));
    leaks.assert_none().await;
    // An end without `close_notify` would be a reset.
    let end = peer.report().conn(0).client_end.map(|(_, end)| end);
    assert_eq!(end, Some(ClientEnd::Fin));
    checker.finish().await;
}

#[test]
fn the_stream_lives_on_a_runtime_of_one_thread() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let elsewhere = tokio::runtime::Runtime::new().unwrap();
    let peer = elsewhere
        .block_on(async { Peer::loopback().every_conn(|c| ping_pong(c.client_may_leave())) });
    let checker = Checker::new();
    let client = Client::new();
    let response = runtime.block_on(client.send(asking(get(&peer, "/", &checker))));
    drop(client);
    // No task of ours has the stream: nobody had to run for it meanwhile.
    let mut stream = runtime.block_on(upgraded(response.unwrap()));
    runtime.block_on(play(&mut stream));
    runtime.block_on(checker.finish());
    drop(runtime);
    let late = elsewhere.block_on(stream.write_all(b"ping"));
    assert!(late.is_err(), "the stream's runtime is gone");
}

#[tokio::test(start_paused = true)]
async fn whoever_only_writes_on_the_stream_learns_that_the_peer_has_left() {
    let peer = Arc::new(DuplexPeer::with_buffer(64).conn(|c| c.exchange(SWITCHING).close()));
    let checker = Checker::new();
    let client = in_memory(&peer).build();
    let request = asking(get_url(URL, &checker));
    let mut stream = upgraded(client.send(request).await.unwrap()).await;
    let failed = soon(async {
        loop {
            let written = stream.write_all(&[7; 1000]).await;
            if let Err(error) = written {
                return error;
            }
        }
    });
    assert_eq!(failed.await.kind(), std::io::ErrorKind::BrokenPipe);
    let again = soon(stream.write_all(b"more")).await;
    assert_eq!(again.unwrap_err().kind(), std::io::ErrorKind::BrokenPipe);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn requests_go_on_beside_an_upgraded_stream() {
    let peer = Arc::new(
        DuplexPeer::new()
            .conn(|c| ping_pong(c.client_may_leave()))
            .every_conn(|c| c.client_may_leave().repeat_exchange(HELLO)),
    );
    let checker = Checker::new();
    let client = in_memory(&peer).build();
    let response = client.send(asking(get_url(URL, &checker))).await.unwrap();
    let mut stream = upgraded(response).await;
    for _ in 0..2 {
        play(&mut stream).await;
        let text = fetch(&client, get_url(URL, &checker)).await;
        assert_eq!(text.unwrap(), "hello");
    }
    let reused = checker.pick(|kind| match kind {
        EventKind::GotConn(got) => Some(got.reused),
        _ => None,
    });
    assert_eq!(reused, [false, false, true]);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_tunnel_asked_for_by_method_leaves_http_too() {
    let peer = Arc::new(DuplexPeer::new().conn(|c| {
        let tunnel = c.client_may_leave().exchange("HTTP/1.1 200 OK\r\n\r\n");
        tunnel.repeat(|c| c.expect_bytes("ping").send("pong"))
    }));
    let checker = Checker::new();
    let client = in_memory(&peer).build();
    let request = request_to("CONNECT", URL, &checker, Body::empty());
    let response = client.send(request).await.unwrap();
    assert_eq!(closings(&checker), [("upgraded", None)]);
    play(&mut upgraded(response).await).await;
    checker.finish().await;
}
