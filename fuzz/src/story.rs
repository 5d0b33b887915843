//! Events from the fuzzer's bytes.

use std::time::{Duration, Instant};

use arbitrary::{Arbitrary, Unstructured};
use httptrace::{CallId, ConnectionId, Event, EventName};

use crate::kinds::{Choices, kind};

/// More events than these tell nothing new.
const MAX_EVENTS: usize = 100;

/// A list of events, in no order.
///
/// As bytes: for each event an odd byte, then its [`Draft`]; an even byte ends the list.
#[derive(Clone, Debug)]
pub struct Story(pub Vec<Draft>);

/// One event, before its instant and its identities are real ones: nine bytes, numbers in little endian.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Draft {
    /// Which event: its place among all there are.
    pub name: u8,
    /// What it says, see [`Choices`].
    pub choices: u32,
    /// When: nanoseconds, shifted by `shift` bits.
    pub at: u16,
    pub shift: u8,
    /// Two bits each for call, attempt and connection, from the lowest; 0 is none.
    pub owner: u8,
}

impl<'a> Arbitrary<'a> for Story {
    fn arbitrary(u: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let drafts = u.arbitrary_iter()?.take(MAX_EVENTS);
        drafts.collect::<Result<_, _>>().map(Self)
    }
}

impl Story {
    /// The events, beginning at `zero` or later.
    pub fn events(&self, zero: Instant) -> Vec<Event> {
        self.0.iter().map(|draft| draft.event(zero)).collect()
    }
}

impl Story {
    /// The bytes that make this list.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for draft in &self.0 {
            bytes.extend([1, draft.name]);
            bytes.extend(draft.choices.to_le_bytes());
            bytes.extend(draft.at.to_le_bytes());
            bytes.extend([draft.shift, draft.owner]);
        }
        bytes
    }
}

impl Draft {
    fn event(&self, zero: Instant) -> Event {
        // Up to 26 days: floats tell their nanoseconds apart.
        let nanos = u64::from(self.at) << (self.shift % 36);
        let names = EventName::ALL;
        let name = names[usize::from(self.name) % names.len()];
        let kind = kind(name, &mut Choices(self.choices));
        let mut event = Event::new(zero + Duration::from_nanos(nanos), kind);
        event.call = CallId::from_u64(u64::from(self.owner & 3));
        event.attempt = [None, Some(0), Some(1), Some(u32::MAX)][usize::from(self.owner >> 2 & 3)];
        event.connection = ConnectionId::from_u64(u64::from(self.owner >> 4 & 3));
        event
    }
}
