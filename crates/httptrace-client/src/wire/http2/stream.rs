//! One stream in the tap's ledger.

use std::task::Waker;

use httptrace::info::{FlowWindow, Http2Code, ResetBy, WrittenFields};
use httptrace::{Emitter, EventName};

use crate::wire::told::{Field, Written};

/// What is known of a request before its stream is opened.
pub(crate) struct Opening {
    pub(crate) emitter: Emitter,
    /// Its header fields in the order of the wire, if anybody wants to know.
    pub(crate) fields: Vec<Field>,
    /// After its head it waits for `100 Continue`.
    pub(crate) holds_body: bool,
}

/// How far a part of a request has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    #[default]
    Ahead,
    /// The stream below has accepted all of it.
    Accepted,
    /// All of it was handed to the kernel.
    Flushed,
}

/// One request's stream, as seen on the wire.
pub(super) struct Stream {
    pub(super) emitter: Emitter,
    fields: Vec<Field>,
    holds_body: bool,
    pub(super) head: Way,
    pub(super) end: Way,
    /// Bytes of the body that the codec was given, that were accepted below, and that were told of.
    pub(super) given: u64,
    pub(super) accepted: u64,
    told: u64,
    /// `WroteRequest` was told.
    pub(super) is_request_told: bool,
    pub(super) response_begun: bool,
    pub(super) response_ended: bool,
    /// How long the last field block of the response is on the wire, as far as it has begun.
    pub(super) block_bytes: u64,
    pub(super) reset: Option<(ResetBy, Http2Code)>,
    /// A reset of ours that has not been handed to the kernel yet.
    pub(super) reset_untold: bool,
    /// How many bytes the peer still takes on this stream.
    pub(super) window: i64,
    /// Who waits for the head or the end to be flushed.
    pub(super) waker: Option<Waker>,
    /// There is data that the codec was not given yet.
    pub(super) holding: bool,
    /// What its data waits for.
    pub(super) waiting: Option<FlowWindow>,
    /// As far as the wire goes, it is over.
    pub(super) closed: bool,
    /// How many there are who ask for it.
    pub(super) watchers: u32,
    /// Nobody asks for it any more.
    pub(super) released: bool,
}

impl Stream {
    pub(super) fn new(opening: Opening, window: i64) -> Self {
        Self {
            emitter: opening.emitter,
            fields: opening.fields,
            holds_body: opening.holds_body,
            head: Way::Ahead,
            end: Way::Ahead,
            given: 0,
            accepted: 0,
            told: 0,
            is_request_told: false,
            response_begun: false,
            response_ended: false,
            block_bytes: 0,
            reset: None,
            reset_untold: false,
            window,
            waker: None,
            holding: false,
            waiting: None,
            closed: false,
            watchers: 1,
            released: false,
        }
    }

    /// Whether there is data to send, in the codec or before it.
    pub(super) fn has_data(&self) -> bool {
        self.holding || self.given > self.accepted
    }

    /// Whether its data waits, or may come to wait.
    pub(super) fn may_wait(&self) -> bool {
        self.holding || self.waiting.is_some()
    }

    /// Whether it is data's turn, and there is some to send.
    pub(super) fn owes_data(&self) -> bool {
        let is_over = self.closed || self.released || self.is_request_told;
        self.has_data() && self.head == Way::Flushed && !is_over
    }

    /// Whether nothing more can come of it.
    pub(super) fn is_forgettable(&self) -> bool {
        let is_on_its_way = self.head == Way::Accepted || self.end == Way::Accepted;
        self.closed && self.released && !self.reset_untold && !is_on_its_way
    }

    /// Whether what was accepted is to be flushed at once, because something is told of it then.
    pub(super) fn is_urgent(&self) -> bool {
        self.head == Way::Accepted
            || self.end == Way::Accepted
            || self.emitter.wants(EventName::WroteBody)
    }

    /// What was accepted has been flushed.
    pub(super) fn flush(&mut self, stream_id: u32) -> Option<Written> {
        let head = self.head == Way::Accepted;
        let end = self.end == Way::Accepted;
        if head {
            self.head = Way::Flushed;
        }
        if end {
            self.end = Way::Flushed;
        }
        let body_bytes = self.accepted - self.told;
        self.told = self.accepted;
        // After `WroteRequest` there is nothing more to tell of the request.
        let was_told = self.is_request_told;
        self.is_request_told |= end;
        if self.emitter.is_none() || was_told {
            return None;
        }
        Some(Written {
            emitter: self.emitter.clone(),
            stream_id: Some(stream_id),
            fields: match head {
                true => std::mem::take(&mut self.fields).into(),
                false => WrittenFields::default(),
            },
            head,
            holds_body: self.holds_body,
            body_bytes,
            end: end.then_some(self.told),
        })
    }

    /// The request will not be written to its end. Returns whom to tell, and how many bytes of its body were written.
    pub(super) fn give_up(&mut self) -> Option<(Emitter, u64)> {
        if self.is_request_told || self.head == Way::Ahead {
            return None;
        }
        self.is_request_told = true;
        Some((self.emitter.clone(), self.told))
    }
}
