use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use httptrace::info::{ConnectDone, DnsDone, DnsSource, TlsHandshakeDone};
use httptrace::{ClientTrace, Emitter, ErrorKind, Event, EventKind, Phase};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::clock;

/// Everything a dial emits.
#[derive(Clone, Default)]
pub(super) struct Seen {
    events: Arc<Mutex<Vec<Event>>>,
}

impl Seen {
    pub(super) fn emitter(&self) -> Emitter {
        let events = Arc::clone(&self.events);
        let trace = ClientTrace::new().on_event(move |event| {
            events.lock().unwrap().push(event.clone());
        });
        Emitter::for_trace(&trace, clock::now)
    }

    pub(super) fn kinds(&self) -> Vec<EventKind> {
        let events = self.events.lock().unwrap();
        events.iter().map(|event| event.kind.clone()).collect()
    }

    pub(super) fn names(&self) -> Vec<&'static str> {
        let events = self.events.lock().unwrap();
        events.iter().map(|event| event.name().as_str()).collect()
    }

    pub(super) fn dns_done(&self) -> DnsDone {
        let mut kinds = self.kinds().into_iter();
        kinds
            .find_map(|kind| match kind {
                EventKind::DnsDone(info) => Some(info),
                _ => None,
            })
            .expect("a DnsDone")
    }

    pub(super) fn connects_done(&self) -> Vec<ConnectDone> {
        let kinds = self.kinds().into_iter();
        kinds
            .filter_map(|kind| match kind {
                EventKind::ConnectDone(info) => Some(info),
                _ => None,
            })
            .collect()
    }

    pub(super) fn tls_done(&self) -> TlsHandshakeDone {
        let mut kinds = self.kinds().into_iter();
        kinds
            .find_map(|kind| match kind {
                EventKind::TlsHandshakeDone(info) => Some(info),
                _ => None,
            })
            .expect("a TlsHandshakeDone")
    }
}

pub(super) fn target(https: bool, host: &str, port: u16) -> Target {
    Target {
        https,
        host: host.into(),
        port,
    }
}

pub(super) fn localhost() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

/// A port on which nobody listens: it was free a moment ago, and the kernel hands out others first.
pub(super) async fn refusing() -> SocketAddr {
    let listener = TcpListener::bind(localhost()).await.unwrap();
    listener.local_addr().unwrap()
}

/// A throw-away authority.
pub(super) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(super) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self {
            issuer: CertifiedIssuer::self_signed(params, key).unwrap(),
        }
    }

    pub(super) fn root(&self) -> CertificateDer<'static> {
        self.issuer.der().clone()
    }

    /// A server's configuration with a certificate for these names.
    pub(super) fn server(&self, names: &[&str]) -> ServerConfig {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        self.server_with(CertificateParams::new(names).unwrap())
    }

    pub(super) fn server_with(&self, params: CertificateParams) -> ServerConfig {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let chain = vec![certificate.der().clone()];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap()
    }
}

/// Echoes over TLS until the listener's task is dropped with the runtime.
pub(super) async fn tls_echo(config: ServerConfig) -> SocketAddr {
    let listener = TcpListener::bind(localhost()).await.unwrap();
    let addr = listener.local_addr().unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else {
                    return;
                };
                let (mut read, mut write) = tokio::io::split(stream);
                let _ = tokio::io::copy(&mut read, &mut write).await;
            });
        }
    });
    addr
}

pub(super) async fn echo(stream: &mut Stream) {
    stream.write_all(b"hello").await.unwrap();
    stream.flush().await.unwrap();
    let mut answer = [0; 5];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"hello");
}

async fn plain_echo() -> SocketAddr {
    let listener = TcpListener::bind(localhost()).await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let (mut read, mut write) = stream.split();
                let _ = tokio::io::copy(&mut read, &mut write).await;
            });
        }
    });
    addr
}

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
