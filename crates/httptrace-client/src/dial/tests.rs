use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use httptrace::info::DnsSource;

use super::rig::{Authority, Seen, echo, plain_echo, target, tls_echo};
use super::*;

#[tokio::test]
async fn a_name_is_looked_up_connected_to_and_spoken_with() {
    let addr = plain_echo().await;
    let seen = Seen::default();
    let dialer = Dialer::new(DialConfig {
        family: IpFamily::V4Only,
        ..DialConfig::default()
    });
    let target = target(false, "localhost", addr.port());
    let mut dialed = dialer.dial(&target, &seen.emitter()).await.unwrap();
    echo(&mut dialed.stream).await;
    assert_eq!(dialed.remote, Some(Address::Tcp(addr)));
    assert!(dialed.local.is_some() && dialed.local != dialed.remote);
    assert!(dialed.probe.is_some());
    assert_eq!(dialed.alpn, None);
    assert_eq!(
        seen.names(),
        ["dns_start", "dns_done", "connect_start", "connect_done"]
    );
    let dns = seen.dns_done();
    assert_eq!(dns.source, Some(DnsSource::System));
    assert_eq!(dns.coalesced, Some(false));
    assert!(
        dns.addrs
            .unwrap()
            .contains(&IpAddr::V4(Ipv4Addr::LOCALHOST))
    );
}

#[tokio::test]
async fn an_https_dial_ends_with_what_the_handshake_settled_on() {
    let authority = Authority::new();
    let mut server = authority.server(&["localhost"]);
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    let addr = tls_echo(server).await;
    let seen = Seen::default();
    let dialer = Dialer::new(DialConfig {
        family: IpFamily::V4Only,
        tls: TlsConfig {
            roots: vec![authority.root()],
            ..TlsConfig::default()
        },
        ..DialConfig::default()
    });
    let target = target(true, "localhost", addr.port());
    let mut dialed = dialer.dial(&target, &seen.emitter()).await.unwrap();
    echo(&mut dialed.stream).await;
    assert_eq!(dialed.alpn.as_deref(), Some("http/1.1"));
    assert_eq!(
        seen.names()[4..],
        ["tls_handshake_start", "tls_handshake_done"]
    );
    let done = seen.tls_done();
    assert_eq!(done.version.unwrap().to_string(), "TLSv1.3");
    assert!(
        done.cipher_suite
            .unwrap()
            .to_string()
            .starts_with("TLS_AES_")
    );
    assert_eq!(
        done.key_exchange_group.unwrap().to_string(),
        "X25519MLKEM768"
    );
    assert_eq!(done.server_name.as_deref(), Some("localhost"));
    assert_eq!(done.alpn.as_deref(), Some("http/1.1"));
    assert_eq!(done.resumed, Some(false));
    assert_eq!(done.peer_certificates.unwrap().len(), 1);
    assert!(done.error.is_none());
}

#[test]
fn a_dialer_is_shared_between_tasks_and_so_are_its_dials() {
    fn send_and_sync<T: Send + Sync>() {}
    fn send<T: Send>(_: &T) {}
    send_and_sync::<Dialer>();

    let dialer = Dialer::new(DialConfig::default());
    let (target, emitter) = (target(true, "example.test", 443), Emitter::none());
    send(&dialer.dial(&target, &emitter));
}

#[test]
fn a_target_is_shown_as_host_and_port_with_brackets_where_needed() {
    assert_eq!(
        target(true, "example.test", 443).to_string(),
        "example.test:443"
    );
    assert_eq!(target(true, "::1", 443).to_string(), "[::1]:443");
}

#[tokio::test]
async fn both_families_of_a_name_are_tried() {
    let addr = plain_echo().await;
    let seen = Seen::default();
    let table = vec![TableEntry {
        host: "example.test".into(),
        port: Some(addr.port()),
        // Only the second one is listened to.
        addrs: vec![IpAddr::V6(Ipv6Addr::LOCALHOST), addr.ip()],
    }];
    let dialer = Dialer::new(DialConfig {
        table,
        ..DialConfig::default()
    });
    let target = target(false, "example.test", addr.port());
    let dialed = dialer.dial(&target, &seen.emitter()).await.unwrap();
    assert_eq!(dialed.remote, Some(Address::Tcp(addr)));
    let done = seen.connects_done();
    assert_eq!(done.len(), 2);
    assert!(done[0].error.is_some() && done[1].error.is_none());
}

#[tokio::test]
async fn a_dial_that_nobody_traces_works_the_same() {
    let addr = plain_echo().await;
    let dialer = Dialer::new(DialConfig::default());
    let target = target(false, "127.0.0.1", addr.port());
    let mut dialed = dialer.dial(&target, &Emitter::none()).await.unwrap();
    echo(&mut dialed.stream).await;
}
