//! A map from keys that hashes nothing: a key has its hash.

use std::sync::Arc;

use hashbrown::HashTable;

use super::key::Key;

/// What is known by key.
#[derive(Debug)]
pub(crate) struct KeyMap<V>(HashTable<(Arc<Key>, V)>);

/// Below this many keys the memory of a map is not worth giving back.
const SMALL: usize = 64;

impl<V> KeyMap<V> {
    pub(crate) fn new() -> Self {
        Self(HashTable::new())
    }

    pub(crate) fn get(&self, key: &Key) -> Option<&V> {
        let found = self.0.find(key.hash(), |(other, _)| **other == *key);
        found.map(|(_, value)| value)
    }

    pub(crate) fn get_mut(&mut self, key: &Key) -> Option<&mut V> {
        let found = self.0.find_mut(key.hash(), |(other, _)| **other == *key);
        found.map(|(_, value)| value)
    }

    pub(crate) fn contains(&self, key: &Key) -> bool {
        self.get(key).is_some()
    }

    /// What is known of this key, by default nothing.
    pub(crate) fn or_default(&mut self, key: &Arc<Key>) -> &mut V
    where
        V: Default,
    {
        let entry = self.0.entry(
            key.hash(),
            |(other, _)| *other == *key,
            |(other, _)| other.hash(),
        );
        let entry = entry.or_insert_with(|| (Arc::clone(key), V::default()));
        &mut entry.into_mut().1
    }

    pub(crate) fn insert(&mut self, key: &Arc<Key>, value: V)
    where
        V: Default,
    {
        *self.or_default(key) = value;
    }

    pub(crate) fn remove(&mut self, key: &Key) -> Option<V> {
        let found = self
            .0
            .find_entry(key.hash(), |(other, _)| **other == *key)
            .ok()?;
        let ((_, value), _) = found.remove();
        if self.0.capacity() > SMALL && self.0.len() < self.0.capacity() / 8 {
            let twice = self.0.len() * 2;
            self.0.shrink_to(twice, |(other, _)| other.hash());
        }
        Some(value)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.0.iter().map(|(_, value)| value)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.0 = HashTable::new();
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}
