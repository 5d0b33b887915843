//! Where the time went: exclusive times per phase.

use std::iter::Sum;
use std::ops::Add;
use std::time::Duration;

use super::{AttemptTimeline, Dial, Phase, Span, Timeline};
use crate::info::WriteOutcome;

/// Where the time went. The times are exclusive, and their sum is exactly the total.
///
/// A phase of which nothing is known is absent, one that took no time is zero.
///
/// * [`Queue`](Phase::Queue) is what remains until the connection was had. Where the attempt's own dial made the
///   connection, that is the gaps before, between and after the dial's stages; where another connection served it, it is
///   all of that time, since then the attempt waited for nothing else.
/// * [`Dns`](Phase::Dns), [`Connect`](Phase::Connect), [`Proxy`](Phase::Proxy), [`Tls`](Phase::Tls) are the stages of the
///   attempt's own dial. Where stages overlap the later one counts; connects side by side count once.
/// * [`Send`](Phase::Send) lasts from there until the request was written, or until the first byte of the response if
///   that came earlier. The time in which a body waits for `100 Continue`, or for an HTTP/2 peer's window, belongs to it.
/// * [`Wait`](Phase::Wait) lasts from there to the first byte, informational responses included. After a `100 Continue`
///   that was asked for it lasts to what comes next of the response.
/// * [`Receive`](Phase::Receive) lasts from there to the end of the attempt. Reading the rest of a body that nobody
///   wants, for example a redirect's, belongs to it.
/// * [`other`](Self::other) is what belongs to no phase: the time between attempts (following a redirect, deciding on a
///   retry), before the first and after the last, and the parts of an attempt about which no event tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Breakdown {
    phases: [Option<Duration>; Phase::ALL.len()],
    other: Option<Duration>,
}

impl Breakdown {
    /// The time of a phase; absent if nothing is known of it.
    pub fn get(&self, phase: Phase) -> Option<Duration> {
        self.phases[phase as usize]
    }

    /// The time that belongs to no phase; absent if there is none.
    pub fn other(&self) -> Option<Duration> {
        self.other
    }

    /// The phases that are known, in order, with their times.
    pub fn phases(&self) -> impl Iterator<Item = (Phase, Duration)> + '_ {
        let all = Phase::ALL.into_iter();
        all.filter_map(|phase| Some((phase, self.get(phase)?)))
    }

    /// The sum of all phases and of what belongs to none.
    pub fn total(&self) -> Duration {
        let phases = self.phases.into_iter().flatten().sum::<Duration>();
        phases + self.other.unwrap_or_default()
    }

    fn give(&mut self, phase: Phase, time: Duration) {
        let slot = &mut self.phases[phase as usize];
        *slot = Some(slot.unwrap_or_default() + time);
    }

    fn give_other(&mut self, time: Duration) {
        if !time.is_zero() {
            self.other = Some(self.other.unwrap_or_default() + time);
        }
    }
}

impl Timeline {
    /// Where the call's time went, all attempts together. The sum is [`total`](Self::total).
    ///
    /// Attempts that overlap are cut at the start of the next one.
    pub fn breakdown(&self) -> Breakdown {
        let total = self.total();
        let starts = self.attempts.iter().map(|attempt| attempt.bounds().0);
        let mut next_starts = starts.skip(1).chain([total]);
        let mut covered = Duration::ZERO;
        let mut sum = Breakdown::default();
        for attempt in &self.attempts {
            let (start, end) = attempt.bounds();
            let next = next_starts.next().unwrap_or(total);
            let start = start.max(covered).min(total);
            let end = end.min(next).min(total).max(start);
            sum.give_other(start - covered);
            sum = sum + attempt.breakdown_between(start, end);
            covered = end;
        }
        sum.give_other(total - covered);
        sum
    }
}

impl AttemptTimeline {
    /// Where the attempt's time went. The sum is the time between its [`bounds`](Self::bounds).
    pub fn breakdown(&self) -> Breakdown {
        let (start, end) = self.bounds();
        self.breakdown_between(start, end)
    }

