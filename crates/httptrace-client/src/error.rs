//! What went wrong with a call.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use http::StatusCode;
use httptrace::{BoxError, ErrorKind, EventError, Phase};

use crate::dial::alert_behind;

/// Why a call failed: in which phase, of which class, with the error behind it as `source()`.
///
/// Its texts hold no header values and no userinfo.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    phase: Option<Phase>,
    message: Arc<str>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
    /// It concerns a proxy, or the way to one.
    at_proxy: bool,
    proxy_status: Option<StatusCode>,
}

impl Error {
    pub(crate) fn new(phase: Phase, kind: ErrorKind, message: impl Into<Arc<str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            phase: Some(phase),
            message: message.into(),
            source: None,
            at_proxy: phase == Phase::Proxy,
            proxy_status: None,
        }))
    }

    /// The request cannot be sent as it is: no phase was entered.
    pub(crate) fn usage(message: impl Into<Arc<str>>) -> Self {
        Self::outside(ErrorKind::Usage, message)
    }

    /// There is nothing to run the request on.
    pub(crate) fn no_runtime() -> Self {
        Self::usage("there is no tokio runtime here: send the request from within one")
    }

    /// It happened between phases: in a redirect, in a layer.
    pub(crate) fn outside(kind: ErrorKind, message: impl Into<Arc<str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            phase: None,
            message: message.into(),
            source: None,
            at_proxy: false,
            proxy_status: None,
        }))
    }

    /// A deadline passed; `what` names it.
    pub(crate) fn timeout(phase: Phase, what: &str, limit: std::time::Duration) -> Self {
        let message = format!("{what} timed out after {limit:?}");
        Self::new(phase, ErrorKind::Timeout, message)
    }

    pub(crate) fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.0.source = Some(Arc::from(source.into()));
        self
    }

    pub(crate) fn with_shared_source(mut self, source: Arc<dyn StdError + Send + Sync>) -> Self {
        self.0.source = Some(source);
        self
    }

    /// The proxy could not be reached: it failed on the way to it.
    pub(crate) fn at_proxy(mut self) -> Self {
        self.0.at_proxy = true;
        self
    }

    /// What the proxy answered instead of opening a tunnel.
    pub(crate) fn with_proxy_status(mut self, status: StatusCode) -> Self {
        self.0.proxy_status = Some(status);
        self
    }

    /// The phase in which it happened; absent if the request was refused before any, or failed between attempts.
    pub fn phase(&self) -> Option<Phase> {
        self.0.phase
    }

    /// Its class.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether a deadline passed.
    pub fn is_timeout(&self) -> bool {
        self.0.kind == ErrorKind::Timeout
    }

    /// Whether no connection was had: name lookup, connect, proxy or TLS failed.
    pub fn is_connect(&self) -> bool {
        matches!(
            self.0.phase,
            Some(Phase::Dns | Phase::Connect | Phase::Proxy | Phase::Tls)
        )
    }

    /// Whether the name lookup failed.
    pub fn is_dns(&self) -> bool {
        self.0.phase == Some(Phase::Dns)
    }

    /// Whether the TLS handshake failed.
    pub fn is_tls(&self) -> bool {
        self.0.phase == Some(Phase::Tls)
    }

    /// Whether the peer demands a client certificate and got none. With TLS 1.3 it says so after the handshake, so that
    /// the phase is one of the exchange (RFC 8446 section 4.4.2.4). Peers that say less, such as `handshake_failure`,
    /// are not told apart.
    pub fn is_client_certificate_required(&self) -> bool {
        let alert = self.source().and_then(alert_behind);
        alert == Some(rustls::AlertDescription::CertificateRequired)
    }

    /// Whether a proxy is to blame: it could not be reached, TLS with it failed, or it opened no tunnel.
    pub fn is_proxy(&self) -> bool {
        self.0.at_proxy
    }

    /// The status with which a proxy refused to open a tunnel (`CONNECT`), for example 407; absent for whatever else
    /// failed, and for SOCKS, which has no statuses.
    pub fn proxy_status(&self) -> Option<StatusCode> {
        self.0.proxy_status
    }

    /// Whether the request's or response's body is to blame.
    pub fn is_body(&self) -> bool {
        self.0.kind == ErrorKind::Body || self.0.phase == Some(Phase::Receive)
    }

    /// Whether the response's body could not be decoded: its `source()` is a [`DecodeError`](crate::DecodeError).
    pub fn is_decode(&self) -> bool {
        self.0.kind == ErrorKind::Decode
    }

    /// Whether a redirect could not be followed.
    pub fn is_redirect(&self) -> bool {
        self.0.kind == ErrorKind::Redirect
    }

    /// Whether the peer violated the protocol.
    pub fn is_protocol(&self) -> bool {
        self.0.kind == ErrorKind::Protocol
    }

    /// Whether the peer sent more than a limit of this client lets through.
    pub fn is_limit(&self) -> bool {
        self.0.kind == ErrorKind::Limit
    }

    /// Whether the request itself is not one that can be sent.
    pub fn is_usage(&self) -> bool {
        self.0.kind == ErrorKind::Usage
    }

    /// The same, as events carry it.
    pub(crate) fn to_event(&self) -> EventError {
        let event = EventError::new(self.0.kind, Arc::clone(&self.0.message));
        match &self.0.source {
            Some(source) => event.with_shared_source(Arc::clone(source)),
            None => event,
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner {
            kind,
            phase,
            message,
            source,
            at_proxy: _,
            proxy_status: _,
        } = &*self.0;
        f.debug_struct("Error")
            .field("kind", kind)
            .field("phase", phase)
            .field("message", message)
            .field("source", source)
            .finish()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
