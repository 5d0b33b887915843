//! The sending end: what a client fires events with.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use crate::client_trace::{ClientTrace, Hook};
use crate::error::{BoxError, EventError};
use crate::event::{Event, EventKind, EventName, EventSet, Stamp};
use crate::id::{CallId, ConnectionId};
use crate::info::{Got1xxResponse, HookPanicked, WrittenFields, WroteHeaderField};
use crate::recorder::FoldedCall;

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
    clock: fn() -> Instant,
    /// What the call began with, if a layer's hooks have joined it here.
    call_began_with: Option<Arc<Shared>>,
    /// Why what is dropped from now on did not end, if not because it was canceled. Of use in the call's first.
    gave_up: OnceLock<EventError>,
    any_off: AtomicBool,
    /// Indices of the hooks that have panicked.
    off: Mutex<Vec<usize>>,
}

impl Emitter {
    /// An emitter that nobody listens to.
    #[inline]
    pub fn none() -> Self {
        Self::default()
    }

    /// An emitter for a trace outside any call, for example for what happens to idle connections.
    pub fn for_trace(trace: &ClientTrace, clock: fn() -> Instant) -> Self {
        Self::new(None, trace.clone(), clock)
    }

    pub(crate) fn new(call: Option<CallId>, trace: ClientTrace, clock: fn() -> Instant) -> Self {
        Self::within(call, trace, clock, None)
    }

    /// An emitter for the same call with another trace.
    pub(crate) fn with_trace(shared: &Arc<Shared>, trace: ClientTrace) -> Self {
        let call = Some(Arc::clone(shared));
        Self::within(shared.call, trace, shared.clock, call)
    }

