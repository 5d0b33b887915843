//! The dial: name lookup, connects, tunnel, TLS.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use super::connection::Address;
use super::info;
use crate::error::EventError;

info! {
    /// A host name lookup began (Go's `DNSStart`). Does not happen for IP literals and Unix sockets.
    DnsStart {
        /// The name, without port, in punycode.
        host: Arc<str>,
    }
}

info! {
    /// A host name lookup ended (Go's `DNSDone`): once per [`DnsStart`].
    DnsDone {
        /// The name, as in `DnsStart`.
        host: Arc<str>,
    ;
        /// The addresses found, in the resolver's order; absent on error.
        addrs / with_addrs: Arc<[IpAddr]>,
        /// Whether this lookup was shared with another dial of the same name at the same time.
        coalesced / with_coalesced: bool,
        /// Who answered.
        source / with_source: DnsSource,
        /// How long the answer may be kept, where the resolver says so.
        ttl / with_ttl: Duration,
        /// Why the lookup failed; absent on success.
        error / with_error: EventError,
    }
}

info! {
    /// Connecting to one address began (Go's `ConnectStart`): once per address tried.
    ConnectStart {
        /// The address.
        addr: Address,
        /// Number of this connect within its dial, counted from 0.
        number: u32,
    }
}

info! {
    /// Connecting to one address ended (Go's `ConnectDone`): once per [`ConnectStart`], the loser of a race included.
    ConnectDone {
        /// The address.
        addr: Address,
        /// Number of this connect within its dial, counted from 0.
        number: u32,
    ;
        /// Why it failed; absent on success.
        error / with_error: EventError,
    }
}

info! {
    /// Asking a proxy for a tunnel began.
    ProxyTunnelStart {
        /// How the proxy is asked.
        kind: TunnelKind,
        /// `host:port` that the tunnel shall lead to.
        target: Arc<str>,
    }
}

info! {
    /// The proxy answered, or failed to: once per [`ProxyTunnelStart`].
    ProxyTunnelDone {
        /// How the proxy was asked.
        kind: TunnelKind,
        /// `host:port` that the tunnel leads to.
        target: Arc<str>,
    ;
        /// The answer's status, for `CONNECT`.
        status / with_status: StatusCode,
        /// The answer's reason, as the proxy words it.
        reason / with_reason: Arc<str>,
        /// Why there is no tunnel; absent on success.
        error / with_error: EventError,
    }
}

info! {
    /// A TLS handshake began (Go's `TLSHandshakeStart`).
    TlsHandshakeStart {
        /// With whom.
        leg: TlsLeg,
    ;
        /// The server name asked for (SNI); absent for IP addresses.
        server_name / with_server_name: Arc<str>,
    }
}

info! {
    /// A TLS handshake ended (Go's `TLSHandshakeDone`): once per [`TlsHandshakeStart`].
    TlsHandshakeDone {
        /// With whom.
        leg: TlsLeg,
    ;
        /// The server name asked for (SNI); absent for IP addresses.
        server_name / with_server_name: Arc<str>,
        /// Protocol version: code point and name, for example `0x0304` and `TLSv1.3`.
        version / with_version: CodePoint,
        /// Cipher suite, by its IANA name.
        cipher_suite / with_cipher_suite: CodePoint,
        /// Key-exchange group, by its IANA name; absent where none was used (TLS 1.2 resumption).
        key_exchange_group / with_key_exchange_group: CodePoint,
        /// The protocol that ALPN settled on.
        alpn / with_alpn: Arc<str>,
        /// Whether an earlier session was resumed.
        resumed / with_resumed: bool,
        /// The peer's certificates in DER, its own first.
        peer_certificates / with_peer_certificates: Arc<[Arc<[u8]>]>,
        /// Why the handshake failed; absent on success.
        error / with_error: EventError,
    }
}

/// Who answered a lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DnsSource {
    /// A resolver of the user's own.
    Custom,
    /// Name servers, which the client asked itself.
    NameServer,
    /// The operating system (`getaddrinfo`).
    System,
    /// A fixed table (`--resolve`).
    Table,
}

impl DnsSource {
    /// The source in snake case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Custom => "custom",
            Self::NameServer => "name_server",
            Self::System => "system",
            Self::Table => "table",
        }
    }
}

/// How a proxy is asked for a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TunnelKind {
    /// HTTP `CONNECT` (RFC 9110 section 9.3.6).
    Connect,
    /// SOCKS version 5 (RFC 1928).
    Socks5,
}

impl TunnelKind {
    /// The kind in snake case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Socks5 => "socks5",
        }
    }
}

/// With whom a TLS handshake is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TlsLeg {
    /// With the proxy.
    Proxy,
    /// With the request's target.
    Target,
}

impl TlsLeg {
    /// The leg in snake case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Proxy => "proxy",
            Self::Target => "target",
        }
    }
}

/// A registered number with its name, as TLS has them for versions, cipher suites and groups.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct CodePoint {
    /// The number on the wire.
    pub code: u16,
    /// Its registered name, where it is known.
    pub name: Option<Arc<str>>,
}

impl CodePoint {
    /// A number whose name is known.
    pub fn named(code: u16, name: impl Into<Arc<str>>) -> Self {
        Self {
            code,
            name: Some(name.into()),
        }
    }

    /// A number whose name is not known.
    pub fn unnamed(code: u16) -> Self {
        Self { code, name: None }
    }
}

impl fmt::Display for CodePoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => f.write_str(name),
            None => write!(f, "{:#06x}", self.code),
        }
    }
}
