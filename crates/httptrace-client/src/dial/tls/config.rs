//! The rustls configuration of a client.

use std::sync::Arc;

use httptrace::info::TlsLeg;
use httptrace::{ErrorKind, Phase};
use rustls::ClientConfig;
use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{DigitallySignedStruct, SignatureScheme};
use rustls_platform_verifier::Verifier;

use super::TlsConfig;
use super::own_roots::{self, OwnRoots};
use super::version;
use crate::error::Error;
use crate::pool::Protocols;

/// Builds the configuration. Reads the platform's certificates: may block.
pub(super) fn build(tls: &TlsConfig) -> Result<Arc<ClientConfig>, Error> {
    if let Some(own) = &tls.config {
        let mut config = ClientConfig::clone(own);
        config.alpn_protocols.clone_from(&tls.alpn);
        return Ok(Arc::new(config));
    }
    let provider = provider();
    let verifier = verifier(tls, &provider).map_err(|error| {
        let message = format!(
            "no certificate can be verified: {error}; install the system's root certificates \
             (often a package named ca-certificates) or trust an authority of your own"
        );
        Error::new(Phase::Tls, ErrorKind::Tls, message).with_source(error)
    })?;
    let versions = version::between(tls.min_version, tls.max_version);
    if versions.is_empty() {
        let message = "no version of TLS is left: the least allowed is above the most allowed";
        return Err(Error::new(Phase::Tls, ErrorKind::Usage, message));
    }
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions)
        .map_err(|error| {
            Error::new(Phase::Tls, ErrorKind::Tls, "setting up TLS failed").with_source(error)
        })?
        // Which is safe for all verifiers but the one the user asked for by name.
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match &tls.client_certificate {
        Some(own) => {
            let own = SingleCertAndKey::from(Arc::clone(own));
            builder.with_client_cert_resolver(Arc::new(own))
        }
        None => builder.with_no_client_auth(),
    };
    if let Some(log) = &tls.key_log {
        config.key_log = Arc::clone(log) as _;
    }
    config.enable_sni = tls.sni;
    config.alpn_protocols.clone_from(&tls.alpn);
    Ok(Arc::new(config))
}

/// The same for a peer that is spoken to in these protocols. Proxies are not shown who we are to targets.
pub(super) fn for_peer(
    config: Arc<ClientConfig>,
    tls: &TlsConfig,
    protocols: Protocols,
    leg: TlsLeg,
) -> Arc<ClientConfig> {
    let offer = offer(&config.alpn_protocols, protocols);
    // A configuration of the user's own is used as it is.
    let shows_certificate = tls.config.is_none() && tls.client_certificate.is_some();
    let hides = leg == TlsLeg::Proxy && shows_certificate;
    if offer == config.alpn_protocols && !hides {
        return config;
    }
    let mut config = Arc::unwrap_or_clone(config);
    config.alpn_protocols = offer;
    if hides {
        config.client_auth_cert_resolver = Arc::new(ShowNothing);
    }
    Arc::new(config)
}

/// What is offered by ALPN, of what is offered at most.
fn offer(most: &[Vec<u8>], protocols: Protocols) -> Vec<Vec<u8>> {
    let is_h2 = |protocol: &&Vec<u8>| protocol.as_slice() == b"h2";
    let offered = most.iter();
    match protocols {
        Protocols::Http1 => offered.filter(|p| !is_h2(p)).cloned().collect(),
        Protocols::Http2 if most.iter().any(|p| is_h2(&p)) => {
            offered.filter(is_h2).cloned().collect()
        }
        _ => most.to_vec(),
    }
}

/// Never the process's default provider: which one that is depends on who else links rustls.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// The platform's verifier, which goes without the platform's roots if there are none but the user's own.
fn verifier(
    tls: &TlsConfig,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, rustls::Error> {
    let provider = Arc::clone(provider);
    if tls.accept_invalid_certs {
        return Ok(Arc::new(AcceptAnything { provider }));
    }
    if tls.roots.is_empty() {
        return Ok(Arc::new(Verifier::new(provider)?));
    }
    let roots = tls.roots.clone();
    let inner: Arc<dyn ServerCertVerifier> = if tls.platform_roots {
        Arc::new(Verifier::new_with_extra_roots(
            roots.iter().cloned(),
            provider,
        )?)
    } else {
        own_roots::verifier(&roots, provider)?
    };
    Ok(Arc::new(OwnRoots { inner, roots }))
}

/// Has no certificate to show.
#[derive(Debug)]
struct ShowNothing;

impl ResolvesClientCert for ShowNothing {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

/// Accepts every certificate: whoever answers is believed.
#[derive(Debug)]
struct AcceptAnything {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AcceptAnything {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    // Signatures are not verified either: a certificate too odd to take a key from shall do as well, and a signature
    // by a key that nobody vouches for proves nothing.
    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
