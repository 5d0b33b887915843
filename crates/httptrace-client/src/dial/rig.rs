//! What the dial's tests share: peers on loopback, a throw-away authority, a record of the events.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use httptrace::info::{ConnectDone, DnsDone, TlsHandshakeDone};
use httptrace::{ClientTrace, Emitter, Event, EventKind};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, SupportedProtocolVersion};
use socket2::{Domain, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::clock;

/// Everything a dial emits.
#[derive(Clone, Default)]
pub(in crate::dial) struct Seen {
    events: Arc<Mutex<Vec<Event>>>,
}

impl Seen {
    pub(in crate::dial) fn emitter(&self) -> Emitter {
        let events = Arc::clone(&self.events);
        let trace = ClientTrace::new().on_event(move |event| {
            events.lock().unwrap().push(event.clone());
        });
        Emitter::for_trace(&trace, clock::now)
    }

    pub(in crate::dial) fn kinds(&self) -> Vec<EventKind> {
        let events = self.events.lock().unwrap();
        events.iter().map(|event| event.kind.clone()).collect()
    }

    pub(in crate::dial) fn names(&self) -> Vec<&'static str> {
        let events = self.events.lock().unwrap();
        events.iter().map(|event| event.name().as_str()).collect()
    }

    pub(in crate::dial) fn dns_done(&self) -> DnsDone {
        let mut kinds = self.kinds().into_iter();
        kinds
            .find_map(|kind| match kind {
                EventKind::DnsDone(info) => Some(info),
                _ => None,
            })
            .expect("a DnsDone")
    }

    pub(in crate::dial) fn connects_done(&self) -> Vec<ConnectDone> {
        let kinds = self.kinds().into_iter();
        kinds
            .filter_map(|kind| match kind {
                EventKind::ConnectDone(info) => Some(info),
                _ => None,
            })
            .collect()
    }

    pub(in crate::dial) fn tls_done(&self) -> TlsHandshakeDone {
        let mut kinds = self.kinds().into_iter();
        kinds
            .find_map(|kind| match kind {
                EventKind::TlsHandshakeDone(info) => Some(info),
                _ => None,
            })
            .expect("a TlsHandshakeDone")
    }
}

pub(in crate::dial) fn target(https: bool, host: &str, port: u16) -> Target {
    Target {
        https,
        host: host.into(),
        port,
        leg: TlsLeg::Target,
        protocols: crate::pool::Protocols::Http1,
        via: Via::Direct,
    }
}

pub(in crate::dial) fn localhost() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

/// An address that refuses connections for as long as it is kept: bound, but nobody listens.
pub(in crate::dial) struct Refusing {
    pub(in crate::dial) addr: SocketAddr,
    _socket: Socket,
}

impl Refusing {
    pub(in crate::dial) fn new() -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&localhost().into()).unwrap();
        Self {
            addr: socket.local_addr().unwrap().as_socket().unwrap(),
            _socket: socket,
        }
    }
}

/// A throw-away authority.
pub(in crate::dial) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(in crate::dial) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        // Each has a name of its own, as a certificate names its issuer.
        let name = format!("throw-away authority {:02x?}", &key.public_key_raw()[..8]);
        params.distinguished_name.push(DnType::CommonName, name);
        Self {
            issuer: CertifiedIssuer::self_signed(params, key).unwrap(),
        }
    }

    pub(in crate::dial) fn root(&self) -> CertificateDer<'static> {
        self.issuer.der().clone()
    }

    /// A server's configuration with a certificate for these names.
    pub(in crate::dial) fn server(&self, names: &[&str]) -> ServerConfig {
        self.server_of(names, rustls::DEFAULT_VERSIONS)
    }

    /// The same for some versions of TLS.
    pub(in crate::dial) fn server_of(
        &self,
        names: &[&str],
        versions: &[&'static SupportedProtocolVersion],
    ) -> ServerConfig {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        self.server_with(CertificateParams::new(names).unwrap(), versions)
    }

    /// The same with another certificate.
    pub(in crate::dial) fn server_with(
        &self,
        params: CertificateParams,
        versions: &[&'static SupportedProtocolVersion],
    ) -> ServerConfig {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let chain = vec![certificate.der().clone()];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap()
    }
}

/// Echoes over TLS until the listener's task is dropped with the runtime.
pub(in crate::dial) async fn tls_echo(config: ServerConfig) -> SocketAddr {
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

pub(in crate::dial) async fn echo(stream: &mut Stream) {
    stream.write_all(b"hello").await.unwrap();
    stream.flush().await.unwrap();
    let mut answer = [0; 5];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"hello");
}

pub(in crate::dial) async fn plain_echo() -> SocketAddr {
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
