//! Whether the peer of a connection is still there, where nothing else tells.

use std::time::{Duration, Instant};

/// Decides when the peer is sent a PING, and when it is given up. Sans-IO.
#[derive(Debug)]
pub(super) struct KeepAlive {
    interval: Duration,
    timeout: Duration,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Something was heard then.
    Heard(Instant),
    /// A PING was sent then.
    Asked(Instant),
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing until then, unless something is heard; absent if no instant can hold it.
    Wait(Option<Instant>),
    /// A PING is to be sent.
    Ask,
    /// The peer is gone.
    GiveUp,
}

impl KeepAlive {
    pub(super) fn new(interval: Duration, timeout: Duration, now: Instant) -> Self {
        Self {
            interval,
            timeout,
            state: State::Heard(now),
        }
    }

    /// How long the peer has to answer.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The peer said something, whatever it was.
    pub(super) fn heard(&mut self, now: Instant) {
        self.state = State::Heard(now);
    }

    /// The PING was handed over.
    pub(super) fn asked(&mut self, now: Instant) {
        self.state = State::Asked(now);
    }

    /// What is to be done at this time.
    pub(super) fn step(&self, now: Instant) -> Step {
        let (since, limit, after) = match self.state {
            State::Heard(since) => (since, self.interval, Step::Ask),
            State::Asked(since) => (since, self.timeout, Step::GiveUp),
        };
        match since.checked_add(limit) {
            Some(due) if due <= now => after,
            due => Step::Wait(due),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn after_a_silence_the_peer_is_asked_and_then_given_up() {
        let start = Instant::now();
        let mut keep_alive = KeepAlive::new(10 * SECOND, 3 * SECOND, start);
        assert_eq!(
            keep_alive.step(start),
            Step::Wait(Some(start + 10 * SECOND))
        );
        let asked = start + 10 * SECOND;
        assert_eq!(keep_alive.step(asked), Step::Ask);
        keep_alive.asked(asked);
        assert_eq!(keep_alive.step(asked), Step::Wait(Some(asked + 3 * SECOND)));
        assert_eq!(keep_alive.step(asked + 3 * SECOND), Step::GiveUp);
    }

    #[test]
    fn whatever_is_heard_begins_another_silence() {
        let start = Instant::now();
        let mut keep_alive = KeepAlive::new(10 * SECOND, 3 * SECOND, start);
        keep_alive.heard(start + 9 * SECOND);
        let due = Step::Wait(Some(start + 19 * SECOND));
        assert_eq!(keep_alive.step(start + 10 * SECOND), due);
        keep_alive.asked(start + 19 * SECOND);
        keep_alive.heard(start + 20 * SECOND);
        assert_eq!(
            keep_alive.step(start + 29 * SECOND),
            Step::Wait(Some(start + 30 * SECOND))
        );
    }

    #[test]
    fn a_silence_without_end_is_never_broken() {
        let start = Instant::now();
        let keep_alive = KeepAlive::new(Duration::MAX, SECOND, start);
        assert_eq!(keep_alive.step(start + 10 * SECOND), Step::Wait(None));
    }
}
