//! The idle connections: newest first for whoever asks, oldest first for whoever must go.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::key::Key;

/// How many connections may be idle, and for how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IdleLimits {
    pub(crate) total: usize,
    pub(crate) per_host: usize,
    pub(crate) timeout: Option<Duration>,
}

/// Idle connections by key. Sans-IO: the caller brings the time and closes what comes out.
#[derive(Debug)]
pub(crate) struct IdleConns<C> {
    limits: IdleLimits,
    hosts: HashMap<Arc<Key>, VecDeque<Idle<C>>>,
    /// Which key's oldest connection was put when, over all keys.
    order: BTreeMap<u64, Arc<Key>>,
    next: u64,
}

#[derive(Debug)]
struct Idle<C> {
    conn: C,
    since: Instant,
    order: u64,
}

/// What a request finds.
#[derive(Debug)]
pub(crate) struct Taken<C> {
    /// The newest connection, and for how long it was idle.
    pub(crate) newest: Option<(C, Duration)>,
    /// Those that had been idle for too long.
    pub(crate) expired: Vec<C>,
}

/// What became of a connection that was put.
#[derive(Debug)]
pub(crate) enum Put<C> {
    /// It is kept; the oldest of all had to go for it, if there were too many.
    Kept { evicted: Option<C> },
    /// There are too many for this key.
    Refused(C),
}

