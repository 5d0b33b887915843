//! The sending end: what a client fires events with.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use crate::client_trace::{ClientTrace, Hook};
use crate::error::{BoxError, EventError};
use crate::event::{Event, EventKind, EventName, EventSet};
use crate::id::{CallId, ConnectionId};
use crate::info::{Got1xxResponse, HookPanicked};

/// Fires events at the hooks of one call.
///
/// Cheap to clone. Without a trace it is an empty `Option`: no allocation, no clock read, and payloads are not built.
/// An event that no hook wants costs one branch.
///
/// Emit with no lock of yours held: hooks may call back into the same client.
#[derive(Clone, Default)]
pub struct Emitter {
    shared: Option<Arc<Shared>>,
    attempt: Option<u32>,
    connection: Option<ConnectionId>,
}

/// What all emitters of a call have in common.
pub(crate) struct Shared {
    pub(crate) call: Option<CallId>,
    pub(crate) trace: ClientTrace,
    /// Attempts begun so far.
    pub(crate) attempts: AtomicU32,
    wants: EventSet,
    limits_1xx_responses: bool,
    clock: fn() -> Instant,
    /// Why what is dropped from now on did not end, if not because it was canceled.
    pub(crate) gave_up: Arc<OnceLock<EventError>>,
    any_off: AtomicBool,
    /// Indices of the hooks that have panicked.
    off: Mutex<Vec<usize>>,
}

impl Emitter {
    /// An emitter that nobody listens to.
    pub fn none() -> Self {
        Self::default()
    }

    /// An emitter for a trace outside any call, for example for what happens to idle connections.
    pub fn for_trace(trace: &ClientTrace, clock: fn() -> Instant) -> Self {
        Self::new(None, trace.clone(), clock)
    }

    pub(crate) fn new(call: Option<CallId>, trace: ClientTrace, clock: fn() -> Instant) -> Self {
        Self::within(call, trace, clock, Arc::default())
    }

    /// An emitter for the same call with another trace.
    pub(crate) fn with_trace(shared: &Shared, trace: ClientTrace) -> Self {
        let gave_up = Arc::clone(&shared.gave_up);
        Self::within(shared.call, trace, shared.clock, gave_up)
    }

    fn within(
        call: Option<CallId>,
        trace: ClientTrace,
        clock: fn() -> Instant,
        gave_up: Arc<OnceLock<EventError>>,
    ) -> Self {
        let wants = trace.wants();
        if wants.is_empty() {
            return Self::none();
        }
        let mut hooks = trace.hooks().iter();
        let shared = Shared {
            call,
            attempts: AtomicU32::new(0),
            wants,
            limits_1xx_responses: hooks.any(|hook| hook.observer.limits_1xx_responses()),
            clock,
            gave_up,
            any_off: AtomicBool::new(false),
            off: Mutex::new(Vec::new()),
            trace,
        };
        Self {
            shared: Some(Arc::new(shared)),
            attempt: None,
            connection: None,
        }
    }

    /// The same emitter for one attempt.
    #[must_use]
    pub fn with_attempt(mut self, attempt: u32) -> Self {
        self.attempt = Some(attempt);
        self
    }

    /// The same emitter for one connection.
    #[must_use]
    pub fn with_connection(mut self, connection: ConnectionId) -> Self {
        self.connection = Some(connection);
        self
    }

    /// Whether any hook wants this event.
    pub fn wants(&self, name: EventName) -> bool {
        self.shared
            .as_ref()
            .is_some_and(|shared| shared.wants.contains(name))
    }

    /// Whether nobody listens at all.
    pub fn is_none(&self) -> bool {
        self.shared.is_none()
    }

    /// Whether a hook decides how many informational responses are too many, so that the client shall not.
    pub fn limits_1xx_responses(&self) -> bool {
        self.shared
            .as_ref()
            .is_some_and(|shared| shared.limits_1xx_responses)
    }

    /// The call it emits for.
    pub fn call(&self) -> Option<CallId> {
        self.shared.as_ref().and_then(|shared| shared.call)
    }

    /// The attempt it emits for.
    pub fn attempt(&self) -> Option<u32> {
        self.attempt
    }

    /// The connection it emits for.
    pub fn connection(&self) -> Option<ConnectionId> {
        self.connection
    }

