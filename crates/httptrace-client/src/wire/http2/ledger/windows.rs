//! What a request's data waits for (RFC 9113 section 5.2).

use httptrace::EventError;
use httptrace::info::FlowWindow;

use super::{Ledger, Now};
use crate::wire::http2::stream::Stream;
use crate::wire::http2::tell::What;

impl Ledger {
    /// A request came to have data to send. If there is no room for it and anybody listens, the driver is to settle that:
    /// what the request's own task told might come after what the driver tells next.
    pub(in crate::wire::http2) fn gained_data(&mut self, id: u32) {
        let is_told = |stream: &Stream| {
            let is_full = stream.window <= 0 || self.window <= 0;
            is_full && !stream.emitter.is_none()
        };
        if self.streams.get(id).is_some_and(is_told) {
            self.unsettled.push(id);
            self.wakers.extend(self.driver.take());
        }
    }

    /// Settles what a stream's data waits for, if it waits.
    pub(in crate::wire::http2) fn balance(&mut self, id: u32, now: &mut Now) {
        let Some(stream) = self.streams.get_mut(id) else {
            return;
        };
        let exhausted = if !stream.owes_data() {
            None
        } else if stream.window <= 0 {
            Some(FlowWindow::Stream)
        } else {
            (self.window <= 0).then_some(FlowWindow::Connection)
        };
        if exhausted == stream.waiting {
            return;
        }
        let before = std::mem::replace(&mut stream.waiting, exhausted);
        let done = before.map(|window| What::WaitDone(window, None));
        let start = exhausted.map(What::WaitStart);
        for what in done.into_iter().chain(start) {
            self.tell_stream(id, || now.get(), what);
        }
    }

    pub(super) fn balance_all(&mut self, now: &mut Now) {
        if !self.streams.are_heard() {
            // What nobody is told of is not asked for: there may be many streams.
            return;
        }
        let owing = self.streams.iter().filter(|(_, s)| s.owes_data());
        let ids: Vec<_> = owing.map(|(id, _)| id).collect();
        for id in ids {
            self.balance(id, now);
        }
    }

    /// A stream's wait ends without the window that it waited for.
    pub(in crate::wire::http2) fn end_wait(
        &mut self,
        id: u32,
        now: &mut Now,
        why: impl FnOnce() -> EventError,
    ) {
        if let Some(stream) = self.streams.get_mut(id) {
            stream.holding = false;
            if let Some(window) = stream.waiting.take() {
                let what = What::WaitDone(window, Some(why()));
                self.tell_stream(id, || now.get(), what);
            }
        }
    }
}
