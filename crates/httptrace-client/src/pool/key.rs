//! What makes two connections interchangeable.

use std::sync::Arc;

use httptrace::info::TlsLeg;
use tokio::runtime;

use crate::dial::{Target, Via};

/// What may be spoken with a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Protocols {
    /// HTTP/1 alone: plain http, requests through a forwarding proxy, upgrades.
    Http1,
    /// What the server chooses (ALPN).
    Http2OrHttp1,
    /// HTTP/2 alone, over plain TCP without asking.
    Http2,
}

/// Connections with equal keys may serve each other's requests.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) https: bool,
    /// The host as the request writes it, in punycode, without brackets. Where a proxy forwards the requests, it is the
    /// proxy: connections to it serve all targets, as in Go.
    pub(crate) host: Arc<str>,
    pub(crate) port: u16,
    pub(crate) via: Via,
    /// A connection that speaks what one request may not is no use to it.
    pub(crate) protocols: Protocols,
    /// A socket is driven by the runtime it was made on: on another one it would hang.
    pub(crate) runtime: runtime::Id,
}

impl Key {
    /// What is to be dialed.
    pub(crate) fn target(&self) -> Target {
        Target {
            https: self.https,
            host: Arc::clone(&self.host),
            port: self.port,
            leg: TlsLeg::Target,
            protocols: self.protocols,
            via: self.via.clone(),
        }
    }

    /// `host:port` of the first hop as `GetConn` names it: IPv6 in brackets.
    pub(crate) fn host_port(&self) -> String {
        self.target().first_hop().host_port()
    }
}
