//! What the tap has seen of the exchange in progress.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use httptrace::info::{WriteOutcome, WrittenFields};
use httptrace::{Emitter, EventError, EventName};

use super::super::fields::FieldsInTurn;
use super::super::told::{self, Written};
use super::stir::{Memory, Stir};
use super::unfold::Unfold;
use super::{RequestDecoder, ResponseHeads, Surplus};

/// What the tap has seen of the exchange in progress; shared with whoever drives the connection.
#[derive(Clone)]
pub(crate) struct Watch {
    shared: Arc<Shared>,
    stream: Arc<Memory>,
}

struct Shared {
    seen: Mutex<Seen>,
    /// There may be informational heads that nobody has been told of yet.
    informs: AtomicBool,
}

/// What is known of a request before it is written.
pub(crate) struct Begin {
    pub(crate) emitter: Emitter,
    /// Its head says how long its body is.
    pub(crate) is_framed: bool,
    /// After its head it waits for `100 Continue`.
    pub(crate) holds_body: bool,
}

struct Seen {
    emitter: Emitter,
    request: RequestDecoder,
    fields: FieldsInTurn,
    /// The request's body waits for `100 Continue` when its head is flushed.
    holds_body: bool,
    head_flushed: bool,
    request_flushed: bool,
    /// A write failed: nothing more of the request leaves.
    write_failed: bool,
    /// `WroteRequest` was emitted.
    told: bool,
    /// Body bytes that `WroteBody` has told of.
    told_body: u64,
    response_begun: bool,
    heads: ResponseHeads,
    unfold: Unfold,
    /// Informational heads that nobody has been told of yet.
    informational: Vec<Vec<u8>>,
    /// The exchange is over: if bytes still go to and fro, they are no longer HTTP's.
    over: bool,
}

impl Watch {
    /// Watches over a connection whose responses may have heads of so many bytes.
    pub(crate) fn new(max_head_bytes: usize) -> Self {
        let seen = Seen {
            emitter: Emitter::none(),
            request: RequestDecoder::new(),
            fields: FieldsInTurn::default(),
            holds_body: false,
            head_flushed: false,
            request_flushed: false,
            write_failed: false,
            told: false,
            told_body: 0,
            response_begun: false,
            heads: ResponseHeads::new(max_head_bytes),
            unfold: Unfold::default(),
            informational: Vec::new(),
            over: false,
        };
        Self {
            shared: Arc::new(Shared {
                seen: Mutex::new(seen),
                informs: AtomicBool::new(false),
            }),
            stream: Arc::default(),
        }
    }

    /// For the one who reads.
    pub(super) fn stir(&self) -> Stir {
        Stir::new(Arc::clone(&self.stream))
    }

    /// Whether the codec, which reads no further than it needs, has waited in vain for bytes, and there are none since.
    pub(crate) fn is_quiet(&self) -> bool {
        self.stream.is_quiet()
    }

    /// There may be something to read.
    pub(crate) fn disturb(&self) {
        self.stream.disturb();
    }

    /// A request is about to be written: what is seen from now on is its.
    pub(crate) fn begin(&self, begin: Begin) {
        let mut seen = self.lock();
        seen.request.restart(begin.is_framed);
        seen.emitter = begin.emitter;
        seen.holds_body = begin.holds_body;
        seen.head_flushed = false;
        seen.request_flushed = false;
        seen.write_failed = false;
        seen.told = false;
        seen.told_body = 0;
        seen.response_begun = false;
        seen.heads.begin();
        seen.unfold.begin();
        seen.informational.clear();
        seen.over = false;
    }

    /// The exchange is over: what is seen from now on is nobody's.
    pub(crate) fn end(&self) {
        let mut seen = self.lock();
        seen.emitter = Emitter::none();
        seen.over = true;
    }

    /// The informational heads that have come and were not taken yet.
    pub(crate) fn take_informational(&self) -> Vec<Vec<u8>> {
        if !self.shared.informs.load(Ordering::Relaxed) {
            return Vec::new();
        }
        self.shared.informs.store(false, Ordering::Relaxed);
        std::mem::take(&mut self.lock().informational)
    }

    /// What was taken out of the final response's head, which has come.
    pub(crate) fn take_surplus(&self) -> Option<Surplus> {
        self.lock().heads.take_surplus()
    }

    /// The request will not be written to its end. Emits `WroteRequest`, if a byte of it was written and its end was
    /// not told yet.
    pub(crate) fn give_up(&self, outcome: impl FnOnce() -> WriteOutcome) {
        let (emitter, body_bytes) = {
            let mut seen = self.lock();
            if seen.told || !seen.request.is_begun() {
                return;
            }
            seen.told = true;
            (seen.emitter.clone(), seen.told_body)
        };
        told::given_up(&emitter, outcome, body_bytes);
    }

