//! The attempts of a call.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::slice;

use super::AttemptTimeline;

/// The round trips of a call, by their number: a slice to whoever reads it. One, the usual case, takes no allocation.
#[derive(Clone, Default)]
pub struct Attempts(Few);

#[derive(Clone, Default)]
#[allow(clippy::large_enum_variant)] // one is what there mostly is, and a box of it would be the allocation
enum Few {
    #[default]
    None,
    One(AttemptTimeline),
    Several(Vec<AttemptTimeline>),
}

impl Attempts {
    /// Adds an attempt at the end.
    pub fn push(&mut self, attempt: AttemptTimeline) {
        match &mut self.0 {
            Few::None => self.0 = Few::One(attempt),
            Few::Several(attempts) => attempts.push(attempt),
            Few::One(_) => {
                let first = std::mem::take(self).into_iter();
                self.0 = Few::Several(first.chain([attempt]).collect());
            }
        }
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
            Few::One(attempt) => slice::from_mut(attempt),
            Few::Several(attempts) => attempts,
        }
    }
}

impl From<Vec<AttemptTimeline>> for Attempts {
    fn from(attempts: Vec<AttemptTimeline>) -> Self {
        Self(Few::Several(attempts))
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
            Few::One(attempt) => vec![attempt],
            Few::Several(attempts) => attempts,
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
