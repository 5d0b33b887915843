//! Where a round trip failed.

use super::{AttemptTimeline, Phase, Span};
use crate::info::WriteOutcome;

impl AttemptTimeline {
    /// The phase in which the attempt failed; absent if it did not, or if nothing tells.
    ///
    /// A connection that could not be had fails in the stage its own dial came to, or in the queue if it had none. After
    /// that it is [`Send`](Phase::Send) until the request is written, [`Wait`](Phase::Wait) until the first byte
    /// arrives, and [`Receive`](Phase::Receive) from then on.
    pub fn failed_in(&self) -> Option<Phase> {
        self.error()?;
        if self.answered().is_some() {
            return Some(Phase::Receive);
        }
        if let Some(wrote) = &self.wrote_request {
            return Some(match wrote.info.outcome {
                WriteOutcome::Failed(_) => Phase::Send,
                WriteOutcome::Sent | WriteOutcome::NotSent(_) => Phase::Wait,
            });
        }
        if self.got_conn.is_some() || self.wrote_headers.is_some() {
            return Some(Phase::Send);
        }
        let stage = self.failed_dial_stage();
        stage.or(self.get_conn.as_ref().map(|_| Phase::Queue))
    }

    fn failed_dial_stage(&self) -> Option<Phase> {
        let dial = self.dials.iter().rev().find(|dial| !dial.background)?;
        if dial.handshakes.iter().any(|span| span.error().is_some()) {
            return Some(Phase::Tls);
        }
        if dial.tunnels.iter().any(|span| span.error().is_some()) {
            return Some(Phase::Proxy);
        }
        if dial.connect_error().is_some() {
            return Some(Phase::Connect);
        }
        let failed = dial.lookups.iter().any(|span| span.error().is_some());
        failed.then_some(Phase::Dns).or_else(|| {
            // No end tells: the stage that was still open, innermost first.
            let stages = [
                (dial.handshakes.iter().any(is_open), Phase::Tls),
                (dial.tunnels.iter().any(is_open), Phase::Proxy),
                (dial.connects.iter().any(is_open), Phase::Connect),
                (dial.lookups.iter().any(is_open), Phase::Dns),
            ];
            let found = stages.into_iter().find(|(is_open, _)| *is_open);
            found.map(|(_, phase)| phase)
        })
    }
}

fn is_open<T>(span: &Span<T>) -> bool {
    span.end.is_none()
}
