//! Who waits for a connection, and who may dial.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use super::key::Key;
use super::key_map::KeyMap;

/// Identifies one request's wait for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct WaiterId(u64);

/// Waiters and connection counts by key. Sans-IO.
///
/// A waiter dials for itself unless `max_conns_per_host` forbids it; then its dial is queued until a connection of
/// that host is gone. Where a connection can serve many, the waiters share a dial instead: one at a time, by the one
/// that has waited longest. Whatever connection comes first serves a waiter, and waiters are served in the order in
/// which they came.
#[derive(Debug)]
pub(crate) struct Waiters {
    max_conns_per_host: Option<usize>,
    hosts: KeyMap<Host>,
    waiting: HashSet<WaiterId>,
    next: u64,
}

#[derive(Debug, Default)]
struct Host {
    waiters: VecDeque<WaiterId>,
    /// How many of these wait no more.
    gone: usize,
    /// Waiters whose dial has not been allowed yet.
    dial_queue: VecDeque<WaiterId>,
    /// Waiters that wait for the dial of another, or for a stream.
    joined: VecDeque<WaiterId>,
    /// Whose dial the joined wait for.
    shared_dial: Option<WaiterId>,
    /// Connections being dialed, in use and idle.
    conns: usize,
}

/// What is kept for so many waiters is not worth giving back when they are gone.
pub(super) const CROWD: usize = 64;

impl Waiters {
    pub(crate) fn new(max_conns_per_host: Option<usize>) -> Self {
        Self {
            max_conns_per_host,
            hosts: KeyMap::new(),
            waiting: HashSet::new(),
            next: 0,
        }
    }

    /// Adds a waiter. Returns whether it may dial now; its connection is then counted already.
    pub(crate) fn add(&mut self, key: &Arc<Key>) -> (WaiterId, bool) {
        let max = self.max_conns_per_host;
        let (id, host) = self.enter(key);
        (id, host.dial_or_queue(id, max))
    }

    /// Adds a waiter that has no dial of its own: [`shared_dial`](Self::shared_dial) tells whether one begins.
    pub(crate) fn join(&mut self, key: &Arc<Key>) -> WaiterId {
        let (id, host) = self.enter(key);
        host.joined.push_back(id);
        id
    }

    fn enter(&mut self, key: &Arc<Key>) -> (WaiterId, &mut Host) {
        let id = WaiterId(self.next);
        self.next += 1;
        self.waiting.insert(id);
        let host = self.hosts.or_default(key);
        host.waiters.push_back(id);
        (id, host)
    }

    /// Whether anybody waits for a connection of this key.
    pub(crate) fn any(&self, key: &Key) -> bool {
        if self.waiting.is_empty() {
            return false;
        }
        let host = self.hosts.get(key);
        host.is_some_and(|host| !host.waiters.is_empty())
    }

    /// The joined waiter that is to dial now for all of them: nobody does so yet, and there may be another connection,
    /// which is counted already.
    pub(crate) fn shared_dial(&mut self, key: &Key) -> Option<WaiterId> {
        let host = self.hosts.get_mut(key)?;
        if host.shared_dial.is_some() || !host.may_dial(self.max_conns_per_host) {
            return None;
        }
        let waiting = &self.waiting;
        let mut joined = std::iter::from_fn(|| host.joined.pop_front());
        let next = joined.find(|id| waiting.contains(id))?;
        host.shared_dial = Some(next);
        host.conns += 1;
        Some(next)
    }

    /// Whether others wait for the dial of this waiter.
    pub(crate) fn is_joined(&self, key: &Key, id: WaiterId) -> bool {
        let host = self.hosts.get(key);
        host.is_some_and(|host| host.shared_dial == Some(id) && !host.joined.is_empty())
    }

    /// The dial of this waiter is over, or shall not be joined any more. Returns whether it was the shared one.
    pub(crate) fn end_shared_dial(&mut self, key: &Key, id: WaiterId) -> bool {
        let Some(host) = self.hosts.get_mut(key) else {
            return false;
        };
        let was_shared = host.shared_dial == Some(id);
        if was_shared {
            host.shared_dial = None;
        }
        was_shared
    }

    /// Its own dial is over and had nothing for it: it joins the others, before them.
    pub(crate) fn rejoin(&mut self, key: &Key, id: WaiterId) {
        if let Some(host) = self.hosts.get_mut(key) {
            host.joined.push_front(id);
        }
    }

    /// The joined shall dial for themselves: connections of this key cannot be shared. Returns those that may dial now,
    /// counted already.
    pub(crate) fn split(&mut self, key: &Key) -> Vec<WaiterId> {
        let max = self.max_conns_per_host;
        let joined = self.joined(key);
        let Some(host) = self.hosts.get_mut(key) else {
            return Vec::new();
        };
        let mut dialing = joined;
        dialing.retain(|id| host.dial_or_queue(*id, max));
        dialing
    }

