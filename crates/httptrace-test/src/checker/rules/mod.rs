//! What always holds, as one function a rule. Each takes the whole log and returns what breaks the rule.

mod bytes;
mod call;
mod clock;
mod http2;
mod order;
mod outlive;
mod pairing;
#[cfg(test)]
mod story;

use httptrace::Event;

/// One broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The rule's name, as in [`RULES`].
    pub rule: &'static str,
    /// The place in the log of the event that breaks it; absent where an event is missing.
    pub event: Option<usize>,
    /// What is wrong, for people.
    pub message: String,
}

/// What a rule finds, before it is known by name.
pub(crate) type Finding = (Option<usize>, String);

type Check = fn(&[Event]) -> Vec<Finding>;

/// Every rule by name, in the order in which violations are reported.
pub const RULES: &[Rule] = &[
    Rule::new(
        "every start has exactly one done",
        pairing::start_has_one_done,
    ),
    Rule::new("every done has a start", pairing::done_has_a_start),
    Rule::new("a call ends exactly once", call::call_ends_once),
    Rule::new("attempts are counted from 0", call::attempts_are_counted),
    Rule::new("an event's attempt was started", call::attempt_was_started),
    Rule::new(
        "nothing outlives its attempt",
        outlive::nothing_outlives_its_attempt,
    ),
    Rule::new(
        "spans lie inside their call",
        outlive::spans_lie_inside_their_call,
    ),
    Rule::new(
        "at never runs backwards within a side",
        clock::at_never_runs_backwards,
    ),
    Rule::new("a side keeps Go's order", order::sides_keep_their_order),
    Rule::new("a dial keeps Go's order", order::dial_keeps_its_order),
    Rule::new(
        "a dial precedes the GotConn it serves",
        order::dial_precedes_got_conn,
    ),
    Rule::new("once per attempt", order::once_per_attempt),
    Rule::new(
        "nothing happens without its cause",
        order::causes_come_first,
    ),
    Rule::new(
        "Got100Continue precedes Got1xx(100)",
        order::got_100_continue_comes_first,
    ),
    Rule::new(
        "GotConn names its connection",
        order::got_conn_names_its_connection,
    ),
    Rule::new(
        "an HTTP/2 request has a stream, and no other has",
        http2::shared_requests_have_streams,
    ),
    Rule::new("a stream is one request's", http2::streams_are_told_apart),
    Rule::new(
        "an HTTP/2 connection is not put back",
        http2::shared_connections_are_not_put_back,
    ),
    Rule::new(
        "a connection tells those who share it",
        http2::connections_tell_who_shares_them,
    ),
    Rule::new(
        "WroteBody adds up to WroteRequest",
        bytes::wrote_body_adds_up,
    ),
    Rule::new("GotBody adds up to BodyDone", bytes::got_body_adds_up),
];

/// A named rule.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Its name, a sentence.
    pub name: &'static str,
    check: Check,
}

impl Rule {
    const fn new(name: &'static str, check: Check) -> Self {
        Self { name, check }
    }

    /// What in a log breaks this rule.
    pub fn violations(&self, log: &[Event]) -> Vec<Violation> {
        let found = (self.check)(log).into_iter();
        found
            .map(|(event, message)| Violation {
                rule: self.name,
                event,
                message,
            })
            .collect()
    }
}

/// What in a log breaks any rule.
pub fn violations(log: &[Event]) -> Vec<Violation> {
    RULES.iter().flat_map(|rule| rule.violations(log)).collect()
}

/// The starts that have no done yet, as places in the log.
pub fn open_starts(log: &[Event]) -> Vec<usize> {
    pairing::open_starts(log)
}
