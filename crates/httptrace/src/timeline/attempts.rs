//! The attempts of a call.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::slice;
use std::sync::Arc;

use super::AttemptTimeline;

/// The round trips of a call, by their number: a slice to whoever reads it. Cheap to clone: what is in a clone is shared
/// until one of the two is changed.
#[derive(Clone, Default)]
pub struct Attempts(Few);

#[derive(Clone, Default)]
enum Few {
    #[default]
    None,
    /// The usual case.
    One(Arc<AttemptTimeline>),
    Several(Arc<Vec<AttemptTimeline>>),
}

impl Attempts {
    /// Adds an attempt at the end.
    pub fn push(&mut self, attempt: AttemptTimeline) {
        match &mut self.0 {
            Few::None => self.0 = Few::One(Arc::new(attempt)),
            Few::Several(attempts) => Arc::make_mut(attempts).push(attempt),
            Few::One(_) => {
                let first = std::mem::take(self).into_iter();
                self.0 = Few::Several(Arc::new(first.chain([attempt]).collect()));
            }
        }
    }

    /// The attempt of a number, begun if it comes next; absent if it comes too late to stand in its place.
    #[inline]
    pub(crate) fn of(&mut self, index: u32) -> Option<&mut AttemptTimeline> {
        // The usual case, without a search.
        if matches!(&self.0, Few::One(only) if only.index == index) {
            return self.first_mut();
        }
        if self.last().is_none_or(|latest| latest.index < index) {
            self.push(AttemptTimeline::new(index));
        }
        self.iter_mut().rev().find(|attempt| attempt.index == index)
    }
}

impl Deref for Attempts {
    type Target = [AttemptTimeline];

    #[inline]
    fn deref(&self) -> &[AttemptTimeline] {
        match &self.0 {
            Few::None => &[],
            Few::One(attempt) => slice::from_ref(attempt),
            Few::Several(attempts) => attempts,
        }
    }
}

impl DerefMut for Attempts {
    #[inline]
    fn deref_mut(&mut self) -> &mut [AttemptTimeline] {
        match &mut self.0 {
            Few::None => &mut [],
            Few::One(attempt) => slice::from_mut(Arc::make_mut(attempt)),
            Few::Several(attempts) => Arc::make_mut(attempts).as_mut_slice(),
        }
    }
}

impl From<Vec<AttemptTimeline>> for Attempts {
    fn from(attempts: Vec<AttemptTimeline>) -> Self {
        Self(Few::Several(Arc::new(attempts)))
    }
}

impl FromIterator<AttemptTimeline> for Attempts {
    fn from_iter<I: IntoIterator<Item = AttemptTimeline>>(attempts: I) -> Self {
        let mut all = Self::default();
        attempts.into_iter().for_each(|attempt| all.push(attempt));
        all
    }
}

impl IntoIterator for Attempts {
    type Item = AttemptTimeline;
    type IntoIter = std::vec::IntoIter<AttemptTimeline>;

    fn into_iter(self) -> Self::IntoIter {
        let attempts = match self.0 {
            Few::None => Vec::new(),
            Few::One(attempt) => vec![Arc::unwrap_or_clone(attempt)],
            Few::Several(attempts) => Arc::unwrap_or_clone(attempts),
        };
        attempts.into_iter()
    }
}

impl<'a> IntoIterator for &'a Attempts {
    type Item = &'a AttemptTimeline;
    type IntoIter = slice::Iter<'a, AttemptTimeline>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a> IntoIterator for &'a mut Attempts {
    type Item = &'a mut AttemptTimeline;
    type IntoIter = slice::IterMut<'a, AttemptTimeline>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}

impl fmt::Debug for Attempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(attempts: &Attempts) -> Vec<u32> {
        attempts.iter().map(|attempt| attempt.index).collect()
    }

    #[test]
    fn they_are_the_same_however_many_there_are() {
        for count in 0..4 {
            let attempts: Attempts = (0..count).map(AttemptTimeline::new).collect();
            let expected: Vec<u32> = (0..count).collect();
            assert_eq!(numbers(&attempts), expected);
            let vec: Vec<_> = attempts.clone().into_iter().collect();
            assert_eq!(numbers(&vec.into()), expected);
            assert_eq!(attempts.len(), count as usize);
        }
    }
}
