//! TLS as a request sees it: what the handshake settled on, sessions resumed, certificates refused.

mod rig;

use httptrace::info::TlsHandshakeDone;
use httptrace::{ErrorKind, EventKind, EventName, Phase};
use httptrace_client::Client;
use httptrace_test::{CannedDns, Checker, Peer, TestCa};
use rig::{Canned, fetch, get_url, soon, trusting};

const GOODBYE: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello";

fn https(peer: &Peer, host: &str) -> String {
    format!("https://{host}:{}/", peer.addr().port())
}

fn handshakes(checker: &Checker) -> Vec<TlsHandshakeDone> {
    checker.pick(|kind| match kind {
        EventKind::TlsHandshakeDone(done) => Some(done.clone()),
        _ => None,
    })
}

#[tokio::test]
async fn a_handshake_tells_what_it_settled_on_and_the_next_one_resumes_it() {
    let ca = TestCa::new();
    for (server, version) in [
        (ca.server(&["a.example"]).only_tls13(), "TLSv1.3"),
        (ca.server(&["a.example"]).only_tls12(), "TLSv1.2"),
    ] {
        let tls = server.alpn(&["http/1.1"]).config();
        let peer = Peer::loopback().every_conn(|c| {
            c.start_tls(tls)
                .exchange(GOODBYE)
                .client_may_leave()
                .close()
        });
        let dns = CannedDns::new().host("a.example", &["127.0.0.1"]);
        let client = trusting(&ca).resolver(Canned(dns)).build();
        let checker = Checker::new();
        for _ in 0..2 {
            let text = soon(fetch(
                &client,
                get_url(&https(&peer, "a.example"), &checker),
            ))
            .await;
            assert_eq!(text.unwrap(), "hello");
        }
        let done = handshakes(&checker);
        let resumed: Vec<_> = done.iter().map(|done| done.resumed).collect();
        assert_eq!(resumed, [Some(false), Some(true)], "{version}");
        let first = &done[0];
        assert_eq!(first.version.as_ref().unwrap().to_string(), version);
        assert_eq!(first.alpn.as_deref(), Some("http/1.1"));
        assert_eq!(first.server_name.as_deref(), Some("a.example"));
        assert!(first.cipher_suite.is_some() && first.key_exchange_group.is_some());
        assert_eq!(first.peer_certificates.as_ref().unwrap().len(), 2);
        assert_eq!(
            peer.report().conn(0).tls[0].server_name.as_deref(),
            Some("a.example")
        );
        checker.finish().await;
    }
}

#[tokio::test]
async fn a_certificate_that_is_refused_says_why() {
    let ca = TestCa::new();
    for (server, why) in [
        (ca.server(&["127.0.0.1"]).expired(), "expired"),
        (ca.server(&["other.example"]), "other.example"),
        (TestCa::new().server(&["127.0.0.1"]), "authority"),
    ] {
        let tls = server.config();
        let peer = Peer::loopback().conn(|c| c.client_may_leave().start_tls(tls).swallow());
        let checker = Checker::new();
        let url = https(&peer, "127.0.0.1");
        let error = soon(fetch(&trusting(&ca).build(), get_url(&url, &checker)))
            .await
            .unwrap_err();
        assert_eq!(
            (error.kind(), error.phase()),
            (ErrorKind::Certificate, Some(Phase::Tls))
        );
        assert!(error.to_string().contains(why), "{why}: {error}");
        let done = &handshakes(&checker)[0];
        assert_eq!(done.error.as_ref().unwrap().message(), error.to_string());
        assert_eq!(checker.count(EventName::GotConn), 0);
        checker.finish().await;
    }
}

#[tokio::test]
async fn whoever_accepts_invalid_certificates_gets_them() {
    let tls = TestCa::new().server(&["other.example"]).expired().config();
    let peer = Peer::loopback().conn(|c| c.start_tls(tls).exchange(GOODBYE).client_may_leave());
    let client = Client::builder().danger_accept_invalid_certs(true).build();
    let checker = Checker::new();
    let text = soon(fetch(
        &client,
        get_url(&https(&peer, "127.0.0.1"), &checker),
    ))
    .await;
    assert_eq!(text.unwrap(), "hello");
    assert_eq!(peer.report().conn(0).tls[0].server_name, None);
    checker.finish().await;
}

#[tokio::test]
async fn a_server_that_shares_no_protocol_or_speaks_no_tls_is_an_error_of_tls() {
    let ca = TestCa::new();
    let h2 = ca.server(&["127.0.0.1"]).alpn(&["h2"]).config();
    let peers = [
        Peer::loopback().conn(|c| c.client_may_leave().start_tls(h2).swallow()),
        Peer::loopback().conn(|c| {
            c.client_may_leave()
                .send("HTTP/1.1 400 Bad Request\r\n\r\n")
                .swallow()
        }),
        Peer::loopback().conn(|c| c.client_may_leave().close()),
    ];
    for peer in peers {
        let checker = Checker::new();
        let url = https(&peer, "127.0.0.1");
        let error = soon(fetch(
            &trusting(&ca).http1_only().build(),
            get_url(&url, &checker),
        ))
        .await
        .unwrap_err();
        assert_eq!(error.phase(), Some(Phase::Tls), "{error:?}");
        assert!(error.is_tls() && error.is_connect());
        assert!(handshakes(&checker)[0].error.is_some());
        checker.finish().await;
    }
}

#[tokio::test]
async fn a_body_without_a_length_that_is_cut_off_under_tls_is_no_end() {
    let ca = TestCa::new();
    let tls = ca.server(&["127.0.0.1"]).config();
    let peer = Peer::loopback()
        .conn(|c| {
            c.start_tls(tls.clone())
                .exchange("HTTP/1.1 200 OK\r\n\r\nhalf")
                .cut()
        })
        .conn(|c| {
            c.start_tls(tls)
                .exchange("HTTP/1.1 200 OK\r\n\r\nwhole")
                .close()
        });
    let client = trusting(&ca).build();
    let url = https(&peer, "127.0.0.1");
    let (cut, whole) = (Checker::new(), Checker::new());
    let error = soon(fetch(&client, get_url(&url, &cut))).await.unwrap_err();
    assert!(error.to_string().contains("after 4 bytes"), "{error}");
    assert_eq!(
        soon(fetch(&client, get_url(&url, &whole))).await.unwrap(),
        "whole"
    );
    cut.finish().await;
    whole.finish().await;
}

#[tokio::test]
async fn an_idle_session_ends_with_a_farewell() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let ca = TestCa::new();
    let acceptor = tokio_rustls::TlsAcceptor::from(ca.server(&["127.0.0.1"]).config());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut session = acceptor.accept(stream).await.unwrap();
        let mut request = [0; 1024];
        assert!(session.read(&mut request).await.unwrap() > 0);
        let response = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
        session.write_all(response).await.unwrap();
        // rustls tells a session that is cut from one that ends: the former is an error.
        session.read(&mut request).await
    });
    let client = trusting(&ca).build();
    let checker = Checker::new();
    let text = soon(fetch(&client, get_url(&url, &checker))).await;
    assert_eq!(text.unwrap(), "hello");
    client.close_idle_connections();
    assert_eq!(soon(server).await.unwrap().unwrap(), 0);
    checker.finish().await;
}
