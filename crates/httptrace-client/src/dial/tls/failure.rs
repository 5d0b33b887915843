//! Why a handshake failed, for people.

use std::io;

use httptrace::{ErrorKind, Phase};
use rustls::{CertificateError, InvalidMessage, PeerIncompatible};

use super::alert::alert_reason;
use super::own_roots::is_ca_as_server;
use crate::dial::Target;
use crate::dial::connect::kind_of;
use crate::error::Error;

/// Says what went wrong with a handshake.
pub(super) fn explain(target: &Target, error: io::Error) -> Error {
    let cause = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let (kind, reason) = match cause {
        Some(error) if is_ca_as_server(error) => (
            ErrorKind::Certificate,
            "the certificate is an authority's, not a server's; trust this very certificate to accept it".to_owned(),
        ),
        Some(rustls::Error::InvalidCertificate(error)) => {
            (ErrorKind::Certificate, certificate_reason(error))
        }
        Some(rustls::Error::NoCertificatesPresented) => (
            ErrorKind::Certificate,
            "the peer presented no certificate".to_owned(),
        ),
        Some(rustls::Error::InvalidMessage(
            InvalidMessage::InvalidContentType
            | InvalidMessage::UnknownProtocolVersion
            | InvalidMessage::MessageTooLarge
            | InvalidMessage::InvalidEmptyPayload,
        )) => (
            ErrorKind::Tls,
            "the peer does not speak TLS; is this an http port?".to_owned(),
        ),
        Some(rustls::Error::AlertReceived(alert)) => (ErrorKind::Tls, alert_reason(*alert)),
        Some(rustls::Error::PeerIncompatible(
            PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
            | PeerIncompatible::ServerDoesNotSupportTls12Or13,
        )) => (
            ErrorKind::Tls,
            "the peer chose a version of TLS that is not allowed here".to_owned(),
        ),
        Some(error) => (ErrorKind::Tls, error.to_string()),
        None => match kind_of(&error) {
            ErrorKind::Closed => (
                ErrorKind::Closed,
                "the peer closed the connection".to_owned(),
            ),
            kind => (kind, error.to_string()),
        },
    };
    let message = format!("TLS handshake with {target} failed: {reason}");
    Error::new(Phase::Tls, kind, message).with_source(error)
}

/// Why a certificate was not accepted, for people.
fn certificate_reason(error: &CertificateError) -> String {
    match error {
        CertificateError::UnknownIssuer => "the certificate's issuer is not known; \
            if it is your own authority, add its certificate to the trusted ones"
            .to_owned(),
        CertificateError::Expired => "the certificate has expired".to_owned(),
        CertificateError::ExpiredContext { time, not_after } => {
            let ago = rounded(time.as_secs().saturating_sub(not_after.as_secs()));
            format!("the certificate expired {ago} ago")
        }
        CertificateError::NotValidYet => "the certificate is not valid yet".to_owned(),
        CertificateError::NotValidYetContext { time, not_before } => {
            let ahead = rounded(not_before.as_secs().saturating_sub(time.as_secs()));
            format!(
                "the certificate is not valid yet, but will be in {ahead}; is this machine's clock right?"
            )
        }
        CertificateError::Revoked => "the certificate has been revoked".to_owned(),
        CertificateError::BadSignature => "the certificate's signature is wrong".to_owned(),
        CertificateError::NotValidForName => {
            "the certificate is not valid for this name".to_owned()
        }
        // rustls words the others with their details, such as the names a certificate is valid for.
        other => other.to_string(),
    }
}

/// A time in its largest unit, for people.
fn rounded(seconds: u64) -> String {
    let (count, unit) = match seconds {
        0..60 => (seconds, "second"),
        60..3_600 => (seconds / 60, "minute"),
        3_600..86_400 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_their_largest_unit() {
        assert_eq!(rounded(1), "1 second");
        assert_eq!(rounded(59), "59 seconds");
        assert_eq!(rounded(60), "1 minute");
        assert_eq!(rounded(7_199), "1 hour");
        assert_eq!(rounded(172_800), "2 days");
    }
}
