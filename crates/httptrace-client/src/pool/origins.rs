//! What is remembered of origins.

use std::collections::VecDeque;
use std::sync::Arc;

use super::key::Key;
use super::key_map::KeyMap;

/// Origins that were offered HTTP/2 and chose HTTP/1: whoever waits for them dials for itself at once. As many as are
/// worth the memory; those that were found first are forgotten first.
#[derive(Debug)]
pub(crate) struct Http1Origins {
    known: KeyMap<()>,
    order: VecDeque<Arc<Key>>,
}

const CAPACITY: usize = 1024;

impl Http1Origins {
    pub(crate) fn new() -> Self {
        Self {
            known: KeyMap::new(),
            order: VecDeque::new(),
        }
    }

    pub(crate) fn remember(&mut self, key: &Arc<Key>) {
        if self.known.contains(key) {
            return;
        }
        self.known.insert(key, ());
        self.order.push_back(Arc::clone(key));
        if self.order.len() > CAPACITY {
            if let Some(first) = self.order.pop_front() {
                self.known.remove(&first);
            }
        }
    }

    /// It chose HTTP/2 after all.
    pub(crate) fn forget(&mut self, key: &Key) {
        if self.known.remove(key).is_some() {
            self.order.retain(|other| **other != *key);
        }
    }

    pub(crate) fn contains(&self, key: &Key) -> bool {
        self.known.contains(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::tests::{key, runtime};

    #[test]
    fn an_origin_is_remembered_until_it_chooses_otherwise() {
        let runtime = runtime();
        let (a, b) = (key(&runtime, "a"), key(&runtime, "b"));
        let mut origins = Http1Origins::new();
        origins.remember(&a);
        origins.remember(&a);
        assert!(origins.contains(&a) && !origins.contains(&b));
        origins.forget(&a);
        assert!(!origins.contains(&a) && origins.order.is_empty());
    }

    #[test]
    fn the_memory_of_origins_does_not_grow_without_end() {
        let runtime = runtime();
        let mut origins = Http1Origins::new();
        for host in 0..CAPACITY + 10 {
            origins.remember(&key(&runtime, &host.to_string()));
        }
        assert_eq!(origins.known.len(), CAPACITY);
        assert_eq!(origins.order.len(), CAPACITY);
        assert!(!origins.contains(&key(&runtime, "9")));
        assert!(origins.contains(&key(&runtime, "10")));
    }
}
