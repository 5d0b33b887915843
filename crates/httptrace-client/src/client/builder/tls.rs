//! Settings of TLS.

#[cfg(feature = "rustls")]
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::ClientBuilder;
use crate::error::Error;

/// TLS.
impl<L> ClientBuilder<L> {
    /// Trusts these certificates (PEM, one or more) besides the platform's.
    ///
    /// # Errors
    /// If the text is not PEM, has no certificate in it, or one that cannot be read.
    pub fn add_root_certificates_pem(mut self, pem: &[u8]) -> Result<Self, Error> {
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let certificates = certificates
            .map_err(|error| Error::usage(format!("the root certificates are not PEM: {error}")))?;
        if certificates.is_empty() {
            let message = "there is no certificate among the root certificates: PEM has a line BEGIN CERTIFICATE";
            return Err(Error::usage(message));
        }
        let mut anchors = rustls::RootCertStore::empty();
        for certificate in &certificates {
            anchors.add(certificate.clone()).map_err(|error| {
                Error::usage(format!("one of the root certificates is none: {error}"))
            })?;
        }
        self.dial.tls.roots.extend(certificates);
        Ok(self)
    }

    /// Accepts any certificate: whoever is in between can read and change everything. Default: no.
    pub fn danger_accept_invalid_certs(mut self, accept: bool) -> Self {
        self.dial.tls.accept_invalid_certs = accept;
        self
    }

    /// Whether the server's name is sent in the handshake (SNI). Default: yes.
    pub fn tls_sni(mut self, send: bool) -> Self {
        self.dial.tls.sni = send;
        self
    }

    /// The protocols offered by ALPN. Default: `http/1.1`. None offers nothing.
    pub fn alpn_protocols<P: Into<Vec<u8>>>(
        mut self,
        protocols: impl IntoIterator<Item = P>,
    ) -> Self {
        self.dial.tls.alpn = protocols.into_iter().map(Into::into).collect();
        self
    }

    /// A TLS configuration of one's own, instead of the settings here, except for the ALPN protocols.
    #[cfg(feature = "rustls")]
    pub fn tls_config(mut self, config: rustls::ClientConfig) -> Self {
        self.dial.tls.config = Some(Arc::new(config));
        self
    }
}
