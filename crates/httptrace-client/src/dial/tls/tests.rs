use rcgen::CertificateParams;
use rustls::ServerConfig;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::super::rig::{Authority, Seen, echo, localhost, target, tls_echo};
use super::super::{DialConfig, Dialer, TableEntry};
use super::*;

fn trusting(authority: &Authority) -> TlsConfig {
    TlsConfig {
        roots: vec![authority.root()],
        ..TlsConfig::default()
    }
}

/// Dials names under `.test`, which all lead to this machine.
fn dialer(tls: TlsConfig) -> Dialer {
    let entry = |host: &str| TableEntry {
        host: host.into(),
        port: None,
        addrs: vec![localhost().ip()],
    };
    Dialer::new(DialConfig {
        tls,
        table: vec![entry("good.test"), entry("other.test")],
        ..DialConfig::default()
    })
}

async fn failure(dialer: &Dialer, host: &str, port: u16, seen: &Seen) -> Error {
    let (target, emitter) = (target(true, host, port), seen.emitter());
    let result = dialer.dial(&target, &emitter).await;
    let error = result.err().expect("a failed handshake");
    assert!(error.is_tls());
    let done = seen.tls_done().error.unwrap();
    assert_eq!(done.kind(), error.kind());
    assert_eq!(done.message(), error.to_string());
    error
}