    fn joined(&mut self, key: &Key) -> Vec<WaiterId> {
        let Some(host) = self.hosts.get_mut(key) else {
            return Vec::new();
        };
        let joined = std::mem::take(&mut host.joined).into_iter();
        joined.filter(|id| self.waiting.contains(id)).collect()
    }

    /// Whether it still waits.
    pub(crate) fn is_waiting(&self, id: WaiterId) -> bool {
        self.waiting.contains(&id)
    }

    /// It waits no more: it is served, or gave up. Returns whether it had been waiting.
    pub(crate) fn remove(&mut self, key: &Key, id: WaiterId) -> bool {
        let was_waiting = self.waiting.remove(&id);
        if let (true, Some(host)) = (was_waiting, self.hosts.get_mut(key)) {
            host.gone += 1;
        }
        self.tidy(key);
        if self.waiting.is_empty() && self.waiting.capacity() > CROWD {
            self.waiting.shrink_to_fit();
        }
        was_waiting
    }

    /// Takes the waiter that has waited longest.
    pub(crate) fn pop(&mut self, key: &Key) -> Option<WaiterId> {
        if self.waiting.is_empty() {
            // As a rule: nobody needs to be looked for.
            return None;
        }
        let host = self.hosts.get_mut(key)?;
        let waiting = &mut self.waiting;
        let next = std::iter::from_fn(|| host.waiters.pop_front()).find(|id| waiting.remove(id));
        self.tidy(key);
        next
    }

    /// A connection of this key is gone, or its dial failed. Returns the waiter that may dial in its place, already
    /// counted.
    pub(crate) fn release(&mut self, key: &Key) -> Option<WaiterId> {
        let host = self.hosts.get_mut(key)?;
        host.conns = host.conns.saturating_sub(1);
        let waiting = &self.waiting;
        let next =
            std::iter::from_fn(|| host.dial_queue.pop_front()).find(|id| waiting.contains(id));
        if next.is_some() {
            host.conns += 1;
        }
        self.tidy(key);
        next
    }

    /// Connections of this key: being dialed, in use and idle.
    pub(crate) fn conns(&self, key: &Key) -> usize {
        self.hosts.get(key).map_or(0, |host| host.conns)
    }

    /// Keys that anything is known about.
    #[cfg(test)]
    pub(crate) fn known_keys(&self) -> usize {
        self.hosts.len()
    }

    /// Forgets who waits no more, and the key when nothing is left of it.
    fn tidy(&mut self, key: &Key) {
        let Some(host) = self.hosts.get_mut(key) else {
            return;
        };
        host.forget_gone(&self.waiting);
        if host.conns == 0 && host.waiters.is_empty() {
            self.hosts.remove(key);
        }
    }
}

/// So many of those who gave up may be remembered of a host, and as many again as wait.
const FEW: usize = 32;

impl Host {
    /// Forgets who waits no more: at the front of the queues at once, and in their middle when there are many.
    fn forget_gone(&mut self, waiting: &HashSet<WaiterId>) {
        let is_gone = |id: &WaiterId| !waiting.contains(id);
        while self.waiters.front().is_some_and(is_gone) {
            self.waiters.pop_front();
            self.gone = self.gone.saturating_sub(1);
        }
        for queue in [&mut self.dial_queue, &mut self.joined] {
            while queue.front().is_some_and(is_gone) {
                queue.pop_front();
            }
        }
        if self.gone > FEW + self.waiters.len() / 2 {
            for queue in [&mut self.waiters, &mut self.dial_queue, &mut self.joined] {
                queue.retain(|id| waiting.contains(id));
            }
            self.gone = 0;
        }
    }

    fn may_dial(&self, max: Option<usize>) -> bool {
        max.is_none_or(|max| self.conns < max)
    }

