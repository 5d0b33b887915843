//! `ClientTrace::on_timeline`: the folded timeline of each call, as it ends.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Timeline;
use crate::client_trace::ClientTrace;
use crate::event::{Event, EventKind};
use crate::id::CallId;
use crate::observer::Observer;
use crate::recorder::CallRecord;

impl ClientTrace {
    /// Adds a hook that is called once for each call, at its [`CallEnd`](crate::info::CallEnd), with the folded timeline.
    ///
    /// One trace may serve any number of calls, at the same time too. What follows the end of a call (a background
    /// dial's events, `PutIdleConn` after an early drop) is not in it; [`Recorder`](crate::Recorder) shows that. A call
    /// that had begun before this trace was attached has no start here, and the hook is not called for it. Memory is
    /// limited as a recorder's: at most [`Recorder::EVENTS_PER_CALL`](crate::Recorder::EVENTS_PER_CALL) events for each
    /// call in progress, ends apart.
    ///
    /// ```
    /// use httptrace::ClientTrace;
    ///
    /// let trace = ClientTrace::new().on_timeline(|timeline| {
    ///     for (phase, time) in timeline.breakdown().phases() {
    ///         println!("{phase:>8} {time:?}");
    ///     }
    /// });
    /// # let _ = trace;
    /// ```
    #[must_use]
    pub fn on_timeline(self, hook: impl Fn(&Timeline) + Send + Sync + 'static) -> Self {
        self.observe(TimelineHook {
            calls: Mutex::new(HashMap::new()),
            hook,
        })
    }
}

struct TimelineHook<F> {
    /// The calls in progress whose start was seen.
    calls: Mutex<HashMap<CallId, CallRecord>>,
    hook: F,
}

impl<F: Fn(&Timeline) + Send + Sync> Observer for TimelineHook<F> {
    fn on_event(&self, event: &Event) {
        self.on_owned_event(event.clone());
    }

    fn on_owned_event(&self, event: Event) {
        let Some(call) = event.call else {
            return;
        };
        // The lock is let go before the hook is called: it may make a call of its own.
        let ended = match event.kind {
            EventKind::CallEnd(_) => self.lock().remove(&call),
            _ => {
                self.keep(call, event);
                return;
            }
        };
        let Some(mut record) = ended else {
            return;
        };
        drop(record.keep(event));
        if let Some(timeline) = record.timeline() {
            (self.hook)(&timeline);
        }
    }
}

impl<F> TimelineHook<F> {
    fn lock(&self) -> MutexGuard<'_, HashMap<CallId, CallRecord>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps an event of a call whose start was seen.
    fn keep(&self, call: CallId, event: Event) {
        let mut calls = self.lock();
        if matches!(event.kind, EventKind::CallStart(_)) {
            let new = || CallRecord::new(Some(call));
            calls.entry(call).or_insert_with(new);
        }
        let not_kept = match calls.get_mut(&call) {
            Some(record) => record.keep(event),
            None => Some(event),
        };
        drop(calls);
        drop(not_kept);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Instant;

    use super::*;
    use crate::info::{AttemptStart, CallEnd, CallStart, PutIdleConn};

    fn start() -> CallStart {
        CallStart::new(
            std::time::SystemTime::UNIX_EPOCH,
            http::Method::GET,
            http::Uri::from_static("/"),
        )
    }

    #[test]
    fn calls_in_progress_are_told_apart_and_forgotten_when_they_end() {
        let seen = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&seen);
        let hook = TimelineHook {
            calls: Mutex::new(HashMap::new()),
            hook: move |timeline: &Timeline| {
                assert!(timeline.complete);
                counter.fetch_add(1, Ordering::Relaxed);
            },
        };
        let (one, two, unknown) = (CallId::next(), CallId::next(), CallId::next());
        let at = Instant::now();
        let put_idle = || Event::new(at, PutIdleConn::new());
        hook.on_event(&Event::new(at, start()).with_call(one));
        hook.on_event(&Event::new(at, start()).with_call(two));
        hook.on_event(&Event::new(at, CallEnd::new()).with_call(one));
        hook.on_event(&put_idle().with_call(one));
        hook.on_event(&put_idle().with_call(unknown));
        hook.on_event(&put_idle());
        hook.on_event(&Event::new(at, CallEnd::new()).with_call(unknown));
        assert_eq!(seen.load(Ordering::Relaxed), 1);
        let left: Vec<CallId> = hook.calls.lock().unwrap().keys().copied().collect();
        assert_eq!(left, [two]);
        hook.on_event(&Event::new(at, CallEnd::new()).with_call(two));
        assert_eq!(seen.load(Ordering::Relaxed), 2);
        assert!(hook.calls.lock().unwrap().is_empty());
    }

    #[test]
    fn the_hook_may_begin_another_call_with_the_same_trace() {
        let slot: Arc<Mutex<Option<ClientTrace>>> = Arc::default();
        let ended = Arc::new(AtomicUsize::new(0));
        let (inner, counter) = (Arc::clone(&slot), Arc::clone(&ended));
        let trace = ClientTrace::new().on_timeline(move |timeline| {
            assert_eq!(timeline.attempts.len(), 1);
            counter.fetch_add(1, Ordering::Relaxed);
            // Taken out first, so that the hook begins one more call and not one after the other for ever.
            let again = inner.lock().unwrap().take();
            if let Some(trace) = again {
                call_once(trace);
            }
        });
        *slot.lock().unwrap() = Some(trace.clone());
        call_once(trace);
        assert_eq!(ended.load(Ordering::Relaxed), 2);
    }

    fn call_once(trace: ClientTrace) {
        let mut request = http::Request::new(());
        request.extensions_mut().insert(trace);
        let call = crate::Call::start(&mut request);
        crate::Attempt::start(&request).done(|end| end);
        call.done(|end| end.with_status(http::StatusCode::OK));
    }

    #[test]
    fn a_call_joined_midway_has_no_start_and_is_left_alone() {
        let trace = ClientTrace::new().on_timeline(|_| panic!("not to be called"));
        let hooks = trace.hooks();
        let call = CallId::next();
        let attempt = AttemptStart::new(
            http::Method::GET,
            http::Uri::from_static("/"),
            crate::info::AttemptReason::First,
        );
        let at = Instant::now();
        hooks[0]
            .observer()
            .on_event(&Event::new(at, attempt).with_call(call));
        hooks[0]
            .observer()
            .on_event(&Event::new(at, CallEnd::new()).with_call(call));
    }
}