    /// Why an exchange of this call that is dropped did not end: the call's deadline, or simply canceled.
    pub fn reason_for_drop(&self) -> EventError {
        let gave_up = self.shared.as_ref().and_then(|shared| shared.gave_up.get());
        gave_up.cloned().unwrap_or_else(EventError::canceled)
    }

    /// The clock's time, if anybody listens.
    pub fn now(&self) -> Option<Instant> {
        self.shared.as_ref().map(|shared| (shared.clock)())
    }

    /// Emits an event that happens now, if a hook wants it.
    ///
    /// `T` is the event's info struct; `build` is called only if it is wanted.
    pub fn emit<T: Info>(&self, build: impl FnOnce() -> T) {
        if let Some(shared) = self.listening(T::NAME) {
            let at = (shared.clock)();
            self.dispatch(shared, at, build().into());
        }
    }

    /// Emits an event that happened at `at`, if a hook wants it.
    pub fn emit_at<T: Info>(&self, at: Instant, build: impl FnOnce() -> T) {
        if let Some(shared) = self.listening(T::NAME) {
            self.dispatch(shared, at, build().into());
        }
    }

    /// Emits an informational response and asks the hooks whether to go on.
    ///
    /// Every hook is asked; the first error is returned, and the request must then be aborted with it.
    pub fn emit_1xx(&self, build: impl FnOnce() -> Got1xxResponse) -> Result<(), BoxError> {
        let Some(shared) = self.listening(EventName::Got1xxResponse) else {
            return Ok(());
        };
        let event = self.event((shared.clock)(), build().into());
        let mut verdict = Ok(());
        self.for_each_hook(shared, &event, |hook| {
            let answer = hook.observer.on_got_1xx_response(&event);
            if verdict.is_ok() {
                verdict = answer;
            }
        });
        verdict
    }

    pub(crate) fn shared(&self) -> Option<&Arc<Shared>> {
        self.shared.as_ref()
    }

    fn listening(&self, name: EventName) -> Option<&Shared> {
        self.shared
            .as_deref()
            .filter(|shared| shared.wants.contains(name))
    }

    fn dispatch(&self, shared: &Shared, at: Instant, kind: EventKind) {
        let event = self.event(at, kind);
        self.for_each_hook(shared, &event, |hook| hook.observer.on_event(&event));
    }

    fn event(&self, at: Instant, kind: EventKind) -> Event {
        Event {
            at,
            call: self.call(),
            attempt: self.attempt,
            connection: self.connection,
            kind,
        }
    }

    /// Calls every hook that wants the event, each behind its own wall.
    fn for_each_hook(&self, shared: &Shared, event: &Event, mut call: impl FnMut(&Hook)) {
        let name = event.name();
        let mut panics = Vec::new();
        for (index, hook) in shared.trace.hooks().iter().enumerate() {
            if !hook.wants.contains(name) || shared.is_off(index) {
                continue;
            }
            // A hook's own state may be left odd by its panic; it is not called again, so nobody sees it.
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| call(hook))) {
                shared.turn_off(index);
                panics.push(panic);
            }
        }
        // After the event itself, which the hooks that come later have not seen before.
        for panic in panics {
            self.report_panic(name, panic.as_ref());
        }
    }

    fn report_panic(&self, event: EventName, panic: &(dyn Any + Send)) {
        let message = panic
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        self.emit(|| {
            let info = HookPanicked::new(event);
            match message {
                Some(message) => info.with_message(message),
                None => info,
            }
        });
    }
}

impl Shared {
    fn is_off(&self, index: usize) -> bool {
        self.any_off.load(Ordering::Relaxed) && self.lock_off().contains(&index)
    }

    fn turn_off(&self, index: usize) {
        self.lock_off().push(index);
        self.any_off.store(true, Ordering::Relaxed);
    }

    fn lock_off(&self) -> std::sync::MutexGuard<'_, Vec<usize>> {
        self.off.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Emitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emitter")
            .field("call", &self.call())
            .field("attempt", &self.attempt)
            .field("connection", &self.connection)
            .field("wants", &self.shared.as_ref().map(|shared| shared.wants))
            .finish()
    }
}

/// An info struct: it knows which event it is. Sealed; implemented by every struct in [`info`](crate::info).
pub trait Info: Into<EventKind> + sealed::Sealed {
    /// The event it belongs to.
    const NAME: EventName;
}

pub(crate) mod sealed {
    /// Keeps [`Info`](super::Info) to this crate.
    pub trait Sealed {}
}
