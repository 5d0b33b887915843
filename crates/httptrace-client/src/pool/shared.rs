//! The connections that requests share, and which of them is asked for a stream.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use httptrace::ConnectionId;

use super::key::Key;
use super::key_map::KeyMap;

/// Shared connections (HTTP/2) by key. Sans-IO, and generic over the connection, which is a handle.
///
/// A connection knows for itself how many streams it allows, and is asked without the pool's lock. So what it said may
/// be out of date when it is noted here: a stream may have become free meanwhile. Then the note is not taken.
#[derive(Debug)]
pub(crate) struct SharedConns<C> {
    hosts: KeyMap<Host<C>>,
    /// Those that are idle, over all keys, in the order in which they came to rest.
    idle: BTreeMap<u64, Idle>,
    next: u64,
}

#[derive(Debug)]
struct Idle {
    key: Arc<Key>,
    id: ConnectionId,
    since: Instant,
}

#[derive(Debug)]
struct Host<C> {
    /// Oldest first.
    conns: BTreeMap<ConnectionId, Entry<C>>,
    /// Those that may have a free stream.
    open: BTreeSet<ConnectionId>,
    /// A connection that had no stream for those who waited for it, and has had none since.
    barren: Option<ConnectionId>,
}

#[derive(Debug)]
struct Entry<C> {
    conn: C,
    /// How often it was said to have free streams.
    freed: u64,
    /// Its place among the idle.
    idle: Option<u64>,
}

impl<C> Default for Host<C> {
    fn default() -> Self {
        Self {
            conns: BTreeMap::new(),
            open: BTreeSet::new(),
            barren: None,
        }
    }
}

/// A connection that is to be asked for a stream.
#[derive(Debug)]
pub(crate) struct Candidate<C> {
    pub(crate) conn: C,
    id: ConnectionId,
    freed: u64,
}

impl<C: Clone> SharedConns<C> {
    pub(crate) fn new() -> Self {
        Self {
            hosts: KeyMap::new(),
            idle: BTreeMap::new(),
            next: 0,
        }
    }

    /// Adds a connection, which may have free streams. `is_barren`: it gave none to those who waited for it.
    pub(crate) fn add(&mut self, key: &Arc<Key>, id: ConnectionId, conn: C, is_barren: bool) {
        let host = self.hosts.or_default(key);
        if is_barren {
            host.barren = Some(id);
        }
        let entry = Entry {
            conn,
            freed: 0,
            idle: None,
        };
        host.conns.insert(id, entry);
        host.open.insert(id);
    }

    /// The oldest connection that may have a free stream: load stays on few connections, and the others may go. It is
    /// not idle any more.
    pub(crate) fn candidate(&mut self, key: &Key) -> Option<Candidate<C>> {
        let host = self.hosts.get_mut(key)?;
        let id = *host.open.first()?;
        let entry = host.conns.get_mut(&id)?;
        if let Some(order) = entry.idle.take() {
            self.idle.remove(&order);
        }
        Some(Candidate {
            conn: entry.conn.clone(),
            id,
            freed: entry.freed,
        })
    }

    /// It had no stream to give. It is asked again when one has become free.
    pub(crate) fn was_full(&mut self, key: &Key, candidate: &Candidate<C>) {
        let Some(host) = self.hosts.get_mut(key) else {
            return;
        };
        let entry = host.conns.get(&candidate.id);
        if entry.is_some_and(|entry| entry.freed == candidate.freed) {
            host.open.remove(&candidate.id);
        }
    }

    /// A stream of it became free.
    pub(crate) fn freed(&mut self, key: &Key, id: ConnectionId) {
        let Some(host) = self.hosts.get_mut(key) else {
            return;
        };
        if let Some(entry) = host.conns.get_mut(&id) {
            entry.freed += 1;
            host.open.insert(id);
            host.barren = host.barren.filter(|barren| *barren != id);
        }
    }

    /// No stream of it is taken since then. Returns how many of its key are idle now; absent if it is not known here.
    pub(crate) fn rested(
        &mut self,
        key: &Arc<Key>,
        id: ConnectionId,
        since: Instant,
    ) -> Option<usize> {
        let host = self.hosts.get_mut(key)?;
        let entry = host.conns.get_mut(&id)?;
        let order = self.next;
        self.next += 1;
        if let Some(order) = entry.idle.replace(order) {
            self.idle.remove(&order);
        }
        let key = Arc::clone(key);
        self.idle.insert(order, Idle { key, id, since });
        let conns = host.conns.values();
        Some(conns.filter(|entry| entry.idle.is_some()).count())
    }

    /// How many are idle.
    pub(crate) fn idle_len(&self) -> usize {
        self.idle.len()
    }

    /// Since when the one is idle that has been so for longest.
    pub(crate) fn oldest_since(&self) -> Option<Instant> {
        self.idle.first_key_value().map(|(_, idle)| idle.since)
    }

    /// The connection that has been idle for longest, which does not count as idle any more.
    pub(crate) fn pop_oldest(&mut self) -> Option<C> {
        let (_, oldest) = self.idle.pop_first()?;
        let host = self.hosts.get_mut(&oldest.key)?;
        let entry = host.conns.get_mut(&oldest.id)?;
        entry.idle = None;
        Some(entry.conn.clone())
    }

    /// The connections that have been idle for so long or longer, as many as this at most. They do not count as idle any
    /// more.
    pub(crate) fn take_expired(&mut self, now: Instant, limit: Duration, most: usize) -> Vec<C> {
        let mut expired = Vec::new();
        let is_due = |since: Instant| now.saturating_duration_since(since) >= limit;
        while expired.len() < most && self.oldest_since().is_some_and(is_due) {
            expired.extend(self.pop_oldest());
        }
        expired
    }

    /// Takes a connection that takes no more requests.
    pub(crate) fn remove(&mut self, key: &Key, id: ConnectionId) -> Option<C> {
        let host = self.hosts.get_mut(key)?;
        host.open.remove(&id);
        host.barren = host.barren.filter(|barren| *barren != id);
        let removed = host.conns.remove(&id)?;
        if let Some(order) = removed.idle {
            self.idle.remove(&order);
        }
        if host.conns.is_empty() {
            self.hosts.remove(key);
        }
        Some(removed.conn)
    }

    /// Whether there is a connection of this key, with free streams or without.
    pub(crate) fn has(&self, key: &Key) -> bool {
        self.hosts.contains(key)
    }

    /// Whether those who wait need another connection. `strict`: not while there is one whose streams they may wait for.
    pub(crate) fn is_too_few(&self, key: &Key, strict: bool) -> bool {
        let Some(host) = self.hosts.get(key) else {
            return true;
        };
        // Another connection to a server that gives no streams would hardly be of use.
        host.open.is_empty() && !strict && host.barren.is_none()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.hosts.is_empty()
    }

    /// All connections.
    pub(crate) fn all(&self) -> Vec<C> {
        let entries = self.hosts.values().flat_map(|host| host.conns.values());
        entries.map(|entry| entry.conn.clone()).collect()
    }

    /// Takes all connections.
    pub(crate) fn drain(&mut self) -> Vec<C> {
        let all = self.all();
        self.hosts.clear();
        self.idle.clear();
        all
    }
}

#[cfg(test)]
mod tests;
