//! Requests by way of a proxy: forwarded, or through a tunnel by CONNECT or SOCKS5.

mod rig;

use http::{Request, StatusCode};
use httptrace::info::{ProxyTunnelDone, TlsLeg, TunnelKind};
use httptrace::{ErrorKind, EventKind, EventName, Phase, RequestExt};
use httptrace_client::{Body, Client, ClientBuilder, Proxy};
use httptrace_test::{Checker, Peer, TestCa};
use rig::{HELLO, fetch, get_url, reuses, soon, trusting, words};

const ESTABLISHED: &str = "HTTP/1.1 200 Connection established\r\n\r\n";

fn proxy(url: &str) -> Proxy {
    Proxy::all(url).expect("the test's proxy is valid")
}

/// A client whose requests all go by way of a peer.
fn by_way_of(peer: &Peer) -> ClientBuilder {
    Client::builder().proxy(proxy(&peer.url("")))
}

fn host_ports(checker: &Checker) -> Vec<String> {
    checker.pick(|kind| match kind {
        EventKind::GetConn(info) => Some(info.host_port.to_string()),
        _ => None,
    })
}

fn tunnels(checker: &Checker) -> Vec<ProxyTunnelDone> {
    checker.pick(|kind| match kind {
        EventKind::ProxyTunnelDone(done) => Some(done.clone()),
        _ => None,
    })
}

/// With whom there were handshakes, and the name that was asked for.
fn legs(checker: &Checker) -> Vec<(TlsLeg, Option<String>)> {
    checker.pick(|kind| match kind {
        EventKind::TlsHandshakeDone(done) => {
            Some((done.leg, done.server_name.as_deref().map(Into::into)))
        }
        _ => None,
    })
}

#[tokio::test]
async fn http_goes_to_the_proxy_in_absolute_form_and_all_targets_share_its_connection() {
    let peer = Peer::loopback().conn(|c| c.repeat_exchange(HELLO));
    let client = by_way_of(&peer).build();
    let checker = Checker::new();
    for url in [
        "http://u:p@A.example/one?q",
        "http://b.example:8080",
        "http://[::1]:81/two",
    ] {
        let text = soon(fetch(&client, get_url(url, &checker))).await;
        assert_eq!(text.unwrap(), "hello");
    }
    assert_eq!(reuses(&checker), [false, true, true]);
    assert_eq!(host_ports(&checker), vec![peer.addr().to_string(); 3]);
    assert_eq!(checker.count(EventName::ProxyTunnelStart), 0);
    assert_eq!(checker.count(EventName::DnsStart), 0);
    let report = peer.finish().await;
    let lines: Vec<_> = report
        .conn(0)
        .heads
        .iter()
        .map(|head| head.line())
        .collect();
    assert_eq!(
        lines,
        [
            "GET http://A.example/one?q HTTP/1.1",
            "GET http://b.example:8080/ HTTP/1.1",
            "GET http://[::1]:81/two HTTP/1.1",
        ]
    );
    let head = report.conn(0).head(0);
    assert_eq!(head.field("Host"), Some("A.example"));
    assert_eq!(head.field("Proxy-Authorization"), None);
    checker.finish().await;
}

#[tokio::test]
async fn credentials_for_http_go_last_with_each_request_unless_it_brings_its_own() {
    let peer = Peer::loopback().conn(|c| c.repeat_exchange(HELLO));
    let url = format!("http://us%65r:p%40ss@{}", peer.addr());
    let client = Client::builder().proxy(proxy(&url)).build();
    let checker = Checker::new();
    let own = Request::get("http://a.example/")
        .header("Proxy-Authorization", "Bearer mine")
        .trace(checker.trace())
        .body(Body::empty())
        .unwrap();
    soon(fetch(&client, get_url("http://a.example/", &checker)))
        .await
        .unwrap();
    soon(fetch(&client, own)).await.unwrap();
    let fields: Vec<_> = checker.pick(|kind| match kind {
        EventKind::WroteHeaderField(field) => Some(field.name.to_string()),
        _ => None,
    });
    assert_eq!(fields[2], "Proxy-Authorization", "{fields:?}");
    let report = peer.finish().await;
    let sent = |index| report.conn(0).head(index).field("Proxy-Authorization");
    assert_eq!(sent(0), Some("Basic dXNlcjpwQHNz"));
    assert_eq!(sent(1), Some("Bearer mine"));
    checker.finish().await;
}

