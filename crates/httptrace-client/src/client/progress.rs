//! Which phase a call is in, so that a deadline can say what it interrupted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use httptrace::{Event, EventName, EventSet, Observer, Phase};

use crate::error::Error;

/// Follows a call's events and remembers the phase they lead to: the attempt's number, and in the lowest byte the
/// event's place in [`BEGINNINGS`]. It only grows, so that a dial in the background does not lead back.
#[derive(Clone, Debug)]
pub(super) struct Progress(Arc<AtomicU64>);

/// Events that begin a phase, in the order of an attempt.
const BEGINNINGS: [(EventName, Phase); 8] = [
    (EventName::GetConn, Phase::Queue),
    (EventName::DnsStart, Phase::Dns),
    (EventName::ConnectStart, Phase::Connect),
    (EventName::ProxyTunnelStart, Phase::Proxy),
    (EventName::TlsHandshakeStart, Phase::Tls),
    (EventName::GotConn, Phase::Send),
    (EventName::WroteRequest, Phase::Wait),
    (EventName::GotResponseHeaders, Phase::Receive),
];

impl Progress {
    pub(super) fn new() -> Self {
        Self(Arc::new(AtomicU64::new(0)))
    }

    fn phase(&self) -> Phase {
        let index = self.0.load(Ordering::Relaxed) & 0xff;
        let beginning = usize::try_from(index).ok().and_then(|i| BEGINNINGS.get(i));
        beginning.map_or(Phase::Queue, |(_, phase)| *phase)
    }

    pub(super) fn timed_out(&self, what: &str, limit: Duration) -> Error {
        Error::timeout(self.phase(), what, limit)
    }
}

impl Observer for Progress {
    fn wants(&self) -> EventSet {
        BEGINNINGS.iter().map(|(name, _)| *name).collect()
    }

    fn on_event(&self, event: &Event) {
        let name = event.name();
        let index = BEGINNINGS.iter().position(|(begins, _)| *begins == name);
        let attempt = u64::from(event.attempt.unwrap_or(0));
        if let Some(index) = index.and_then(|index| u64::try_from(index).ok()) {
            self.0.fetch_max(attempt << 8 | index, Ordering::Relaxed);
        }
    }
}
