//! Requests by way of a proxy: forwarded, or through a tunnel by CONNECT or SOCKS5.

mod rig;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Request, StatusCode};
use httptrace::info::{ProxyTunnelDone, TlsLeg, TunnelKind};
use httptrace::{Emitter, ErrorKind, EventKind, EventName, Phase, RequestExt};
use httptrace_client::{
    Body, Client, ClientBuilder, Connect, ConnectTarget, Connecting, Error, Proxy,
};
use httptrace_test::{CannedDns, Checker, DuplexPeer, Leaks, Peer, RefusingAddr, Script, TestCa};
use rig::{Canned, HELLO, InMemory, fetch, get_url, in_memory, reuses, soon, trusting, words};

const ESTABLISHED: &str = "HTTP/1.1 200 Connection established\r\n\r\n";

/// A SOCKS5 proxy's last word: the tunnel stands.
const OPEN: &[u8] = b"\x05\x00\x00\x01\x7f\0\0\x01\x04\xd2";

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

#[tokio::test]
async fn a_refused_tunnel_counts_no_more_as_a_connection_of_its_host() {
    let ca = TestCa::new();
    let tls = ca.server(&["a.example"]).config();
    let peer = Peer::loopback()
        .conn(|c| {
            c.exchange("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
                .client_may_leave()
        })
        .conn(|c| {
            c.exchange(ESTABLISHED)
                .start_tls(tls)
                .exchange(HELLO)
                .client_may_leave()
        });
    let builder = trusting(&ca).proxy(proxy(&peer.url("")));
    let client = builder.max_conns_per_host(1).build();
    let checker = Checker::new();
    let url = "https://a.example/";
    let refused = soon(fetch(&client, get_url(url, &checker))).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Refused);
    let text = soon(fetch(&client, get_url(url, &checker))).await;
    assert_eq!(text.unwrap(), "hello");
    checker.finish().await;
}

/// A SOCKS5 proxy that wants no credentials, up to its last word.
fn socks(script: Script, request: &[u8]) -> Script {
    let greeted = script.expect_bytes(b"\x05\x01\x00").send(b"\x05\x00");
    greeted.expect_bytes(request)
}

#[tokio::test]
async fn a_socks_proxy_resolves_the_name_and_opens_a_tunnel_for_http_too() {
    let ca = TestCa::new();
    let tls = ca.server(&["a.example"]).config();
    let peer = Peer::loopback()
        .conn(|c| {
            let asked = socks(c, b"\x05\x01\x00\x03\x09a.example\x00\x50");
            asked.send_paced(OPEN, 3, 1).repeat_exchange(HELLO)
        })
        .conn(|c| {
            let asked = socks(c, b"\x05\x01\x00\x03\x09a.example\x01\xbb");
            asked.send(OPEN).start_tls(tls).exchange(HELLO)
        })
        .conn(|c| {
            let asked = socks(c, b"\x05\x01\x00\x01\xc0\x00\x02\x01\x00\x51");
            asked.send(OPEN).exchange(HELLO)
        });
    for scheme in ["socks5", "socks5h"] {
        assert!(Proxy::all(&format!("{scheme}://{}", peer.addr())).is_ok());
    }
    let url = format!("socks5h://{}", peer.addr());
    let client = trusting(&ca).proxy(proxy(&url)).build();
    let checker = Checker::new();
    for url in [
        "http://a.example/",
        "http://a.example/again",
        "https://a.example/",
        "http://192.0.2.1:81/",
    ] {
        let text = soon(fetch(&client, get_url(url, &checker))).await;
        assert_eq!(text.unwrap(), "hello");
    }
    assert_eq!(reuses(&checker), [false, true, false, false]);
    assert_eq!(host_ports(&checker), vec![peer.addr().to_string(); 4]);
    assert_eq!(checker.count(EventName::DnsStart), 0);
    let done = tunnels(&checker);
    let targets: Vec<_> = done.iter().map(|done| &*done.target).collect();
    assert_eq!(targets, ["a.example:80", "a.example:443", "192.0.2.1:81"]);
    assert!(done.iter().all(|done| done.kind == TunnelKind::Socks5
        && done.status.is_none()
        && done.error.is_none()));
    let report = peer.finish().await;
    assert_eq!(report.conn(0).head(0).line(), "GET / HTTP/1.1");
    checker.finish().await;
}

