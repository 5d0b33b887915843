//! What a recorder keeps of all calls.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{CallRecord, Recorder};
use crate::emitter::Info;
use crate::event::{Event, Stamp};
use crate::id::CallId;
use crate::info::WrittenFields;
use crate::observer::Observer;
use crate::timeline::Timeline;

/// What is kept, shared by a recorder with its traces.
#[derive(Default)]
pub(crate) struct Records(Mutex<Kept>);

impl Records {
    /// Keeps an event that was not built yet, and mostly need not be.
    #[inline]
    pub(crate) fn keep<T: Info>(&self, stamp: &Stamp, info: T) {
        let mut kept = self.lock();
        let folded = match kept.latest(stamp.call) {
            Some(latest) => latest.fold(stamp, info),
            None => Err(info),
        };
        match folded {
            Ok(grown) => forget_the_oldest_after(kept, grown),
            Err(info) => {
                drop(kept);
                self.on_owned_event(stamp.event(info));
            }
        }
    }

    /// Keeps the header fields of a request. Gives back those that are to be kept one by one.
    pub(crate) fn keep_header_fields(&self, stamp: &Stamp, fields: WrittenFields) -> WrittenFields {
        let mut kept = self.lock();
        let folded = match kept.latest(stamp.call) {
            Some(latest) => latest.fold_header_fields(stamp, fields),
            None => Err(fields),
        };
        match folded {
            Ok(grown) => {
                forget_the_oldest_after(kept, grown);
                WrittenFields::default()
            }
            Err(fields) => fields,
        }
    }

    /// The events kept, those of each call together.
    pub(super) fn events(&self) -> Vec<Event> {
        let kept = self.lock();
        kept.calls().flat_map(CallRecord::events).collect()
    }

    pub(super) fn latest_timeline(&self) -> Option<Timeline> {
        // Under the lock: it takes no longer than a copy of what could be folded without it.
        let kept = self.lock();
        let earlier = kept.earlier.iter().map(Box::as_ref);
        let mut latest_first = kept.latest.iter().chain(earlier.rev());
        latest_first
            .find(|record| record.has_timeline())?
            .timeline()
    }

    pub(super) fn timelines(&self) -> Vec<Timeline> {
        let kept = self.lock();
        kept.calls().filter_map(CallRecord::timeline).collect()
    }

    /// How many calls are kept, and how many events.
    pub(super) fn count(&self) -> (usize, usize) {
        let kept = self.lock();
        (kept.calls().count(), kept.len)
    }

    /// For each call that is a list how many events it has, and for how many there is room.
    #[cfg(test)]
    pub(super) fn sizes(&self) -> Vec<(usize, usize)> {
        self.lock().calls().filter_map(CallRecord::size).collect()
    }

    #[inline]
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Records {
    fn on_event(&self, event: &Event) {
        self.on_owned_event(event.clone());
    }

    fn on_owned_event(&self, event: Event) {
        let mut kept = self.lock();
        let Some(record) = kept.record_for(event.call) else {
            drop(kept);
            return;
        };
        let before = record.len();
        let not_kept = record.keep(event);
        let grown = record.len() - before;
        forget_the_oldest_after(kept, grown);
        // Without the lock: an error that comes with an event may be anybody's, and do anything when dropped.
        drop(not_kept);
    }
}

/// So many events more are kept. The same holds for what is forgotten for them.
#[inline(always)] // a guard that is handed over is unwrapped and wrapped again
fn forget_the_oldest_after(mut kept: MutexGuard<'_, Kept>, grown: usize) {
    kept.len += grown;
    if kept.len > Recorder::EVENTS {
        let forgotten = kept.forget_the_oldest();
        drop(kept);
        drop(forgotten);
    }
}

/// All calls that are kept, in the order in which they were first seen. The latest, which mostly is the only one, takes
/// no allocation.
#[derive(Default)]
struct Kept {
    earlier: VecDeque<Box<CallRecord>>,
    latest: Option<CallRecord>,
    /// Events kept in all.
    len: usize,
    /// The youngest call that was forgotten.
    forgotten: Option<CallId>,
}

impl Kept {
    fn calls(&self) -> impl Iterator<Item = &CallRecord> {
        self.earlier.iter().map(Box::as_ref).chain(&self.latest)
    }

    /// The latest call, if it is that one, or the first of all.
    #[inline]
    fn latest(&mut self, call: Option<CallId>) -> Option<&mut CallRecord> {
        if self.latest.is_none() && self.forgotten.is_none() {
            self.begin(call);
        }
        self.latest.as_mut().filter(|record| record.call() == call)
    }

    /// The record of a call, begun if there is none. None if the call was forgotten.
    fn record_for(&mut self, call: Option<CallId>) -> Option<&mut CallRecord> {
        if self.find(call).is_none() {
            if call.is_some() && call <= self.forgotten {
                return None;
            }
            self.begin(call);
        }
        self.find(call)
    }

    fn find(&mut self, call: Option<CallId>) -> Option<&mut CallRecord> {
        // From the back: what is in progress is mostly among the later ones.
        let earlier = self.earlier.iter_mut().map(Box::as_mut);
        let mut latest_first = earlier.chain(&mut self.latest).rev();
        latest_first.find(|record| record.call() == call)
    }

    fn begin(&mut self, call: Option<CallId>) {
        if let Some(before) = self.latest.take() {
            self.earlier.push_back(Box::new(before));
        }
        self.latest = Some(CallRecord::new(call));
    }

    #[cold]
    fn forget_the_oldest(&mut self) -> Option<CallRecord> {
        let oldest = self.earlier.pop_front().map(|record| *record);
        let record = oldest.or_else(|| self.latest.take())?;
        self.len -= record.len();
        self.forgotten = self.forgotten.max(record.call());
        Some(record)
    }
}
