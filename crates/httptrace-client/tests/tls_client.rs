//! What a client says of itself in TLS: its certificate, the versions it speaks, whom it trusts, and the secrets it logs.

mod rig;

use httptrace::info::TlsHandshakeDone;
use httptrace::{ErrorKind, EventKind, EventName, Phase};
use httptrace_client::{Client, ClientBuilder, Error, Proxy, TlsVersion};
use httptrace_test::{Checker, Peer, TestCa, TestServer};
use rig::{HELLO, fetch, get_url, soon, trusting};

fn https(peer: &Peer) -> String {
    format!("https://127.0.0.1:{}/", peer.addr().port())
}

/// A peer that serves one request, or sees the client go.
fn peer(server: TestServer<'_>) -> Peer {
    let tls = server.config();
    Peer::loopback().conn(|c| c.client_may_leave().start_tls(tls).exchange(HELLO))
}

async fn send(builder: ClientBuilder, peer: &Peer, checker: &Checker) -> Result<String, Error> {
    let client = builder.build();
    soon(fetch(&client, get_url(&https(peer), checker))).await
}

fn handshakes(checker: &Checker) -> Vec<TlsHandshakeDone> {
    checker.pick(|kind| match kind {
        EventKind::TlsHandshakeDone(done) => Some(done.clone()),
        _ => None,
    })
}

fn version(checker: &Checker) -> String {
    let done = &handshakes(checker)[0];
    done.version.as_ref().unwrap().to_string()
}

#[tokio::test]
async fn a_client_certificate_is_shown_to_a_server_that_demands_it() {
    let (ca, clients) = (TestCa::new(), TestCa::new());
    let (certificate, key) = clients.client_pem("me.example");
    let certificates = format!("{certificate}{}", clients.pem());
    for server in [
        ca.server(&["127.0.0.1"]).only_tls13(),
        ca.server(&["127.0.0.1"]).only_tls12(),
    ] {
        let peer = peer(server.demanding_clients_of(&clients));
        let builder = trusting(&ca)
            .client_certificate_pem(certificates.as_bytes(), key.as_bytes())
            .unwrap();
        let checker = Checker::new();
        let text = send(builder, &peer, &checker).await;
        assert_eq!(text.unwrap(), "hello");
        assert_eq!(peer.report().conn(0).tls[0].client_certificates, 2);
        checker.finish().await;
    }
}

#[tokio::test]
async fn a_client_certificate_is_not_shown_to_a_server_that_does_not_ask() {
    let ca = TestCa::new();
    let (certificate, key) = ca.client_pem("me.example");
    let builder = trusting(&ca)
        .client_certificate_pem(certificate.as_bytes(), key.as_bytes())
        .unwrap();
    let peer = peer(ca.server(&["127.0.0.1"]));
    let checker = Checker::new();
    assert_eq!(send(builder, &peer, &checker).await.unwrap(), "hello");
    assert_eq!(peer.report().conn(0).tls[0].client_certificates, 0);
    checker.finish().await;
}

#[tokio::test]
async fn a_client_certificate_is_not_shown_to_a_proxy() {
    let ca = TestCa::new();
    let (certificate, key) = ca.client_pem("me.example");
    let server = ca.server(&["127.0.0.1"]).only_tls12();
    let peer = peer(server.demanding_clients_of(&ca));
    let proxy = Proxy::all(&https(&peer)).unwrap();
    let builder = trusting(&ca).proxy(proxy);
    let builder = builder
        .client_certificate_pem(certificate.as_bytes(), key.as_bytes())
        .unwrap();
    let checker = Checker::new();
    let client = builder.build();
    let failed = soon(fetch(&client, get_url("http://a.example/", &checker))).await;
    let error = failed.unwrap_err();
    assert!(error.is_client_certificate_required(), "{error}");
    assert!(error.is_proxy(), "{error:?}");
    checker.finish().await;
}