#[tokio::test]
async fn a_socks_proxy_gets_credentials_and_says_why_it_refuses() {
    let target = b"\x05\x01\x00\x03\x09a.example\x00\x50";
    let login = |c: Script, answer: &[u8]| {
        let greeted = c.expect_bytes(b"\x05\x02\x00\x02").send(b"\x05\x02");
        greeted.expect_bytes(b"\x01\x02me\x06se:ret").send(answer)
    };
    let peer = Peer::loopback()
        .conn(|c| {
            let known = login(c, b"\x01\x00").expect_bytes(target);
            known.send(OPEN).exchange(HELLO)
        })
        .conn(|c| login(c.client_may_leave(), b"\x01\x01").swallow())
        .conn(|c| {
            let known = login(c.client_may_leave(), b"\x01\x00").expect_bytes(target);
            known.send(b"\x05\x04\x00\x01").swallow()
        })
        .conn(|c| {
            let greeted = c.client_may_leave().expect_bytes(b"\x05\x02\x00\x02");
            greeted.send(b"\x05\xff").swallow()
        });
    let url = format!("socks5://me:se%3Aret@{}", peer.addr());
    let client = Client::builder().proxy(proxy(&url)).keep_alives(false);
    let client = client.build();
    let checker = Checker::new();
    let text = soon(fetch(&client, get_url("http://a.example/", &checker))).await;
    assert_eq!(text.unwrap(), "hello");
    checker.finish().await;
    for (kind, shown, reason) in [
        (ErrorKind::Refused, "does not accept the user", None),
        (
            ErrorKind::Unreachable,
            "host unreachable",
            Some("host unreachable"),
        ),
        (ErrorKind::Refused, "neither", None),
    ] {
        let checker = Checker::new();
        let error = soon(fetch(&client, get_url("http://a.example/", &checker)))
            .await
            .unwrap_err();
        assert_eq!((error.kind(), error.phase()), (kind, Some(Phase::Proxy)));
        assert!(error.to_string().contains(shown), "{error}");
        assert!(!format!("{error:?}").contains("ret@"), "{error:?}");
        assert_eq!(error.proxy_status(), None);
        assert_eq!(tunnels(&checker)[0].reason.as_deref(), reason);
        checker.finish().await;
    }
}

async fn fails(client: &Client, url: &str) -> (Error, Checker) {
    let checker = Checker::new();
    let sent = soon(fetch(client, get_url(url, &checker))).await;
    (sent.unwrap_err(), checker)
}

#[tokio::test]
async fn a_proxy_that_breaks_off_or_speaks_something_else_is_told_as_it_is() {
    let large = format!("HTTP/1.1 200 OK\r\nA: {}\r\n\r\n", "b".repeat(70_000));
    let table: [(&[u8], ErrorKind, &str); 5] = [
        (b"", ErrorKind::Closed, "without an answer"),
        (
            b"HTTP/1.1 200 OK\r\nA: b",
            ErrorKind::Closed,
            "within its answer",
        ),
        (b"SSH-2.0-x\r\n", ErrorKind::Protocol, "not HTTP/1.1"),
        (
            b"HTTP/1.1 200 OK\r\nnot a field\r\n\r\n",
            ErrorKind::Protocol,
            "header field",
        ),
        (
            large.as_bytes(),
            ErrorKind::Protocol,
            "larger than 65536 bytes",
        ),
    ];
    for (answer, kind, shown) in table {
        let peer = Peer::loopback().conn(|c| c.client_may_leave().exchange(answer).close());
        let (error, checker) = fails(&by_way_of(&peer).build(), "https://a.example/").await;
        assert_eq!(
            (error.kind(), error.phase()),
            (kind, Some(Phase::Proxy)),
            "{error}"
        );
        assert!(error.to_string().contains(shown), "{error}");
        assert!(error.is_proxy() && error.proxy_status().is_none());
        assert!(tunnels(&checker)[0].error.is_some());
        checker.finish().await;
    }
}