    fn within(
        call: Option<CallId>,
        trace: ClientTrace,
        clock: fn() -> Instant,
        call_began_with: Option<Arc<Shared>>,
    ) -> Self {
        let wants = trace.wants();
        if wants.is_empty() {
            return Self::none();
        }
        let shared = Shared {
            call,
            attempts: AtomicU32::new(0),
            wants,
            clock,
            call_began_with,
            gave_up: OnceLock::new(),
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
    #[inline]
    pub fn with_attempt(mut self, attempt: u32) -> Self {
        self.attempt = Some(attempt);
        self
    }

    /// The same emitter for one connection.
    #[must_use]
    #[inline]
    pub fn with_connection(mut self, connection: ConnectionId) -> Self {
        self.connection = Some(connection);
        self
    }

    /// Whether any hook wants this event.
    #[inline]
    pub fn wants(&self, name: EventName) -> bool {
        self.shared
            .as_ref()
            .is_some_and(|shared| shared.wants.contains(name))
    }

    /// Whether nobody listens at all.
    #[inline]
    pub fn is_none(&self) -> bool {
        self.shared.is_none()
    }

    /// Whether a hook decides how many informational responses are too many, so that the client shall not.
    pub fn limits_1xx_responses(&self) -> bool {
        let hooks = self.shared().map(|shared| shared.trace.hooks());
        let mut hooks = hooks.unwrap_or_default().iter();
        hooks.any(|hook| hook.observer().limits_1xx_responses())
    }

    /// The call it emits for.
    #[inline]
    pub fn call(&self) -> Option<CallId> {
        self.shared.as_ref().and_then(|shared| shared.call)
    }

    /// The attempt it emits for.
    #[inline]
    pub fn attempt(&self) -> Option<u32> {
        self.attempt
    }

    /// The connection it emits for.
    #[inline]
    pub fn connection(&self) -> Option<ConnectionId> {
        self.connection
    }

    /// Why an exchange of this call that is dropped did not end: the call's deadline, or simply canceled.
    pub fn reason_for_drop(&self) -> EventError {
        let gave_up = self.shared().and_then(|shared| shared.why_given_up().get());
        gave_up.cloned().unwrap_or_else(EventError::canceled)
    }

    /// The clock's time, if anybody listens.
    pub fn now(&self) -> Option<Instant> {
        self.shared.as_ref().map(|shared| (shared.clock)())
    }

    /// Emits an event that happens now, if a hook wants it.
    ///
    /// `T` is the event's info struct; `build` is called only if it is wanted.
    #[inline]
    pub fn emit<T: Info>(&self, build: impl FnOnce() -> T) {
        if let Some(shared) = self.listening(T::NAME) {
            self.tell((shared.clock)(), build());
        }
    }

    /// Emits an event that happened at `at`, if a hook wants it.
    #[inline]
    pub fn emit_at<T: Info>(&self, at: Instant, build: impl FnOnce() -> T) {
        if self.wants(T::NAME) {
            self.tell(at, build());
        }
    }

    /// Emits a [`WroteHeaderField`] for each header field of a request, in the order of the wire, all of which were
    /// written at `at`.
    pub fn wrote_header_fields_at(&self, at: Instant, fields: impl Into<WrittenFields>) {
        let Some(shared) = self.listening(WroteHeaderField::NAME) else {
            return;
        };
        let fields = fields.into();
        let left = match shared.trace.only_recorder() {
            Some(records) => records.keep_header_fields(&self.stamp(shared, at), fields),
            None => fields,
        };
        for field in &left {
            self.tell(at, field.clone());
        }
    }

    /// Tells whoever listens.
    #[inline(never)] // once for each event, instead of wherever it is emitted
    fn tell<T: Info>(&self, at: Instant, info: T) {
        let Some(shared) = &self.shared else {
            return;
        };
        let stamp = self.stamp(shared, at);
        match shared.trace.only_recorder() {
            // Mostly nobody else listens, and an event that nobody looks at need not be built.
            Some(records) => records.keep(&stamp, info),
            None => self.dispatch(shared, T::NAME, stamp.event(info)),
        }
    }

    /// Emits an informational response and asks the hooks whether to go on.
    ///
    /// Every hook is asked; the first error is returned, and the request must then be aborted with it.
    pub fn emit_1xx(&self, build: impl FnOnce() -> Got1xxResponse) -> Result<(), BoxError> {
        let Some(shared) = self.listening(EventName::Got1xxResponse) else {
            return Ok(());
        };
        let event = self.stamp(shared, (shared.clock)()).event(build());
        let mut verdict = Ok(());
        let mut panics = Panics::new();
        for (index, hook) in shared.listeners(event.name()) {
            shared.behind_a_wall(index, &mut panics, || {
                let answer = hook.observer().on_got_1xx_response(&event);
                if verdict.is_ok() {
                    verdict = answer;
                }
            });
        }
        self.report(event.name(), panics);
        verdict
    }

    #[inline]
    pub(crate) fn shared(&self) -> Option<&Arc<Shared>> {
        self.shared.as_ref()
    }

    #[inline]
    fn listening(&self, name: EventName) -> Option<&Shared> {
        match &self.shared {
            Some(shared) if shared.wants.contains(name) => Some(shared),
            _ => None,
        }
    }

    #[inline]
    fn stamp(&self, shared: &Shared, at: Instant) -> Stamp {
        Stamp {
            at,
            call: shared.call,
            attempt: self.attempt,
            connection: self.connection,
        }
    }

    /// Calls every hook that wants the event of that name. The last one is given it.
    fn dispatch(&self, shared: &Shared, name: EventName, event: Event) {
        // Most traces have one.
        match shared.trace.only_hook() {
            Some(hook) if !shared.any_is_off() => {
                // A move into the closure: an event is large, and each move is a copy.
                let told = AssertUnwindSafe(move || hook.observer().on_owned_event(event));
                if let Err(panic) = catch_unwind(told) {
                    self.only_hook_panicked(name, panic);
                }
            }
            _ => self.dispatch_to_several(name, &mut Some(event)),
        }
    }

    #[cold]
    fn only_hook_panicked(&self, name: EventName, panic: Panic) {
        if let Some(shared) = &self.shared {
            shared.turn_off(0);
        }
        self.report(name, [panic]);
    }

    #[inline(never)]
    fn dispatch_to_several(&self, name: EventName, event: &mut Option<Event>) {
        let Some(shared) = &self.shared else {
            return;
        };
        let last = shared.trace.hooks().len() - 1;
        let mut panics = Panics::new();
        for (index, hook) in shared.listeners(name) {
            shared.behind_a_wall(index, &mut panics, || match index == last {
                false => event
                    .iter()
                    .for_each(|event| hook.observer().on_event(event)),
                true => hook.give(event),
            });
        }
        self.report(name, panics);
    }

    /// Tells of hooks that panicked: after the event itself, which the hooks that come later have not seen before.
    #[cold]
    fn report(&self, event: EventName, panics: impl IntoIterator<Item = Panic>) {
        for panic in panics {
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
}

/// What a hook panicked with.
type Panic = Box<dyn Any + Send>;
type Panics = Vec<Panic>;

impl Hook {
    /// Gives the event away, if it is still there.
    fn give(&self, event: &mut Option<Event>) {
        if let Some(event) = event.take() {
            self.observer().on_owned_event(event);
        }
    }
}

impl Shared {
    /// Why the call was given up, if it was.
    pub(crate) fn why_given_up(&self) -> &OnceLock<EventError> {
        let first = self.call_began_with.as_deref().unwrap_or(self);
        &first.gave_up
    }

    /// The hooks that are to be told, with their places.
    fn listeners(&self, name: EventName) -> impl Iterator<Item = (usize, &Hook)> {
        let hooks = self.trace.hooks().iter().enumerate();
        hooks.filter(move |(index, hook)| hook.wants.contains(name) && !self.is_off(*index))
    }

    /// Calls a hook; if it panics, that goes no further, and it is called no more.
    fn behind_a_wall(&self, index: usize, panics: &mut Panics, call: impl FnOnce()) {
        // A hook's own state may be left odd by its panic; it is not called again, so nobody sees it.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(call)) {
            self.turn_off(index);
            panics.push(panic);
        }
    }

    fn any_is_off(&self) -> bool {
        self.any_off.load(Ordering::Relaxed)
    }

    fn is_off(&self, index: usize) -> bool {
        self.any_is_off() && self.lock_off().contains(&index)
    }

    #[cold]
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
    use super::{FoldedCall, Stamp};

    /// Keeps [`Info`](super::Info) to this crate.
    pub trait Sealed: Sized {
        /// Takes its place in a call that is folded as it goes on; given back if it has none there.
        fn fold_into(self, call: &mut FoldedCall, stamp: &Stamp) -> Result<(), Self>;
    }
}