#[tokio::test]
async fn a_later_handshake_resumes_the_session_and_still_knows_the_certificates() {
    let authority = Authority::new();
    let addr = tls_echo(authority.server(&["good.test"])).await;
    let dialer = dialer(trusting(&authority));
    let target = target(true, "good.test", addr.port());
    for resumed in [false, true] {
        let seen = Seen::default();
        let mut dialed = dialer.dial(&target, &seen.emitter()).await.unwrap();
        // The tickets come with the first bytes read.
        echo(&mut dialed.stream).await;
        let done = seen.tls_done();
        assert_eq!(done.resumed, Some(resumed));
        assert_eq!(done.peer_certificates.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn tls_12_is_named_with_its_suite_and_group() {
    let authority = Authority::new();
    let addr = tls_echo(authority.server_of(&["good.test"], &[&rustls::version::TLS12])).await;
    let dialer = dialer(trusting(&authority));
    let seen = Seen::default();
    let target = target(true, "good.test", addr.port());
    dialer.dial(&target, &seen.emitter()).await.unwrap();
    let done = seen.tls_done();
    let version = done.version.unwrap();
    assert_eq!(
        (version.code, version.name.as_deref()),
        (0x0303, Some("TLSv1.2"))
    );
    assert_eq!(
        done.cipher_suite.unwrap().to_string(),
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"
    );
    assert_eq!(done.key_exchange_group.unwrap().to_string(), "x25519");
    assert!(done.alpn.is_none());
}

#[tokio::test]
async fn an_unknown_issuer_is_a_certificate_error_with_a_hint() {
    let addr = tls_echo(Authority::new().server(&["good.test"])).await;
    let dialer = dialer(trusting(&Authority::new()));
    let error = failure(&dialer, "good.test", addr.port(), &Seen::default()).await;
    assert_eq!(error.kind(), ErrorKind::Certificate);
    let expected = format!("TLS handshake with good.test:{} failed: ", addr.port());
    assert!(error.to_string().starts_with(&expected), "{error}");
    assert!(error.to_string().contains("issuer is not known"), "{error}");
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused_with_the_names_it_is_for() {
    let authority = Authority::new();
    let addr = tls_echo(authority.server(&["good.test", "www.good.test"])).await;
    let dialer = dialer(trusting(&authority));
    let error = failure(&dialer, "other.test", addr.port(), &Seen::default()).await;
    assert_eq!(error.kind(), ErrorKind::Certificate);
    let message = error.to_string();
    for name in ["\"other.test\"", "\"good.test\"", "\"www.good.test\""] {
        assert!(message.contains(name), "{message}");
    }
}

#[tokio::test]
async fn an_expired_certificate_says_since_when() {
    let authority = Authority::new();
    let mut params = CertificateParams::new(vec!["good.test".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2001, 1, 1);
    params.not_after = rcgen::date_time_ymd(2002, 1, 1);
    let addr = tls_echo(authority.server_with(params, rustls::DEFAULT_VERSIONS)).await;
    let dialer = dialer(trusting(&authority));
    let error = failure(&dialer, "good.test", addr.port(), &Seen::default()).await;
    assert_eq!(error.kind(), ErrorKind::Certificate);
    let message = error.to_string();
    assert!(message.contains("the certificate expired "), "{message}");
    assert!(message.ends_with(" days ago"), "{message}");
}

/// What `openssl req -x509` makes: an authority's certificate, presented by a server, valid between two years.
fn self_signed(years: (i32, i32)) -> (TlsConfig, ServerConfig) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["good.test".to_owned()]).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.not_before = rcgen::date_time_ymd(years.0, 1, 1);
    params.not_after = rcgen::date_time_ymd(years.1, 1, 1);
    let cert = params.self_signed(&key).unwrap().der().clone();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.clone()], key.serialize_der().try_into().unwrap())
        .unwrap();
    let trusting = TlsConfig {
        roots: vec![cert],
        ..TlsConfig::default()
    };
    (trusting, server)
}

#[tokio::test]
async fn a_self_signed_certificate_that_is_trusted_itself_is_accepted_for_its_name_alone() {
    let (trusting, server) = self_signed((2020, 2090));
    let port = tls_echo(server).await.port();
    let dialer = dialer(trusting);
    let good = target(true, "good.test", port);
    let mut dialed = dialer.dial(&good, &Emitter::none()).await.unwrap();
    echo(&mut dialed.stream).await;
    let error = failure(&dialer, "other.test", port, &Seen::default()).await;
    assert!(error.to_string().contains("not valid for name"), "{error}");
}

#[tokio::test]
async fn a_self_signed_certificate_is_not_accepted_after_its_time_or_untrusted() {
    let (trusting, server) = self_signed((2001, 2002));
    let port = tls_echo(server).await.port();
    let error = failure(&dialer(trusting), "good.test", port, &Seen::default()).await;
    assert!(error.to_string().contains("expired"), "{error}");

    let (_, server) = self_signed((2020, 2090));
    let port = tls_echo(server).await.port();
    let (others, _) = self_signed((2020, 2090));
    let error = failure(&dialer(others), "good.test", port, &Seen::default()).await;
    assert_eq!(error.kind(), ErrorKind::Certificate);
}

#[tokio::test]
async fn with_verification_off_any_certificate_will_do() {
    let addr = tls_echo(Authority::new().server(&["good.test"])).await;
    let dialer = dialer(TlsConfig {
        accept_invalid_certs: true,
        ..TlsConfig::default()
    });
    let target = target(true, "other.test", addr.port());
    let mut dialed = dialer.dial(&target, &Emitter::none()).await.unwrap();
    echo(&mut dialed.stream).await;
}

#[tokio::test]
async fn an_address_is_verified_but_not_sent_as_a_server_name() {
    let authority = Authority::new();
    let addr = tls_echo(authority.server(&["127.0.0.1"])).await;
    let dialer = dialer(trusting(&authority));
    let seen = Seen::default();
    let target = target(true, "127.0.0.1", addr.port());
    dialer.dial(&target, &seen.emitter()).await.unwrap();
    assert_eq!(
        seen.names(),
        [
            "connect_start",
            "connect_done",
            "tls_handshake_start",
            "tls_handshake_done"
        ]
    );
    assert!(seen.tls_done().server_name.is_none());
}

/// Accepts one handshake and tells the server name that it asks for.
async fn server_name_sent(authority: &Authority, sni: bool) -> (Option<String>, Option<Arc<str>>) {
    let listener = TcpListener::bind(localhost()).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let config: ServerConfig = authority.server(&["good.test"]);
    let dialer = dialer(TlsConfig {
        sni,
        ..trusting(authority)
    });
    let seen = Seen::default();
    let target = target(true, "good.test", port);
    let accept = async {
        let (stream, _) = listener.accept().await.unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let stream = acceptor.accept(stream).await.unwrap();
        stream.get_ref().1.server_name().map(str::to_owned)
    };
    let emitter = seen.emitter();
    let (dialed, sent) = tokio::join!(dialer.dial(&target, &emitter), accept);
    dialed.unwrap();
    (sent, seen.tls_done().server_name)
}

#[tokio::test]
async fn the_server_name_is_sent_unless_it_is_switched_off() {
    let authority = Authority::new();
    let (sent, told) = server_name_sent(&authority, true).await;
    assert_eq!(sent.as_deref(), Some("good.test"));
    assert_eq!(told.as_deref(), Some("good.test"));
    let (sent, told) = server_name_sent(&authority, false).await;
    assert_eq!((sent, told), (None, None));
}

#[tokio::test]
async fn a_configuration_of_the_users_own_is_used_with_our_protocols() {
    let authority = Authority::new();
    let mut server = authority.server(&["good.test"]);
    server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let addr = tls_echo(server).await;
    let mut roots = rustls::RootCertStore::empty();
    roots.add(authority.root()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut own = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    own.alpn_protocols = vec![b"h2".to_vec()];
    let dialer = dialer(TlsConfig {
        config: Some(Arc::new(own)),
        ..TlsConfig::default()
    });
    let target = target(true, "good.test", addr.port());
    let dialed = dialer.dial(&target, &Emitter::none()).await.unwrap();
    assert_eq!(dialed.alpn.as_deref(), Some("http/1.1"));
}

/// Accepts one connection, says something, and keeps it open or closes it.
async fn blunt_peer(says: &'static [u8], keeps_open: bool) -> u16 {
    let listener = TcpListener::bind(localhost()).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        // The hello is read, so that closing does not reset.
        let mut hello = [0; 4096];
        let _ = tokio::io::AsyncReadExt::read(&mut stream, &mut hello).await;
        stream.write_all(says).await.unwrap();
        if keeps_open {
            std::future::pending::<()>().await;
        }
    });
    port
}

