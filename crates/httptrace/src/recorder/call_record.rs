//! The events of one call.

use super::folded::FoldedCall;
use super::listed::ListedCall;
use crate::emitter::Info;
use crate::event::{Event, Stamp};
use crate::id::CallId;
use crate::info::WrittenFields;
use crate::timeline::Timeline;

/// The events of one call: folded as they come, as long as each has its place and they come in order, which is what a
/// request on a warm connection needs; a list, folded on demand, as soon as there is more to the call than that.
pub(crate) struct CallRecord {
    call: Option<CallId>,
    kept: Kept,
}

#[allow(clippy::large_enum_variant)] // mostly it is the large one, and a box of it would be an allocation
enum Kept {
    Folded(FoldedCall),
    Listed(ListedCall),
}

impl CallRecord {
    pub(crate) fn new(call: Option<CallId>) -> Self {
        Self {
            call,
            kept: Kept::Folded(FoldedCall::default()),
        }
    }

    #[inline]
    pub(super) fn call(&self) -> Option<CallId> {
        self.call
    }

    /// How many events are kept.
    pub(super) fn len(&self) -> usize {
        match &self.kept {
            Kept::Folded(folded) => folded.len(),
            Kept::Listed(listed) => listed.events().len(),
        }
    }

    pub(super) fn events(&self) -> Vec<Event> {
        match &self.kept {
            Kept::Folded(folded) => folded.events(self.call),
            Kept::Listed(listed) => listed.events().to_vec(),
        }
    }

    /// Folds an event, if the call is folded as it goes on and the event has its place there: by how many events the
    /// record has grown, or the event.
    #[inline]
    pub(super) fn fold<T: Info>(&mut self, stamp: &Stamp, info: T) -> Result<usize, T> {
        match &mut self.kept {
            Kept::Folded(folded) => {
                let before = folded.len();
                info.fold_into(folded, stamp)?;
                Ok(folded.len() - before)
            }
            Kept::Listed(_) => Err(info),
        }
    }

    /// The same for the header fields of a request, all of one instant.
    pub(super) fn fold_header_fields(
        &mut self,
        stamp: &Stamp,
        fields: WrittenFields,
    ) -> Result<usize, WrittenFields> {
        match &mut self.kept {
            Kept::Folded(folded) => folded.header_fields(stamp, fields),
            Kept::Listed(_) => Err(fields),
        }
    }

    /// Keeps an event of this call. What is not kept as it is, is given back: it was counted, or added to one that is kept.
    pub(crate) fn keep(&mut self, event: Event) -> Option<Event> {
        match &mut self.kept {
            Kept::Folded(folded) => {
                let stamp = event.stamp();
                let kind = event.kind.fold_into(folded, &stamp).err()?;
                let mut listed = folded.to_list(self.call);
                let not_kept = listed.keep(stamp.event(kind));
                self.kept = Kept::Listed(listed);
                not_kept
            }
            Kept::Listed(listed) => listed.keep(event),
        }
    }

    /// The timeline of the call, or none if what was seen makes none.
    pub(crate) fn timeline(&self) -> Option<Timeline> {
        match &self.kept {
            Kept::Folded(folded) if folded.len() > 0 => Some(folded.timeline(self.call)),
            Kept::Folded(_) => None,
            Kept::Listed(listed) => listed.timeline(self.call),
        }
    }

    /// Whether there is a timeline of it.
    pub(super) fn has_timeline(&self) -> bool {
        match &self.kept {
            Kept::Folded(folded) => folded.len() > 0,
            Kept::Listed(listed) => Timeline::is_told_by(self.call, listed.events()),
        }
    }

    /// How many events there are in a list, and for how many there is room.
    #[cfg(test)]
    pub(super) fn size(&self) -> Option<(usize, usize)> {
        match &self.kept {
            Kept::Folded(_) => None,
            Kept::Listed(listed) => Some(listed.size()),
        }
    }
}
