//! Start guards: whoever begins something owes its end.

use std::sync::Arc;
use std::time::Instant;

use crate::emitter::{Emitter, Info};
use crate::error::EventError;
use crate::info::{
    Address, ConnectDone, ConnectStart, DnsDone, DnsStart, FlowControlWaitDone,
    FlowControlWaitStart, FlowWindow, ProxyTunnelDone, ProxyTunnelStart, TlsHandshakeDone,
    TlsHandshakeStart, TlsLeg, TunnelKind,
};

/// Something that has begun. Its start was emitted when this was made; [`done`](Self::done) emits its end, and
/// dropping it emits the end with a `canceled` error. There is thus exactly one end for each start.
#[must_use = "dropping it reports the act as canceled"]
#[derive(Debug)]
pub struct StartGuard<D: Done> {
    emitter: Emitter,
    /// The end as far as it is known already; absent once it is emitted, and where nobody wants it.
    pending: Option<D>,
}

impl<D: Done> StartGuard<D> {
    /// Owes an end: `end` is what is known of it already.
    pub(crate) fn new(emitter: Emitter, end: impl FnOnce() -> D) -> Self {
        let pending = emitter.wants(D::NAME).then(end);
        Self { emitter, pending }
    }

    /// The emitter of the start.
    pub fn emitter(&self) -> &Emitter {
        &self.emitter
    }

    /// It ended now; `fill` adds what is known of the end. Not called if nobody wants to know.
    pub fn done(mut self, fill: impl FnOnce(D) -> D) {
        if let Some(end) = self.pending.take() {
            self.emitter.emit(|| fill(end));
        }
    }

    /// It ended at `at`.
    pub fn done_at(mut self, at: Instant, fill: impl FnOnce(D) -> D) {
        if let Some(end) = self.pending.take() {
            self.emitter.emit_at(at, || fill(end));
        }
    }
}

impl<D: Done> Drop for StartGuard<D> {
    fn drop(&mut self) {
        if let Some(end) = self.pending.take() {
            self.emitter.emit(|| end.failed(EventError::canceled()));
        }
    }
}

/// The end of something that has a start. Sealed; implemented by the `…Done` structs.
pub trait Done: Info {
    /// This end, with an error.
    #[must_use]
    fn failed(self, error: EventError) -> Self;
}

macro_rules! done {
    ($($name:ident),+) => {
        $(impl Done for $name {
            fn failed(self, error: EventError) -> Self {
                self.with_error(error)
            }
        })+
    };
}

done!(
    ConnectDone,
    DnsDone,
    FlowControlWaitDone,
    ProxyTunnelDone,
    TlsHandshakeDone
);

impl Emitter {
    /// A name lookup begins: emits `DnsStart`.
    pub fn dns_start(&self, host: &str) -> StartGuard<DnsDone> {
        self.emit(|| DnsStart::new(host));
        StartGuard::new(self.clone(), || DnsDone::new(host))
    }

    /// Connecting to an address begins: emits `ConnectStart`. `number` counts the connects of this dial from 0.
    pub fn connect_start(&self, addr: &Address, number: u32) -> StartGuard<ConnectDone> {
        self.emit(|| ConnectStart::new(addr.clone(), number));
        StartGuard::new(self.clone(), || ConnectDone::new(addr.clone(), number))
    }

    /// Asking a proxy for a tunnel to `target` (`host:port`) begins: emits `ProxyTunnelStart`.
    pub fn proxy_tunnel_start(
        &self,
        kind: TunnelKind,
        target: &str,
    ) -> StartGuard<ProxyTunnelDone> {
        self.emit(|| ProxyTunnelStart::new(kind, target));
        StartGuard::new(self.clone(), || ProxyTunnelDone::new(kind, target))
    }

    /// A request's body begins to wait for a window of the peer's: emits `FlowControlWaitStart`, which happened at `at`.
    pub fn flow_control_wait_start_at(
        &self,
        at: Instant,
        window: FlowWindow,
    ) -> StartGuard<FlowControlWaitDone> {
        self.emit_at(at, || FlowControlWaitStart::new(window));
        StartGuard::new(self.clone(), || FlowControlWaitDone::new(window))
    }

    /// A TLS handshake begins: emits `TlsHandshakeStart`. `server_name` is absent for IP addresses.
    pub fn tls_handshake_start(
        &self,
        leg: TlsLeg,
        server_name: Option<&str>,
    ) -> StartGuard<TlsHandshakeDone> {
        let name = || server_name.map(Arc::<str>::from);
        self.emit(|| {
            let start = TlsHandshakeStart::new(leg);
            name().map_or(start.clone(), |name| start.with_server_name(name))
        });
        StartGuard::new(self.clone(), || {
            let end = TlsHandshakeDone::new(leg);
            name().map_or(end.clone(), |name| end.with_server_name(name))
        })
    }
}
