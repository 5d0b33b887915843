//! A call that is folded as it goes on.

mod log;
mod places;

use std::time::Duration;

use super::Recorder;
use super::listed::ListedCall;
use crate::emitter::{Info, sealed::Sealed};
use crate::event::{Event, EventName, Stamp};
use crate::id::CallId;
use crate::info::{CallEnd, CallStart};
use crate::timeline::{AttemptTimeline, Attempts, Offsets, Stamped, Timeline};

use log::{Entry, Log};

/// The events of a call, folded as they come: what each knows is in its place in the timeline, and a log tells what came
/// when. [`events`](Self::events) puts the two together again.
///
/// That works for as long as each event has a place of its own and none is earlier than the one before it, so that
/// there is nothing to sort; what does not fit is given back by [`Sealed::fold_into`].
#[derive(Debug, Default)]
pub struct FoldedCall {
    log: Log,
    /// How many events the log tells of.
    len: usize,
    clock: Option<Offsets>,
    start: Option<CallStart>,
    attempts: Attempts,
    end: Option<Stamped<CallEnd>>,
}

impl FoldedCall {
    /// How many events there are.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
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
    pub(super) fn events(&self, call: Option<CallId>) -> Vec<Event> {
        let mut events = Vec::with_capacity(self.len);
        let Some(clock) = &self.clock else {
            return events;
        };
        let mut reader = self.reader();
        for entry in self.log.iter() {
            let stamp = Stamp {
                at: clock.instant(entry.offset()),
                call,
                attempt: (!is_of_the_call(entry.name)).then_some(entry.attempt),
                connection: entry.connection,
            };
            reader.read(entry, |kind| events.push(stamp.event(kind)));
        }
        events
    }

    /// The same events as a list, which takes any event.
    pub(super) fn to_list(&self, call: Option<CallId>) -> ListedCall {
        let mut list = ListedCall::with_capacity(2 * self.len);
        for event in self.events(call) {
            // It is kept: what was folded is within a list's limits.
            list.keep(event);
        }
        list
    }

    /// The offset of an event that may come next; absent if it comes too early, or too late to be kept.
    #[inline]
    fn offset(&mut self, stamp: &Stamp) -> Option<Duration> {
        let clock = self.clock.get_or_insert_with(|| Offsets::from(stamp.at));
        match self.len < Recorder::EVENTS_PER_CALL {
            true => clock.next(stamp.at),
            false => None,
        }
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
        stamp: &Stamp,
        info: T,
        place: impl FnOnce(&mut AttemptTimeline) -> &mut Option<Stamped<T>>,
    ) -> Result<(), T> {
        self.put(stamp, info, |attempt, at, info| match place(attempt) {
            slot @ None => {
                *slot = Some(Stamped::new(at, info));
                Ok(())
            }
            Some(_) => Err(info),
        })
    }

    /// Puts an event of an attempt into its place; `put` gives it back if that is taken.
    #[inline]
    fn put<T: Info>(
        &mut self,
        stamp: &Stamp,
        info: T,
        put: impl FnOnce(&mut AttemptTimeline, Duration, T) -> Result<(), T>,
    ) -> Result<(), T> {
        let Some((at, attempt)) = self.place(stamp) else {
            return Err(info);
        };
        put(attempt, at, info)?;
        self.note(at, stamp, T::NAME, 1);
        Ok(())
    }

    /// An event is in its place.
    #[inline]
    fn note(&mut self, at: Duration, stamp: &Stamp, name: EventName, amount: u64) {
        let of = (stamp.attempt, stamp.connection);
        self.log.push(Entry::new(at, of, (name, amount)));
        self.len += 1;
    }
}

/// Whether an event is the call's own, and of none of its attempts.
fn is_of_the_call(name: EventName) -> bool {
    matches!(name, EventName::CallStart | EventName::CallEnd)
}
