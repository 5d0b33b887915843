//! Timelines, written and read back.

mod samples;

use std::time::{Duration, Instant};

use httptrace::{CallId, ConnectionId, Event, EventKind, EventName, Timeline};
use httptrace_export::{
    Redaction, TIMELINE_SCHEMA, TIMELINE_VERSION, timeline_from_json, timeline_json,
    timeline_json_pretty, timelines_from_ndjson, timelines_ndjson,
};
use proptest::prelude::*;

/// What is known of each event.
#[derive(Clone, Copy)]
enum Sample {
    Full,
    Bare,
}

/// A timeline in which everything happens once, a millisecond apart. What went well is served by its own dial.
fn everything(sample: Sample) -> Timeline {
    let ends = [
        EventName::Redirect,
        EventName::PutIdleConn,
        EventName::ConnClosed,
        EventName::AttemptEnd,
        EventName::CallEnd,
    ];
    let (sample, dialed, had) = match sample {
        Sample::Full => (samples::full as fn(EventName) -> EventKind, 3, 3),
        Sample::Bare => (samples::bare as fn(EventName) -> EventKind, 4, 3),
    };
    let dial = EventName::ALL
        .iter()
        .filter(|name| **name >= EventName::DnsStart);
    let (dial, exchange): (Vec<_>, Vec<_>) =
        dial.partition(|name| **name <= EventName::TlsHandshakeDone);
    let mut order = vec![
        EventName::CallStart,
        EventName::AttemptStart,
        EventName::GetConn,
    ];
    order.extend(dial.into_iter().copied());
    order.push(EventName::GotConn);
    order.extend(exchange.into_iter().copied());
    order.extend(ends);
    assert_eq!(order.len(), EventName::ALL.len());

    let zero = Instant::now();
    let event = |(index, name): (usize, EventName)| {
        let at = zero + Duration::from_micros(1_000 * index as u64);
        let is_dial = EventName::DnsStart <= name && name <= EventName::TlsHandshakeDone;
        let connection = if is_dial { dialed } else { had };
        Event::new(at, sample(name))
            .with_call(CallId::from_u64(7).unwrap())
            .with_attempt(0)
            .with_connection(ConnectionId::from_u64(connection).unwrap())
    };
    let events: Vec<Event> = order.into_iter().enumerate().map(event).collect();
    Timeline::fold(&events).remove(0)
}

fn assert_comes_back(timeline: &Timeline) {
    let json = timeline_json(timeline, Redaction::Off);
    let back = timeline_from_json(&json).unwrap();
    assert_eq!(format!("{back:#?}"), format!("{timeline:#?}"));
    let pretty = timeline_json_pretty(timeline, Redaction::Off);
    assert_eq!(
        timeline_json(&timeline_from_json(&pretty).unwrap(), Redaction::Off),
        json
    );
}

#[test]
fn everything_there_is_comes_back() {
    assert_comes_back(&everything(Sample::Full));
    assert_comes_back(&everything(Sample::Bare));
    assert_comes_back(&Timeline::default());
}

#[test]
fn the_exact_text_of_a_timeline_in_which_everything_happens() {
    insta::assert_snapshot!(timeline_json_pretty(
        &everything(Sample::Full),
        Redaction::On
    ));
}

#[test]
fn the_exact_text_of_a_timeline_of_which_little_is_known() {
    insta::assert_snapshot!(timeline_json_pretty(
        &everything(Sample::Bare),
        Redaction::On
    ));
}

#[test]
fn an_empty_timeline_says_only_what_is_always_known() {
    let json = timeline_json(&Timeline::default(), Redaction::On);
    let expected = r#"{"schema":"httptrace-timeline","version":1,"complete":false,"total_us":0.0}"#;
    assert_eq!(json, expected);
}

#[test]
fn secrets_are_taken_out_unless_told_otherwise() {
    for sample in [Sample::Full, Sample::Bare] {
        let timeline = everything(sample);
        let json = timeline_json(&timeline, Redaction::On);
        for secret in ["secret", "a=1", "sig=1", "Signature=1", "me:pw"] {
            assert!(!json.contains(secret), "{secret} in {json}");
        }
        // It is still a timeline.
        timeline_from_json(&json).unwrap();
    }
    let json = timeline_json(&everything(Sample::Full), Redaction::Off);
    assert!(json.contains("secret") && json.contains("sig=1"));
}

#[test]
fn ndjson_has_a_timeline_a_line_and_tells_in_which_line_it_is_wrong() {
    let timelines = [everything(Sample::Full), everything(Sample::Bare)];
    let text = timelines_ndjson(&timelines, Redaction::Off);
    assert_eq!(text.lines().count(), 2);
    let back = timelines_from_ndjson(&text).unwrap();
    assert_eq!(format!("{back:?}"), format!("{timelines:?}"));
    let error = timelines_from_ndjson(&format!("{text}\n{{}}\n")).unwrap_err();
    assert!(
        error.to_string().starts_with("line 4: not a timeline"),
        "{error}"
    );
}

