//! 1xx responses: told to the hooks, which may say no; counted, where no hook counts them itself.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::{HeaderMap, Request, StatusCode};
use httptrace::info::{Got1xxResponse, Got100Continue};
use httptrace::{Emitter, ErrorKind, EventName, Phase};

use super::SendBody;
use super::exchange::for_hooks;
use super::expect::{SharedGate, asks_for_100};
use crate::error::Error;
use crate::wire::Watch;

/// How many informational responses one request takes, where no hook decides.
const MAX_RESPONSES: usize = 100;
/// How many bytes of header fields they may have together.
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
    bytes: usize,
    refused: Option<Error>,
}

impl Informational {
    /// Listens to the informational responses of a request, and opens the gate if one of them lets its body go.
    pub(super) fn listen(
        request: &mut Request<SendBody>,
        emitter: &Emitter,
        watch: &Watch,
        gate: Option<SharedGate>,
    ) -> Self {
        let state = State {
            emitter: emitter.clone(),
            expects_100: asks_for_100(request),
            gate,
            responses: 0,
            bytes: 0,
            refused: None,
        };
        let this = Self(Arc::new(Mutex::new(state)));
        let (listener, watch) = (this.clone(), watch.clone());
        hyper::ext::on_informational(request, move |response| {
            // hyper reads on until the final response: without an end to its turn, a server that sends these without
            // end would keep refusals, deadlines and whoever else shares the task waiting.
            watch.end_turn();
            listener.arrived(response.status(), response.headers());
        });
        this
    }

    /// Why the request must be aborted, if it must.
    pub(super) fn take_refusal(&self) -> Option<Error> {
        self.lock().refused.take()
    }

    fn arrived(&self, status: StatusCode, headers: &HeaderMap) {
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
                self.lock().refused.get_or_insert(refused);
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
        let sizes = headers
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len());
        self.responses += 1;
        self.bytes += sizes.sum::<usize>();
        let too_many = self.responses > MAX_RESPONSES || self.bytes > MAX_BYTES;
        if too_many && !self.emitter.limits_1xx_responses() {
            let message = format!(
                "the server sent too many informational responses ({} with {} bytes of header fields; the limits \
                 are {MAX_RESPONSES} and {MAX_BYTES}, unless a Got1xxResponse hook decides)",
                self.responses, self.bytes,
            );
            let refused = Error::new(Phase::Wait, ErrorKind::Protocol, message);
            self.refused.get_or_insert(refused);
        }
    }
}
