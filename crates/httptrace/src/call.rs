//! The call and its attempts, as the client that makes them sees them.

use std::sync::atomic::Ordering;
use std::time::{Instant, SystemTime};

use http::{Request, StatusCode, Uri};

use crate::client_trace::ClientTrace;
use crate::emitter::Emitter;
use crate::error::EventError;
use crate::id::CallId;
use crate::info::{
    AttemptEnd, AttemptReason, AttemptStart, CallEnd, CallStart, Redirect, RetryReason,
};

/// A call in progress: `CallStart` was emitted when it began, `CallEnd` is emitted by [`done`](Self::done), or with a
/// `canceled` error when it is dropped.
///
/// Whoever is handed the user's request makes it (a client with redirects, or a bare transport), and keeps it until
/// the response's body is over.
#[derive(Debug)]
pub struct Call {
    emitter: Emitter,
    /// Whether its end is still to be told.
    is_open: bool,
}

impl Call {
    /// Begins a call: takes the request's trace (and the scope's), emits `CallStart` and [marks](Self::mark) the
    /// request as part of this call, so that [`Attempt::start`] below finds it.
    pub fn start<B>(request: &mut Request<B>) -> Self {
        let call = Self::start_with(request, None, Instant::now);
        call.mark(request);
        call
    }

    /// The same for a client that has a trace of its own for all its requests, whose hooks run last, and a clock of
    /// its own (it must run on the same time line as [`Instant`]). The request is not marked: a client whose requests
    /// stay in its own hands begins their round trips with [`attempt`](Self::attempt) and needs no mark.
    pub fn start_with<B>(
        request: &Request<B>,
        client_trace: Option<&ClientTrace>,
        clock: fn() -> Instant,
    ) -> Self {
        let trace = match (ClientTrace::of(request), client_trace) {
            (Some(trace), Some(own)) => Some(trace.compose(own)),
            (trace, own) => trace.or_else(|| own.cloned()),
        };
        let emitter = match trace {
            Some(trace) => Emitter::new(Some(CallId::next()), trace, clock),
            None => Emitter::none(),
        };
        emitter.emit(|| {
            let uri = without_userinfo(request.uri());
            CallStart::new(SystemTime::now(), request.method().clone(), uri)
        });
        Self {
            emitter,
            is_open: true,
        }
    }

    /// Marks the request as part of this call, for the service that it is handed on to: [`Attempt::start`] and
    /// [`Emitter::of`] find the call there, whatever layers are in between, and [`is_marked`](Self::is_marked) tells
    /// that no new one shall be started.
    pub fn mark<B>(&self, request: &mut Request<B>) {
        self.mark_as(request, AttemptReason::First);
    }

    /// Marks the request of a followed redirect as part of this call.
    pub fn mark_redirect<B>(&self, request: &mut Request<B>) {
        self.mark_as(request, AttemptReason::Redirect);
    }

    /// Begins a round trip of this call, for a request that needs no mark because it went through nobody else's
    /// hands. The hooks are those of the call alone: what a layer attaches to a marked request, [`Attempt::start`] finds.
    pub fn attempt<B>(&self, request: &Request<B>, reason: AttemptReason) -> Attempt {
        let number = next_attempt(&self.emitter);
        Attempt::begin(self.emitter.clone().with_attempt(number), request, reason)
    }

    /// Whether a request is already part of a call, so that no new one shall be started for it.
    pub fn is_marked<B>(request: &Request<B>) -> bool {
        request.extensions().get::<CallMark>().is_some()
    }

    /// The emitter of the call, outside any attempt.
    pub fn emitter(&self) -> &Emitter {
        &self.emitter
    }

    /// The number of the latest attempt, if there was one.
    fn latest_attempt(&self) -> Option<u32> {
        let begun = self.emitter.shared()?.attempts.load(Ordering::Relaxed);
        begun.checked_sub(1)
    }

    /// The call is given up, because a deadline passed for example: an attempt that is dropped from now on ends with
    /// this error instead of `canceled`. A dial in the background is not concerned.
    pub fn give_up(&self, error: EventError) {
        if let Some(shared) = self.emitter.shared() {
            // A second reason comes too late.
            let _ = shared.why_given_up().set(error);
        }
    }

    /// A response is followed to another location: emits `Redirect` for the latest attempt, without userinfo.
    pub fn redirected(&self, status: StatusCode, from: &Uri, to: &Uri) {
        let mut emitter = self.emitter.clone();
        if let Some(attempt) = self.latest_attempt() {
            emitter = emitter.with_attempt(attempt);
        }
        emitter.emit(|| Redirect::new(status, without_userinfo(from), without_userinfo(to)));
    }

    /// The call is over; `fill` adds how.
    pub fn done(mut self, fill: impl FnOnce(CallEnd) -> CallEnd) {
        self.is_open = false;
        self.emitter.emit(|| fill(CallEnd::new()));
    }

