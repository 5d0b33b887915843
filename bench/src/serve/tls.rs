//! TLS 1.3, with a certificate that the driver made.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::Error;
use crate::certificate::{self, CERTIFICATE, KEY};
use crate::load::Tls;

/// Accepts connections.
pub(super) fn acceptor(tls: Tls) -> Result<TlsAcceptor, Error> {
    let certificate = CertificateDer::from_pem_slice(certificate::given(CERTIFICATE)?.as_bytes())?;
    let key = PrivateKeyDer::from_pem_slice(certificate::given(KEY)?.as_bytes())?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?;
    match tls {
        Tls::Full => config.send_tls13_tickets = 0,
        Tls::Resumed => config.ticketer = aws_lc_rs::Ticketer::new()?,
    }
    Ok(TlsAcceptor::from(Arc::new(config)))
}