#[tokio::test]
async fn a_plain_text_peer_is_said_not_to_speak_tls() {
    let port = blunt_peer(b"HTTP/1.1 400 Bad Request\r\n\r\n", false).await;
    let dialer = dialer(trusting(&Authority::new()));
    let error = failure(&dialer, "good.test", port, &Seen::default()).await;
    assert_eq!(error.kind(), ErrorKind::Tls);
    let message = error.to_string();
    assert!(message.contains("the peer does not speak TLS"), "{message}");
}

#[tokio::test]
async fn a_peer_that_hangs_up_during_the_handshake_has_closed_the_connection() {
    let port = blunt_peer(b"", false).await;
    let dialer = dialer(trusting(&Authority::new()));
    let error = failure(&dialer, "good.test", port, &Seen::default()).await;
    assert_eq!(error.kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn a_refusing_peers_alert_is_told() {
    // A fatal handshake_failure alert.
    let port = blunt_peer(&[0x15, 3, 3, 0, 2, 2, 40], true).await;
    let dialer = dialer(trusting(&Authority::new()));
    let error = failure(&dialer, "good.test", port, &Seen::default()).await;
    assert_eq!(error.kind(), ErrorKind::Tls);
    assert!(error.to_string().contains("HandshakeFailure"), "{error}");
}

#[tokio::test]
async fn a_silent_peer_runs_into_the_handshakes_limit() {
    let port = blunt_peer(b"", true).await;
    let authority = Authority::new();
    let dialer = Dialer::new(DialConfig {
        tls: trusting(&authority),
        tls_handshake_timeout: Some(Duration::from_millis(40)),
        ..DialConfig::default()
    });
    let error = failure(&dialer, "127.0.0.1", port, &Seen::default()).await;
    assert!(error.is_timeout());
    assert_eq!(error.to_string(), "TLS handshake timed out after 40ms");
}

#[tokio::test]
async fn a_silent_peer_runs_into_the_dials_limit_if_that_is_nearer() {
    let port = blunt_peer(b"", true).await;
    let dialer = Dialer::new(DialConfig {
        // Sets up at once: no certificates are read.
        tls: TlsConfig {
            accept_invalid_certs: true,
            ..TlsConfig::default()
        },
        connect_timeout: Some(Duration::from_millis(200)),
        ..DialConfig::default()
    });
    let error = failure(&dialer, "127.0.0.1", port, &Seen::default()).await;
    assert!(error.is_timeout());
    assert_eq!(
        error.to_string(),
        format!("connecting to 127.0.0.1:{port} (during the TLS handshake) timed out after 200ms")
    );
}

#[tokio::test]
async fn a_root_that_is_no_certificate_fails_https_alone_and_is_tried_again() {
    let dialer = dialer(TlsConfig {
        roots: vec![CertificateDer::from(b"junk".to_vec())],
        ..TlsConfig::default()
    });
    let port = blunt_peer(b"", true).await;
    let plain = target(false, "good.test", port);
    dialer.dial(&plain, &Emitter::none()).await.unwrap();

    for _ in 0..2 {
        let addr = tls_echo(Authority::new().server(&["good.test"])).await;
        let https = target(true, "good.test", addr.port());
        let seen = Seen::default();
        let error = dialer.dial(&https, &seen.emitter()).await.err().unwrap();
        assert!(error.is_tls());
        assert_eq!(error.kind(), ErrorKind::Tls);
        assert!(!seen.names().contains(&"tls_handshake_start"));
    }
}
