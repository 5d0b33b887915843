//! The observer that fails a test in which the promises about events are broken.
//!
//! ```
//! use httptrace::{Attempt, Call, RequestExt};
//! use httptrace_test::Checker;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), http::Error> {
//! let checker = Checker::new();
//! let mut request = http::Request::get("http://example.com/")
//!     .trace(checker.trace())
//!     .body(())?;
//!
//! // A client does this; here it makes an attempt and nothing more.
//! let call = Call::start(&mut request);
//! let attempt = Attempt::start(&request);
//! attempt.done(|end| end);
//! call.done(|end| end);
//!
//! assert_eq!(
//!     checker.names(),
//!     ["call_start", "attempt_start", "attempt_end", "call_end"]
//! );
//! checker.finish().await;
//! # Ok(()) }
//! ```

mod listing;
mod log;
mod rules;
mod side;
mod view;

pub use rules::{RULES, Rule, Violation, open_starts, violations};
pub use side::Side;

use std::sync::Arc;
use std::time::Duration;

use httptrace::{BoxError, ClientTrace, Event, EventKind, EventName, Observer};

use log::Log;

/// How long [`Checker::wait_for`] and [`Checker::finish`] wait before they fail the test: far longer than anything in
/// a test takes, so that it is never reached on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Collects every event of the requests it is attached to and checks that each promise about events is kept
/// ([`RULES`]): on [`finish`](Self::finish), and when it is dropped without.
///
/// Attach it with `.trace(checker.trace())`, to one request or to several, or make it the client's own trace, or both:
/// it still receives each event once.
#[derive(Debug)]
#[must_use = "a checker that is not attached checks nothing"]
pub struct Checker {
    log: Arc<Log>,
    checked: bool,
}

impl Default for Checker {
    fn default() -> Self {
        Self::new()
    }
}

impl Checker {
    /// A checker that has seen nothing yet.
    pub fn new() -> Self {
        Self {
            log: Arc::new(Log::default()),
            checked: false,
        }
    }

    /// The trace to attach. Traces of one checker composed with each other deliver each event once.
    pub fn trace(&self) -> ClientTrace {
        ClientTrace::new().observe_shared(self.log.clone())
    }

    /// Every event so far, in the order in which they arrived.
    pub fn events(&self) -> Vec<Event> {
        self.log.snapshot()
    }

    /// The names of all events so far, in snake case.
    pub fn names(&self) -> Vec<String> {
        names(self.events().iter())
    }

    /// The names of one side's events so far: assertions on a side do not depend on the other sides' pace.
    pub fn side(&self, side: Side) -> Vec<String> {
        let events = self.events();
        names(events.iter().filter(|e| Side::of(e.name()) == Some(side)))
    }

    /// The names of the events of attempts with this number so far, in snake case.
    pub fn attempt(&self, number: u32) -> Vec<String> {
        let events = self.events();
        names(events.iter().filter(|event| event.attempt == Some(number)))
    }

    /// How many events of this name have happened so far.
    pub fn count(&self, name: EventName) -> usize {
        let events = self.events();
        events.iter().filter(|event| event.name() == name).count()
    }

    /// What `pick` finds in the events so far:
    /// `checker.pick(|kind| match kind { EventKind::GotConn(info) => Some(info.reused), _ => None })`.
    pub fn pick<T>(&self, pick: impl Fn(&EventKind) -> Option<T>) -> Vec<T> {
        let events = self.events();
        events
            .iter()
            .filter_map(|event| pick(&event.kind))
            .collect()
    }

    /// Waits for the first event of this name and returns it; at once, if it has happened already.
    ///
    /// # Panics
    ///
    /// If it does not happen within [`PATIENCE`].
    pub async fn wait_for(&self, name: EventName) -> Event {
        self.wait_for_nth(name, 1).await
    }

    /// Waits until there are `n` events of this name, and returns the `n`th, counted from 1.
    ///
    /// # Panics
    ///
    /// If there are fewer within [`PATIENCE`].
    pub async fn wait_for_nth(&self, name: EventName, n: usize) -> Event {
        let nth = |events: &[Event]| {
            let mut named = events.iter().filter(|event| event.name() == name);
            named.nth(n - 1).cloned()
        };
        match self.log.wait_until(PATIENCE, nth).await {
            Some(event) => event,
            None => panic!(
                "{name} number {n} did not happen within {PATIENCE:?}\n{}",
                listing::of(&self.events())
            ),
        }
    }

    /// Waits until nothing is open any more (background dials included), checks every rule, and returns the events.
    ///
    /// # Panics
    ///
    /// With a readable list of what is wrong and of all events, if a rule is broken or something is still open after
    /// [`PATIENCE`].
    pub async fn finish(mut self) -> Vec<Event> {
        self.checked = true;
        let settled = |events: &[Event]| open_starts(events).is_empty().then_some(());
        // What is still open then is reported below, by the rule of starts and dones.
        let _ = self.log.wait_until(PATIENCE, settled).await;
        let events = self.events();
        if let Some(complaint) = listing::complaint(&violations(&events), &events) {
            panic!("{complaint}");
        }
        events
    }
}

/// Checks what a test forgot to check. A dial or an upload that is still going on is excused, since there is no waiting
/// here.
impl Drop for Checker {
    fn drop(&mut self) {
        if self.checked || std::thread::panicking() {
            return;
        }
        let events = self.events();
        let mut broken = violations(&events);
        broken.retain(|violation| !goes_on_in_the_background(violation, &events));
        if let Some(complaint) = listing::complaint(&broken, &events) {
            panic!("{complaint}");
        }
    }
}

fn goes_on_in_the_background(violation: &Violation, events: &[Event]) -> bool {
    violation.event.is_some_and(|place| {
        let side = Side::of(events[place].name());
        matches!(side, Some(Side::Dial | Side::Write)) && open_starts(events).contains(&place)
    })
}

impl Observer for Checker {
    fn on_event(&self, event: &Event) {
        self.log.on_event(event);
    }

    fn on_got_1xx_response(&self, event: &Event) -> Result<(), BoxError> {
        self.log.on_got_1xx_response(event)
    }
}

fn names<'a>(events: impl Iterator<Item = &'a Event>) -> Vec<String> {
    events.map(|event| event.name().to_string()).collect()
}

#[cfg(test)]
mod tests;