    /// Counts the connection that this waiter may dial now, or queues its dial. Returns which of the two.
    fn dial_or_queue(&mut self, id: WaiterId, max: Option<usize>) -> bool {
        let may_dial = self.may_dial(max);
        match may_dial {
            true => self.conns += 1,
            false => self.dial_queue.push_back(id),
        }
        may_dial
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::tests::{key, runtime};

    #[test]
    fn without_a_limit_every_waiter_dials_for_itself() {
        let runtime = runtime();
        let a = key(&runtime, "a");
        let mut waiters = Waiters::new(None);
        assert!(waiters.add(&a).1 && waiters.add(&a).1);
        assert_eq!(waiters.conns(&a), 2);
    }

    #[test]
    fn waiters_are_served_in_the_order_in_which_they_came() {
        let runtime = runtime();
        let a = key(&runtime, "a");
        let mut waiters = Waiters::new(None);
        let ids: Vec<_> = (0..3).map(|_| waiters.add(&a).0).collect();
        assert!(waiters.remove(&a, ids[1]));
        assert_eq!(waiters.pop(&a), Some(ids[0]));
        assert_eq!(waiters.pop(&a), Some(ids[2]));
        assert_eq!(waiters.pop(&a), None);
    }

    #[test]
    fn at_the_limit_a_dial_waits_until_a_connection_is_gone() {
        let runtime = runtime();
        let a = key(&runtime, "a");
        let mut waiters = Waiters::new(Some(1));
        let (_, first_dials) = waiters.add(&a);
        let (second, second_dials) = waiters.add(&a);
        assert!(first_dials && !second_dials);
        assert_eq!(waiters.release(&a), Some(second));
        assert_eq!(waiters.conns(&a), 1);
    }

    #[test]
    fn a_queued_dial_that_nobody_wants_any_more_is_skipped() {
        let runtime = runtime();
        let a = key(&runtime, "a");
        let mut waiters = Waiters::new(Some(1));
        waiters.add(&a);
        let (gave_up, _) = waiters.add(&a);
        let (still_waits, _) = waiters.add(&a);
        waiters.remove(&a, gave_up);
        assert_eq!(waiters.release(&a), Some(still_waits));
    }

    #[test]
    fn those_who_gave_up_are_forgotten_although_another_waits_before_them() {
        let runtime = runtime();
        let a = key(&runtime, "a");
        let mut waiters = Waiters::new(Some(1));
        waiters.add(&a);
        let (queued, _) = waiters.add(&a);
        let mut most = 0;
        for number in 0..1000 {
            let id = match number % 2 {
                0 => waiters.add(&a).0,
                _ => waiters.join(&a),
            };
            waiters.remove(&a, id);
            // unwrap is ok in tests: somebody waits.
            let host = waiters.hosts.get(&a).unwrap();
            let length = host.waiters.len().max(host.dial_queue.len());
            most = most.max(length.max(host.joined.len()));
        }
        assert!(most <= 2 * FEW + 4, "{most}");
        assert!(waiters.is_waiting(queued));
        assert_eq!(waiters.release(&a), Some(queued));
    }

    #[test]
    fn nothing_is_remembered_of_a_host_without_connections_and_waiters() {
        let runtime = runtime();
        let a = key(&runtime, "a");
        let mut waiters = Waiters::new(Some(1));
        let (id, _) = waiters.add(&a);
        let (queued, _) = waiters.add(&a);
        waiters.remove(&a, id);
        waiters.remove(&a, queued);
        assert_eq!(waiters.release(&a), None);
        assert_eq!(waiters.known_keys(), 0);
    }

    #[test]
    fn those_who_share_have_one_dial_at_a_time() {
        let runtime = runtime();
        let a = key(&runtime, "a");
        let mut waiters = Waiters::new(None);
        let ids: Vec<_> = (0..3).map(|_| waiters.join(&a)).collect();
        assert_eq!(waiters.shared_dial(&a), Some(ids[0]));
        assert_eq!(waiters.shared_dial(&a), None);
        assert!(waiters.is_joined(&a, ids[0]) && !waiters.is_joined(&a, ids[1]));
        waiters.remove(&a, ids[1]);
        assert!(!waiters.end_shared_dial(&a, ids[1]) && waiters.end_shared_dial(&a, ids[0]));
        assert_eq!(waiters.shared_dial(&a), Some(ids[2]));
        assert_eq!(waiters.conns(&a), 2);
    }

    #[test]
    fn a_shared_dial_counts_among_the_connections_of_its_host() {
        let runtime = runtime();
        let a = key(&runtime, "a");
        let mut waiters = Waiters::new(Some(1));
        let first = waiters.join(&a);
        let second = waiters.join(&a);
        assert_eq!(waiters.shared_dial(&a), Some(first));
        waiters.end_shared_dial(&a, first);
        assert_eq!(waiters.shared_dial(&a), None);
        assert_eq!(waiters.release(&a), None);
        assert_eq!(waiters.shared_dial(&a), Some(second));
    }

    #[test]
    fn when_connections_cannot_be_shared_the_joined_dial_for_themselves() {
        let runtime = runtime();
        let a = key(&runtime, "a");
        let mut waiters = Waiters::new(Some(2));
        let ids: Vec<_> = (0..4).map(|_| waiters.join(&a)).collect();
        waiters.shared_dial(&a);
        waiters.remove(&a, ids[1]);
        assert_eq!(waiters.split(&a), [ids[2]]);
        assert_eq!(waiters.release(&a), Some(ids[3]));
    }
}
