//! The making of one connection, as a timeline shows it.

use std::time::Duration;

use super::Span;
use crate::error::{ErrorKind, EventError};
use crate::id::ConnectionId;
use crate::info::{ConnectDone, DnsDone, FlowControlWaitDone, ProxyTunnelDone, TlsHandshakeDone};

/// The making of one connection: name lookup, race of connects, tunnel, TLS.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Dial {
    /// The connection it makes; absent where the client does not number its connections.
    pub connection: Option<ConnectionId>,
    /// Whether the attempt was served by another connection, so that nobody waited for this dial to the end. It may go
    /// on after the call.
    pub background: bool,
    /// Name lookups, in the order in which they began.
    pub lookups: Vec<Span<DnsDone>>,
    /// Every connect there was, by start: those that ran side by side and those that lost the race too.
    pub connects: Vec<Span<ConnectDone>>,
    /// Tunnels asked of proxies.
    pub tunnels: Vec<Span<ProxyTunnelDone>>,
    /// TLS handshakes; two where the proxy is spoken to over TLS as well.
    pub handshakes: Vec<Span<TlsHandshakeDone>>,
}

impl Dial {
    /// The error that ended it, if it failed: that of the last stage it came to.
    pub fn error(&self) -> Option<&EventError> {
        let handshake = self
            .handshakes
            .iter()
            .rev()
            .find_map(Span::<TlsHandshakeDone>::error);
        let tunnel = self
            .tunnels
            .iter()
            .rev()
            .find_map(Span::<ProxyTunnelDone>::error);
        let lookup = self.lookups.iter().rev().find_map(Span::<DnsDone>::error);
        handshake.or(tunnel).or(self.connect_error()).or(lookup)
    }

    /// Why no connect succeeded: the first error that is no mere cancelation, or else the first.
    pub(super) fn connect_error(&self) -> Option<&EventError> {
        let any_left =
            |span: &Span<ConnectDone>| matches!(span.outcome(), Outcome::Open | Outcome::Succeeded);
        if self.connects.iter().any(any_left) {
            return None;
        }
        let mut errors = self.connects.iter().filter_map(Span::<ConnectDone>::error);
        let first = errors.clone().next();
        errors
            .find(|error| error.kind() != ErrorKind::Canceled)
            .or(first)
    }

    /// Every instant of it that was seen.
    pub(super) fn instants(&self) -> impl Iterator<Item = Duration> {
        let lookups = self.lookups.iter().flat_map(Span::instants);
        let connects = self.connects.iter().flat_map(Span::instants);
        let tunnels = self.tunnels.iter().flat_map(Span::instants);
        let handshakes = self.handshakes.iter().flat_map(Span::instants);
        lookups.chain(connects).chain(tunnels).chain(handshakes)
    }
}

impl<T> Span<T> {
    pub(super) fn instants(&self) -> impl Iterator<Item = Duration> + use<T> {
        self.start.into_iter().chain(self.end)
    }
}

/// How an act ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// Its end was not seen, or not yet.
    Open,
    /// It succeeded.
    Succeeded,
    /// It was given up: another connect won the race, or the dial was canceled.
    Canceled,
    /// It failed.
    Failed,
}

macro_rules! spans_with_an_error {
    ($($done:ty),+) => {
        $(impl Span<$done> {
            /// Why it failed; absent on success and as long as its end was not seen.
            pub fn error(&self) -> Option<&EventError> {
                self.info.error.as_ref()
            }

            /// How it ended.
            pub fn outcome(&self) -> Outcome {
                match (self.end, self.error()) {
                    (None, _) => Outcome::Open,
                    (Some(_), None) => Outcome::Succeeded,
                    (Some(_), Some(error)) if error.kind() == ErrorKind::Canceled => Outcome::Canceled,
                    (Some(_), Some(_)) => Outcome::Failed,
                }
            }
        })+
    };
}

spans_with_an_error!(
    DnsDone,
    ConnectDone,
    FlowControlWaitDone,
    ProxyTunnelDone,
    TlsHandshakeDone
);
