//! 1xx responses: told to the hooks, which may say no; counted, where no hook counts them itself.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::{HeaderMap, StatusCode};
use httptrace::info::{Got1xxResponse, Got100Continue};
use httptrace::{Emitter, ErrorKind, EventName, Phase};

use super::HeadLimits;
use super::expect::SharedGate;
use super::head::for_hooks;
use super::head_limits::head_bytes;
use crate::error::Error;

/// How many informational responses one request takes, where no hook decides.
const MAX_RESPONSES: usize = 100;
/// How many bytes they may have together.
const MAX_BYTES: usize = 64 * 1024;

/// The informational responses of one request.
#[derive(Clone)]
pub(super) struct Informational(Arc<Mutex<State>>);

struct State {
    emitter: Emitter,
    /// The request asked for `100 Continue` and has not got it.
    expects_100: bool,
    /// What holds the request's body back until then.
    gate: Option<SharedGate>,
    responses: usize,
    /// Of those that no hook has looked at.
    bytes: usize,
    limits: HeadLimits,
    refused: Option<Error>,
}

impl Informational {
    /// For a request that asks for `100 Continue`, or does not. The gate is opened if one of them lets its body go.
    pub(super) fn new(
        emitter: &Emitter,
        expects_100: bool,
        gate: Option<SharedGate>,
        limits: HeadLimits,
    ) -> Self {
        Self(Arc::new(Mutex::new(State {
            emitter: emitter.clone(),
            expects_100,
            gate,
            responses: 0,
            bytes: 0,
            limits,
            refused: None,
        })))
    }

    /// Why the request must be aborted, if it must.
    pub(super) fn take_refusal(&self) -> Option<Error> {
        self.lock().refused.take()
    }

    /// Why the final response must be refused, if it must: its head is too large together with those before it.
    pub(super) fn refuse_final(&self, headers: &HeaderMap) -> Option<Error> {
        let state = self.lock();
        // For a head alone the codec has counted, and better.
        let before = Some(state.bytes).filter(|bytes| *bytes > 0)?;
        let too_large = state.limits.are_exceeded_by(before + head_bytes(headers));
        too_large.then(|| state.limits.error())
    }

    /// The request must be aborted for this reason, unless there is one already.
    pub(super) fn refuse(&self, error: Error) {
        self.lock().refused.get_or_insert(error);
    }

    /// One of them came: tells the hooks, and counts it.
    pub(super) fn arrived(&self, status: StatusCode, headers: &HeaderMap) {
        let (emitter, is_expected) = {
            let mut state = self.lock();
            if state.refused.is_some() {
                return;
            }
            let is_expected = status == StatusCode::CONTINUE && state.expects_100;
            state.expects_100 &= !is_expected;
            state.count(headers);
            (state.emitter.clone(), is_expected)
        };
        if is_expected {
            emitter.emit(Got100Continue::new);
        }
        if emitter.wants(EventName::Got1xxResponse) {
            let verdict = emitter.emit_1xx(|| Got1xxResponse::new(status, for_hooks(headers)));
            if let Err(hook) = verdict {
                let message = format!("a hook refused the {status} response");
                let refused = Error::new(Phase::Wait, ErrorKind::Hook, message).with_source(hook);
                self.refuse(refused);
            }
        }
        let state = self.lock();
        let gate = state.gate.clone().filter(|_| state.refused.is_none());
        drop(state);
        if let Some(gate) = gate.filter(|_| is_expected) {
            gate.continued();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn count(&mut self, headers: &HeaderMap) {
        if self.emitter.limits_1xx_responses() {
            return;
        }
        self.responses += 1;
        self.bytes += head_bytes(headers);
        let refused = if self.limits.are_exceeded_by(self.bytes) {
            self.limits.error()
        } else if self.responses > MAX_RESPONSES || self.bytes > MAX_BYTES {
            let message = format!(
                "the server sent too many informational responses ({} of {} bytes; the limits are {MAX_RESPONSES} \
                 and {MAX_BYTES}, unless a Got1xxResponse hook decides)",
                self.responses, self.bytes,
            );
            Error::new(Phase::Wait, ErrorKind::Limit, message)
        } else {
            return;
        };
        self.refused.get_or_insert(refused);
    }
}
