//! The streams of a ledger, by number.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use httptrace::Emitter;

use super::stream::Stream;

/// The streams that are not forgotten yet.
#[derive(Default)]
pub(super) struct Streams {
    by_id: HashMap<u32, Stream, BuildHasherDefault<IdHasher>>,
    /// How many of them have somebody who listens.
    heard: usize,
}

impl Streams {
    pub(super) fn insert(&mut self, id: u32, stream: Stream) {
        self.heard += usize::from(!stream.emitter.is_none());
        if let Some(before) = self.by_id.insert(id, stream) {
            self.heard -= usize::from(!before.emitter.is_none());
        }
    }

    pub(super) fn get(&self, id: u32) -> Option<&Stream> {
        self.by_id.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: u32) -> Option<&mut Stream> {
        self.by_id.get_mut(&id)
    }

    /// Forgets a stream, if nothing more can come of it.
    pub(super) fn forget_if_over(&mut self, id: u32) {
        if self.get(id).is_some_and(Stream::is_forgettable) {
            self.forget(id);
        }
    }

    pub(super) fn forget(&mut self, id: u32) {
        if let Some(stream) = self.by_id.remove(&id) {
            self.heard -= usize::from(!stream.emitter.is_none());
        }
    }

    /// Nothing more is told of a stream.
    pub(super) fn silence(&mut self, id: u32) {
        if let Some(stream) = self.by_id.get_mut(&id) {
            let before = std::mem::replace(&mut stream.emitter, Emitter::none());
            self.heard -= usize::from(!before.is_none());
        }
    }

    /// Whether anybody listens to any of them.
    pub(super) fn are_heard(&self) -> bool {
        self.heard > 0
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = u32> {
        self.by_id.keys().copied()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Stream)> {
        self.by_id.iter().map(|(id, stream)| (*id, stream))
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Stream> {
        self.by_id.values()
    }

    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut Stream> {
        self.by_id.values_mut()
    }

    #[cfg(any(test, fuzzing))]
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }
}

/// Spreads stream numbers over a table. They are ours, and one follows the other, so that nobody can choose such as
/// collide: one multiplication does, where the standard hasher takes as long as all else that is done with a stream.
#[derive(Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32(u32::from(*byte));
        }
    }

    fn write_u32(&mut self, id: u32) {
        // A client's numbers are odd: the bit that is always set says nothing. The table takes the place from the lowest
        // bits, and tells neighbours apart by the highest, which an odd factor near 2^64 divided by the golden ratio mixes.
        const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
        self.0 = (self.0 ^ u64::from(id >> 1)).wrapping_mul(FACTOR);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::hash::BuildHasher;

    use super::*;

    #[test]
    fn numbers_that_follow_one_another_have_places_of_their_own() {
        let hasher = BuildHasherDefault::<IdHasher>::default();
        let ids = (0..1024_u32).map(|n| 2 * n + 1);
        let hashes: Vec<u64> = ids.map(|id| hasher.hash_one(id)).collect();
        let places: HashSet<_> = hashes.iter().map(|hash| hash % 1024).collect();
        assert_eq!(places.len(), 1024);
        let tags: HashSet<_> = hashes.iter().map(|hash| hash >> 57).collect();
        assert_eq!(tags.len(), 128);
    }
}
