//! The fold takes any list of events, and what it makes of them adds up, is in order and comes back from JSON.
#![no_main]

use std::time::{Duration, Instant};

use httptrace::timeline::{AttemptTimeline, Span, Stamped};
use httptrace::{Event, Timeline};
use httptrace_export::{Redaction, event_json};
use httptrace_fuzz::{Story, assert_comes_back};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|story: Story| {
    let zero = Instant::now();
    let events = story.events(zero);
    for event in &events {
        is_one_line_of_json(event, zero);
    }
    for timeline in Timeline::fold(&events) {
        adds_up(&timeline);
        for attempt in &timeline.attempts {
            is_in_order(attempt);
        }
        assert_comes_back(timeline);
    }
});

fn is_one_line_of_json(event: &Event, zero: Instant) {
    for redaction in [Redaction::On, Redaction::Off] {
        let line = event_json(event, zero, redaction);
        assert!(!line.contains('\n'));
        let value: serde_json::Value = serde_json::from_str(&line).expect("an event is JSON");
        assert_eq!(value["event"], event.name().as_str());
    }
}

fn adds_up(timeline: &Timeline) {
    assert_eq!(timeline.breakdown().total(), timeline.total());
    for attempt in &timeline.attempts {
        let (start, end) = attempt.bounds();
        assert_eq!(attempt.breakdown().total(), end - start);
        let _ = (attempt.failed_in(), attempt.own_dial(), attempt.status());
    }
    let numbers: Vec<u32> = timeline.attempts.iter().map(|a| a.index).collect();
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
}

fn is_in_order(attempt: &AttemptTimeline) {
    for dial in &attempt.dials {
        dial.lookups.iter().for_each(ends_after_its_start);
        dial.connects.iter().for_each(ends_after_its_start);
        dial.tunnels.iter().for_each(ends_after_its_start);
        dial.handshakes.iter().for_each(ends_after_its_start);
    }
    let waits = attempt.flow_control_waits.iter();
    waits.for_each(ends_after_its_start);
    for progress in [attempt.upload, attempt.download].into_iter().flatten() {
        assert!(progress.first <= progress.last);
    }
    for instants in [
        instants(&attempt.informational),
        instants(&attempt.resets),
        instants(&attempt.go_aways),
        instants(&attempt.settings),
        instants(&attempt.pongs),
    ] {
        assert!(instants.is_sorted());
    }
}

fn instants<T>(facts: &[Stamped<T>]) -> Vec<Duration> {
    facts.iter().map(|fact| fact.at).collect()
}

fn ends_after_its_start<T>(span: &Span<T>) {
    assert!(span.start.is_some() || span.end.is_some());
    if let (Some(start), Some(end)) = (span.start, span.end) {
        assert!(start <= end);
    }
}