    fn breakdown_between(&self, start: Duration, end: Duration) -> Breakdown {
        let had = self.connection_had().unwrap_or(end).clamp(start, end);
        let answered = self.answered().unwrap_or(end).clamp(had, end);
        let sent = self.sent().unwrap_or(answered).clamp(had, answered);
        let mut breakdown = Breakdown::default();
        if self.tells_of_connecting() {
            self.add_connecting(&mut breakdown, start, had);
        } else {
            breakdown.give_other(had - start);
        }
        if self.got_conn.is_some() || self.writing().next().is_some() {
            breakdown.give(Phase::Send, sent - had);
            if self.answered().is_some() || sent < answered {
                breakdown.give(Phase::Wait, answered - sent);
            }
        } else {
            breakdown.give_other(answered - had);
        }
        if self.answered().is_some() {
            breakdown.give(Phase::Receive, end - answered);
        }
        breakdown
    }

    fn tells_of_connecting(&self) -> bool {
        self.get_conn.is_some() || self.got_conn.is_some() || !self.dials.is_empty()
    }

    /// When the connection was had. If no `GotConn` tells: when its own dial was over, or the exchange began.
    fn connection_had(&self) -> Option<Duration> {
        if let Some(got) = &self.got_conn {
            return Some(got.at);
        }
        let exchange = self.writing().chain(self.answered()).min()?;
        let own = self.dials.iter().filter(|dial| !dial.background);
        let dialed = own.flat_map(Dial::instants).max();
        Some(dialed.map_or(exchange, |dialed| dialed.min(exchange)))
    }

    /// When the request was written, as far as that is known. A failed write went on until the attempt's end.
    fn sent(&self) -> Option<Duration> {
        match &self.wrote_request {
            Some(wrote) if matches!(wrote.info.outcome, WriteOutcome::Failed(_)) => None,
            Some(wrote) => Some(wrote.at),
            None => self.answered().and_then(|_| self.writing().max()),
        }
    }

    /// Shares the time until the connection was had out to the stages of the dial that made it, the rest to the queue.
    fn add_connecting(&self, breakdown: &mut Breakdown, start: Duration, had: Duration) {
        let mut stages = Vec::new();
        for dial in self.dials.iter().filter(|dial| !dial.background) {
            collect(&mut stages, Phase::Dns, &dial.lookups, had);
            collect(&mut stages, Phase::Connect, &dial.connects, had);
            collect(&mut stages, Phase::Proxy, &dial.tunnels, had);
            collect(&mut stages, Phase::Tls, &dial.handshakes, had);
        }
        for stage in &mut stages {
            stage.start = stage.start.clamp(start, had);
            stage.end = stage.end.clamp(stage.start, had);
            breakdown.give(stage.phase, Duration::ZERO);
        }
        breakdown.give(Phase::Queue, Duration::ZERO);
        let mut cuts = vec![start, had];
        cuts.extend(stages.iter().flat_map(|stage| [stage.start, stage.end]));
        cuts.sort_unstable();
        for cut in cuts.windows(2) {
            let running = stages
                .iter()
                .filter(|s| s.start <= cut[0] && cut[1] <= s.end);
            let phase = running.map(|stage| stage.phase).max();
            breakdown.give(phase.unwrap_or(Phase::Queue), cut[1] - cut[0]);
        }
    }
}

/// A stage of a dial. Its bounds are known, or taken to be those of the wait for the connection.
struct Stage {
    phase: Phase,
    start: Duration,
    end: Duration,
}

/// Adds spans as stages. One that did not end in time lasts until the connection was had; one without a start has no
/// length that is known.
fn collect<T>(stages: &mut Vec<Stage>, phase: Phase, spans: &[Span<T>], had: Duration) {
    stages.extend(spans.iter().filter_map(|span| {
        let end = span.end.unwrap_or(had);
        let start = span.start?;
        Some(Stage { phase, start, end })
    }));
}

impl Add for Breakdown {
    type Output = Self;

    /// The two times of each phase together.
    fn add(mut self, other: Self) -> Self {
        for (phase, time) in other.phases() {
            self.give(phase, time);
        }
        self.give_other(other.other.unwrap_or_default());
        self
    }
}

impl Sum for Breakdown {
    fn sum<I: Iterator<Item = Self>>(breakdowns: I) -> Self {
        breakdowns.fold(Self::default(), Self::add)
    }
}
