//! Whether a ledger is in order: for tests and fuzz targets.

use httptrace::info::FlowWindow;

use super::{Ledger, Now};

impl Ledger {
    /// Panics unless the places add up and nothing is left to be told of windows. So many streams are taken and have no
    /// request yet.
    pub(in crate::wire::http2) fn audit(&mut self, reserved: usize) {
        let open = self.streams.all().filter(|s| !s.closed).count();
        let left = |s: &&super::Stream| !s.closed && s.released;
        let abandoned = self.streams.all().filter(left).count();
        assert_eq!(self.slots.counts(), (reserved, open, abandoned));
        assert_eq!(self.slots.is_idle(), reserved + open == 0);
        for stream in self.streams.all() {
            assert!(!stream.is_forgettable(), "it is remembered for nothing");
            assert!(!(stream.closed && stream.waiting.is_some()), "it is over");
        }
        assert!(self.unsettled.is_empty(), "the driver has settled all");
        let heard = self.streams.iter().filter(|(_, s)| !s.emitter.is_none());
        let ids: Vec<_> = heard.map(|(id, _)| id).collect();
        for id in ids {
            let before = self.waits(id);
            self.balance(id, &mut Now::default());
            assert_eq!(self.waits(id), before, "stream {id} waits");
        }
    }

    fn waits(&self, id: u32) -> Option<FlowWindow> {
        self.streams.get(id).and_then(|stream| stream.waiting)
    }

    /// How many bytes of a stream's data a codec could hand over now: what it was given, as far as the windows go.
    pub(in crate::wire::http2) fn sendable(&self, id: u32) -> u64 {
        let Some(stream) = self.streams.get(id) else {
            return 0;
        };
        let room = u64::try_from(self.window.min(stream.window)).unwrap_or(0);
        room.min(stream.given.saturating_sub(stream.accepted))
    }
}
