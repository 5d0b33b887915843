//! What went wrong, as an event tells it.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

/// An error type for anything a hook, a body or a resolver may return.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// What went wrong, as an event tells it: cloneable, with the original error as its `source()`.
#[derive(Clone)]
pub struct EventError {
    kind: ErrorKind,
    message: Arc<str>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// The class of an [`EventError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request's body failed, or was not as long as announced.
    Body,
    /// It was given up: the call was dropped, or another connect won the race.
    Canceled,
    /// The peer's certificate was not accepted.
    Certificate,
    /// The peer closed the connection.
    Closed,
    /// The response's body is not what its content coding says, or is too long when decoded.
    Decode,
    /// The name could not be resolved.
    Dns,
    /// A hook said no.
    Hook,
    /// Another error of the operating system.
    Io,
    /// The peer sent more than a limit lets through.
    Limit,
    /// None of the others.
    Other,
    /// The peer violated the protocol.
    Protocol,
    /// A redirect could not be followed.
    Redirect,
    /// The peer refused the connection, or a proxy the tunnel.
    Refused,
    /// The peer reset the connection.
    Reset,
    /// A deadline passed.
    Timeout,
    /// TLS failed, but not over the certificate.
    Tls,
    /// There is no route to the peer.
    Unreachable,
    /// The request itself is not one that can be sent.
    Usage,
}

impl ErrorKind {
    /// The class in snake case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Body => "body",
            Self::Canceled => "canceled",
            Self::Certificate => "certificate",
            Self::Closed => "closed",
            Self::Decode => "decode",
            Self::Dns => "dns",
            Self::Hook => "hook",
            Self::Io => "io",
            Self::Limit => "limit",
            Self::Other => "other",
            Self::Protocol => "protocol",
            Self::Redirect => "redirect",
            Self::Refused => "refused",
            Self::Reset => "reset",
            Self::Timeout => "timeout",
            Self::Tls => "tls",
            Self::Unreachable => "unreachable",
            Self::Usage => "usage",
        }
    }
}

impl EventError {
    /// An error with no other behind it.
    pub fn new(kind: ErrorKind, message: impl Into<Arc<str>>) -> Self {
        Self {
            kind,
            message: message.into(),
            source: None,
        }
    }

    /// The error of what was given up before it ended.
    pub fn canceled() -> Self {
        Self::new(ErrorKind::Canceled, "canceled")
    }

    /// An error of the operating system, classed by its kind.
    pub fn io(error: io::Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::ConnectionRefused => ErrorKind::Refused,
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => ErrorKind::Reset,
            io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => ErrorKind::Closed,
            io::ErrorKind::TimedOut => ErrorKind::Timeout,
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                ErrorKind::Unreachable
            }
            _ => ErrorKind::Io,
        };
        let message = error.to_string();
        Self::new(kind, message).with_source(error)
    }

    /// Sets the error behind this one.
    #[must_use]
    pub fn with_source(self, source: impl Into<BoxError>) -> Self {
        self.with_shared_source(Arc::from(source.into()))
    }

    /// Sets the error behind this one, where it is shared already.
    #[must_use]
    pub fn with_shared_source(mut self, source: Arc<dyn Error + Send + Sync>) -> Self {
        self.source = Some(source);
        self
    }

    /// The class.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The message, for people.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Debug for EventError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventError({}: {:?})", self.kind.as_str(), self.message)
    }
}

impl fmt::Display for EventError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for EventError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
