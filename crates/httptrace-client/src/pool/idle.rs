//! The idle connections: newest first for whoever asks, oldest first for whoever must go.

use std::iter;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::key::Key;
use super::key_map::KeyMap;
use super::rows::{Row, Slots};

/// How many connections may be idle, and for how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IdleLimits {
    pub(crate) total: usize,
    pub(crate) per_host: usize,
    pub(crate) timeout: Option<Duration>,
}

/// Idle connections by key. Sans-IO: the caller brings the time and closes what comes out.
///
/// To take or put one costs the same however many there are.
#[derive(Debug)]
pub(crate) struct IdleConns<C> {
    limits: IdleLimits,
    conns: Slots<Idle<C>>,
    /// All of them, oldest first.
    all: Row<ALL>,
    /// Those of each key, oldest first. A row stays when it is empty, until the key is forgotten: as a rule a connection
    /// that was taken comes back.
    hosts: KeyMap<Row<OWN>>,
}

const ALL: usize = 0;
const OWN: usize = 1;

#[derive(Debug)]
struct Idle<C> {
    conn: C,
    key: Arc<Key>,
    since: Instant,
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
            conns: Slots::new(),
            all: Row::default(),
            hosts: KeyMap::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// Takes the newest connection of a key, unless it has been idle for too long; then all older ones have been too.
    pub(crate) fn take(&mut self, key: &Key, now: Instant) -> Taken<C> {
        let mut taken = Taken {
            newest: None,
            expired: Vec::new(),
        };
        let Some(own) = self.hosts.get_mut(key) else {
            return taken;
        };
        let mut next = own.last();
        while let Some(place) = next {
            next = self.conns.before::<OWN>(place);
            // One that is lent is left where it is.
            let Some(newest) = self.conns.lend(place) else {
                continue;
            };
            self.conns.leave(&mut self.all, place);
            self.conns.leave(own, place);
            self.conns.vacate(place);
            let idle_for = now.saturating_duration_since(newest.since);
            if self.limits.timeout.is_none_or(|limit| idle_for < limit) {
                taken.newest = Some((newest.conn, idle_for));
                break;
            }
            taken.expired.push(newest.conn);
        }
        taken
    }

    /// Puts a connection that is idle since then.
    pub(crate) fn put(&mut self, key: &Arc<Key>, conn: C, since: Instant) -> Put<C> {
        if self.limits.total == 0 {
            return Put::Refused(conn);
        }
        let own = self.hosts.or_default(key);
        if own.len() >= self.limits.per_host {
            return Put::Refused(conn);
        }
        let place = self.conns.add(Idle {
            conn,
            key: Arc::clone(key),
            since,
        });
        self.conns.join(&mut self.all, place);
        self.conns.join(own, place);
        let evicted = (self.len() > self.limits.total)
            .then(|| self.take_oldest())
            .flatten();
        Put::Kept { evicted }
    }

    /// Whether there is no room for another connection of a key.
    pub(crate) fn is_full(&self, key: &Key) -> bool {
        let kept = self.hosts.get(key).map_or(0, Row::len);
        kept >= self.limits.per_host || self.limits.total == 0
    }

    /// There is no connection of this key any more, idle or in use.
    pub(crate) fn forget(&mut self, key: &Key) {
        if self.hosts.get(key).is_some_and(|own| own.len() == 0) {
            self.hosts.remove(key);
        }
    }

    /// Takes all connections.
    pub(crate) fn drain(&mut self) -> Vec<C> {
        let mut all = Vec::with_capacity(self.len());
        all.extend(std::iter::from_fn(|| self.take_oldest()));
        all
    }

    /// Takes connections that have been idle for too long, as many as this at most.
    pub(crate) fn take_expired(&mut self, now: Instant, most: usize) -> Vec<C> {
        let mut expired = Vec::new();
        while expired.len() < most && self.is_oldest_expired(now) {
            expired.extend(self.take_oldest());
        }
        expired
    }

    fn is_oldest_expired(&self, now: Instant) -> bool {
        let (Some(limit), Some(since)) = (self.limits.timeout, self.oldest_since()) else {
            return false;
        };
        now.saturating_duration_since(since) >= limit
    }

    /// Lends those of the connections in some places that `suspect` picks. They are still counted, and keep their turn,
    /// but nobody gets them meanwhile. A connection has the same place while it is idle, below
    /// [`places`](Self::places).
    pub(crate) fn lend_suspects(
        &mut self,
        places: Range<usize>,
        suspect: impl Fn(&C) -> bool,
    ) -> Vec<Lent<C>> {
        let mut lent = Vec::new();
        for place in places {
            let conn = self.conns.get(place).map(|idle| &idle.conn);
            if conn.is_some_and(&suspect) {
                let taken = self.conns.lend(place);
                lent.extend(taken.map(|idle| idle.lent_from(place)));
            }
        }
        lent
    }

    /// A connection that was lent is idle still.
    pub(crate) fn give_back(&mut self, conn: C, place: LentPlace) {
        let LentPlace { place, key, since } = place;
        self.conns.restore(place, Idle { conn, key, since });
    }

    /// A connection that was lent does not come back.
    pub(crate) fn give_up(&mut self, place: LentPlace) {
        let LentPlace { place, key, .. } = place;
        if let Some(own) = self.hosts.get_mut(&key) {
            self.conns.leave(own, place);
        }
        self.conns.leave(&mut self.all, place);
        self.conns.vacate(place);
    }

