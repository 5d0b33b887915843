//! Settings of TLS.

use std::path::Path;
use std::sync::Arc;

use super::ClientBuilder;
use crate::dial::{KeyLogFile, TlsVersion, pem};
use crate::error::Error;

/// TLS.
impl<L> ClientBuilder<L> {
    /// Trusts these certificates (PEM, one or more) besides those that are trusted already: the platform's, as a rule.
    ///
    /// # Errors
    /// If the text is not PEM, has no certificate in it, or one that cannot be read.
    pub fn add_root_certificates_pem(mut self, pem: &[u8]) -> Result<Self, Error> {
        self.dial.tls.roots.extend(pem::roots(pem)?);
        Ok(self)
    }

    /// Trusts these certificates (PEM, one or more) instead of the platform's, which are not even read then (curl's
    /// `--cacert`). More can be added with [`add_root_certificates_pem`](Self::add_root_certificates_pem).
    ///
    /// # Errors
    /// As there.
    pub fn only_root_certificates_pem(mut self, pem: &[u8]) -> Result<Self, Error> {
        self.dial.tls.roots = pem::roots(pem)?;
        self.dial.tls.platform_roots = false;
        Ok(self)
    }

    /// Shows this certificate to a peer that asks who we are (curl's `--cert` and `--key`; Go's `Certificates`). Both in
    /// PEM, and they may be in the same text: the certificate first of its kind, those between it and its authority after
    /// it; the key in PKCS #8, PKCS #1 or SEC 1. Default: none; a peer that demands one then fails the handshake or,
    /// with TLS 1.3, the request: see [`Error::is_client_certificate_required`].
    /// Proxies are not shown it.
    ///
    /// # Errors
    /// If one of them is missing or cannot be read, if the key is encrypted, or does not belong to the certificate.
    pub fn client_certificate_pem(
        mut self,
        certificates: &[u8],
        key: &[u8],
    ) -> Result<Self, Error> {
        let own = pem::certified_key(certificates, key)?;
        self.dial.tls.client_certificate = Some(Arc::new(own));
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

    /// The least version of TLS that is spoken (Go's `MinVersion`). Default: 1.2. If it is above the most, https dials fail.
    pub fn min_tls_version(mut self, version: impl Into<Option<TlsVersion>>) -> Self {
        self.dial.tls.min_version = version.into();
        self
    }

    /// The most that is spoken (Go's `MaxVersion`). Default: 1.3.
    pub fn max_tls_version(mut self, version: impl Into<Option<TlsVersion>>) -> Self {
        self.dial.tls.max_version = version.into();
        self
    }

    /// Appends the secrets of all TLS sessions to this file, in the format of NSS, so that Wireshark can read what was
    /// sent. Whoever has the file can read it too; a new one is its owner's alone. Default: not done.
    ///
    /// # Errors
    /// If the file cannot be opened. A line that cannot be written later is lost.
    pub fn tls_key_log_file(mut self, path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let log = KeyLogFile::append_to(path).map_err(|error| {
            let message = format!("cannot write TLS secrets to {}: {error}", path.display());
            Error::usage(message).with_source(error)
        })?;
        self.dial.tls.key_log = Some(Arc::new(log));
        Ok(self)
    }

    /// The same with the file that the environment variable `SSLKEYLOGFILE` names, as curl does; without effect if it
    /// names none. A client that does not call this does not look at the variable.
    ///
    /// # Errors
    /// As there.
    pub fn tls_key_log_from_env(self) -> Result<Self, Error> {
        match std::env::var_os("SSLKEYLOGFILE") {
            Some(path) if !path.is_empty() => self.tls_key_log_file(path),
            _ => Ok(self),
        }
    }

    /// The protocols offered by ALPN. Default: `h2` and `http/1.1`. None offers nothing. Of these, requests that cannot
    /// be sent over HTTP/2 do not offer `h2`; see also [`http1_only`](Self::http1_only).
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
