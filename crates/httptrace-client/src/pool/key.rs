//! What makes two connections interchangeable.

use std::hash::{BuildHasher, Hash, Hasher};
use std::ptr;
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

/// What a request asks the pool for: what its [`Key`] is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) https: bool,
    /// The host as the request writes it, in punycode, without brackets. Where a proxy forwards the requests, it is the
    /// proxy: connections to it serve all targets, as in Go.
    pub(crate) host: &'a str,
    pub(crate) port: u16,
    pub(crate) via: &'a Via,
    /// A connection that speaks what one request may not is no use to it.
    pub(crate) protocols: Protocols,
    /// A socket is driven by the runtime it was made on: on another one it would hang.
    pub(crate) runtime: runtime::Id,
}

impl Wanted<'_> {
    /// Every map of the pool goes by this hash. Names may come from strangers, so it is a keyed one, the same for all
    /// keys of a pool.
    fn hash(&self, hasher: &impl BuildHasher) -> u64 {
        let mut state = hasher.build_hasher();
        state.write(self.host.as_bytes());
        state.write(&self.numbers());
        state.finish()
    }

    /// All but the host, and the way there, which follows from the target within one client.
    fn numbers(&self) -> [u8; 16] {
        let runtime = {
            let mut number = Number(0);
            self.runtime.hash(&mut number);
            number.0
        };
        let kind = (u64::from(self.https) << 8) | self.protocols as u64;
        let target = (kind << 16) | u64::from(self.port);
        ((u128::from(runtime) << 64) | u128::from(target)).to_ne_bytes()
    }
}

/// Finds out the number behind an id that tells it to a hasher alone.
struct Number(u64);

impl Hasher for Number {
    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl Wanted<'_> {
    fn is(&self, other: &Self) -> bool {
        let Self {
            https,
            host,
            port,
            via,
            protocols,
            runtime,
        } = other;
        self.host == *host
            && self.port == *port
            && self.https == *https
            && self.protocols == *protocols
            && self.runtime == *runtime
            && self.via == *via
    }

    /// What is to be dialed; `host` is the same one, shared.
    fn target(&self, host: Arc<str>) -> Target {
        Target {
            https: self.https,
            host,
            port: self.port,
            leg: TlsLeg::Target,
            protocols: self.protocols,
            via: self.via.clone(),
        }
    }
}

/// Connections with equal keys may serve each other's requests. The fields are those of [`Wanted`].
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) https: bool,
    host: Arc<str>,
    port: u16,
    via: Via,
    pub(crate) protocols: Protocols,
    runtime: runtime::Id,
    hash: u64,
    /// Of the first hop, as `GetConn` names it: IPv6 in brackets.
    host_port: Arc<str>,
}

impl Key {
    /// The key of what is wanted; `hasher` is the pool's.
    pub(crate) fn new(wanted: Wanted<'_>, hasher: &impl BuildHasher) -> Self {
        let host: Arc<str> = wanted.host.into();
        Self {
            https: wanted.https,
            port: wanted.port,
            via: wanted.via.clone(),
            protocols: wanted.protocols,
            runtime: wanted.runtime,
            hash: wanted.hash(hasher),
            host_port: wanted
                .target(Arc::clone(&host))
                .first_hop()
                .host_port()
                .into(),
            host,
        }
    }

    fn wanted(&self) -> Wanted<'_> {
        Wanted {
            https: self.https,
            host: &self.host,
            port: self.port,
            via: &self.via,
            protocols: self.protocols,
            runtime: self.runtime,
        }
    }

    /// What is to be dialed.
    pub(crate) fn target(&self) -> Target {
        self.wanted().target(Arc::clone(&self.host))
    }

    /// `host:port` of the first hop as `GetConn` names it: IPv6 in brackets.
    pub(crate) fn host_port(&self) -> &Arc<str> {
        &self.host_port
    }

    /// The runtime that drives its sockets.
    pub(crate) fn runtime(&self) -> runtime::Id {
        self.runtime
    }

    pub(super) fn hash(&self) -> u64 {
        self.hash
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        // As a rule the pool has a key once.
        ptr::eq(self, other) || (self.hash == other.hash && self.wanted().is(&other.wanted()))
    }
}

impl Eq for Key {}
