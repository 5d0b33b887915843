//! What the bytes say that were read.

use std::time::Instant;

use httptrace::info::{Http2Code, ResetBy};

use super::{Ledger, Now, Ping, end_of_block};
use crate::wire::http2::control;
use crate::wire::http2::frames::{Fact, FrameHead, kind};
use crate::wire::http2::stream::Way;
use crate::wire::http2::tell::What;

impl Ledger {
    pub(super) fn got(&mut self, fact: Fact<'_>, now: &mut Now) {
        match fact {
            Fact::Head(head) => {
                let began = self.began.take();
                match head.kind {
                    kind::HEADERS => self.begin_block(head, began, now),
                    kind::CONTINUATION => self.continue_block(head),
                    _ => {}
                }
            }
            Fact::Data(..) => {}
            Fact::Done(head, payload) => match head.kind {
                kind::DATA if head.ends_stream() => self.end_response(head.stream, now),
                kind::DATA => {}
                kind::HEADERS | kind::CONTINUATION => {
                    if let Some((_, true)) = end_of_block(head, &mut self.block_in) {
                        self.end_response(head.stream, now);
                    }
                }
                _ => self.got_control(head, payload, now),
            },
        }
    }

    /// A field block of a response begins. Its bytes are counted, frame by frame.
    fn begin_block(&mut self, head: FrameHead, began: Option<Instant>, now: &mut Now) {
        let Some(stream) = self.streams.get_mut(head.stream) else {
            return;
        };
        stream.block_bytes = u64::from(head.length);
        let is_first = !std::mem::replace(&mut stream.response_begun, true);
        if is_first && !stream.emitter.is_none() {
            let at = || began.unwrap_or_else(|| now.get());
            self.tell_stream(head.stream, at, What::FirstByte);
        }
    }

    fn continue_block(&mut self, head: FrameHead) {
        if let Some(stream) = self.streams.get_mut(head.stream) {
            stream.block_bytes += u64::from(head.length);
        }
    }

    fn end_response(&mut self, id: u32, now: &mut Now) {
        if let Some(stream) = self.streams.get_mut(id) {
            stream.response_ended = true;
            if stream.end > Way::Ahead {
                self.close(id, now);
            }
        }
    }

    fn got_control(&mut self, head: FrameHead, payload: &[u8], now: &mut Now) {
        if !head.is_sound() {
            return;
        }
        match head.kind {
            kind::RST_STREAM => {
                let code = Http2Code(control::number(payload).unwrap_or(0));
                if let Some(stream) = self.streams.get_mut(head.stream) {
                    let first = stream.reset.is_none();
                    stream.reset.get_or_insert((ResetBy::Peer, code));
                    if first {
                        self.tell_reset(head.stream, now);
                    }
                    self.close(head.stream, now);
                }
            }
            kind::SETTINGS if !head.is_ack() => self.got_settings(payload, now),
            kind::PING if head.is_ack() => self.got_pong(payload, now),
            kind::GOAWAY => self.got_go_away(payload, now),
            kind::WINDOW_UPDATE => self.got_window(head.stream, payload, now),
            _ => {}
        }
    }

    fn got_settings(&mut self, payload: &[u8], now: &mut Now) {
        let settings = control::settings(payload);
        self.slots.limit(settings.max_concurrent_streams);
        self.max_header_list = settings.max_header_list_size.or(self.max_header_list);
        let window = settings.initial_window_size;
        self.tell_settings(settings, now);
        if let Some(window) = window {
            // It changes the windows of the streams that there are as well (section 6.9.2).
            let more = i64::from(window) - self.initial_window;
            self.initial_window += more;
            for stream in self.streams.all_mut() {
                stream.window += more;
            }
            self.balance_all(now);
        }
    }

    fn got_pong(&mut self, payload: &[u8], now: &mut Now) {
        let answers = |ping: &Ping| ping.payload == payload;
        if self.ping.as_ref().is_some_and(answers) {
            if let Some(sent) = self.ping.take().and_then(|ping| ping.sent) {
                let round_trip = now.get().saturating_duration_since(sent);
                self.tell_all(&What::Pong(round_trip), now);
            }
        }
    }

    fn got_go_away(&mut self, payload: &[u8], now: &mut Now) {
        self.slots.retire();
        let Some(said) = control::go_away(payload, ResetBy::Peer) else {
            return;
        };
        self.tell_all(&What::GoAway(said.clone()), now);
        let ids = self.streams.ids();
        let ignored: Vec<_> = ids.filter(|id| *id > said.last_stream_id).collect();
        // A second one may name fewer streams, never more (section 6.8).
        self.go_away = Some(said);
        for id in ignored {
            self.close(id, now);
        }
    }

    fn got_window(&mut self, id: u32, payload: &[u8], now: &mut Now) {
        let more = i64::from(control::increment(payload).unwrap_or(0));
        if id == 0 {
            let before = self.window;
            self.window += more;
            if before <= 0 && self.window > 0 {
                self.balance_all(now);
            }
        } else if let Some(stream) = self.streams.get_mut(id) {
            stream.window += more;
            self.balance(id, now);
        }
    }
}
