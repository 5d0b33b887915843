//! Requests over a Unix socket.

#![cfg(unix)]

mod rig;

use std::path::PathBuf;

use httptrace::info::{Address, GotConn};
use httptrace::{ErrorKind, EventKind, EventName, Phase};
use httptrace_client::{Client, RedirectPolicy};
use httptrace_test::{Checker, Peer, TestCa};
use rig::{HELLO, closings, fetch, get, get_url, request, reuses, soon, trusting, words};
use tempfile::TempDir;

/// A free path for a socket, and its folder.
fn place() -> (PathBuf, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (folder.path().join("socket"), folder)
}

fn connections(checker: &Checker) -> Vec<GotConn> {
    checker.pick(|kind| match kind {
        EventKind::GotConn(info) => Some(info.clone()),
        _ => None,
    })
}

#[tokio::test]
async fn a_request_over_a_unix_socket_tells_its_path_and_looks_up_no_name() {
    let (path, _folder) = place();
    let peer = Peer::unix(&path).every_conn(|c| c.client_may_leave().repeat_exchange(HELLO));
    let client = Client::builder().unix_socket(&path).build();
    let checker = Checker::new();
    for _ in 0..2 {
        let request = get_url("http://no.such.host.example/a", &checker);
        assert_eq!(soon(fetch(&client, request)).await.unwrap(), "hello");
    }
    assert_eq!(checker.count(EventName::DnsStart), 0);
    let address = Address::Unix(path.as_path().into());
    let connects = checker.pick(|kind| match kind {
        EventKind::ConnectStart(info) => Some(info.addr.clone()),
        EventKind::ConnectDone(info) => Some(info.addr.clone()),
        _ => None,
    });
    assert_eq!(connects, [address.clone(), address.clone()]);
    let had = connections(&checker);
    assert_eq!(had.len(), 2);
    for info in &had {
        assert_eq!(info.remote_addr.as_ref(), Some(&address));
        assert_eq!(info.local_addr, None);
    }
    assert_eq!(reuses(&checker), [false, true]);
    let report = peer.report();
    let head = report.conn(0).head(0);
    assert_eq!(head.line(), "GET /a HTTP/1.1");
    assert_eq!(head.field("host"), Some("no.such.host.example"));
    checker.finish().await;
}

#[tokio::test]
async fn a_dead_unix_socket_is_found_at_checkout_and_costs_no_attempt() {
    let (path, _folder) = place();
    let peer = Peer::unix(&path)
        .conn(|c| c.exchange(HELLO).wait_for("close").close())
        .conn(|c| c.exchange(HELLO).client_may_leave());
    let own = Checker::new();
    let builder = Client::builder().unix_socket(&path);
    let client = builder.trace(own.trace()).build();
    let (one, two) = (Checker::new(), Checker::new());
    fetch(&client, get(&peer, "/", &one)).await.unwrap();
    peer.raise("close");
    peer.wait_until_none_is_open().await;
    // A POST, which would not be tried again.
    let post = request("POST", &peer, "/", &two, "");
    assert_eq!(soon(fetch(&client, post)).await.unwrap(), "hello");
    assert_eq!(closings(&own), [("peer_closed", Some("checkout"))]);
    assert_eq!(two.count(EventName::AttemptStart), 1);
    assert_eq!(reuses(&two), [false]);
    for checker in [own, one, two] {
        checker.finish().await;
    }
}

#[tokio::test]
async fn https_speaks_tls_over_the_socket_with_the_host_of_the_url() {
    let (path, _folder) = place();
    let ca = TestCa::new();
    let tls = ca.server(&["a.example"]).config();
    let peer = Peer::unix(&path).conn(|c| c.start_tls(tls).exchange(HELLO).client_may_leave());
    let client = trusting(&ca).unix_socket(&path).build();
    let checker = Checker::new();
    let text = soon(fetch(&client, get_url("https://a.example/", &checker))).await;
    assert_eq!(text.unwrap(), "hello");
    assert!(
        words(&checker)
            .contains("connect_start connect_done tls_handshake_start tls_handshake_done got_conn")
    );
    let report = peer.report();
    assert_eq!(
        report.conn(0).tls[0].server_name.as_deref(),
        Some("a.example")
    );
    checker.finish().await;
}

#[tokio::test]
async fn a_redirect_to_another_host_stays_on_the_socket() {
    let (path, _folder) = place();
    let redirect = "HTTP/1.1 302 Found\r\nLocation: http://b.example/\r\nContent-Length: 0\r\n\r\n";
    let peer = Peer::unix(&path)
        .conn(|c| c.exchange(redirect).client_may_leave())
        .conn(|c| c.exchange(HELLO).client_may_leave());
    let builder = Client::builder().unix_socket(&path);
    let client = builder.redirect(RedirectPolicy::limited(1)).build();
    let checker = Checker::new();
    let text = soon(fetch(&client, get_url("http://a.example/", &checker))).await;
    assert_eq!(text.unwrap(), "hello");
    let report = peer.report();
    let host = report.conn(1).head(0).field("host");
    assert_eq!(host, Some("b.example"));
    checker.finish().await;
}

#[tokio::test]
async fn a_socket_that_is_not_there_fails_the_connect_with_its_path_and_a_hint() {
    let (path, _folder) = place();
    let client = Client::builder().unix_socket(&path).build();
    let checker = Checker::new();
    let failed = soon(fetch(&client, get_url("http://a.example/", &checker))).await;
    let error = failed.unwrap_err();
    assert_eq!(
        (error.kind(), error.phase()),
        (ErrorKind::Io, Some(Phase::Connect))
    );
    let message = error.to_string();
    assert!(message.contains(path.to_str().unwrap()), "{message}");
    assert!(message.contains("is the server running"), "{message}");
    let done = checker.pick(|kind| match kind {
        EventKind::ConnectDone(info) => Some(info.error.is_some()),
        _ => None,
    });
    assert_eq!(done, [true]);
    checker.finish().await;
}
