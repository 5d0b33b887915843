//! What a handshake settled on, in the words of the IANA registries.

use std::sync::Arc;

use httptrace::info::{CodePoint, TlsHandshakeDone};
use rustls::{CipherSuite, ClientConnection, HandshakeKind, NamedGroup, ProtocolVersion};
use tokio_rustls::client::TlsStream;

/// The protocol that ALPN settled on.
pub(super) fn alpn<IO>(stream: &TlsStream<IO>) -> Option<Arc<str>> {
    let protocol = stream.get_ref().1.alpn_protocol()?;
    Some(String::from_utf8_lossy(protocol).into())
}

/// Adds what is known of the session.
pub(super) fn tell(session: &ClientConnection, mut done: TlsHandshakeDone) -> TlsHandshakeDone {
    done.version = session.protocol_version().map(version);
    done.cipher_suite = session
        .negotiated_cipher_suite()
        .map(|suite| cipher_suite(suite.suite()));
    done.key_exchange_group = session
        .negotiated_key_exchange_group()
        .map(|group| named_group(group.name()));
    done.alpn = session
        .alpn_protocol()
        .map(|protocol| String::from_utf8_lossy(protocol).into());
    done.resumed = session
        .handshake_kind()
        .map(|kind| kind == HandshakeKind::Resumed);
    done.peer_certificates = session
        .peer_certificates()
        .map(|chain| chain.iter().map(|der| Arc::from(der.as_ref())).collect());
    done
}

fn version(version: ProtocolVersion) -> CodePoint {
    let name = match version {
        ProtocolVersion::TLSv1_3 => "TLSv1.3",
        ProtocolVersion::TLSv1_2 => "TLSv1.2",
        other => return CodePoint::unnamed(other.into()),
    };
    CodePoint::named(version.into(), name)
}

fn cipher_suite(suite: CipherSuite) -> CodePoint {
    // rustls's name is the registry's, but for TLS 1.3's suites, which it tells apart by their prefix.
    match suite.as_str() {
        Some(name) => CodePoint::named(suite.into(), name.replacen("TLS13_", "TLS_", 1)),
        None => CodePoint::unnamed(suite.into()),
    }
}

fn named_group(group: NamedGroup) -> CodePoint {
    let name = match group {
        NamedGroup::secp256r1 => "secp256r1",
        NamedGroup::secp384r1 => "secp384r1",
        NamedGroup::secp521r1 => "secp521r1",
        NamedGroup::X25519 => "x25519",
        NamedGroup::X448 => "x448",
        NamedGroup::FFDHE2048 => "ffdhe2048",
        NamedGroup::FFDHE3072 => "ffdhe3072",
        NamedGroup::FFDHE4096 => "ffdhe4096",
        NamedGroup::FFDHE6144 => "ffdhe6144",
        NamedGroup::FFDHE8192 => "ffdhe8192",
        NamedGroup::MLKEM512 => "MLKEM512",
        NamedGroup::MLKEM768 => "MLKEM768",
        NamedGroup::MLKEM1024 => "MLKEM1024",
        NamedGroup::secp256r1MLKEM768 => "SecP256r1MLKEM768",
        NamedGroup::X25519MLKEM768 => "X25519MLKEM768",
        other => return CodePoint::unnamed(other.into()),
    };
    CodePoint::named(group.into(), name)
}
