//! Rows: lists through the slots of one vector, out of whose middle anything can be taken at the same cost.

/// What stands in up to two rows at a time, by place.
#[derive(Debug)]
pub(crate) struct Slots<T> {
    slots: Vec<Slot<T>>,
    /// The first of those that are vacant; the next one stands in its links.
    vacant: u32,
    len: usize,
}

#[derive(Debug)]
struct Slot<T> {
    content: Option<T>,
    links: [Links; 2],
}

#[derive(Clone, Copy, Debug)]
struct Links {
    before: u32,
    after: u32,
}

/// A row of slots. `N` tells the two rows apart that a slot may stand in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row<const N: usize> {
    first: u32,
    last: u32,
    len: usize,
}

/// No place. A place is kept as half of a word, since each that is idle has four, and nobody has four billion connections.
const NOWHERE: u32 = u32::MAX;

const UNLINKED: Links = Links {
    before: NOWHERE,
    after: NOWHERE,
};

/// Up to so many slots are kept when all are vacant.
const SMALL: usize = 64;

impl<const N: usize> Default for Row<N> {
    fn default() -> Self {
        Self {
            first: NOWHERE,
            last: NOWHERE,
            len: 0,
        }
    }
}

impl<const N: usize> Row<N> {
    pub(crate) fn first(&self) -> Option<usize> {
        (self.first != NOWHERE).then_some(self.first as usize)
    }

    pub(crate) fn last(&self) -> Option<usize> {
        (self.last != NOWHERE).then_some(self.last as usize)
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }
}

impl<T> Slots<T> {
    pub(crate) fn new() -> Self {
        Self {
            slots: Vec::new(),
            vacant: NOWHERE,
            len: 0,
        }
    }

    pub(crate) fn get(&self, place: usize) -> Option<&T> {
        self.slots.get(place)?.content.as_ref()
    }

    /// The place after all that are taken.
    pub(crate) fn end(&self) -> usize {
        self.slots.len()
    }

    /// Gives it a place, in no row.
    pub(crate) fn add(&mut self, content: T) -> usize {
        self.len += 1;
        let slot = Slot {
            content: Some(content),
            links: [UNLINKED; 2],
        };
        let place = self.vacant as usize;
        match self.slots.get_mut(place) {
            Some(vacant) => {
                self.vacant = vacant.links[0].after;
                *vacant = slot;
                place
            }
            None => {
                self.slots.push(slot);
                self.slots.len() - 1
            }
        }
    }

    /// Takes it, which stands in no row any more.
    pub(crate) fn take(&mut self, place: usize) -> Option<T> {
        let content = self.lend(place)?;
        self.vacate(place);
        Some(content)
    }

    /// Takes it for a while: its place in the rows is kept, until it is [`restore`](Self::restore)d or the place is
    /// [`vacate`](Self::vacate)d.
    pub(crate) fn lend(&mut self, place: usize) -> Option<T> {
        self.slots.get_mut(place)?.content.take()
    }

    pub(crate) fn restore(&mut self, place: usize, content: T) {
        self.slots[place].content = Some(content);
    }

    /// Gives up a place that is lent, and in no row any more.
    pub(crate) fn vacate(&mut self, place: usize) {
        self.slots[place].links[0].after = self.vacant;
        self.vacant = place as u32;
        self.len -= 1;
        if self.len == 0 && self.slots.len() > SMALL {
            *self = Self::new();
        }
    }

    /// The place before this one in a row.
    pub(crate) fn before<const N: usize>(&self, place: usize) -> Option<usize> {
        let before = self.slots[place].links[N].before;
        (before != NOWHERE).then_some(before as usize)
    }

    /// The place after this one in a row.
    pub(crate) fn after<const N: usize>(&self, place: usize) -> Option<usize> {
        let after = self.slots[place].links[N].after;
        (after != NOWHERE).then_some(after as usize)
    }

    /// Puts it at the end of a row.
    pub(crate) fn join<const N: usize>(&mut self, row: &mut Row<N>, place: usize) {
        let before = row.last;
        self.slots[place].links[N].before = before;
        match self.slots.get_mut(before as usize) {
            Some(slot) => slot.links[N].after = place as u32,
            None => row.first = place as u32,
        }
        row.last = place as u32;
        row.len += 1;
    }

    /// Takes it out of a row that it stands in.
    pub(crate) fn leave<const N: usize>(&mut self, row: &mut Row<N>, place: usize) {
        let Links { before, after } = self.slots[place].links[N];
        self.slots[place].links[N] = UNLINKED;
        match self.slots.get_mut(before as usize) {
            Some(slot) => slot.links[N].after = after,
            None => row.first = after,
        }
        match self.slots.get_mut(after as usize) {
            Some(slot) => slot.links[N].before = before,
            None => row.last = before,
        }
        row.len -= 1;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    fn row<const N: usize>(slots: &Slots<u32>, row: &Row<N>) -> Vec<u32> {
        let mut found = Vec::new();
        let mut place = row.first;
        while let Some(slot) = slots.slots.get(place as usize) {
            found.extend(slot.content);
            place = slot.links[N].after;
        }
        found
    }

    proptest! {
        /// Each step is a turn of one who comes, at the end, or goes, from where the number says.
        #[test]
        fn whoever_goes_leaves_both_rows_in_order(steps in prop::collection::vec((any::<bool>(), 0..9usize), 0..60)) {
            let mut slots = Slots::new();
            let mut all = Row::<0>::default();
            let mut own = [Row::<1>::default(); 2];
            let mut model = VecDeque::new();
            for (number, (comes, which)) in (0..).zip(steps) {
                if comes {
                    let place = slots.add(number);
                    slots.join(&mut all, place);
                    slots.join(&mut own[which % 2], place);
                    model.push_back((place, number, which % 2));
                } else if let Some((place, number, which)) = model.remove(which) {
                    slots.leave(&mut all, place);
                    slots.leave(&mut own[which], place);
                    prop_assert_eq!(slots.take(place), Some(number));
                }
                let expected = |of: &dyn Fn(usize) -> bool| -> Vec<u32> {
                    let of = model.iter().filter(|(_, _, which)| of(*which));
                    of.map(|(_, number, _)| *number).collect()
                };
                prop_assert_eq!(row(&slots, &all), expected(&|_| true));
                prop_assert_eq!(row(&slots, &own[0]), expected(&|which| which == 0));
                prop_assert_eq!(row(&slots, &own[1]), expected(&|which| which == 1));
                prop_assert_eq!(slots.len, model.len());
                prop_assert_eq!(all.len(), model.len());
            }
        }
    }

    #[test]
    fn places_are_used_again_and_given_back_when_all_are_vacant() {
        let mut slots = Slots::new();
        let places: Vec<_> = (0..SMALL + 1).map(|number| slots.add(number)).collect();
        assert_eq!(slots.take(3), Some(3));
        assert_eq!(slots.add(99), 3);
        assert_eq!(slots.end(), SMALL + 1);
        for place in places {
            assert!(slots.take(place).is_some());
        }
        assert_eq!((slots.end(), slots.len), (0, 0));
    }
}
