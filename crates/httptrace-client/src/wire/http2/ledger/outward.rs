//! What the bytes say that were accepted.

use httptrace::info::{Http2Code, ResetBy};

use super::{Ledger, Now, Ping, end_of_block};
use crate::wire::http2::control;
use crate::wire::http2::frames::{Fact, FrameHead, kind};
use crate::wire::http2::stream::Way;

impl Ledger {
    pub(super) fn sent(&mut self, fact: Fact<'_>, now: &mut Now) {
        match fact {
            Fact::Head(_) => {}
            Fact::Data(head, bytes) => self.sent_data(head.stream, bytes, now),
            Fact::Done(head, payload) => match head.kind {
                kind::DATA if head.ends_stream() => self.advance(head.stream, false, true, now),
                kind::DATA => {}
                kind::HEADERS | kind::CONTINUATION => {
                    if let Some((id, ends)) = end_of_block(head, &mut self.block_out) {
                        self.advance(id, true, ends, now);
                    }
                }
                _ => self.sent_control(head, payload, now),
            },
        }
    }

    fn sent_control(&mut self, head: FrameHead, payload: &[u8], now: &mut Now) {
        match head.kind {
            kind::RST_STREAM => {
                let code = Http2Code(control::number(payload).unwrap_or(0));
                if let Some(stream) = self.streams.get_mut(head.stream) {
                    stream.reset.get_or_insert((ResetBy::Local, code));
                    stream.reset_untold = true;
                    self.touch(head.stream);
                    self.close(head.stream, now);
                }
            }
            kind::GOAWAY => {
                self.slots.retire();
                self.go_away_out = control::go_away(payload, ResetBy::Local);
                self.farewell = self.go_away_out.clone();
            }
            kind::PING if !head.is_ack() => {
                if let Ok(payload) = payload.try_into() {
                    let sent = None;
                    self.ping = Some(Ping { payload, sent });
                }
            }
            _ => {}
        }
    }

    fn sent_data(&mut self, id: u32, bytes: u32, now: &mut Now) {
        let before = self.window;
        self.window -= i64::from(bytes);
        if let Some(stream) = self.streams.get_mut(id) {
            stream.window -= i64::from(bytes);
            stream.accepted += u64::from(bytes);
            // Else it has not waited, and need not.
            let is_to_balance = stream.waiting.is_some() || stream.window <= 0 || self.window <= 0;
            self.touch(id);
            if is_to_balance {
                self.balance(id, now);
            }
        }
        if before > 0 && self.window <= 0 {
            self.balance_all(now);
        }
    }

    /// Something of a stream is to be looked at when it is flushed.
    fn touch(&mut self, id: u32) {
        // A frame comes in many pieces.
        if self.touched.last() != Some(&id) {
            self.touched.push(id);
        }
    }

    /// A field block of a request was accepted to its end, or the request was.
    fn advance(&mut self, id: u32, head: bool, end: bool, now: &mut Now) {
        let Some(stream) = self.streams.get_mut(id) else {
            return;
        };
        if head {
            stream.head = stream.head.max(Way::Accepted);
        }
        if end {
            stream.end = Way::Accepted;
        }
        let is_over = end && stream.response_ended;
        self.touch(id);
        if is_over {
            self.close(id, now);
        }
    }
}
