//! The connection: looked for, had, given back, closed.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::info;
use crate::error::EventError;

info! {
    /// A connection is about to be looked for: once per attempt, before the pool is asked (Go's `GetConn`).
    GetConn {
        /// `host:port` of the first hop, port always present, IPv6 in brackets, names in punycode.
        host_port: Arc<str>,
    }
}

info! {
    /// A connection was had (Go's `GotConn`), before anything is written on it.
    GotConn {
        /// The connection has carried a request before.
        reused: bool,
        /// It was taken from the idle pool, neither freshly dialed nor handed over by another request.
        was_idle: bool,
    ;
        /// How long it had been idle; only if `was_idle`.
        idle_time / with_idle_time: Duration,
        /// Our end.
        local_addr / with_local_addr: Address,
        /// The first hop's end.
        remote_addr / with_remote_addr: Address,
        /// The protocol spoken on it.
        protocol / with_protocol: Protocol,
        /// What the request waited for, if it shares the connection (HTTP/2) and could not have it at once.
        waited_for / with_waited_for: WaitedFor,
    }
}

info! {
    /// The connection was offered back to the pool after its response (Go's `PutIdleConn`).
    ///
    /// Does not happen where reuse is not even tried: one side said close, the body ended with the connection, the
    /// exchange failed.
    PutIdleConn {
    ;
        /// Why it was not kept; absent when it was kept or handed to a waiting request.
        error / with_error: PutIdleError,
    }
}

info! {
    /// A connection was closed.
    ConnClosed {
        /// Why.
        reason: CloseReason,
    ;
        /// For an idle connection: on what occasion it was closed or found dead.
        noticed / with_noticed: NoticedBy,
        /// The error, where the reason is one.
        error / with_error: EventError,
    }
}

/// One end of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Address {
    /// A TCP address.
    Tcp(SocketAddr),
    /// A Unix socket's path.
    Unix(Arc<Path>),
    /// Anything else, described by whoever made the connection.
    Other(Arc<str>),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(addr) => addr.fmt(f),
            Self::Unix(path) => path.display().fmt(f),
            Self::Other(text) => f.write_str(text),
        }
    }
}

impl From<SocketAddr> for Address {
    fn from(addr: SocketAddr) -> Self {
        Self::Tcp(addr)
    }
}

/// The protocol spoken on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// HTTP/1.0 or HTTP/1.1: one exchange at a time.
    Http1,
    /// HTTP/2.
    Http2,
}

impl Protocol {
    /// The protocol as ALPN names it: `http/1.1`, `h2`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http1 => "http/1.1",
            Self::Http2 => "h2",
        }
    }
}

/// What a request had to wait for before it could have its share of an HTTP/2 connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WaitedFor {
    /// A dial that another request had begun.
    Dial,
    /// A free stream: the connection had as many as the peer allows at once (RFC 9113 section 5.1.2).
    Stream,
}

impl WaitedFor {
    /// The cause in snake case: `dial` or `stream`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dial => "dial",
            Self::Stream => "stream",
        }
    }
}

/// Why the pool did not keep a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PutIdleError {
    /// `close_idle_connections` was called while the connection was in use.
    CloseIdleConnections,
    /// The limit of idle connections for this host is reached.
    TooManyIdleForHost,
    /// The connection broke while it was being given back.
    BadState,
}

impl PutIdleError {
    /// The reason in snake case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CloseIdleConnections => "close_idle_connections",
            Self::TooManyIdleForHost => "too_many_idle_for_host",
            Self::BadState => "bad_state",
        }
    }
}

impl fmt::Display for PutIdleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CloseIdleConnections => "close_idle_connections was called",
            Self::TooManyIdleForHost => "too many idle connections for host",
            Self::BadState => "connection is in bad state",
        })
    }
}

impl std::error::Error for PutIdleError {}

/// Why a connection was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CloseReason {
    /// The response's body was dropped and could not be drained within its limits.
    BodyDropped,
    /// The body was delimited by the end of the connection (RFC 9112 section 6.3).
    BodyUntilEof,
    /// The call was dropped, or its deadline passed, while the connection was in use.
    Canceled,
    /// The client was dropped.
    ClientDropped,
    /// `close_idle_connections` was called.
    CloseIdleConnections,
    /// The exchange failed; see the error.
    Failed,
    /// One end said `GOAWAY`, and the streams that were left have ended (RFC 9113 section 6.8).
    GoAway,
    /// The response was HTTP/1.0 without `Connection: keep-alive`.
    Http10,
    /// It had been idle for longer than the limit.
    IdleTimeout,
    /// The client keeps no connections.
    KeepAlivesDisabled,
    /// The limit of idle connections is reached and this was the oldest.
    MaxIdle,
    /// The limit of idle connections for this host is reached.
    MaxIdlePerHost,
    /// The peer closed it while it was idle.
    PeerClosed,
    /// The peer did not answer a `PING` in time.
    PingTimeout,
    /// Our request said `Connection: close`.
    RequestSaidClose,
    /// The response said `Connection: close`.
    ResponseSaidClose,
    /// The peer sent bytes that nobody asked for.
    UnsolicitedResponse,
    /// HTTP ended on it with `101 Switching Protocols` (or a `CONNECT` that went through), told with that response: the
    /// pool is done with it. Its stream lives on with whoever takes the upgrade, or is closed with the response.
    Upgraded,
    /// The response was complete but the request's body was still being sent.
    UploadUnfinished,
}

impl CloseReason {
    /// The reason in snake case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BodyDropped => "body_dropped",
            Self::BodyUntilEof => "body_until_eof",
            Self::Canceled => "canceled",
            Self::ClientDropped => "client_dropped",
            Self::CloseIdleConnections => "close_idle_connections",
            Self::Failed => "failed",
            Self::GoAway => "go_away",
            Self::Http10 => "http_1_0",
            Self::IdleTimeout => "idle_timeout",
            Self::KeepAlivesDisabled => "keep_alives_disabled",
            Self::MaxIdle => "max_idle",
            Self::MaxIdlePerHost => "max_idle_per_host",
            Self::PeerClosed => "peer_closed",
            Self::PingTimeout => "ping_timeout",
            Self::RequestSaidClose => "request_said_close",
            Self::ResponseSaidClose => "response_said_close",
            Self::UnsolicitedResponse => "unsolicited_response",
            Self::Upgraded => "upgraded",
            Self::UploadUnfinished => "upload_unfinished",
        }
    }
}

/// On what occasion an idle connection was closed or found dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NoticedBy {
    /// A request wanted to take it from the pool.
    Checkout,
    /// The pool's regular sweep came by.
    Sweep,
}

impl NoticedBy {
    /// The occasion in snake case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Checkout => "checkout",
            Self::Sweep => "sweep",
        }
    }
}
