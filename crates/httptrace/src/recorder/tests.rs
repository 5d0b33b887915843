use std::time::{Duration, Instant};

use http::{Method, Uri};

use super::*;
use crate::event::{EventKind, EventName};
use crate::id::CallId;
use crate::info::{
    AttemptEnd, CallEnd, CallStart, FlowControlWaitDone, FlowControlWaitStart, FlowWindow, GotBody,
    Pong, WroteBody, WroteHeaders,
};

fn record(recorder: &Recorder, event: Event) {
    recorder.on_event(&event);
}

#[test]
fn body_progress_keeps_its_sum_its_first_and_its_last_instant_in_two_events() {
    let recorder = Recorder::new();
    let call = CallId::next();
    let zero = Instant::now();
    let at = |ms| zero + Duration::from_millis(ms);
    for ms in 1..=100 {
        record(
            &recorder,
            Event::new(at(ms), GotBody::new(10_u64))
                .with_call(call)
                .with_attempt(0),
        );
        record(
            &recorder,
            Event::new(at(ms), WroteBody::new(1_u64))
                .with_call(call)
                .with_attempt(0),
        );
        record(
            &recorder,
            Event::new(at(ms), GotBody::new(5_u64))
                .with_call(call)
                .with_attempt(1),
        );
    }
    assert_eq!(recorder.events().len(), 6);
    let timeline = recorder.timeline().unwrap();
    let ms = Duration::from_millis;
    let download = timeline.attempts[0].download.unwrap();
    assert_eq!(
        (download.first, download.last, download.bytes),
        (ms(0), ms(99), 1_000)
    );
    assert_eq!(timeline.attempts[0].upload.unwrap().bytes, 100);
    assert_eq!(timeline.attempts[1].download.unwrap().bytes, 500);
    assert_eq!(timeline.dropped, 0);
}

#[test]
fn beyond_the_limit_events_are_counted_but_ends_are_kept() {
    let recorder = Recorder::new();
    let call = CallId::next();
    let at = Instant::now();
    let many = 3 * Recorder::EVENTS_PER_CALL;
    for _ in 0..many {
        record(
            &recorder,
            Event::new(at, WroteHeaders::new()).with_call(call),
        );
    }
    for _ in 0..many {
        record(&recorder, Event::new(at, AttemptEnd::new()).with_call(call));
    }
    record(
        &recorder,
        Event::new(at, GotBody::new(1_u64)).with_call(call),
    );
    record(&recorder, Event::new(at, CallEnd::new()).with_call(call));
    assert_eq!(recorder.events().len(), 2 * Recorder::EVENTS_PER_CALL + 1);
    let timeline = recorder.timeline().unwrap();
    assert_eq!(timeline.dropped, 4 * Recorder::EVENTS_PER_CALL as u64 + 1);
    assert!(timeline.end.is_some());
}

#[test]
fn progress_is_still_summed_when_the_record_is_full() {
    let recorder = Recorder::new();
    let call = CallId::next();
    let zero = Instant::now();
    let later = zero + Duration::from_secs(1);
    record(
        &recorder,
        Event::new(zero, GotBody::new(1_u64)).with_call(call),
    );
    for _ in 0..Recorder::EVENTS_PER_CALL {
        record(
            &recorder,
            Event::new(zero, WroteHeaders::new()).with_call(call),
        );
    }
    record(
        &recorder,
        Event::new(later, GotBody::new(2_u64)).with_call(call),
    );
    record(
        &recorder,
        Event::new(later, GotBody::new(3_u64)).with_call(call),
    );
    let timeline = recorder.timeline().unwrap();
    assert_eq!(timeline.attempts[0].download.unwrap().bytes, 6);
    assert_eq!(timeline.dropped, 1);
}

#[test]
fn what_comes_again_and_again_leaves_room_for_the_rest() {
    let recorder = Recorder::new();
    let call = CallId::next();
    let at = Instant::now();
    let window = FlowWindow::Stream;
    for attempt in 0..2 {
        for _ in 0..Recorder::EVENTS_PER_CALL {
            let kinds: [EventKind; 3] = [
                FlowControlWaitStart::new(window).into(),
                FlowControlWaitDone::new(window).into(),
                Pong::new(Duration::from_millis(1)).into(),
            ];
            for kind in kinds {
                let event = Event::new(at, kind).with_call(call);
                record(&recorder, event.with_attempt(attempt));
            }
        }
    }
    assert_eq!(recorder.events().len(), 2 * 3 * Recorder::REPEATS);
    let timeline = recorder.timeline().unwrap();
    let waits = &timeline.attempts[1].flow_control_waits;
    assert_eq!(waits.len(), Recorder::REPEATS);
    assert!(waits.iter().all(|wait| wait.end.is_some()));
    let told = 2 * 3 * Recorder::EVENTS_PER_CALL;
    assert_eq!(timeline.dropped as usize, told - recorder.events().len());
}

#[test]
fn calls_take_no_more_than_twice_the_room_of_their_events() {
    let recorder = Recorder::new();
    let at = Instant::now();
    for others in [0, 1, 2, 3, 9, 50, 100] {
        let call = CallId::next();
        for _ in 0..others {
            record(
                &recorder,
                Event::new(at, WroteHeaders::new()).with_call(call),
            );
        }
        record(&recorder, Event::new(at, CallEnd::new()).with_call(call));
    }
    for (len, room) in recorder.records.sizes() {
        assert!(len <= room && room <= 2 * len, "{len} of {room}");
    }
}

#[test]
fn the_oldest_calls_are_forgotten_whole_when_there_are_too_many_events() {
    let recorder = Recorder::new();
    let at = Instant::now();
    let calls: Vec<CallId> = (0..20).map(|_| CallId::next()).collect();
    for call in &calls {
        for _ in 0..Recorder::EVENTS_PER_CALL {
            record(
                &recorder,
                Event::new(at, WroteHeaders::new()).with_call(*call),
            );
        }
    }
    // What still comes of a forgotten call does not bring it back.
    record(
        &recorder,
        Event::new(at, CallEnd::new()).with_call(calls[0]),
    );
    assert_eq!(recorder.events().len(), Recorder::EVENTS);
    let kept: Vec<CallId> = recorder.timelines().iter().filter_map(|t| t.call).collect();
    assert_eq!(kept, calls[4..]);
}

#[test]
fn its_traces_compose_to_one_and_its_latest_call_is_the_one_begun_last() {
    let recorder = Recorder::new();
    let trace = recorder.trace().compose(&recorder.clone().trace());
    let (one, two) = (CallId::next(), CallId::next());
    let at = Instant::now();
    let start = |path| CallStart::new(std::time::UNIX_EPOCH, Method::GET, Uri::from_static(path));
    for event in [
        Event::new(at, start("/one")).with_call(one),
        Event::new(at, start("/two")).with_call(two),
        Event::new(at, CallEnd::new()).with_call(one),
    ] {
        trace
            .hooks()
            .iter()
            .for_each(|hook| hook.observer().on_event(&event));
    }
    let names: Vec<EventName> = recorder.events().iter().map(Event::name).collect();
    assert_eq!(
        names,
        [
            EventName::CallStart,
            EventName::CallEnd,
            EventName::CallStart
        ]
    );
    assert_eq!(recorder.timeline().unwrap().call, Some(two));
    let complete: Vec<bool> = recorder.timelines().iter().map(|t| t.complete).collect();
    assert_eq!(complete, [true, false]);
}