#[tokio::test]
async fn a_407_to_a_forwarded_request_is_a_response() {
    let peer = Peer::loopback().conn(|c| {
        c.exchange("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
    });
    let client = by_way_of(&peer).build();
    let checker = Checker::new();
    let response = soon(client.send(get_url("http://a.example/", &checker))).await;
    let response = response.unwrap();
    assert_eq!(response.status(), 407);
    response.into_body().text().await.unwrap();
    checker.finish().await;
}

#[tokio::test]
async fn https_goes_through_a_tunnel_which_is_used_again_for_the_same_target_alone() {
    let ca = TestCa::new();
    let tls = ca.server(&["a.example", "b.example"]).config();
    let peer = Peer::loopback().every_conn(|c| {
        c.exchange(ESTABLISHED)
            .start_tls(tls)
            .repeat_exchange(HELLO)
    });
    let url = format!("http://user:secret@{}", peer.addr());
    let client = trusting(&ca).proxy(proxy(&url)).build();
    let checker = Checker::new();
    for url in [
        "https://a.example/",
        "https://a.example/",
        "https://b.example:444/",
    ] {
        let text = soon(fetch(&client, get_url(url, &checker))).await;
        assert_eq!(text.unwrap(), "hello");
    }
    assert_eq!(reuses(&checker), [false, true, false]);
    assert_eq!(host_ports(&checker), vec![peer.addr().to_string(); 3]);
    let done = tunnels(&checker);
    assert_eq!(done.len(), 2);
    assert_eq!(
        (done[0].kind, &*done[0].target),
        (TunnelKind::Connect, "a.example:443")
    );
    assert_eq!(done[0].status, Some(StatusCode::OK));
    assert_eq!(done[0].reason.as_deref(), Some("Connection established"));
    assert!(done[0].error.is_none());
    let target = (TlsLeg::Target, Some("a.example".to_owned()));
    assert_eq!(legs(&checker)[0], target);
    assert!(
        words(&checker).contains(
            "connect_done proxy_tunnel_start proxy_tunnel_done tls_handshake_start \
             tls_handshake_done got_conn"
        ),
        "{}",
        words(&checker)
    );
    let report = peer.finish().await;
    let asked = report.conn(0).head(0);
    assert_eq!(
        asked.text,
        format!(
            "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\nUser-Agent: httptrace/{}\r\n\
             Proxy-Authorization: Basic dXNlcjpzZWNyZXQ=\r\n\r\n",
            env!("CARGO_PKG_VERSION")
        )
    );
    let inside = report.conn(0).head(1);
    assert_eq!(inside.line(), "GET / HTTP/1.1");
    assert_eq!(inside.field("Proxy-Authorization"), None);
    assert_eq!(
        report.conn(1).head(0).line(),
        "CONNECT b.example:444 HTTP/1.1"
    );
    checker.finish().await;
}

#[tokio::test]
async fn an_https_proxy_has_a_handshake_of_its_own_before_the_targets() {
    let ca = TestCa::new();
    let outer = ca.server(&["127.0.0.1"]).alpn(&["http/1.1"]).config();
    let inner = ca.server(&["a.example"]).config();
    let plain_outer = outer.clone();
    let peer = Peer::loopback()
        .conn(|c| {
            c.start_tls(outer)
                .exchange(ESTABLISHED)
                .start_tls(inner)
                .exchange(HELLO)
        })
        .conn(|c| c.start_tls(plain_outer).repeat_exchange(HELLO));
    let url = format!("https://{}", peer.addr());
    let client = trusting(&ca).proxy(proxy(&url)).build();
    let (secure, plain) = (Checker::new(), Checker::new());
    let text = soon(fetch(&client, get_url("https://a.example/", &secure))).await;
    assert_eq!(text.unwrap(), "hello");
    let text = soon(fetch(&client, get_url("http://a.example/x", &plain))).await;
    assert_eq!(text.unwrap(), "hello");
    assert_eq!(
        legs(&secure),
        [
            (TlsLeg::Proxy, None),
            (TlsLeg::Target, Some("a.example".to_owned()))
        ]
    );
    assert_eq!(legs(&plain), [(TlsLeg::Proxy, None)]);
    let report = peer.finish().await;
    assert_eq!(
        report.conn(0).tls[1].server_name.as_deref(),
        Some("a.example")
    );
    assert_eq!(
        report.conn(1).head(0).line(),
        "GET http://a.example/x HTTP/1.1"
    );
    secure.finish().await;
    plain.finish().await;
}

#[tokio::test]
async fn a_refused_connect_tells_the_proxys_status_and_reason() {
    for (answer, status, shown) in [
        (
            "HTTP/1.1 403 Forbidden by policy\r\n\r\n",
            403,
            "403 Forbidden by policy",
        ),
        (
            "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n",
            407,
            "407 Proxy Authentication Required",
        ),
        (
            "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 5\r\n\r\nsorry",
            502,
            "502 Bad Gateway",
        ),
        ("HTTP/1.1 302\r\nLocation: http://x/\r\n\r\n", 302, "302"),
        ("HTTP/1.1 101 Switching\r\n\r\n", 101, "101 Switching"),
    ] {
        let peer = Peer::loopback().conn(|c| c.client_may_leave().exchange(answer).swallow());
        let client = by_way_of(&peer).build();
        let checker = Checker::new();
        let error = soon(fetch(&client, get_url("https://a.example/", &checker)))
            .await
            .unwrap_err();
        assert_eq!(error.proxy_status().unwrap(), status);
        assert!(error.is_proxy() && error.is_connect());
        assert_eq!(
            (error.kind(), error.phase()),
            (ErrorKind::Refused, Some(Phase::Proxy))
        );
        assert!(error.to_string().ends_with(shown), "{error}");
        let done = &tunnels(&checker)[0];
        assert_eq!(done.status.unwrap(), status);
        assert_eq!(done.error.as_ref().unwrap().message(), error.to_string());
        assert_eq!(checker.count(EventName::TlsHandshakeStart), 0);
        assert_eq!(checker.count(EventName::GotConn), 0);
        checker.finish().await;
    }
}