    /// How many places there are.
    pub(crate) fn places(&self) -> usize {
        self.conns.end()
    }

    /// Whether there would be too many with so many others.
    pub(crate) fn is_too_many_with(&self, others: usize) -> bool {
        self.len() + others > self.limits.total
    }

    /// How many connections to one host may be idle.
    pub(crate) fn per_host(&self) -> usize {
        self.limits.per_host
    }

    /// Since when the one is idle that has been so for longest, of those that are not lent.
    pub(crate) fn oldest_since(&self) -> Option<Instant> {
        let oldest = self.conns.get(self.oldest()?)?;
        Some(oldest.since)
    }

    /// Takes the one that has been idle for longest, of those that are not lent.
    pub(crate) fn take_oldest(&mut self) -> Option<C> {
        let place = self.oldest()?;
        let own = self.hosts.get_mut(&self.conns.get(place)?.key)?;
        self.conns.leave(own, place);
        self.conns.leave(&mut self.all, place);
        self.conns.take(place).map(|idle| idle.conn)
    }

    fn oldest(&self) -> Option<usize> {
        let mut places =
            iter::successors(self.all.first(), |place| self.conns.after::<ALL>(*place));
        places.find(|place| self.conns.get(*place).is_some())
    }
}

/// A connection that is looked at.
#[derive(Debug)]
pub(crate) struct Lent<C> {
    pub(crate) conn: C,
    pub(crate) place: LentPlace,
}

/// Where it was idle, to be given back or given up.
#[derive(Debug)]
pub(crate) struct LentPlace {
    place: usize,
    pub(crate) key: Arc<Key>,
    /// Since when it is idle.
    pub(crate) since: Instant,
}

impl<C> Idle<C> {
    fn lent_from(self, place: usize) -> Lent<C> {
        let Self { conn, key, since } = self;
        let place = LentPlace { place, key, since };
        Lent { conn, place }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

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
        let later = now + Duration::from_secs(100);
        assert_eq!(conns.take_expired(later, 10), ["old"]);
        assert_eq!(conns.len(), 1);
    }

    /// Lends those in these places.
    fn lend(conns: &mut IdleConns<&'static str>, places: Range<usize>) -> Vec<Lent<&'static str>> {
        conns.lend_suspects(places, |_| true)
    }

    #[test]
    fn one_that_is_lent_is_not_taken_and_keeps_its_turn() {
        let runtime = runtime();
        let (a, now) = (key(&runtime, "a"), Instant::now());
        let mut conns = conns(10, 3);
        for conn in ["one", "two", "three"] {
            conns.put(&a, conn, now);
        }
        let mut lent = conns.lend_suspects(0..conns.places(), |conn| *conn != "two");
        assert_eq!(conns.len(), 3);
        assert!(conns.is_full(&a));
        assert_eq!(newest(&mut conns, &a, now), Some("two"));
        assert_eq!(newest(&mut conns, &a, now), None);
        assert!(conns.take_oldest().is_none());
        for Lent { conn, place } in lent.drain(..) {
            assert_eq!(place.since, now);
            conns.give_back(conn, place);
        }
        conns.put(&a, "four", now);
        assert_eq!(newest(&mut conns, &a, now), Some("four"));
        assert_eq!(conns.take_oldest(), Some("one"));
        assert_eq!(newest(&mut conns, &a, now), Some("three"));
    }

    #[test]
    fn one_that_was_lent_and_is_given_up_leaves_nothing() {
        let runtime = runtime();
        let (a, now) = (key(&runtime, "a"), Instant::now());
        let mut conns = conns(10, 3);
        conns.put(&a, "one", now);
        let lent = lend(&mut conns, 0..1);
        assert_eq!(conns.drain(), Vec::<&str>::new());
        for one in lent {
            conns.give_up(one.place);
        }
        conns.forget(&a);
        assert_eq!((conns.len(), conns.hosts.len()), (0, 0));
    }

    #[test]
    fn the_sweep_takes_and_looks_at_no_more_at_a_time_than_it_says() {
        let runtime = runtime();
        let (a, now) = (key(&runtime, "a"), Instant::now());
        let mut conns = conns(10, 10);
        for conn in ["one", "two", "three", "four", "five"] {
            conns.put(&a, conn, now);
        }
        let looks = Cell::new(0);
        conns.lend_suspects(1..3, |_| {
            looks.set(looks.get() + 1);
            false
        });
        assert_eq!(looks.get(), 2);
        let later = now + Duration::from_secs(90);
        assert_eq!(conns.take_expired(later, 2), ["one", "two"]);
        assert_eq!(conns.take_expired(later, 10), ["three", "four", "five"]);
    }

    #[test]
    fn a_key_is_remembered_while_it_has_connections() {
        let runtime = runtime();
        let (a, now) = (key(&runtime, "a"), Instant::now());
        let mut conns = conns(10, 10);
        conns.put(&a, "one", now);
        conns.forget(&a);
        assert_eq!(newest(&mut conns, &a, now), Some("one"));
        assert!(conns.hosts.contains(&a));
        conns.forget(&a);
        assert_eq!(conns.hosts.len(), 0);
    }
}