    fn mark_as<B>(&self, request: &mut Request<B>, reason: AttemptReason) {
        let Some(shared) = self.emitter.shared() else {
            return;
        };
        request.extensions_mut().insert(CallMark {
            emitter: self.emitter.clone(),
            reason,
            number: shared.attempts.load(Ordering::Relaxed),
        });
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if self.is_open {
            let canceled = || CallEnd::new().with_error(EventError::canceled());
            self.emitter.emit(canceled);
        }
    }
}

/// Counts one attempt more, and gives its number.
fn next_attempt(call: &Emitter) -> u32 {
    match call.shared() {
        Some(shared) => shared.attempts.fetch_add(1, Ordering::Relaxed),
        None => 0,
    }
}

/// What a request that is part of a call carries.
#[derive(Clone)]
struct CallMark {
    emitter: Emitter,
    reason: AttemptReason,
    /// The attempt this request shall be; another number means that a layer sent it again.
    number: u32,
}

impl CallMark {
    /// The call's emitter, joined by the hooks that a layer has attached since the call began.
    fn emitter_for<B>(&self, request: &Request<B>) -> Emitter {
        let carried = request.extensions().get::<ClientTrace>();
        let (Some(added), Some(shared)) = (carried, self.emitter.shared()) else {
            return self.emitter.clone();
        };
        match shared.trace.contains(added) {
            true => self.emitter.clone(),
            false => Emitter::with_trace(shared, added.compose(&shared.trace)),
        }
    }
}

/// One round trip in progress: `AttemptStart` was emitted when it began, `AttemptEnd` is emitted by
/// [`done`](Self::done), or with a `canceled` error when it is dropped.
#[derive(Debug)]
pub struct Attempt {
    emitter: Emitter,
    /// Whether its end is still to be told.
    is_open: bool,
}

impl Attempt {
    /// Begins the round trip of a request that is marked as part of a call ([`Call::mark`]). Outside a call nobody
    /// listens.
    pub fn start<B>(request: &Request<B>) -> Self {
        Self::of_marked(request, |mark, number| match mark.reason {
            reason if number == mark.number => reason,
            _ => AttemptReason::Retry(RetryReason::Layer),
        })
    }

    /// Begins another round trip for the same marked request, because the previous one failed.
    pub fn retry<B>(request: &Request<B>, reason: RetryReason) -> Self {
        Self::of_marked(request, |_, _| AttemptReason::Retry(reason))
    }

    fn of_marked<B>(
        request: &Request<B>,
        reason: impl FnOnce(&CallMark, u32) -> AttemptReason,
    ) -> Self {
        let Some(mark) = request.extensions().get::<CallMark>() else {
            return Self {
                emitter: Emitter::none(),
                is_open: false,
            };
        };
        let number = next_attempt(&mark.emitter);
        let emitter = mark.emitter_for(request).with_attempt(number);
        Self::begin(emitter, request, reason(mark, number))
    }

    fn begin<B>(emitter: Emitter, request: &Request<B>, reason: AttemptReason) -> Self {
        emitter.emit(|| {
            let uri = without_userinfo(request.uri());
            AttemptStart::new(request.method().clone(), uri, reason)
        });
        Self {
            emitter,
            is_open: true,
        }
    }

    /// The emitter of this attempt.
    pub fn emitter(&self) -> &Emitter {
        &self.emitter
    }

    /// The attempt is over; `fill` adds how.
    pub fn done(mut self, fill: impl FnOnce(AttemptEnd) -> AttemptEnd) {
        self.is_open = false;
        self.emitter.emit(|| fill(AttemptEnd::new()));
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if self.is_open {
            let given_up = || AttemptEnd::new().with_error(self.emitter.reason_for_drop());
            self.emitter.emit(given_up);
        }
    }
}

impl Emitter {
    /// The emitter of a request: with its call id and attempt where it is part of a call, otherwise with its trace
    /// alone. This is what a transport of one's own fires the hooks with, if it does not count attempts itself.
    pub fn of<B>(request: &Request<B>) -> Emitter {
        if let Some(mark) = request.extensions().get::<CallMark>() {
            return mark.emitter_for(request).with_attempt(mark.number);
        }
        match ClientTrace::of(request) {
            Some(trace) => Emitter::new(None, trace, Instant::now),
            None => Emitter::none(),
        }
    }
}

/// The URI as events show it: userinfo is a secret.
fn without_userinfo(uri: &Uri) -> Uri {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    // Byte by byte: quicker than a search made for long texts.
    if !authority.bytes().any(|byte| byte == b'@') {
        return uri.clone();
    }
    let (_, host) = authority.rsplit_once('@').unwrap_or_default();
    let mut parts = uri.clone().into_parts();
    parts.authority = host.parse().ok();
    // unwrap_or_default is not reached: what follows the last `@` of a valid authority is one itself.
    Uri::from_parts(parts).unwrap_or_default()
}
