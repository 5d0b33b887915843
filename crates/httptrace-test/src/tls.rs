//! A throw-away certificate authority, and TLS servers of every kind that a client must cope with.
//!
//! ```
//! use httptrace_test::{Peer, TestCa};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let ca = TestCa::new();
//! let good = ca.server(&["example.com", "127.0.0.1"]).alpn(&["http/1.1"]).config();
//! let expired = ca.server(&["example.com"]).expired().config();
//! let peer = Peer::loopback()
//!     .every_conn(|c| c.start_tls(good.clone()).exchange("HTTP/1.1 204 No Content\r\n\r\n"));
//! # let _ = (peer, expired);
//! # }
//! ```

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion};

/// A certificate authority made up for one test. Two of them do not trust each other.
pub struct TestCa {
    issuer: Issuer<'static, KeyPair>,
    der: CertificateDer<'static>,
    pem: String,
}

impl Default for TestCa {
    fn default() -> Self {
        Self::new()
    }
}

impl TestCa {
    /// A new authority, with a fresh ECDSA P-256 key.
    pub fn new() -> Self {
        let key = new_key();
        let mut params = CertificateParams::default();
        let name = &mut params.distinguished_name;
        // A name of its own, or a foreign CA would be told from this one by its signature only.
        let number = NEXT_CA.fetch_add(1, Ordering::Relaxed);
        name.push(DnType::CommonName, format!("httptrace test CA {number}"));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let certificate = params.self_signed(&key).expect("a CA can sign itself");
        Self {
            der: certificate.der().clone(),
            pem: certificate.pem(),
            issuer: Issuer::new(params, key),
        }
    }

    /// Its certificate in DER, to be trusted by a client.
    pub fn der(&self) -> &CertificateDer<'static> {
        &self.der
    }

    /// Its certificate in PEM, to be written to a file for `--cacert`.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A server with a certificate for these DNS names and IP addresses.
    pub fn server<'a>(&'a self, names: &[&str]) -> TestServer<'a> {
        TestServer {
            ca: self,
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            expired: false,
            alpn: Vec::new(),
            versions: vec![&TLS13, &TLS12],
            tickets: true,
            client_ca: None,
        }
    }

    /// A client's certificate by this authority, and its key, both in PEM.
    pub fn client_pem(&self, name: &str) -> (String, String) {
        let key = new_key();
        let params = CertificateParams::new(vec![name.to_owned()]).expect("a DNS name");
        let certificate = params.signed_by(&key, &self.issuer);
        let certificate = certificate.expect("the CA can sign");
        (certificate.pem(), key.serialize_pem())
    }

    /// A client that trusts this authority and no other, with these ALPN names in order of preference.
    pub fn client_config(&self, alpn: &[&str]) -> Arc<ClientConfig> {
        let roots = self.roots();
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("aws-lc-rs speaks TLS 1.2 and 1.3");
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = wire_names(alpn);
        Arc::new(config)
    }

    fn client_verifier(&self) -> Arc<dyn ClientCertVerifier> {
        let roots = Arc::new(self.roots());
        let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider());
        verifier.build().expect("a CA certificate")
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).expect("a CA certificate");
        roots
    }
}

impl fmt::Debug for TestCa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestCa").finish_non_exhaustive()
    }
}

/// A TLS server in the making: TLS 1.3 and 1.2, no ALPN, session tickets on, unless said otherwise.
#[derive(Clone, Debug)]
#[must_use = "it becomes a server by `config`"]
pub struct TestServer<'a> {
    ca: &'a TestCa,
    names: Vec<String>,
    expired: bool,
    alpn: Vec<Vec<u8>>,
    versions: Vec<&'static SupportedProtocolVersion>,
    tickets: bool,
    client_ca: Option<&'a TestCa>,
}

impl<'a> TestServer<'a> {
    /// Demands a certificate by this authority of each client.
    pub fn demanding_clients_of(mut self, ca: &'a TestCa) -> Self {
        self.client_ca = Some(ca);
        self
    }

    /// Its certificate ended in the year 2001.
    pub fn expired(mut self) -> Self {
        self.expired = true;
        self
    }

