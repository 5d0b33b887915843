//! What a peer's TLS alerts mean, for people.

use std::error::Error as StdError;
use std::io;

use rustls::AlertDescription as Alert;

/// Why a peer refused, by the alert it sent (RFC 8446 section 6.2).
pub(crate) fn alert_reason(alert: Alert) -> String {
    let advice = match alert {
        Alert::CertificateRequired => {
            return "the peer demands a client certificate, and none was sent; give one with its key".to_owned();
        }
        Alert::BadCertificate
        | Alert::UnsupportedCertificate
        | Alert::CertificateRevoked
        | Alert::CertificateExpired
        | Alert::CertificateUnknown
        | Alert::UnknownCA
        | Alert::AccessDenied => "it does not accept the client certificate, or wants one",
        Alert::ProtocolVersion => "it speaks none of the TLS versions that are allowed here",
        Alert::HandshakeFailure | Alert::InsufficientSecurity => {
            "it has no version, cipher suite or group in common with us, or wants a client certificate"
        }
        Alert::UnrecognisedName => "it does not know the server name",
        Alert::NoApplicationProtocol => "it speaks none of the protocols that were offered (ALPN)",
        _ => return format!("the peer refused with {alert:?}"),
    };
    format!("the peer refused with {alert:?}: {advice}")
}

/// The alert that is behind an error, if one is.
pub(crate) fn alert_behind(error: &(dyn StdError + 'static)) -> Option<Alert> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(rustls::Error::AlertReceived(alert)) = error.downcast_ref() {
            return Some(*alert);
        }
        // The error within an I/O error is not its source.
        let within = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        next = match within {
            Some(within) => Some(within as &(dyn StdError + 'static)),
            None => error.source(),
        };
    }
    None
}
