//! Who waits for a connection, and who may dial.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use super::key::Key;

/// Identifies one request's wait for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct WaiterId(u64);

/// Waiters and connection counts by key. Sans-IO.
///
/// A waiter dials for itself unless `max_conns_per_host` forbids it; then its dial is queued until a connection of
/// that host is gone. Whatever connection comes first serves it, and waiters are served in the order in which they came.
#[derive(Debug)]
pub(crate) struct Waiters {
    max_conns_per_host: Option<usize>,
    hosts: HashMap<Arc<Key>, Host>,
    waiting: HashSet<WaiterId>,
    next: u64,
}

#[derive(Debug, Default)]
struct Host {
    waiters: VecDeque<WaiterId>,
    /// Waiters whose dial has not been allowed yet.
    dial_queue: VecDeque<WaiterId>,
    /// Connections being dialed, in use and idle.
    conns: usize,
}

impl Waiters {
    pub(crate) fn new(max_conns_per_host: Option<usize>) -> Self {
        Self {
            max_conns_per_host,
            hosts: HashMap::new(),
            waiting: HashSet::new(),
            next: 0,
        }
    }

    /// Adds a waiter. Returns whether it may dial now; its connection is then counted already.
    pub(crate) fn add(&mut self, key: &Arc<Key>) -> (WaiterId, bool) {
        let id = WaiterId(self.next);
        self.next += 1;
        self.waiting.insert(id);
        let host = self.hosts.entry(Arc::clone(key)).or_default();
        host.waiters.push_back(id);
        let may_dial = self.max_conns_per_host.is_none_or(|max| host.conns < max);
        match may_dial {
            true => host.conns += 1,
            false => host.dial_queue.push_back(id),
        }
        (id, may_dial)
    }

    /// Whether it still waits.
    pub(crate) fn is_waiting(&self, id: WaiterId) -> bool {
        self.waiting.contains(&id)
    }

    /// It waits no more: it is served, or gave up. Returns whether it had been waiting.
    pub(crate) fn remove(&mut self, key: &Key, id: WaiterId) -> bool {
        let was_waiting = self.waiting.remove(&id);
        self.tidy(key);
        was_waiting
    }

    /// Takes the waiter that has waited longest.
    pub(crate) fn pop(&mut self, key: &Key) -> Option<WaiterId> {
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
    #[cfg(test)]
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
        for queue in [&mut host.waiters, &mut host.dial_queue] {
            while queue.front().is_some_and(|id| !self.waiting.contains(id)) {
                queue.pop_front();
            }
        }
        if host.conns == 0 && host.waiters.is_empty() && host.dial_queue.is_empty() {
            self.hosts.remove(key);
        }
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
}
