//! Calls and the numbers of their attempts.

use std::collections::{BTreeMap, BTreeSet};

use httptrace::{CallId, Event, EventName};

use super::Finding;

/// A call that has begun ends exactly once, and nothing of it precedes its `CallStart`.
///
/// A trace that was attached in the middle of a call sees neither end of it; such a call is not judged.
pub(super) fn call_ends_once(log: &[Event]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (call, places) in calls(log) {
        let of = |name| {
            let named = places
                .iter()
                .copied()
                .filter(move |p| log[*p].name() == name);
            named.collect::<Vec<_>>()
        };
        let starts = of(EventName::CallStart);
        let ends = of(EventName::CallEnd);
        if starts.is_empty() && ends.is_empty() {
            continue;
        }
        if starts.len() != 1 {
            let message = format!("call {call} has {} CallStart", starts.len());
            findings.push((starts.get(1).copied(), message));
        }
        if ends.len() != 1 {
            let message = format!("call {call} has {} CallEnd", ends.len());
            findings.push((ends.get(1).copied(), message));
        }
        if starts.first().is_some_and(|start| *start != places[0]) {
            let message = format!("{} precedes CallStart", log[places[0]].name());
            findings.push((Some(places[0]), message));
        }
    }
    findings
}

/// The attempts of a call are 0, 1, 2 …, begun in that order.
pub(super) fn attempts_are_counted(log: &[Event]) -> Vec<Finding> {
    let mut next: BTreeMap<CallId, u32> = BTreeMap::new();
    let mut findings = Vec::new();
    for (place, event) in log.iter().enumerate() {
        let (EventName::AttemptStart, Some(call)) = (event.name(), event.call) else {
            continue;
        };
        let expected = next.entry(call).or_default();
        if event.attempt != Some(*expected) {
            let message = match event.attempt {
                Some(number) => format!("attempt {number} begins where {expected} is next"),
                None => "AttemptStart has no attempt number".to_owned(),
            };
            findings.push((Some(place), message));
        }
        *expected += 1;
    }
    findings
}

/// An event that names an attempt comes after that attempt's `AttemptStart`.
pub(super) fn attempt_was_started(log: &[Event]) -> Vec<Finding> {
    let mut started = BTreeSet::new();
    let mut findings = Vec::new();
    for (place, event) in log.iter().enumerate() {
        let (Some(call), Some(number)) = (event.call, event.attempt) else {
            continue;
        };
        if event.name() == EventName::AttemptStart {
            started.insert((call, number));
        } else if !started.contains(&(call, number)) {
            let name = event.name();
            let message = format!("{name} of attempt {number}, which has not begun");
            findings.push((Some(place), message));
        }
    }
    findings
}

fn calls(log: &[Event]) -> BTreeMap<CallId, Vec<usize>> {
    let mut calls: BTreeMap<CallId, Vec<usize>> = BTreeMap::new();
    for (place, event) in log.iter().enumerate() {
        if let Some(call) = event.call {
            calls.entry(call).or_default().push(place);
        }
    }
    calls
}

#[cfg(test)]
mod tests {
    use super::super::story::Story;
    use super::*;
    use httptrace::info::{CallEnd, GetConn};

    #[test]
    fn a_call_without_end_is_found() {
        let log = Story::plain().without_last(EventName::CallEnd);
        assert_eq!(call_ends_once(&log).len(), 1);
    }

    #[test]
    fn a_second_end_is_found() {
        let log = Story::plain().and(CallEnd::new());
        assert_eq!(call_ends_once(&log).len(), 1);
    }

    #[test]
    fn an_event_before_the_calls_start_is_found() {
        let log = Story::plain().swapped(EventName::CallStart, EventName::AttemptStart);
        assert_eq!(call_ends_once(&log).len(), 1);
    }

    #[test]
    fn a_call_seen_from_its_middle_is_not_judged() {
        let log = Story::plain().without(&[EventName::CallStart, EventName::CallEnd]);
        assert_eq!(call_ends_once(&log), []);
    }

    #[test]
    fn attempts_that_skip_a_number_are_found() {
        let log = Story::with_attempt(1).log();
        assert_eq!(attempts_are_counted(&log).len(), 1);
        assert_eq!(attempts_are_counted(&Story::plain().log()), []);
        assert_eq!(attempts_are_counted(&Story::retried()), []);
    }

    #[test]
    fn an_event_of_an_attempt_never_begun_is_found() {
        let log = Story::plain().in_attempt(7).and(GetConn::new("a:1"));
        assert_eq!(attempt_was_started(&log).len(), 1);
        assert_eq!(attempt_was_started(&Story::plain().log()), []);
    }

    #[test]
    fn an_event_before_its_attempts_start_is_found() {
        let log = Story::plain().swapped(EventName::AttemptStart, EventName::GetConn);
        assert_eq!(attempt_was_started(&log).len(), 1);
    }
}