#[tokio::test]
async fn an_answer_may_come_byte_by_byte_and_after_others() {
    let ca = TestCa::new();
    let tls = ca.server(&["a.example"]).config();
    let answer = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 204 Fine\r\nVia: x\r\n\r\n";
    let peer = Peer::loopback().conn(|c| {
        let asked = c.expect_head().send_paced(answer, 1, 0);
        asked.start_tls(tls).exchange(HELLO)
    });
    let client = trusting(&ca).proxy(proxy(&peer.url(""))).build();
    let checker = Checker::new();
    let text = soon(fetch(&client, get_url("https://a.example/", &checker))).await;
    assert_eq!(text.unwrap(), "hello");
    assert_eq!(tunnels(&checker)[0].status, Some(StatusCode::NO_CONTENT));
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn the_connect_timeout_covers_the_tunnel_and_so_do_others() {
    let peer = || Arc::new(DuplexPeer::new().every_conn(|c| c.client_may_leave().swallow()));
    let limit = Duration::from_secs(3);
    let setups: [&dyn Fn(ClientBuilder) -> ClientBuilder; 3] = [
        &|builder| builder.connect_timeout(limit),
        &|builder| builder.connect_timeout(None).timeout(limit),
        // Go's limit for a tunnel, without any of ours.
        &|builder| builder.connect_timeout(None),
    ];
    for (number, setup) in setups.into_iter().enumerate() {
        for url in ["http://proxy.example", "socks5://proxy.example"] {
            let peer = peer();
            let leaks = Leaks::watch(&*peer);
            let client = setup(in_memory(&peer).proxy(proxy(url))).build();
            let begun = tokio::time::Instant::now();
            let checker = Checker::new();
            let sent = fetch(&client, get_url("https://a.example/", &checker)).await;
            let error = sent.unwrap_err();
            assert!(error.is_timeout(), "{error}");
            assert_eq!(error.phase(), Some(Phase::Proxy), "{error}");
            let expected = if number == 2 { 60 } else { 3 };
            assert_eq!(begun.elapsed().as_secs(), expected, "{url}");
            drop(client);
            leaks.assert_none().await;
            let done = &tunnels(&checker)[0];
            let kind = done.error.as_ref().unwrap().kind();
            // The dial of a call that timed out goes on until its client is gone.
            let expected = if number == 1 {
                ErrorKind::Canceled
            } else {
                ErrorKind::Timeout
            };
            assert_eq!(kind, expected, "{url}");
            checker.finish().await;
        }
    }
}

#[tokio::test]
async fn failures_on_the_way_name_the_leg() {
    let (ca, stranger) = (TestCa::new(), TestCa::new());
    let bad = stranger.server(&["127.0.0.1", "a.example"]).config();
    let inner = bad.clone();
    let peer = Peer::loopback()
        .conn(|c| c.client_may_leave().start_tls(bad).swallow())
        .conn(|c| {
            let asked = c.client_may_leave().exchange(ESTABLISHED);
            asked.start_tls(inner).swallow()
        });
    let over_tls = format!("https://{}", peer.addr());
    let client = trusting(&ca).proxy(proxy(&over_tls)).build();
    let (error, checker) = fails(&client, "https://a.example/").await;
    assert!(error.is_proxy() && error.is_tls(), "{error:?}");
    let named = format!("TLS handshake with the proxy {}", peer.addr());
    assert!(error.to_string().contains(&named), "{error}");
    assert_eq!(legs(&checker), [(TlsLeg::Proxy, None)]);
    checker.finish().await;

    let client = trusting(&ca).proxy(proxy(&peer.url(""))).build();
    let (error, checker) = fails(&client, "https://a.example/").await;
    assert!(!error.is_proxy() && error.is_tls(), "{error:?}");
    assert!(
        error
            .to_string()
            .contains("TLS handshake with a.example:443"),
        "{error}"
    );
    checker.finish().await;

    let refusing = RefusingAddr::loopback();
    let client = Client::builder().proxy(proxy(&refusing.addr().to_string()));
    let (error, checker) = fails(&client.build(), "http://a.example/").await;
    assert!(error.is_proxy() && error.is_connect(), "{error:?}");
    let named = format!(
        "could not connect to the proxy {}: Connection refused",
        refusing.addr()
    );
    assert!(error.to_string().starts_with(&named), "{error}");
    assert_eq!(host_ports(&checker), [refusing.addr().to_string()]);
    checker.finish().await;

    let dns = CannedDns::new().failing_host("proxy.example", "no such host");
    let client = Client::builder().proxy(proxy("PROXY.example:3128"));
    let (error, checker) = fails(&client.resolver(Canned(dns)).build(), "http://a/").await;
    assert!(error.is_proxy() && error.is_dns(), "{error:?}");
    assert_eq!(host_ports(&checker), ["PROXY.example:3128"]);
    checker.finish().await;
}

#[tokio::test]
async fn a_redirect_chooses_the_proxy_anew_and_its_credentials_stay_there() {
    let target = Peer::loopback().conn(|c| c.exchange(HELLO));
    let to = target.url("/there");
    let redirect = format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
    let peer = Peer::loopback().conn(|c| c.exchange(redirect));
    let url = format!("http://me:secret@{}", peer.addr());
    let direct = format!("127.0.0.1:{}", target.addr().port());
    let client = Client::builder().proxy(proxy(&url).bypass(&direct)).build();
    let checker = Checker::new();
    let text = soon(fetch(&client, get_url("http://a.example/", &checker))).await;
    assert_eq!(text.unwrap(), "hello");
    let hops = [peer.addr().to_string(), target.addr().to_string()];
    assert_eq!(host_ports(&checker), hops);
    assert!(
        peer.report()
            .conn(0)
            .head(0)
            .field("Proxy-Authorization")
            .is_some()
    );
    let report = target.finish().await;
    let head = report.conn(0).head(0);
    assert_eq!(head.line(), "GET /there HTTP/1.1");
    assert_eq!(head.field("Proxy-Authorization"), None);
    checker.finish().await;
}

#[tokio::test]
async fn what_a_request_brings_for_the_proxy_does_not_go_through_a_tunnel() {
    let peer = Peer::loopback().conn(|c| {
        let asked = socks(c, b"\x05\x01\x00\x03\x09a.example\x00\x50");
        asked.send(OPEN).exchange(HELLO)
    });
    let url = format!("socks5://{}", peer.addr());
    let client = Client::builder().proxy(proxy(&url)).build();
    let checker = Checker::new();
    let request = Request::get("http://a.example/")
        .header("Proxy-Authorization", "Bearer mine")
        .trace(checker.trace())
        .body(Body::empty())
        .unwrap();
    soon(fetch(&client, request)).await.unwrap();
    let report = peer.finish().await;
    assert_eq!(report.conn(0).head(0).field("Proxy-Authorization"), None);
    checker.finish().await;
}

/// Remembers whom it was asked for.
struct Asked(InMemory, Arc<Mutex<Vec<String>>>);

impl Connect for Asked {
    fn connect(&self, target: &ConnectTarget<'_>, emitter: &Emitter) -> Connecting {
        let asked = format!("{}:{} {}", target.host(), target.port(), target.https());
        self.1.lock().unwrap().push(asked);
        self.0.connect(target, emitter)
    }
}

#[tokio::test(start_paused = true)]
async fn a_connector_is_asked_for_the_proxy() {
    let ca = TestCa::new();
    let tls = ca.server(&["a.example"]).config();
    let peer = Arc::new(
        DuplexPeer::new()
            .conn(|c| c.exchange(ESTABLISHED).start_tls(tls).exchange(HELLO))
            .conn(|c| c.exchange(HELLO)),
    );
    let asked = Arc::<Mutex<Vec<String>>>::default();
    let connector = Asked(InMemory(Arc::clone(&peer)), Arc::clone(&asked));
    let client = trusting(&ca).proxy(proxy("proxy.example:3128"));
    let client = client.connector(connector).build();
    let checker = Checker::new();
    for url in ["https://a.example/", "http://a.example/"] {
        let text = fetch(&client, get_url(url, &checker)).await;
        assert_eq!(text.unwrap(), "hello");
    }
    let asked = asked.lock().unwrap().clone();
    assert_eq!(asked, vec!["proxy.example:3128 false"; 2]);
    assert_eq!(host_ports(&checker), vec!["proxy.example:3128"; 2]);
    checker.finish().await;
}

#[tokio::test]
async fn a_variable_that_names_no_proxy_fails_the_requests_it_concerns_before_they_are_sent() {
    let variables = |name: &str| (name == "https_proxy").then(|| "socks4://p".to_owned());
    let client = Client::builder().proxy(Proxy::from_vars(variables));
    let client = client.build();
    let (error, checker) = fails(&client, "https://a.example/").await;
    assert!(
        error.is_usage() && error.to_string().contains("https_proxy"),
        "{error}"
    );
    assert_eq!(checker.count(EventName::GetConn), 0);
    checker.finish().await;
    let peer = Peer::loopback().conn(|c| c.exchange(HELLO));
    let checker = Checker::new();
    let text = soon(fetch(&client, get_url(&peer.url("/"), &checker))).await;
    assert_eq!(text.unwrap(), "hello");
    checker.finish().await;
}