#[tokio::test]
async fn without_the_certificate_that_tls_1_3_demands_the_request_fails_and_says_so() {
    let (ca, clients) = (TestCa::new(), TestCa::new());
    let server = ca.server(&["127.0.0.1"]).only_tls13();
    let peer = peer(server.demanding_clients_of(&clients));
    let checker = Checker::new();
    let error = send(trusting(&ca), &peer, &checker).await.unwrap_err();
    assert!(error.is_client_certificate_required(), "{error}");
    assert_eq!(error.kind(), ErrorKind::Tls);
    // The client had finished its handshake when the server looked for a certificate.
    assert!(
        matches!(error.phase(), Some(Phase::Send | Phase::Wait)),
        "{error:?}"
    );
    assert!(
        error.to_string().contains("demands a client certificate"),
        "{error}"
    );
    assert!(handshakes(&checker)[0].error.is_none());
    assert_eq!(checker.count(EventName::GotConn), 1);
    checker.finish().await;
}

#[tokio::test]
async fn without_the_certificate_that_tls_1_2_demands_the_handshake_fails_and_says_so() {
    let (ca, clients) = (TestCa::new(), TestCa::new());
    let server = ca.server(&["127.0.0.1"]).only_tls12();
    let peer = peer(server.demanding_clients_of(&clients));
    let checker = Checker::new();
    let error = send(trusting(&ca), &peer, &checker).await.unwrap_err();
    assert!(error.is_client_certificate_required(), "{error}");
    assert_eq!(error.phase(), Some(Phase::Tls));
    assert_eq!(checker.count(EventName::GotConn), 0);
    checker.finish().await;
}

#[tokio::test]
async fn a_certificate_by_an_authority_that_the_server_does_not_know_is_told_as_refused() {
    let (ca, clients, strangers) = (TestCa::new(), TestCa::new(), TestCa::new());
    let (certificate, key) = strangers.client_pem("me.example");
    let peer = peer(ca.server(&["127.0.0.1"]).demanding_clients_of(&clients));
    let builder = trusting(&ca)
        .client_certificate_pem(certificate.as_bytes(), key.as_bytes())
        .unwrap();
    let checker = Checker::new();
    let error = send(builder, &peer, &checker).await.unwrap_err();
    assert!(!error.is_client_certificate_required());
    let message = error.to_string();
    assert!(
        message.contains("does not accept the client certificate"),
        "{message}"
    );
    checker.finish().await;
}

#[test]
fn a_certificate_that_cannot_be_used_fails_the_builder() {
    let ca = TestCa::new();
    let (certificate, key) = ca.client_pem("me.example");
    let (_, another) = ca.client_pem("me.example");
    for (certificate, key, why) in [
        (&certificate, &another, "does not belong"),
        (&certificate, &certificate, "BEGIN PRIVATE KEY"),
        (&key, &key, "BEGIN CERTIFICATE"),
    ] {
        let built =
            Client::builder().client_certificate_pem(certificate.as_bytes(), key.as_bytes());
        let error = built.unwrap_err();
        assert!(
            error.is_usage() && error.to_string().contains(why),
            "{error}"
        );
    }
}

#[tokio::test]
async fn the_version_is_within_the_limits() {
    let ca = TestCa::new();
    type Limit = fn(ClientBuilder) -> ClientBuilder;
    let table: [(Limit, &str); 4] = [
        (|builder| builder, "TLSv1.3"),
        (
            |builder| builder.max_tls_version(TlsVersion::V1_2),
            "TLSv1.2",
        ),
        (
            |builder| builder.min_tls_version(TlsVersion::V1_2),
            "TLSv1.3",
        ),
        (
            |builder| {
                let builder = builder.min_tls_version(TlsVersion::V1_3);
                builder.max_tls_version(TlsVersion::V1_3)
            },
            "TLSv1.3",
        ),
    ];
    for (limit, expected) in table {
        let peer = peer(ca.server(&["127.0.0.1"]));
        let checker = Checker::new();
        let text = send(limit(trusting(&ca)), &peer, &checker).await;
        assert_eq!(text.unwrap(), "hello");
        assert_eq!(version(&checker), expected);
        checker.finish().await;
    }
}