    /// The ALPN names it accepts, in order of preference.
    pub fn alpn(mut self, names: &[&str]) -> Self {
        self.alpn = wire_names(names);
        self
    }

    /// Speaks TLS 1.2 and nothing else.
    pub fn only_tls12(mut self) -> Self {
        self.versions = vec![&TLS12];
        self
    }

    /// Speaks TLS 1.3 and nothing else.
    pub fn only_tls13(mut self) -> Self {
        self.versions = vec![&TLS13];
        self
    }

    /// Sends no session tickets and keeps no sessions: nothing can be resumed.
    pub fn without_resumption(mut self) -> Self {
        self.tickets = false;
        self
    }

    /// The finished server configuration. Connections must share it to resume each other's sessions.
    pub fn config(self) -> Arc<ServerConfig> {
        let (chain, key) = self.certificate();
        let config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&self.versions)
            .expect("aws-lc-rs speaks TLS 1.2 and 1.3");
        let config = match self.client_ca {
            Some(ca) => config.with_client_cert_verifier(ca.client_verifier()),
            None => config.with_no_client_auth(),
        };
        let config = config.with_single_cert(chain, key);
        let mut config = config.expect("a key that fits its certificate");
        config.alpn_protocols = self.alpn;
        if self.tickets {
            config.ticketer = aws_lc_rs::Ticketer::new().expect("a random source");
        } else {
            config.send_tls13_tickets = 0;
            config.session_storage = Arc::new(NoServerSessionStorage {});
        }
        Arc::new(config)
    }

    /// Its certificate chain and its private key, both in PEM, for servers that read files. What else is settled here
    /// does not concern them.
    pub fn pem(&self) -> (String, String) {
        let (leaf, key) = self.signed();
        (leaf.pem() + &self.ca.pem, key.serialize_pem())
    }

    fn certificate(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let (leaf, key) = self.signed();
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a PKCS #8 key");
        (vec![leaf.der().clone(), self.ca.der.clone()], key)
    }

    fn signed(&self) -> (rcgen::Certificate, KeyPair) {
        let key = new_key();
        let params = CertificateParams::new(self.names.clone());
        let mut params = params.expect("DNS names and IP addresses");
        if self.expired {
            params.not_before = rcgen::date_time_ymd(2000, 1, 1);
            params.not_after = rcgen::date_time_ymd(2001, 1, 1);
        }
        let certificate = params.signed_by(&key, &self.ca.issuer);
        (certificate.expect("the CA can sign"), key)
    }
}

static NEXT_CA: AtomicU32 = AtomicU32::new(1);

fn new_key() -> KeyPair {
    KeyPair::generate().expect("a random source")
}

/// Given explicitly, so that no process-wide default provider is needed or set.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

