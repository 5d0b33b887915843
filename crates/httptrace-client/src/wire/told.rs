//! What the taps tell of a request on the wire: the one place that emits these events, for both protocols.

use std::time::Instant;

use httptrace::Emitter;
use httptrace::info::{
    GotFirstResponseByte, StreamOpened, Wait100Continue, WriteOutcome, WrittenFields, WroteBody,
    WroteHeaderField, WroteHeaders, WroteRequest,
};

/// A header field as it was written: a name and its values.
pub(crate) type Field = WroteHeaderField;

/// What one completed flush carried of a request.
pub(super) struct Written {
    pub(super) emitter: Emitter,
    /// The stream that the head opened, where requests have streams.
    pub(super) stream_id: Option<u32>,
    /// Whether it carried the end of the head, and the head's fields.
    pub(super) head: bool,
    pub(super) fields: WrittenFields,
    /// After its head the request waits for `100 Continue`.
    pub(super) holds_body: bool,
    pub(super) body_bytes: u64,
    /// Bytes of the whole body, if this flush carried the request's end.
    pub(super) end: Option<u64>,
}

impl Written {
    /// Tells all of it, as of that instant.
    pub(super) fn tell(self, at: Instant) {
        let emitter = self.emitter;
        if self.head {
            if let Some(stream_id) = self.stream_id {
                emitter.emit_at(at, || StreamOpened::new(stream_id));
            }
            emitter.wrote_header_fields_at(at, self.fields);
            emitter.emit_at(at, WroteHeaders::new);
            if self.holds_body {
                emitter.emit_at(at, Wait100Continue::new);
            }
        }
        if self.body_bytes > 0 {
            emitter.emit_at(at, || WroteBody::new(self.body_bytes));
        }
        if let Some(total) = self.end {
            emitter.emit_at(at, || {
                WroteRequest::new(WriteOutcome::Sent).with_body_bytes(total)
            });
        }
    }
}

/// The request will not be written to its end; so many bytes of its body were.
pub(super) fn given_up(emitter: &Emitter, outcome: impl FnOnce() -> WriteOutcome, body_bytes: u64) {
    emitter.emit(|| WroteRequest::new(outcome()).with_body_bytes(body_bytes));
}

/// The first byte of the response came.
pub(super) fn first_byte(emitter: &Emitter, at: Instant) {
    emitter.emit_at(at, GotFirstResponseByte::new);
}
