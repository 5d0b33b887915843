//! The names of enumerations, read back. They are written by each one's own `as_str`.

use http::Version;
use httptrace::info::{
    CloseReason, DnsSource, FlowWindow, NotSentReason, NoticedBy, Protocol, PutIdleError, ResetBy,
    RetryReason, TlsLeg, TunnelKind, WaitedFor,
};
use httptrace::{ErrorKind, EventName};

use super::ReadError;

/// Something that is written as a name.
pub(super) trait Named: Copy + 'static {
    /// What the names name, for error messages.
    const WHAT: &'static str;
    /// Every value there is.
    const ALL: &'static [Self];

    /// The name.
    fn name(self) -> &'static str;
}

/// Reads a name.
pub(super) fn named<T: Named>(name: &str) -> Result<T, ReadError> {
    let found = T::ALL.iter().find(|value| value.name() == name);
    found
        .copied()
        .ok_or_else(|| ReadError::new(format!("{name:?} is no {}", T::WHAT)))
}

/// Reads a class of error; one that is not known, from a later version, is [`ErrorKind::Other`].
pub(super) fn error_kind(name: &str) -> ErrorKind {
    named(name).unwrap_or(ErrorKind::Other)
}

macro_rules! named {
    ($($name:ident, $what:literal: $($value:ident)+;)+) => {
        $(impl Named for $name {
            const WHAT: &'static str = $what;
            const ALL: &'static [Self] = &[$($name::$value),+];

            fn name(self) -> &'static str {
                self.as_str()
            }
        })+
    };
}

named! {
    CloseReason, "reason to close a connection": BodyDropped BodyUntilEof Canceled ClientDropped CloseIdleConnections
        Failed GoAway Http10 IdleTimeout KeepAlivesDisabled MaxIdle MaxIdlePerHost PeerClosed PingTimeout RequestSaidClose
        ResponseSaidClose UnsolicitedResponse Upgraded UploadUnfinished;
    DnsSource, "source of a lookup": Custom NameServer System Table;
    ErrorKind, "class of error": Body Canceled Certificate Closed Decode Dns Hook Io Limit Other Protocol Redirect Refused
        Reset Timeout Tls Unreachable Usage;
    FlowWindow, "window": Stream Connection;
    NotSentReason, "reason not to send": FinalResponseFirst;
    NoticedBy, "occasion": Checkout Sweep;
    Protocol, "protocol": Http1 Http2;
    PutIdleError, "reason not to keep a connection": CloseIdleConnections TooManyIdleForHost BadState;
    ResetBy, "end of a connection": Peer Local;
    RetryReason, "reason to retry": Layer ConnectionLost NothingWritten StreamRefused GoAway;
    TlsLeg, "TLS leg": Proxy Target;
    TunnelKind, "kind of tunnel": Connect Socks5;
    WaitedFor, "thing to wait for": Dial Stream;
}

impl Named for EventName {
    const WHAT: &'static str = "event";
    const ALL: &'static [Self] = EventName::ALL;

    fn name(self) -> &'static str {
        self.as_str()
    }
}

impl Named for Version {
    const WHAT: &'static str = "HTTP version";
    const ALL: &'static [Self] = &[
        Version::HTTP_09,
        Version::HTTP_10,
        Version::HTTP_11,
        Version::HTTP_2,
        Version::HTTP_3,
    ];

    fn name(self) -> &'static str {
        match self {
            Version::HTTP_09 => "HTTP/0.9",
            Version::HTTP_10 => "HTTP/1.0",
            Version::HTTP_2 => "HTTP/2.0",
            Version::HTTP_3 => "HTTP/3.0",
            // `http` has no others.
            _ => "HTTP/1.1",
        }
    }
}