impl<C> IdleConns<C> {
    pub(crate) fn new(limits: IdleLimits) -> Self {
        Self {
            limits,
            hosts: HashMap::new(),
            order: BTreeMap::new(),
            next: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }

    /// Takes the newest connection of a key, unless it has been idle for too long; then all older ones have been too.
    pub(crate) fn take(&mut self, key: &Key, now: Instant) -> Taken<C> {
        let mut taken = Taken {
            newest: None,
            expired: Vec::new(),
        };
        let Some(idle) = self.hosts.get_mut(key) else {
            return taken;
        };
        while let Some(newest) = idle.pop_back() {
            self.order.remove(&newest.order);
            let idle_for = now.saturating_duration_since(newest.since);
            if self.limits.timeout.is_none_or(|limit| idle_for < limit) {
                taken.newest = Some((newest.conn, idle_for));
                break;
            }
            taken.expired.push(newest.conn);
        }
        if idle.is_empty() {
            self.hosts.remove(key);
        }
        taken
    }

    /// Puts a connection that is idle since then.
    pub(crate) fn put(&mut self, key: &Arc<Key>, conn: C, since: Instant) -> Put<C> {
        if self.is_full(key) {
            return Put::Refused(conn);
        }
        let order = self.next;
        self.next += 1;
        let idle = Idle { conn, since, order };
        self.hosts
            .entry(Arc::clone(key))
            .or_default()
            .push_back(idle);
        self.order.insert(order, Arc::clone(key));
        let evicted = (self.len() > self.limits.total)
            .then(|| self.take_oldest())
            .flatten();
        Put::Kept { evicted }
    }

    /// Whether there is no room for another connection of a key.
    pub(crate) fn is_full(&self, key: &Key) -> bool {
        let kept = self.hosts.get(key).map_or(0, VecDeque::len);
        kept >= self.limits.per_host || self.limits.total == 0
    }

    /// Takes all connections.
    pub(crate) fn drain(&mut self) -> Vec<C> {
        self.order.clear();
        let hosts = std::mem::take(&mut self.hosts);
        hosts
            .into_values()
            .flatten()
            .map(|idle| idle.conn)
            .collect()
    }

    /// Takes the connections that have been idle for too long.
    pub(crate) fn take_expired(&mut self, now: Instant) -> Vec<C> {
        let mut expired = Vec::new();
        while let Some(limit) = self.limits.timeout {
            let Some(since) = self.oldest_since() else {
                break;
            };
            if now.saturating_duration_since(since) < limit {
                break;
            }
            expired.extend(self.take_oldest());
        }
        expired
    }

    /// Takes the connections that `suspect` picks, each with the moment since when it is idle.
    pub(crate) fn take_suspects(&mut self, suspect: impl Fn(&C) -> bool) -> Vec<(C, Instant)> {
        let mut suspects = Vec::new();
        let order = &mut self.order;
        self.hosts.retain(|_, idle| {
            for _ in 0..idle.len() {
                let Some(one) = idle.pop_front() else { break };
                if suspect(&one.conn) {
                    order.remove(&one.order);
                    suspects.push((one.conn, one.since));
                } else {
                    idle.push_back(one);
                }
            }
            !idle.is_empty()
        });
        suspects
    }

    /// Whether there would be too many with so many others.
    pub(crate) fn is_too_many_with(&self, others: usize) -> bool {
        self.len() + others > self.limits.total
    }

    /// How many connections to one host may be idle.
    pub(crate) fn per_host(&self) -> usize {
        self.limits.per_host
    }

    /// Since when the one is idle that has been so for longest.
    pub(crate) fn oldest_since(&self) -> Option<Instant> {
        let (_, key) = self.order.first_key_value()?;
        self.hosts.get(key)?.front().map(|idle| idle.since)
    }

    /// Takes the one that has been idle for longest.
    pub(crate) fn take_oldest(&mut self) -> Option<C> {
        let (_, key) = self.order.pop_first()?;
        let idle = self.hosts.get_mut(&key)?;
        let oldest = idle.pop_front();
        if idle.is_empty() {
            self.hosts.remove(&key);
        }
        oldest.map(|idle| idle.conn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::tests::{key, runtime};

    fn conns(total: usize, per_host: usize) -> IdleConns<&'static str> {
        IdleConns::new(IdleLimits {
            total,
            per_host,
            timeout: Some(Duration::from_secs(90)),
        })
    }

    fn newest(
        conns: &mut IdleConns<&'static str>,
        key: &Key,
        now: Instant,
    ) -> Option<&'static str> {
        conns.take(key, now).newest.map(|(conn, _)| conn)
    }

    #[test]
    fn the_newest_connection_of_a_host_is_taken_first() {
        let runtime = runtime();
        let (a, now) = (key(&runtime, "a"), Instant::now());
        let mut conns = conns(10, 10);
        conns.put(&a, "old", now);
        conns.put(&a, "new", now);
        assert_eq!(newest(&mut conns, &a, now), Some("new"));
        assert_eq!(newest(&mut conns, &a, now), Some("old"));
        assert_eq!(newest(&mut conns, &a, now), None);
    }

    #[test]
    fn when_there_are_too_many_the_oldest_of_all_hosts_goes() {
        let runtime = runtime();
        let (a, b, now) = (key(&runtime, "a"), key(&runtime, "b"), Instant::now());
        let mut conns = conns(2, 2);
        conns.put(&a, "first", now);
        conns.put(&b, "second", now);
        let Put::Kept { evicted } = conns.put(&b, "third", now) else {
            panic!("refused");
        };
        assert_eq!(evicted, Some("first"));
        assert_eq!(conns.len(), 2);
    }

    #[test]
    fn a_host_that_has_its_share_refuses_another() {
        let runtime = runtime();
        let (a, now) = (key(&runtime, "a"), Instant::now());
        let mut conns = conns(10, 1);
        conns.put(&a, "one", now);
        assert!(matches!(conns.put(&a, "two", now), Put::Refused("two")));
    }

    #[test]
    fn a_connection_that_was_idle_for_too_long_is_not_taken() {
        let runtime = runtime();
        let (a, now) = (key(&runtime, "a"), Instant::now());
        let mut conns = conns(10, 10);
        conns.put(&a, "older", now);
        conns.put(&a, "old", now);
        let taken = conns.take(&a, now + Duration::from_secs(90));
        assert!(taken.newest.is_none());
        assert_eq!(taken.expired, ["old", "older"]);
        assert_eq!(conns.len(), 0);
    }

    #[test]
    fn the_sweep_takes_the_expired_and_leaves_the_rest() {
        let runtime = runtime();
        let (a, now) = (key(&runtime, "a"), Instant::now());
        let mut conns = conns(10, 10);
        conns.put(&a, "old", now);
        conns.put(&a, "new", now + Duration::from_secs(60));
        assert_eq!(conns.take_expired(now + Duration::from_secs(100)), ["old"]);
        assert_eq!(conns.len(), 1);
    }

    #[test]
    fn suspects_are_taken_out_of_the_middle() {
        let runtime = runtime();
        let (a, now) = (key(&runtime, "a"), Instant::now());
        let mut conns = conns(10, 10);
        for conn in ["one", "two", "three"] {
            conns.put(&a, conn, now);
        }
        assert_eq!(conns.take_suspects(|conn| *conn == "two"), [("two", now)]);
        assert_eq!(newest(&mut conns, &a, now), Some("three"));
        assert_eq!(newest(&mut conns, &a, now), Some("one"));
        assert_eq!(conns.len(), 0);
    }
}
