//! `Expect: 100-continue` (RFC 9110 section 10.1.1): the body is held back until the peer wants it, or cannot be asked.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Context;
use std::time::{Duration, Instant};

use http::{Method, Request, Response, header};
use httptrace::info::CloseReason;
use tokio::time::Sleep;

use super::SendBody;
use super::http1::{closes_after, says};
use crate::clock;

/// Holds a request's body back, and decides when it may go. The first fact that settles it counts.
///
/// Sans-IO: facts and `now` in, a [`Decision`] out. The gate has no end and no failure, because the codec would make an
/// empty body of the one, and would cut the answer off for the other: a body that is not to be sent waits for ever.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    patience: Duration,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    /// The head is on its way.
    Head,
    /// The peer has the head, and time until then; absent if no instant can hold it.
    Waiting(Option<Instant>),
    Open,
    Shut,
}

/// What is to become of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// It waits, until then if nothing else happens before; the time runs from the moment when the head is written.
    Hold { until: Option<Instant> },
    /// It may go.
    Open,
    /// It is not sent.
    HoldForEver,
}

impl Gate {
    /// For a peer that is given this long to say something once it has the request's head.
    pub(super) fn new(patience: Duration) -> Self {
        Self {
            patience,
            state: State::Head,
        }
    }

    /// The request's head was handed to the kernel: the peer's time begins.
    pub(super) fn head_written(&mut self, now: Instant) {
        if let State::Head = self.state {
            self.state = State::Waiting(now.checked_add(self.patience));
        }
    }

    /// `100 Continue` came. Other informational responses are no facts here: they leave the question open.
    pub(super) fn continued(&mut self) {
        self.settle(State::Open);
    }

    /// It is now this late.
    pub(super) fn time_passed(&mut self, now: Instant) {
        if let State::Waiting(Some(until)) = self.state {
            if now >= until {
                self.settle(State::Open);
            }
        }
    }

    /// The final response's head came. As in Go, the body goes after all if the connection stays: without it the peer
    /// would take the next request for the body.
    pub(super) fn answered(&mut self, closes: bool) {
        self.settle(match closes {
            true => State::Shut,
            false => State::Open,
        });
    }

    /// The request was given up: by its caller, by a hook, by a deadline, or because the connection is lost.
    pub(super) fn given_up(&mut self) {
        self.settle(State::Shut);
    }

    pub(super) fn decision(&self) -> Decision {
        match self.state {
            State::Head => Decision::Hold { until: None },
            State::Waiting(until) => Decision::Hold { until },
            State::Open => Decision::Open,
            State::Shut => Decision::HoldForEver,
        }
    }

    fn settle(&mut self, state: State) {
        if let State::Head | State::Waiting(_) = self.state {
            self.state = state;
        }
    }
}

/// A gate as those see it who have to do with it: the exchange, the body, and the listener to informational responses.
#[derive(Clone)]
pub(super) struct SharedGate(Arc<Mutex<Gate>>);

impl SharedGate {
    /// Whether the body may go.
    pub(super) fn is_open(&self) -> bool {
        self.lock().decision() == Decision::Open
    }

    /// `100 Continue` came, and no hook objected.
    pub(super) fn continued(&self) {
        self.lock().continued();
    }

    fn lock(&self) -> MutexGuard<'_, Gate> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The wait of one exchange, from its request to the final response's head at least.
pub(super) struct Waiting {
    gate: SharedGate,
    sleep: Option<Pin<Box<Sleep>>>,
    /// What decides with the response whether the connection stays.
    method: Method,
    says_close: bool,
}

impl Waiting {
    /// Holds the request's body back, if the request asks for that and there is time to wait.
    pub(super) fn hold_back(
        request: &mut Request<SendBody>,
        patience: Option<Duration>,
    ) -> Option<Self> {
        let patience = patience.filter(|patience| !patience.is_zero())?;
        if !asks_for_100(request) {
            return None;
        }
        let gate = SharedGate(Arc::new(Mutex::new(Gate::new(patience))));
        request.body_mut().hold_behind(gate.clone());
        Some(Self {
            gate,
            sleep: None,
            method: request.method().clone(),
            says_close: says(request.headers(), "close"),
        })
    }

    pub(super) fn gate(&self) -> &SharedGate {
        &self.gate
    }

    /// What is decided so far. Wakes the task when the time is over.
    pub(super) fn poll(&mut self, head_written: bool, cx: &mut Context<'_>) -> Decision {
        let now = clock::now();
        let mut gate = self.gate.lock();
        if head_written {
            gate.head_written(now);
        }
        gate.time_passed(now);
        if let Decision::Hold { until: Some(until) } = gate.decision() {
            let sleep = self
                .sleep
                .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until.into())));
            if sleep.as_mut().poll(cx).is_ready() {
                gate.time_passed(until);
            }
        }
        gate.decision()
    }

    /// The final response's head came: the last that could be waited for. A `101` is one as well, and after it the
    /// connection speaks another protocol only when the request is whole (RFC 9110 section 7.8).
    pub(super) fn answered<B>(&self, response: &Response<B>) -> Decision {
        let closes = match closes_after(&self.method, false, response) {
            // The request must be whole before another protocol is spoken.
            Some(CloseReason::Upgraded) => says(response.headers(), "close"),
            reason => reason.is_some(),
        };
        let closes = self.says_close || closes;
        let mut gate = self.gate.lock();
        gate.answered(closes);
        gate.decision()
    }

    /// There will be no response's head.
    pub(super) fn given_up(&self) {
        self.gate.lock().given_up();
    }
}

/// Whether a request asks for `100 Continue` and has content that could wait for it (RFC 9110 section 10.1.1).
pub(super) fn asks_for_100(request: &Request<SendBody>) -> bool {
    if !request.body().has_content() {
        return false;
    }
    let mut values = request.headers().get_all(header::EXPECT).iter();
    let is_token = |token: &[u8]| token.eq_ignore_ascii_case(b"100-continue");
    values.any(|value| {
        let is_boundary = |byte: &u8| matches!(byte, b' ' | b'\t' | b',');
        value.as_bytes().split(is_boundary).any(is_token)
    })
}

#[cfg(test)]
mod tests;
