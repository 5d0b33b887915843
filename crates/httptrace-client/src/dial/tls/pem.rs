//! Certificates and keys as people have them: in PEM (RFC 7468).

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{InconsistentKeys, RootCertStore};

use super::config::provider;
use crate::error::Error;

/// Authorities to trust.
pub(crate) fn roots(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    let roots = certificates(pem, "the root certificates")?;
    let mut anchors = RootCertStore::empty();
    for root in &roots {
        anchors.add(root.clone()).map_err(|error| {
            Error::usage(format!("one of the root certificates is none: {error}"))
        })?;
    }
    Ok(roots)
}

/// What a client shows of itself: its certificate, those between it and its authority, and its key.
pub(crate) fn certified_key(
    certificates_pem: &[u8],
    key_pem: &[u8],
) -> Result<CertifiedKey, Error> {
    let chain = certificates(certificates_pem, "the client certificate")?;
    let key = private_key(key_pem)?;
    CertifiedKey::from_der(chain, key, &provider()).map_err(|error| {
        let message = match &error {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                "the private key does not belong to the client certificate, which must be the first of its file".to_owned()
            }
            rustls::Error::InvalidCertificate(error) => {
                format!("the client certificate cannot be read: {error}")
            }
            error => format!("the private key cannot be used: {error}; RSA, ECDSA (P-256, P-384, P-521) and Ed25519 can"),
        };
        Error::usage(message).with_source(error)
    })
}

fn certificates(pem: &[u8], what: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found =
        found.map_err(|error| Error::usage(format!("{what} cannot be read as PEM: {error}")))?;
    if found.is_empty() {
        let message =
            format!("{what} cannot be read: PEM has a line BEGIN CERTIFICATE, and there is none");
        return Err(Error::usage(message));
    }
    Ok(found)
}

/// The first private key: PKCS #8, PKCS #1 or SEC 1. Its errors tell nothing of what is in it.
fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, Error> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| {
        let message = if is_encrypted(pem) {
            "the private key is encrypted, and only plain ones can be read; \
             `openssl pkey -in KEY -out PLAIN` takes the password off"
                .to_owned()
        } else {
            format!("the private key cannot be read: {error}; PEM has a line BEGIN PRIVATE KEY")
        };
        Error::usage(message)
    })
}

/// Whether a key is under a password: PKCS #8 says so in its label, the older forms in a field (RFC 1421 section 4.6.1.1).
fn is_encrypted(pem: &[u8]) -> bool {
    let text = String::from_utf8_lossy(pem);
    text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED")
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, PKCS_ED25519, SignatureAlgorithm};

    use super::*;

    /// A certificate and its key in PEM.
    fn pair(algorithm: &'static SignatureAlgorithm) -> (String, String) {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let params = CertificateParams::new(vec!["a.test".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    fn complaint(certificate: &str, key: &str) -> String {
        let error = certified_key(certificate.as_bytes(), key.as_bytes()).unwrap_err();
        assert!(error.is_usage());
        error.to_string()
    }

    #[test]
    fn a_certificate_and_its_key_may_be_in_one_file_in_any_order() {
        for algorithm in [
            &rcgen::PKCS_ECDSA_P256_SHA256,
            &rcgen::PKCS_ECDSA_P384_SHA384,
            &PKCS_ED25519,
        ] {
            let (certificate, key) = pair(algorithm);
            for file in [format!("{key}{certificate}"), format!("{certificate}{key}")] {
                let read = certified_key(file.as_bytes(), file.as_bytes()).unwrap();
                assert_eq!(read.cert.len(), 1);
            }
        }
    }

    #[test]
    fn a_key_of_another_certificate_is_told_at_once() {
        let (certificate, _) = pair(&PKCS_ED25519);
        let (_, key) = pair(&PKCS_ED25519);
        let complaint = complaint(&certificate, &key);
        assert!(complaint.contains("does not belong"), "{complaint}");
    }

    #[test]
    fn an_encrypted_key_says_how_it_is_decrypted() {
        let (certificate, _) = pair(&PKCS_ED25519);
        let pkcs8 =
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
        let pkcs1 = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\
                     DEK-Info: AES-256-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
        for key in [pkcs8, pkcs1] {
            let complaint = complaint(&certificate, key);
            assert!(complaint.contains("openssl pkey"), "{complaint}");
        }
    }

    #[test]
    fn what_is_missing_is_told() {
        let (certificate, key) = pair(&PKCS_ED25519);
        assert!(complaint(&certificate, &certificate).contains("BEGIN PRIVATE KEY"));
        assert!(complaint(&key, &key).contains("BEGIN CERTIFICATE"));
        let junk = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let told = complaint(junk, &key);
        assert!(
            told.contains("the client certificate cannot be read"),
            "{told}"
        );
        assert!(roots(junk.as_bytes()).unwrap_err().is_usage());
    }
}
