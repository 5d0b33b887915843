//! Requests by way of a proxy.

use httptrace_test::{Peer, RefusingAddr, TestCa};

use crate::program::{command, finish, httptrace, named};

const EMPTY: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
const ESTABLISHED: &str = "HTTP/1.1 200 Connection established\r\n\r\n";

#[tokio::test]
async fn http_goes_to_the_proxy_with_credentials_that_are_shown_nowhere() {
    let peer = Peer::loopback().conn(|c| c.exchange(EMPTY));
    let addr = peer.addr().to_string();
    let run = httptrace(&["-x", &addr, "-U", "me:secret", "http://a.example/path"]).await;
    run.expect(0)
        .shows(&format!("· via {addr} ·"))
        .shows("a.example/path");
    assert!(
        !run.stdout.contains("secret") && run.stderr.is_empty(),
        "{run:#?}"
    );
    let report = peer.finish().await;
    let head = report.conn(0).head(0);
    assert_eq!(head.line(), "GET http://a.example/path HTTP/1.1");
    assert_eq!(
        head.field("Proxy-Authorization"),
        Some("Basic bWU6c2VjcmV0")
    );
}

#[tokio::test]
async fn a_tunnel_and_both_handshakes_are_drawn_and_told() {
    let ca = TestCa::new();
    let outer = ca.server(&["127.0.0.1"]).config();
    let inner = ca.server(&["a.example"]).config();
    let peer = Peer::loopback().every_conn(|c| {
        let tunnel = c.start_tls(outer).exchange(ESTABLISHED);
        tunnel.start_tls(inner).exchange(EMPTY)
    });
    let proxy = format!("https://{}", peer.addr());
    let args = ["-k", "-x", &proxy, "https://a.example/"];
    let run = httptrace(&args).await;
    run.expect(0)
        .shows("CONNECT a.example:443")
        .shows("with the proxy");
    let arguments = [&args[..], &["--format", "events"]].concat();
    let run = httptrace(&arguments).await;
    let events = run.expect(0).lines();
    let done = named(&events, "proxy_tunnel_done");
    assert_eq!(done[0]["target"], "a.example:443");
    assert_eq!(done[0]["status"], 200);
    assert_eq!(done[0]["error"], serde_json::Value::Null);
    let legs = named(&events, "tls_handshake_done");
    let legs: Vec<_> = legs.iter().map(|event| &event["leg"]).collect();
    assert_eq!(legs, ["proxy", "target"]);
    assert_eq!(
        named(&events, "get_conn")[0]["host_port"],
        peer.addr().to_string()
    );
}

#[tokio::test]
async fn a_proxy_that_refuses_is_no_connection_and_its_status_has_a_hint() {
    for (answer, shown, hint) in [
        (
            "407 Proxy Authentication Required",
            "407 Proxy Auth",
            "--proxy-user",
        ),
        ("403 Forbidden", "403 Forbidden", "--noproxy HOST"),
        ("502 Bad Gateway", "502 Bad Gateway", "is the host right?"),
    ] {
        let answer = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n");
        let peer = Peer::loopback().conn(|c| c.client_may_leave().exchange(answer).swallow());
        let run = httptrace(&["-x", &peer.url(""), "https://a.example/"]).await;
        run.expect(3)
            .says("phase proxy")
            .says(shown)
            .says(hint)
            .shows("CONNECT a.example:443");
    }
}

#[tokio::test]
async fn a_proxy_that_cannot_be_reached_is_named_and_so_is_where_it_was_said() {
    let refusing = RefusingAddr::loopback();
    let addr = refusing.addr().to_string();
    let run = httptrace(&["-x", &addr, "http://a.example/"]).await;
    run.expect(3)
        .says(&format!("the proxy {addr}"))
        .says("phase connect")
        .says("check --proxy");
    let run = httptrace(&["-x", "socks4://u:secret@p", "http://a.example/"]).await;
    run.expect(2).says("use socks5://");
    assert!(!run.stderr.contains("secret"), "{run:#?}");
}

#[tokio::test]
async fn the_environments_proxies_count_unless_told_otherwise() {
    let proxy = Peer::loopback().conn(|c| c.exchange(EMPTY));
    let target = Peer::loopback().every_conn(|c| c.exchange(EMPTY));
    let resolve = format!("a.example:{}:127.0.0.1", target.addr().port());
    let url = format!("http://a.example:{}/", target.addr().port());
    let with_variables = |args: &[&str], no_proxy: &str| {
        let mut command = command(&[args, &["--resolve", &resolve, &url]].concat());
        command.env("http_proxy", proxy.addr().to_string());
        command.env("NO_PROXY", no_proxy);
        finish(command)
    };
    with_variables(&[], "").await.expect(0);
    assert_eq!((proxy.accepted(), target.accepted()), (1, 0));
    with_variables(&[], "a.example").await.expect(0);
    with_variables(&["--noproxy", "*"], "").await.expect(0);
    with_variables(&["-x", ""], "").await.expect(0);
    assert_eq!((proxy.accepted(), target.accepted()), (1, 3));

    let mut broken = command(&["http://a.example/"]);
    broken.env("HTTP_PROXY", "gopher://u:secret@p");
    let run = finish(broken).await;
    run.expect(2)
        .says("HTTP_PROXY")
        .says("use http, https or socks5");
    assert!(!run.stderr.contains("secret"), "{run:#?}");
}

#[tokio::test]
async fn a_proxy_that_does_not_speak_tls_is_to_blame_whichever_time_limit_ends_it() {
    for limit in ["--max-time", "--connect-timeout"] {
        let silent = Peer::loopback().conn(|c| c.client_may_leave().swallow());
        let proxy = format!("https://{}", silent.addr());
        // Without certificates to read, so that the time is up in the handshake and not before it.
        let run = httptrace(&["-k", limit, "0.5", "-x", &proxy, "http://a.example/"]).await;
        run.expect(5)
            .says("phase tls")
            .says("hint: does the proxy speak TLS?");
    }
}

#[tokio::test]
async fn a_reused_connection_is_still_shown_to_lead_to_the_proxy_and_a_direct_one_is_not() {
    let peer = Peer::loopback().conn(|c| c.exchange(EMPTY).exchange(EMPTY).client_may_leave());
    let addr = peer.addr().to_string();
    let urls = ["http://a.example/", "http://b.example/"];
    let run = httptrace(&["-x", &addr, urls[0], urls[1]]).await;
    run.expect(0);
    let via = format!("· via {addr}");
    assert_eq!(run.stdout.matches(&via).count(), 2, "{run:#?}");

    let direct = Peer::loopback().conn(|c| c.exchange(EMPTY).client_may_leave());
    let url = direct.url("/").replace("127.0.0.1", "LocalHost");
    let run = httptrace(&["-4", &url]).await;
    run.expect(0);
    assert!(!run.stdout.contains("via"), "{run:#?}");
}