fn wire_names(alpn: &[&str]) -> Vec<Vec<u8>> {
    alpn.iter().map(|name| name.as_bytes().to_vec()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::{DuplexPeer, TlsReport};
    use rustls::pki_types::ServerName;
    use rustls::{HandshakeKind, ProtocolVersion};
    use tokio::io::AsyncReadExt;
    use tokio_rustls::TlsConnector;

    struct Session {
        version: ProtocolVersion,
        kind: HandshakeKind,
        alpn: Option<Vec<u8>>,
    }

    /// Connects once and reads to the end, so that tickets have arrived.
    async fn connect(
        server: &Arc<ServerConfig>,
        client: &Arc<ClientConfig>,
        name: &'static str,
    ) -> Result<(Session, TlsReport), std::io::Error> {
        let config = server.clone();
        let peer =
            DuplexPeer::new().conn(|c| c.client_may_leave().start_tls(config).send("x").close());
        let name = ServerName::try_from(name).unwrap();
        let connector = TlsConnector::from(client.clone());
        let mut stream = connector.connect(name, peer.connect()).await?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await?;
        assert_eq!(text, "x");
        let tls = stream.get_ref().1;
        let session = Session {
            version: tls.protocol_version().unwrap(),
            kind: tls.handshake_kind().unwrap(),
            alpn: tls.alpn_protocol().map(<[u8]>::to_vec),
        };
        let report = peer.finish().await;
        Ok((session, report.conn(0).tls[0].clone()))
    }

    #[tokio::test]
    async fn names_and_addresses_are_served_and_alpn_is_settled() {
        let ca = TestCa::new();
        let server = ca
            .server(&["example.com", "127.0.0.1"])
            .alpn(&["h2", "http/1.1"])
            .config();
        let client = ca.client_config(&["http/1.1"]);
        let (session, report) = connect(&server, &client, "example.com").await.unwrap();
        assert_eq!(session.alpn.as_deref(), Some(&b"http/1.1"[..]));
        assert_eq!(report.alpn.as_deref(), Some("http/1.1"));
        assert_eq!(report.server_name.as_deref(), Some("example.com"));
        let (_, report) = connect(&server, &client, "127.0.0.1").await.unwrap();
        assert_eq!(report.server_name, None);
    }

    #[tokio::test]
    async fn the_version_is_the_one_chosen() {
        let ca = TestCa::new();
        let client = ca.client_config(&[]);
        let old = ca.server(&["a"]).only_tls12().config();
        let (session, _) = connect(&old, &client, "a").await.unwrap();
        assert_eq!(session.version, ProtocolVersion::TLSv1_2);
        let new = ca.server(&["a"]).only_tls13().config();
        let (session, _) = connect(&new, &client, "a").await.unwrap();
        assert_eq!(session.version, ProtocolVersion::TLSv1_3);
    }

    #[tokio::test]
    async fn sessions_are_resumed_with_tickets_and_not_without() {
        let ca = TestCa::new();
        for (server, kind) in [
            (ca.server(&["a"]), HandshakeKind::Resumed),
            (ca.server(&["a"]).only_tls12(), HandshakeKind::Resumed),
            (ca.server(&["a"]).without_resumption(), HandshakeKind::Full),
            (
                ca.server(&["a"]).only_tls12().without_resumption(),
                HandshakeKind::Full,
            ),
        ] {
            let (server, client) = (server.config(), ca.client_config(&[]));
            let (first, _) = connect(&server, &client, "a").await.unwrap();
            assert_eq!(first.kind, HandshakeKind::Full);
            let (second, _) = connect(&server, &client, "a").await.unwrap();
            assert_eq!(second.kind, kind);
        }
    }

    #[tokio::test]
    async fn an_expired_certificate_a_wrong_name_and_a_foreign_ca_are_refused() {
        let ca = TestCa::new();
        let client = ca.client_config(&[]);
        for (server, wrong) in [
            (ca.server(&["a"]).expired(), "expired"),
            (ca.server(&["b"]), "not valid for name"),
            (TestCa::new().server(&["a"]), "UnknownIssuer"),
        ] {
            let refused = connect(&server.config(), &client, "a").await;
            let error = refused.err().unwrap().to_string();
            assert!(error.contains(wrong), "{error}");
        }
    }

    #[tokio::test]
    async fn a_cut_is_a_truncation_and_a_close_is_not() {
        let ca = TestCa::new();
        let (cut, closed) = (ca.server(&["a"]).config(), ca.server(&["a"]).config());
        let peer = DuplexPeer::new()
            .conn(|c| c.start_tls(cut).send("x").cut())
            .conn(|c| c.start_tls(closed).send("x").close());
        let connector = TlsConnector::from(ca.client_config(&[]));
        for truncated in [true, false] {
            let name = ServerName::try_from("a").unwrap();
            let mut stream = connector.connect(name, peer.connect()).await.unwrap();
            let read = stream.read_to_end(&mut Vec::new()).await;
            assert_eq!(read.is_err(), truncated);
        }
        peer.finish().await;
    }

    #[test]
    fn the_ca_is_given_out_as_pem_and_der() {
        let ca = TestCa::new();
        assert!(ca.pem().starts_with("-----BEGIN CERTIFICATE-----"));
        assert!(!ca.der().is_empty());
        let (chain, key) = ca.server(&["a"]).pem();
        assert_eq!(chain.matches("-----BEGIN CERTIFICATE-----").count(), 2);
        assert!(key.starts_with("-----BEGIN PRIVATE KEY-----"));
    }
}
