//! The ways to a server that speaks HTTP/2: through tunnels, with certificates, beside requests that ask for HTTP/1.1.

mod rig;

use http::{Request, StatusCode};
use httptrace::info::{Protocol, TlsHandshakeDone, TunnelKind};
use httptrace::{EventKind, EventName, RequestExt};
use httptrace_client::{Body, Client, Proxy};
use httptrace_test::http2::{Response, Service};
use httptrace_test::{Checker, Leaks, Peer, Script, TestCa};
use rig::{HELLO, fetch, get_url, reuses, soon, trusting};

const BOTH: [&str; 2] = ["h2", "http/1.1"];

fn hello() -> Service {
    Service::new(|_| Response::new(200).body("hello"))
}

fn https(peer: &Peer) -> String {
    peer.url("/").replacen("http", "https", 1)
}

fn protocols(checker: &Checker) -> Vec<Option<Protocol>> {
    checker.pick(|kind| match kind {
        EventKind::GotConn(info) => Some(info.protocol),
        _ => None,
    })
}

fn handshakes(checker: &Checker) -> Vec<TlsHandshakeDone> {
    checker.pick(|kind| match kind {
        EventKind::TlsHandshakeDone(done) => Some(done.clone()),
        _ => None,
    })
}

/// Fetches these in turn, over HTTP/2, by way of a peer.
async fn through(proxy: &str, peer: Peer, ca: &TestCa, kind: TunnelKind) {
    let url = format!("{proxy}://{}", peer.addr());
    let leaks = Leaks::watch(&peer);
    let client = trusting(ca).proxy(Proxy::all(&url).unwrap()).build();
    let checker = Checker::new();
    for _ in 0..2 {
        let request = get_url("https://a.example/", &checker);
        assert_eq!(soon(fetch(&client, request)).await.unwrap(), "hello");
    }
    assert_eq!(reuses(&checker), [false, true]);
    assert_eq!(protocols(&checker), [Some(Protocol::Http2); 2]);
    let tunnels = checker.pick(|event| match event {
        EventKind::ProxyTunnelDone(done) => Some(done.kind),
        _ => None,
    });
    assert_eq!(tunnels, [kind]);
    drop(client);
    leaks.assert_none().await;
    checker.finish().await;
    let report = peer.finish().await;
    let request = report.conn(0).http2.request(1);
    assert_eq!(request.field(":authority"), Some("a.example"));
    assert_eq!(request.field(":scheme"), Some("https"));
}

#[tokio::test]
async fn a_tunnel_by_connect_carries_http2() {
    let ca = TestCa::new();
    let tls = ca.server(&["a.example"]).alpn(&BOTH).config();
    let peer = Peer::loopback().conn(|c| {
        let c = c.exchange("HTTP/1.1 200 OK\r\n\r\n").client_may_leave();
        c.start_tls(tls).serve_http2(hello())
    });
    through("http", peer, &ca, TunnelKind::Connect).await;
}

#[tokio::test]
async fn a_tunnel_by_socks_carries_http2() {
    let ca = TestCa::new();
    let tls = ca.server(&["a.example"]).alpn(&BOTH).config();
    let peer = Peer::loopback().conn(|c| {
        let c = c.expect_bytes(b"\x05\x01\x00").send(b"\x05\x00");
        let c = c.expect_bytes(b"\x05\x01\x00\x03\x09a.example\x01\xbb");
        let c = c.send(b"\x05\x00\x00\x01\x7f\0\0\x01\x04\xd2");
        c.client_may_leave().start_tls(tls).serve_http2(hello())
    });
    through("socks5h", peer, &ca, TunnelKind::Socks5).await;
}

#[tokio::test]
async fn a_forwarding_proxy_is_spoken_to_in_http1() {
    let peer = Peer::loopback().conn(|c| c.client_may_leave().exchange(HELLO));
    let client = Client::builder().proxy(Proxy::all(&peer.url("")).unwrap());
    let (client, checker) = (client.build(), Checker::new());
    let request = get_url("http://a.example/", &checker);
    assert_eq!(soon(fetch(&client, request)).await.unwrap(), "hello");
    assert_eq!(protocols(&checker), [Some(Protocol::Http1)]);
    checker.finish().await;
}

#[tokio::test]
async fn a_request_to_be_upgraded_has_a_connection_of_its_own_beside_http2() {
    let ca = TestCa::new();
    let both = |c: Script| c.start_tls(ca.server(&["127.0.0.1"]).alpn(&BOTH).config());
    let peer = Peer::loopback()
        .conn(|c| both(c.client_may_leave()).serve_http2(hello()))
        .conn(|c| {
            let refused = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
            both(c.client_may_leave()).exchange(refused)
        });
    let (client, checker) = (trusting(&ca).build(), Checker::new());
    let plain = || get_url(&https(&peer), &checker);
    assert_eq!(soon(fetch(&client, plain())).await.unwrap(), "hello");
    let upgrade = Request::get(https(&peer)).trace(checker.trace());
    let upgrade = upgrade
        .header("connection", "upgrade")
        .header("upgrade", "websocket");
    let response = soon(client.send(upgrade.body(Body::empty()).unwrap())).await;
    assert_eq!(response.unwrap().status(), StatusCode::BAD_REQUEST);
    assert_eq!(soon(fetch(&client, plain())).await.unwrap(), "hello");
    let http2 = Some(Protocol::Http2);
    assert_eq!(protocols(&checker), [http2, Some(Protocol::Http1), http2]);
    assert_eq!(reuses(&checker), [false, false, true]);
    let offered = handshakes(&checker);
    assert_eq!(offered[1].alpn.as_deref(), Some("http/1.1"));
    checker.finish().await;
}

#[tokio::test]
async fn sessions_are_resumed_and_certificates_shown_over_http2_too() {
    let (ca, clients) = (TestCa::new(), TestCa::new());
    let (certificate, key) = clients.client_pem("me.example");
    let server = ca.server(&["127.0.0.1"]).alpn(&BOTH);
    let tls = server.demanding_clients_of(&clients).config();
    let peer =
        Peer::loopback().every_conn(|c| c.client_may_leave().start_tls(tls).serve_http2(hello()));
    let client = trusting(&ca).keep_alives(false);
    let client = client.client_certificate_pem(certificate.as_bytes(), key.as_bytes());
    let (client, checker) = (client.unwrap().build(), Checker::new());
    for _ in 0..2 {
        let request = get_url(&https(&peer), &checker);
        assert_eq!(soon(fetch(&client, request)).await.unwrap(), "hello");
    }
    let resumed: Vec<_> = handshakes(&checker)
        .iter()
        .map(|done| done.resumed)
        .collect();
    assert_eq!(resumed, [Some(false), Some(true)]);
    assert_eq!(peer.report().conn(0).tls[0].client_certificates, 1);
    checker.finish().await;
}

#[tokio::test]
async fn a_missing_certificate_is_said_to_be_missing_over_http2_too() {
    let (ca, clients) = (TestCa::new(), TestCa::new());
    let server = ca.server(&["127.0.0.1"]).alpn(&BOTH).only_tls13();
    let tls = server.demanding_clients_of(&clients).config();
    let peer = Peer::loopback().conn(|c| c.client_may_leave().start_tls(tls).serve_http2(hello()));
    let (client, checker) = (trusting(&ca).build(), Checker::new());
    let request = get_url(&https(&peer), &checker);
    let error = soon(fetch(&client, request)).await.unwrap_err();
    assert!(error.is_client_certificate_required(), "{error:?}");
    assert_eq!(checker.count(EventName::GotConn), 1);
    checker.finish().await;
}
