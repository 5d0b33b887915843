//! The race between a host's addresses (RFC 8305), without sockets or clock.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Decides which address is tried when. Tell it what happened ([`failed`](Self::failed),
/// [`succeeded`](Self::succeeded)), then ask for the [`next`](Self::next) step until it is not `Start`.
pub(super) struct HappyEyeballs {
    /// Not tried yet.
    waiting: VecDeque<SocketAddr>,
    delay: Duration,
    running: usize,
    /// The next start may not come before; absent: at once.
    not_before: Option<Instant>,
    won: bool,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Try this address beside those under way.
    Start(SocketAddr),
    /// Ask again when a connect has ended, and at this instant at the latest if there is one.
    Wait(Option<Instant>),
    /// The race is over: one succeeded, or all have failed.
    Done,
}

impl HappyEyeballs {
    pub(super) fn new(addrs: &[SocketAddr], delay: Duration) -> Self {
        Self {
            waiting: interleave(addrs),
            delay,
            running: 0,
            not_before: None,
            won: false,
        }
    }

    pub(super) fn next(&mut self, now: Instant) -> Step {
        if self.won {
            return Step::Done;
        }
        if self.waiting.is_empty() && self.running == 0 {
            return Step::Done;
        }
        match self.not_before {
            Some(instant) if now < instant && !self.waiting.is_empty() => Step::Wait(Some(instant)),
            _ => self.start(now),
        }
    }

    fn start(&mut self, now: Instant) -> Step {
        let Some(addr) = self.waiting.pop_front() else {
            return Step::Wait(None);
        };
        self.running += 1;
        self.not_before = Some(now + self.delay);
        Step::Start(addr)
    }

    /// A connect failed: the next one need not wait.
    pub(super) fn failed(&mut self) {
        self.running -= 1;
        self.not_before = None;
    }

    /// A connect succeeded.
    pub(super) fn succeeded(&mut self) {
        self.running -= 1;
        self.won = true;
    }
}

/// Families take turns, the first address's family first (RFC 8305 section 4, first address family count 1). Within
/// a family the resolver's order is kept.
fn interleave(addrs: &[SocketAddr]) -> VecDeque<SocketAddr> {
    let Some(first) = addrs.first() else {
        return VecDeque::new();
    };
    let (primary, fallback): (Vec<_>, Vec<_>) = addrs
        .iter()
        .partition(|addr| addr.is_ipv4() == first.is_ipv4());
    let mut fallback = fallback.into_iter();
    let mut order = VecDeque::with_capacity(addrs.len());
    for addr in primary {
        order.push_back(addr);
        order.extend(fallback.next());
    }
    order.extend(fallback);
    order
}

#[cfg(test)]
mod tests;
