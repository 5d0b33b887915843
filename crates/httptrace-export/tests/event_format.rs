//! The lines of `--format events`, declared a second time: a change of the format must be made twice.

mod samples;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use httptrace::{CallId, ConnectionId, Event, EventKind, EventName};
use httptrace_export::{Redaction, event_json};
use serde_json::Value;

/// Every event with all fields it may have, besides `event`, `at_us`, `call`, `attempt` and `connection`.
const FIELDS: &[(&str, &str)] = &[
    ("call_start", "method uri wall"),
    ("call_end", "bytes error error_kind status"),
    ("attempt_start", "method reason retry_reason uri"),
    ("attempt_end", "error error_kind status"),
    ("redirect", "from status to"),
    ("get_conn", "host_port"),
    (
        "got_conn",
        "idle_us local_addr protocol remote_addr reused waited_for was_idle",
    ),
    ("put_idle_conn", "error error_kind"),
    ("conn_closed", "error error_kind noticed reason"),
    ("dns_start", "host"),
    (
        "dns_done",
        "addrs coalesced error error_kind host source ttl_us",
    ),
    ("connect_start", "addr number"),
    ("connect_done", "addr error error_kind number"),
    ("proxy_tunnel_start", "kind target"),
    (
        "proxy_tunnel_done",
        "error error_kind kind reason status target",
    ),
    ("tls_handshake_start", "leg server_name"),
    (
        "tls_handshake_done",
        "alpn cipher_suite error error_kind key_exchange_group leg resumed server_name version",
    ),
    ("wrote_header_field", "name values"),
    ("wrote_headers", ""),
    ("wait_100_continue", ""),
    ("wrote_body", "bytes"),
    (
        "wrote_request",
        "body_bytes error error_kind outcome reason",
    ),
    ("got_first_response_byte", ""),
    ("got_100_continue", ""),
    ("got_1xx_response", "code headers"),
    ("got_response_headers", "headers status version"),
    ("got_body", "bytes"),
    (
        "body_done",
        "decoded_bytes end error error_kind trailers wire_bytes",
    ),
    ("stream_opened", "stream_id"),
    ("stream_reset", "by code stream_id"),
    ("go_away", "by code debug_data last_stream_id"),
    (
        "settings_received",
        "enable_connect_protocol header_table_size initial_window_size max_concurrent_streams \
         max_frame_size max_header_list_size",
    ),
    ("flow_control_wait_start", "window"),
    ("flow_control_wait_done", "error error_kind window"),
    ("pong", "round_trip_us"),
    ("hook_panicked", "hook message"),
];

/// The events that say `"error":null` when all went well.
const ENDS: &[&str] = &[
    "call_end",
    "attempt_end",
    "put_idle_conn",
    "dns_done",
    "connect_done",
    "proxy_tunnel_done",
    "tls_handshake_done",
    "wrote_request",
    "body_done",
    "flow_control_wait_done",
];

fn line(kind: EventKind, redaction: Redaction) -> String {
    let epoch = Instant::now();
    let event = Event::new(epoch + Duration::from_nanos(1_234_500), kind)
        .with_call(CallId::from_u64(1).unwrap())
        .with_attempt(0)
        .with_connection(ConnectionId::from_u64(3).unwrap());
    event_json(&event, epoch, redaction)
}

fn object(line: &str) -> serde_json::Map<String, Value> {
    match serde_json::from_str(line).unwrap() {
        Value::Object(object) => object,
        other => panic!("{other} is no object"),
    }
}

#[test]
fn every_event_has_exactly_the_fields_of_the_contract() {
    assert_eq!(FIELDS.len(), EventName::ALL.len());
    for (name, (text, fields)) in EventName::ALL.iter().zip(FIELDS) {
        assert_eq!(name.as_str(), *text);
        let mut seen = BTreeSet::new();
        for kind in [samples::full(*name), samples::bare(*name)] {
            let line = line(kind, Redaction::On);
            let start =
                format!(r#"{{"event":"{text}","at_us":1234.5,"call":1,"attempt":0,"connection":3"#);
            assert!(line.starts_with(&start), "{line}");
            assert!(!line.contains('\n'));
            seen.extend(object(&line).into_iter().map(|(field, _)| field));
        }
        for common in ["event", "at_us", "call", "attempt", "connection"] {
            assert!(seen.remove(common), "{text}.{common}");
        }
        let expected: BTreeSet<String> = fields.split_whitespace().map(Into::into).collect();
        assert_eq!(seen, expected, "{text}");
    }
}

#[test]
fn the_documentation_has_every_event_with_its_fields() {
    let documented = |name: &str| {
        let row = format!("| `{name}` |");
        let mut lines = include_str!("../SCHEMA.md").lines();
        let line = lines
            .find(|line| line.starts_with(&row))
            .unwrap_or_default();
        let fields = line[row.len()..].split(['|', '`', ' ']);
        fields
            .filter(|field| !field.is_empty())
            .collect::<BTreeSet<_>>()
    };
    for (name, fields) in FIELDS {
        assert_eq!(
            documented(name),
            fields.split_whitespace().collect(),
            "{name}"
        );
    }
}

#[test]
fn an_error_is_null_where_something_ended_well_and_a_message_where_it_did_not() {
    for name in EventName::ALL {
        let well = object(&line(samples::full(*name), Redaction::On));
        let is_end = ENDS.contains(&name.as_str());
        assert_eq!(well.get("error"), is_end.then_some(&Value::Null), "{name}");
        assert_eq!(well.get("error_kind"), None, "{name}");
        let ill = object(&line(samples::bare(*name), Redaction::On));
        if is_end {
            assert!(ill["error"].is_string(), "{name}");
            assert!(ill["error_kind"].is_string(), "{name}");
        }
    }
}

#[test]
fn what_is_not_known_is_left_out() {
    let epoch = Instant::now();
    let event = Event::new(epoch, samples::bare(EventName::GotConn));
    let line = event_json(&event, epoch, Redaction::On);
    assert_eq!(
        line,
        r#"{"event":"got_conn","at_us":0.0,"reused":false,"was_idle":false}"#
    );
}

#[test]
fn an_event_before_the_epoch_has_a_negative_instant() {
    let at = Instant::now();
    let event = Event::new(at, samples::full(EventName::WroteHeaders));
    let line = event_json(&event, at + Duration::from_micros(2), Redaction::On);
    assert_eq!(line, r#"{"event":"wrote_headers","at_us":-2.0}"#);
}

#[test]
fn the_exact_text_of_events_that_went_well() {
    let lines: Vec<String> = EventName::ALL
        .iter()
        .map(|name| line(samples::full(*name), Redaction::On))
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn the_exact_text_of_events_that_did_not() {
    let lines: Vec<String> = EventName::ALL
        .iter()
        .map(|name| line(samples::bare(*name), Redaction::On))
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn without_redaction_everything_is_there() {
    for (name, secret) in [
        (EventName::WroteHeaderField, r#""values":["a=1","b=2"]"#),
        (EventName::GotResponseHeaders, r#""set-cookie":["secret"]"#),
        (EventName::CallStart, "http://a.test/?sig=1"),
        (EventName::Redirect, "/next?X-Amz-Signature=1"),
        (EventName::GoAway, "http://me:pw@a.test/?sig=1"),
    ] {
        let whole = line(samples::full(name), Redaction::Off);
        assert!(whole.contains(secret), "{whole}");
        assert!(!line(samples::full(name), Redaction::On).contains(secret));
    }
}
