//! Where connections lead, and whence.

use httptrace_test::Peer;

use crate::program::{httptrace, named};

const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[cfg(unix)]
#[tokio::test]
async fn a_unix_socket_takes_the_place_of_the_host() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let peer = Peer::unix(&path).every_conn(|c| c.exchange(ANSWER).client_may_leave());
    let path = path.to_str().unwrap();
    let url = "http://no.such.host.test/a";

    let run = httptrace(&["--unix-socket", path, "--format", "events", url]).await;
    let events = run.expect(0).lines();
    assert!(named(&events, "dns_start").is_empty());
    let marked = format!("unix:{path}");
    assert_eq!(named(&events, "connect_start")[0]["addr"], marked);
    let had = named(&events, "got_conn")[0];
    assert_eq!(had["remote_addr"], marked);
    assert!(had["local_addr"].is_null());

    let run = httptrace(&["--unix-socket", path, url]).await;
    run.expect(0).shows(path);
    let report = peer.report();
    let host = report.conn(0).head(0).field("host");
    assert_eq!(host, Some("no.such.host.test"));
}

#[cfg(unix)]
#[tokio::test]
async fn a_unix_socket_leads_past_a_proxy_which_gets_to_know_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let peer = Peer::unix(&path).conn(|c| c.exchange(ANSWER).client_may_leave());
    let path = path.to_str().unwrap();
    let proxy = "http://me:secret@proxy.test:3128";
    let run = httptrace(&["--unix-socket", path, "-x", proxy, "http://a.test/b"]).await;
    run.expect(0);
    let report = peer.finish().await;
    let head = report.conn(0).head(0);
    assert_eq!(head.line(), "GET /b HTTP/1.1");
    assert_eq!(head.field("proxy-authorization"), None);
}

#[cfg(unix)]
#[tokio::test]
async fn a_unix_socket_that_is_not_there_is_no_connection() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let path = path.to_str().unwrap();
    let run = httptrace(&["--unix-socket", path, "http://a.test/"]).await;
    run.expect(3)
        .says("phase connect")
        .says(path)
        .says("there is no such socket")
        .says("hint: is it the path");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_abstract_unix_socket_that_is_not_there_is_shown_with_an_at_sign() {
    let name = format!("httptrace-{}-nobody", std::process::id());
    let run = httptrace(&["--abstract-unix-socket", &name, "http://a.test/"]).await;
    run.expect(3)
        .says(&format!("@{name}"))
        .says("nobody listens on this name")
        .says("hint: is it the name");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_abstract_unix_socket_needs_a_name() {
    let run = httptrace(&["--abstract-unix-socket", "", "http://a.test/"]).await;
    run.expect(2).says("--abstract-unix-socket has no name");
}

#[tokio::test]
async fn the_address_that_is_connected_from_can_be_chosen() {
    let peer = Peer::loopback().every_conn(|c| c.exchange(ANSWER).client_may_leave());
    let url = peer.url("/");
    for interface in ["127.0.0.1", "host!127.0.0.1"] {
        let run = httptrace(&["--interface", interface, "--format", "events", &url]).await;
        let events = run.expect(0).lines();
        let local = &named(&events, "got_conn")[0]["local_addr"];
        assert!(local.as_str().unwrap().starts_with("127.0.0.1:"), "{local}");
    }
    // An address for documentation (RFC 5737).
    let run = httptrace(&["--interface", "192.0.2.1", &url]).await;
    run.expect(3)
        .says("phase connect")
        .says("192.0.2.1 is none of this machine's");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_interface_that_does_not_exist_is_no_connection() {
    let url = "http://127.0.0.1:9/";
    for interface in ["nowhere0", "if!nowhere0"] {
        let run = httptrace(&["--interface", interface, url]).await;
        run.expect(3)
            .says("phase connect")
            .says("network interface \"nowhere0\" cannot be used");
    }
}