#[tokio::test]
async fn a_server_whose_versions_are_not_allowed_fails_the_handshake_and_says_so() {
    let ca = TestCa::new();
    let old = ca.server(&["127.0.0.1"]).only_tls12();
    let new = ca.server(&["127.0.0.1"]).only_tls13();
    for (server, builder) in [
        (old, trusting(&ca).min_tls_version(TlsVersion::V1_3)),
        (new, trusting(&ca).max_tls_version(TlsVersion::V1_2)),
    ] {
        let peer = peer(server);
        let checker = Checker::new();
        let error = send(builder, &peer, &checker).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.phase()),
            (ErrorKind::Tls, Some(Phase::Tls))
        );
        let message = error.to_string();
        assert!(message.contains("allowed here"), "{message}");
        checker.finish().await;
    }
}

#[tokio::test]
async fn limits_that_leave_no_version_fail_https_with_a_reason() {
    let ca = TestCa::new();
    let peer = Peer::loopback().every_conn(|c| c.client_may_leave().swallow());
    let builder = trusting(&ca).min_tls_version(TlsVersion::V1_3);
    let builder = builder.max_tls_version(TlsVersion::V1_2);
    let checker = Checker::new();
    let error = send(builder, &peer, &checker).await.unwrap_err();
    assert!(error.is_usage() && error.is_tls());
    assert!(error.to_string().contains("no version of TLS"), "{error}");
    checker.finish().await;
}

#[tokio::test]
async fn pinned_roots_are_trusted_and_no_others() {
    let (ours, others) = (TestCa::new(), TestCa::new());
    let pinned = || {
        let builder = Client::builder().only_root_certificates_pem(ours.pem().as_bytes());
        builder.unwrap()
    };
    let checker = Checker::new();
    let good = peer(ours.server(&["127.0.0.1"]));
    assert_eq!(send(pinned(), &good, &checker).await.unwrap(), "hello");
    let bad = peer(others.server(&["127.0.0.1"]));
    let error = send(pinned(), &bad, &checker).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Certificate);
    // What is added comes beside them.
    let both = pinned().add_root_certificates_pem(others.pem().as_bytes());
    let good = peer(others.server(&["127.0.0.1"]));
    assert_eq!(send(both.unwrap(), &good, &checker).await.unwrap(), "hello");
    // Whoever pins anew takes back what was trusted before.
    let anew = trusting(&others).only_root_certificates_pem(ours.pem().as_bytes());
    let bad = peer(others.server(&["127.0.0.1"]));
    let error = send(anew.unwrap(), &bad, &checker).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Certificate);
    checker.finish().await;
}

#[tokio::test]
async fn the_secrets_of_each_session_are_appended_to_the_key_log() {
    let ca = TestCa::new();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    let checker = Checker::new();
    for (server, label) in [
        (
            ca.server(&["127.0.0.1"]).only_tls13(),
            "CLIENT_TRAFFIC_SECRET_0 ",
        ),
        (ca.server(&["127.0.0.1"]).only_tls12(), "CLIENT_RANDOM "),
    ] {
        let builder = trusting(&ca).tls_key_log_file(&path).unwrap();
        let text = send(builder, &peer(server), &checker).await;
        assert_eq!(text.unwrap(), "hello");
        let log = std::fs::read_to_string(&path).unwrap();
        let lines = log.lines().filter(|line| line.starts_with(label));
        assert_eq!(lines.count(), 1, "{log}");
    }
    checker.finish().await;
}

#[test]
fn a_key_log_that_cannot_be_written_fails_the_builder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("no-such-folder").join("keys");
    let error = Client::builder().tls_key_log_file(&path).unwrap_err();
    assert!(error.is_usage());
    let message = error.to_string();
    assert!(message.contains(path.to_str().unwrap()), "{message}");
}
