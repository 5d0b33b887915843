//! A call that is folded as it goes on.

mod places;

use std::time::Duration;

use super::Recorder;
use super::listed::ListedCall;
use crate::emitter::{Info, sealed::Sealed};
use crate::event::{Event, EventName, Stamp};
use crate::id::{CallId, ConnectionId};
use crate::info::{CallEnd, CallStart};
use crate::timeline::{AttemptTimeline, Attempts, Offsets, Stamped, Timeline};

/// A call that is answered on a connection that was there before has so many events at most.
const USUAL: usize = 20;

/// The events of a call, folded as they come: what each knows is in its place in the timeline, and a log tells what came
/// when. [`events`](Self::events) puts the two together again.
///
/// That works for as long as each event has a place of its own and none is earlier than the one before it, so that
/// there is nothing to sort; what does not fit is given back by [`Sealed::fold_into`].
#[derive(Debug, Default)]
pub struct FoldedCall {
    log: Vec<Entry>,
    clock: Option<Offsets>,
    start: Option<CallStart>,
    attempts: Attempts,
    end: Option<Stamped<CallEnd>>,
}

/// An event, without what is in its place.
#[derive(Debug)]
struct Entry {
    at: std::time::Instant,
    attempt: Option<u32>,
    connection: Option<ConnectionId>,
    name: EventName,
    /// Of progress: how much there was.
    bytes: u64,
}

impl FoldedCall {
    /// One that has room for the usual call from the beginning.
    pub(super) fn with_room() -> Self {
        Self {
            log: Vec::with_capacity(USUAL),
            ..Self::default()
        }
    }

    /// How many events there are.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.log.len()
    }

    pub(super) fn timeline(&self, call: Option<CallId>) -> Timeline {
        let start = self.start.as_ref();
        Timeline {
            call,
            // The start is the first event, so that its offset is zero.
            started: start.map(|start| start.wall),
            method: start.map(|start| start.method.clone()),
            uri: start.map(|start| start.uri.clone()),
            complete: start.is_some() && self.end.is_some(),
            attempts: self.attempts.clone(),
            end: self.end.clone(),
            ..Timeline::default()
        }
    }

    /// The events, in the order in which they came.
    pub(super) fn events(&self, call: Option<CallId>) -> impl Iterator<Item = Event> {
        let mut reader = self.reader();
        self.log.iter().filter_map(move |entry| {
            let stamp = Stamp {
                at: entry.at,
                call,
                attempt: entry.attempt,
                connection: entry.connection,
            };
            Some(stamp.event(reader.read(entry)?))
        })
    }

    /// The same events as a list, which takes any event.
    pub(super) fn to_list(&self, call: Option<CallId>) -> ListedCall {
        let mut list = ListedCall::with_capacity(2 * self.len());
        // Each is kept: what was folded is within a list's limits.
        self.events(call).for_each(|event| {
            list.keep(event);
        });
        list
    }

    /// How many events there are, and for how many there is room.
    #[cfg(test)]
    pub(super) fn size(&self) -> (usize, usize) {
        (self.log.len(), self.log.capacity())
    }

    /// The offset of an event that may come next; absent if it comes too early, or too late to be kept.
    #[inline]
    fn offset(&mut self, stamp: &Stamp) -> Option<Duration> {
        let clock = self.clock.get_or_insert_with(|| Offsets::from(stamp.at));
        let fits = clock.are_in_order_with(stamp.at) && self.log.len() < Recorder::EVENTS_PER_CALL;
        fits.then(|| clock.offset(stamp.at))
    }

    /// Where an event of an attempt goes, with its offset; absent if it does not tell which attempt that is, or if the
    /// attempts do not come in their order.
    #[inline]
    fn place(&mut self, stamp: &Stamp) -> Option<(Duration, &mut AttemptTimeline)> {
        // What was joined midway may be a call of one event, which is to take no attempt's room.
        self.start.as_ref()?;
        let index = stamp.attempt?;
        let at = self.offset(stamp)?;
        Some((at, self.attempts.of(index)?))
    }

    /// Puts a fact of which there is one for each attempt into its place, unless there is one already.
    #[inline]
    fn first<T: Info>(
        &mut self,
        stamp: Stamp,
        info: T,
        place: impl FnOnce(&mut AttemptTimeline) -> &mut Option<Stamped<T>>,
    ) -> Result<(), T> {
        let found = self.place(&stamp);
        let empty = found.map(|(at, attempt)| (at, place(attempt)));
        match empty {
            Some((at, slot @ None)) => *slot = Some(Stamped::new(at, info)),
            _ => return Err(info),
        }
        self.note(stamp, T::NAME, 0);
        Ok(())
    }

    #[inline]
    fn note(&mut self, stamp: Stamp, name: EventName, bytes: u64) {
        self.log.push(Entry {
            at: stamp.at,
            attempt: stamp.attempt,
            connection: stamp.connection,
            name,
            bytes,
        });
    }
}