    /// Whether a byte of the request was accepted.
    pub(crate) fn is_request_begun(&self) -> bool {
        self.lock().request.is_begun()
    }

    /// Whether the peer may answer a request that it has at least a byte of.
    pub(super) fn awaits_answer(&self) -> bool {
        let seen = self.lock();
        seen.request.is_begun() && !seen.over
    }

    /// Whether the request's head was handed to the kernel.
    pub(crate) fn is_head_flushed(&self) -> bool {
        self.lock().head_flushed
    }

    /// Whether the request was handed to the kernel to its end.
    pub(crate) fn is_request_flushed(&self) -> bool {
        self.lock().request_flushed
    }

    /// Whether all of the request has left that ever will: the answer is the peer's turn.
    pub(crate) fn is_writing_over(&self) -> bool {
        let seen = self.lock();
        seen.request_flushed || seen.write_failed
    }

    /// Whether a byte of the response arrived.
    pub(crate) fn is_response_begun(&self) -> bool {
        self.lock().response_begun
    }

    /// The stream accepted bytes. Returns whether they end something that is told of when it is flushed.
    pub(super) fn wrote<'a>(
        &self,
        accepted: usize,
        buffers: impl IntoIterator<Item = &'a [u8]>,
    ) -> bool {
        let mut seen = self.lock();
        let mut rest = accepted;
        for buffer in buffers {
            let taken = rest.min(buffer.len());
            seen.request.feed(&buffer[..taken]);
            rest -= taken;
        }
        let ends_head = seen.request.is_head_done() && !seen.head_flushed;
        let ends_request = seen.request.is_done() && !seen.request_flushed;
        ends_head || ends_request || seen.emitter.wants(EventName::WroteBody)
    }

    /// A flush completed after a write: tells what it carried. The hooks run after the lock is gone.
    pub(super) fn flushed(&self) {
        let flushed = self.lock().flush();
        if let Some((at, written)) = flushed {
            written.tell(at);
        }
    }

    /// Bytes were read.
    pub(super) fn read(&self, bytes: &[u8]) -> Read {
        let (read, first) = {
            let mut seen = self.lock();
            let first = match std::mem::replace(&mut seen.response_begun, true) {
                true => None,
                // Before anything is made of the bytes, which takes its time.
                false => seen.emitter.now().map(|at| (at, seen.emitter.clone())),
            };
            let mut fed = seen.heads.feed(bytes);
            if fed.is_intricate {
                let passed = fed.instead.as_deref().unwrap_or(bytes);
                let mut unfolded = seen.unfold.feed(passed);
                if seen.heads.is_over() {
                    unfolded.append(&mut seen.unfold.end());
                }
                fed.instead = Some(unfolded);
            }
            let ends_turn = !fed.informational.is_empty();
            if ends_turn {
                seen.informational.append(&mut fed.informational);
                self.shared.informs.store(true, Ordering::Relaxed);
            }
            let read = Read {
                instead: fed.instead,
                ends_turn,
            };
            (read, first)
        };
        if let Some((at, emitter)) = first {
            told::first_byte(&emitter, at);
        }
        read
    }

    pub(super) fn failed(&self, error: &io::Error) {
        self.lock().write_failed = true;
        self.give_up(|| {
            let copy = io::Error::new(error.kind(), error.to_string());
            WriteOutcome::Failed(EventError::io(copy))
        });
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.shared
            .seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is to be made of bytes that were read.
pub(super) struct Read {
    /// What the codec is given instead of them; all of them if absent.
    pub(super) instead: Option<Vec<u8>>,
    /// There are informational heads among them, for whoever drives the connection.
    pub(super) ends_turn: bool,
}

impl Seen {
    /// What the flush carried, and when it was over.
    fn flush(&mut self) -> Option<(Instant, Written)> {
        // First of all: what is made of the head for those who listen takes its time.
        let at = match self.told {
            true => None,
            false => self.emitter.now(),
        };
        let head = self.request.is_head_done() && !self.head_flushed;
        let end = self.request.is_done() && !self.request_flushed;
        self.head_flushed |= head;
        self.request_flushed |= end;
        let total = self.request.body_bytes();
        let body_bytes = total - self.told_body;
        self.told_body = total;
        // After `WroteRequest` there is nothing more to tell of the request.
        self.told |= end;
        let at = at?;
        let written = Written {
            stream_id: None,
            fields: match head && self.emitter.wants(EventName::WroteHeaderField) {
                true => self.fields.of(self.request.head()),
                false => WrittenFields::default(),
            },
            emitter: self.emitter.clone(),
            head,
            holds_body: self.holds_body,
            body_bytes,
            end: end.then_some(total),
        };
        Some((at, written))
    }
}
