//! How a trace travels: in the request's extensions, or in the task's scope.

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Request;

use crate::client_trace::ClientTrace;

/// Attaches a trace to a request, or to the builder of one.
pub trait RequestExt {
    /// Attaches a trace. If one is there already they are composed: the new one's hooks run first, then the old one's.
    /// A trace without hooks leaves the request as it is.
    ///
    /// (`http`'s plain `.extension(trace)` would replace the old one silently.)
    #[must_use]
    fn trace(self, trace: ClientTrace) -> Self;
}

impl<B> RequestExt for Request<B> {
    fn trace(mut self, trace: ClientTrace) -> Self {
        attach(self.extensions_mut(), &trace);
        self
    }
}

impl RequestExt for http::request::Builder {
    fn trace(mut self, trace: ClientTrace) -> Self {
        // A builder that holds an error has no extensions; it will report that error itself.
        if let Some(extensions) = self.extensions_mut() {
            attach(extensions, &trace);
        }
        self
    }
}

fn attach(extensions: &mut http::Extensions, trace: &ClientTrace) {
    // A request without extensions makes three allocations for the first of them.
    if trace.is_empty() {
        return;
    }
    let composed = match extensions.get::<ClientTrace>() {
        Some(older) => trace.compose(older),
        None => trace.clone(),
    };
    extensions.insert(composed);
}

thread_local! {
    static CURRENT: RefCell<Option<ClientTrace>> = const { RefCell::new(None) };
}

impl ClientTrace {
    /// The trace of a request: the one it carries, composed with the one of the current scope. Absent if there is none.
    ///
    /// A client captures it when it is handed the request (in `Service::call`), since scopes do not reach into
    /// spawned tasks.
    pub fn of<B>(request: &Request<B>) -> Option<ClientTrace> {
        let carried = request.extensions().get::<ClientTrace>();
        match (carried, ClientTrace::current()) {
            (Some(carried), Some(current)) => Some(carried.compose(&current)),
            (Some(carried), None) => Some(carried.clone()),
            (None, current) => current,
        }
    }

    /// The trace of the scope this code runs in.
    pub fn current() -> Option<ClientTrace> {
        CURRENT.with_borrow(Clone::clone)
    }

    /// Runs a future with this trace on every request it makes, however deep inside a library.
    ///
    /// Works on any executor. Scopes nest: the inner trace is composed with the outer one. A task that the future
    /// spawns is outside the scope.
    pub fn scope<F: Future>(&self, future: F) -> Scope<F> {
        Scope {
            future: Box::pin(future),
            trace: self.clone(),
            composed: false,
        }
    }
}

/// A future with a trace around it; see [`ClientTrace::scope`].
#[must_use = "futures do nothing unless polled"]
pub struct Scope<F> {
    future: Pin<Box<F>>,
    trace: ClientTrace,
    composed: bool,
}

impl<F: Future> Future for Scope<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        if !this.composed {
            this.composed = true;
            if let Some(outer) = ClientTrace::current() {
                this.trace = this.trace.compose(&outer);
            }
        }
        let _entered = Entered::enter(this.trace.clone());
        this.future.as_mut().poll(cx)
    }
}

impl<F> fmt::Debug for Scope<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").field("trace", &self.trace).finish()
    }
}

/// Puts the outer trace back, on a panic too.
struct Entered {
    outer: Option<ClientTrace>,
}

impl Entered {
    fn enter(trace: ClientTrace) -> Self {
        let outer = CURRENT.replace(Some(trace));
        Self { outer }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.outer.take());
    }
}