#[test]
fn names_that_a_later_version_adds_are_passed_over() {
    let json = format!(
        r#"{{"schema":"{TIMELINE_SCHEMA}","version":{TIMELINE_VERSION},"complete":true,"total_us":1,"moon":"full",
        "end":{{"at_us":1.5,"error":{{"kind":"eclipse","message":"dark"}}}}}}"#
    );
    let timeline = timeline_from_json(&json).unwrap();
    let error = timeline.error().unwrap();
    assert_eq!(
        (error.kind(), error.message()),
        (httptrace::ErrorKind::Other, "dark")
    );
    assert_eq!(timeline.total(), Duration::from_nanos(1_500));
}

#[test]
fn what_is_no_timeline_is_refused_with_the_reason() {
    let object = |extra: &str| {
        format!(
            r#"{{"schema":"httptrace-timeline","version":1,"complete":true,"total_us":0{extra}}}"#
        )
    };
    let table = [
        (String::from("[]"), "not a timeline"),
        (
            object("").replace("timeline\"", "har\""),
            "its schema is \"httptrace-har\"",
        ),
        (
            object("").replace("\"version\":1", "\"version\":2"),
            "version 2; this reads version 1",
        ),
        (
            object(r#","started":"yesterday""#),
            "\"yesterday\" is no date",
        ),
        (object(r#","call":0"#), "is no call"),
        (object(r#","end":{"at_us":-1}"#), "is no duration"),
        (object(r#","end":{"at_us":1e300}"#), "is no duration"),
        (object(r#","end":{"at_us":0,"status":9}"#), "is no status"),
        (
            object(r#","attempts":[{"index":0,"closed":[{"at_us":0,"reason":"whim"}]}]"#),
            "\"whim\" is no reason to close a connection",
        ),
        (
            object(
                r#","attempts":[{"index":0,"http2":{"flow_control_waits":[{"window":"rose"}]}}]"#,
            ),
            "\"rose\" is no window",
        ),
    ];
    for (json, message) in table {
        let error = timeline_from_json(&json).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
}

/// A timeline that ended, given the JSON of that instant.
fn ending_at(at_us: &str) -> Timeline {
    let json = format!(
        r#"{{"schema":"httptrace-timeline","version":1,"complete":false,"total_us":0,"end":{{"at_us":{at_us}}}}}"#
    );
    timeline_from_json(&json).unwrap()
}

#[test]
fn long_durations_that_were_read_are_written_so_that_they_are_read_again() {
    for at_us in [
        "18446744073709549.568",
        "18446744073709549",
        "9007199254740993.7",
        "8796093022208.123",
        "31536000000000.001",
        "18446744073709549568",
    ] {
        assert_comes_back(&ending_at(at_us));
    }
}

#[test]
fn more_header_fields_than_a_map_holds_are_refused() {
    let fields: Vec<String> = (0..40_000)
        .map(|number| format!(r#"{{"name":"f{number}","values":["v"]}}"#))
        .collect();
    let json = format!(
        r#"{{"schema":"httptrace-timeline","version":1,"complete":false,"total_us":0,"attempts":[{{"index":0,
        "response":{{"head":{{"at_us":1,"status":200,"version":"HTTP/1.1","headers":[{}]}}}}}}]}}"#,
        fields.join(",")
    );
    let error = timeline_from_json(&json).unwrap_err().to_string();
    assert!(error.contains("too many header fields"), "{error}");
}

#[test]
fn a_date_that_could_not_be_written_is_not_read() {
    let json = |date: &str| {
        format!(
            r#"{{"schema":"httptrace-timeline","version":1,"complete":false,"total_us":0,"started":"{date}"}}"#
        )
    };
    // A leap second after the last second of the last year.
    let error = timeline_from_json(&json("9999-12-31T23:59:60Z")).unwrap_err();
    assert!(error.to_string().contains("is no date"), "{error}");
    assert_comes_back(&timeline_from_json(&json("9999-12-31T23:59:59Z")).unwrap());
}

proptest! {
    #[test]
    fn any_duration_that_is_read_comes_back(micros in prop_oneof![0.0..1e7_f64, 0.0..1e14_f64, 0.0..1.8e19_f64]) {
        assert_comes_back(&ending_at(&micros.to_string()));
    }

    #[test]
    fn any_folded_timeline_comes_back(
        drafts in proptest::collection::vec(
            (proptest::sample::select(EventName::ALL), any::<bool>(), 0_u64..1_000_000_000_000_000, 0_u32..3, 1_u64..3),
            0..40,
        )
    ) {
        let zero = Instant::now();
        let event = |&(name, full, nanos, attempt, connection): &(EventName, bool, u64, u32, u64)| {
            let kind = if full { samples::full(name) } else { samples::bare(name) };
            Event::new(zero + Duration::from_nanos(nanos), kind)
                .with_call(CallId::from_u64(1).unwrap())
                .with_attempt(attempt)
                .with_connection(ConnectionId::from_u64(connection).unwrap())
        };
        let events: Vec<Event> = drafts.iter().map(event).collect();
        for mut timeline in Timeline::fold(&events) {
            // Dates are written to the microsecond.
            timeline.started = None;
            let json = timeline_json(&timeline, Redaction::Off);
            let back = timeline_from_json(&json).unwrap();
            prop_assert_eq!(format!("{back:?}"), format!("{timeline:?}"));
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,60}") {
        let _ = timeline_from_json(&text);
        let _ = timelines_from_ndjson(&text);
    }
}
