//! Our view: the events of the program, read back.

use std::collections::BTreeMap;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::seen::{Call, Field, Head, RoundTrip, Tls};

/// The program's run.
pub(crate) struct Ours {
    pub(crate) calls: Vec<Call>,
    pub(crate) round_trips: Vec<RoundTrip>,
    /// Whom each successful handshake was with.
    pub(crate) legs: Vec<String>,
    pub(crate) code: Option<i32>,
    pub(crate) stderr: String,
    pub(crate) events: Vec<Value>,
}

/// Runs the program with these arguments, and reads what it tells.
pub(crate) fn run(arguments: &[String]) -> Result<Ours, String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_httptrace"));
    command.args(["--format", "events"]).args(arguments);
    let output = finish(command)?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let parse = |line: &str| serde_json::from_str(line).map_err(|error| format!("{error}: {line}"));
    let events: Vec<Value> = text.lines().map(parse).collect::<Result<_, _>>()?;
    let ids = of_kind(&events, "call_start").map(|event| number(&event["call"]));
    let calls: Vec<Vec<&Value>> = ids
        .map(|id| {
            events
                .iter()
                .filter(|event| number(&event["call"]) == id)
                .collect()
        })
        .collect();
    Ok(Ours {
        calls: calls.iter().map(|events| call(events)).collect(),
        round_trips: round_trips(&events),
        legs: legs(&events),
        code: output.status.code(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        events,
    })
}

fn legs(events: &[Value]) -> Vec<String> {
    let done = of_kind(events, "tls_handshake_done").filter(|event| event["error"].is_null());
    done.map(|event| text(&event["leg"])).collect()
}

/// Runs a client to its end, out of reach of the surroundings' proxies.
pub(crate) fn finish(mut command: Command) -> Result<Output, String> {
    for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
        command.env_remove(name).env_remove(name.to_uppercase());
    }
    let output = command.stdin(Stdio::null()).output();
    output.map_err(|error| format!("{command:?} cannot be run: {error}"))
}

fn call(events: &[&Value]) -> Call {
    let last = |name: &str| events.iter().rev().find(|event| event["event"] == name);
    let start = last("call_start").map_or(0, |event| at(event));
    let end = last("call_end");
    let head = last("got_response_headers");
    let got = last("got_conn");
    let connected = events
        .iter()
        .filter(|event| event["event"] == "connect_done" && event["error"].is_null());
    let wrote = last("wrote_request").map(|event| at(event));
    let first = last("got_first_response_byte").map(|event| at(event));
    Call {
        status: end.and_then(|event| event["status"].as_u64()),
        version: head
            .and_then(|event| event["version"].as_str())
            .map(str::to_owned),
        new_connections: connected.count() as u64,
        redirects: events
            .iter()
            .filter(|event| event["event"] == "redirect")
            .count() as u64,
        downloaded: last("body_done").map_or(0, |event| number(&event["wire_bytes"])),
        decompressed: last("body_done").and_then(|event| event["decoded_bytes"].as_u64()),
        uploaded: last("wrote_request").map_or(0, |event| number(&event["body_bytes"])),
        remote: got
            .and_then(|event| event["remote_addr"].as_str())
            .map(str::to_owned),
        heads: events
            .iter()
            .filter_map(|event| response_head(event))
            .collect(),
        tunnels: events
            .iter()
            .filter(|event| event["event"] == "proxy_tunnel_done")
            .map(|event| event["status"].as_u64())
            .collect(),
        waited: wrote
            .zip(first)
            .map(|(wrote, first)| micros(first.saturating_sub(wrote))),
        total: micros(end.map_or(0, |event| at(event)).saturating_sub(start)),
        error: end
            .and_then(|event| event["error"].as_str())
            .map(str::to_owned),
    }
}

fn response_head(event: &Value) -> Option<Head> {
    match event["event"].as_str()? {
        "got_response_headers" => {
            let status = number(&event["status"]);
            Some(Head::new(status, fields(&event["headers"])))
        }
        "got_1xx_response" => Some(Head::new(number(&event["code"]), fields(&event["headers"]))),
        _ => None,
    }
}

/// Every attempt that had its answer.
fn round_trips(events: &[Value]) -> Vec<RoundTrip> {
    let mut under_way: BTreeMap<(u64, u64), RoundTrip> = BTreeMap::new();
    let mut used: BTreeMap<u64, u64> = BTreeMap::new();
    let mut tls: BTreeMap<u64, Tls> = BTreeMap::new();
    let mut done = Vec::new();
    for event in events {
        let key = (number(&event["call"]), number(&event["attempt"]));
        let connection = number(&event["connection"]);
        match event["event"].as_str().unwrap_or_default() {
            "attempt_start" => {
                let method = text(&event["method"]);
                let target = path(&text(&event["uri"]));
                let line = method.len() + target.len() + " ".len() + " HTTP/1.1\r\n\r\n".len();
                let trip = RoundTrip {
                    method,
                    target,
                    request: Some(line as u64),
                    ..RoundTrip::default()
                };
                under_way.insert(key, trip);
            }
            "tls_handshake_done" if event["error"].is_null() => {
                tls.insert(connection, handshake(event));
            }
            "attempt_end" => done.extend(under_way.remove(&key).filter(|trip| trip.status != 0)),
            name => {
                if let Some(trip) = under_way.get_mut(&key) {
                    if name == "got_conn" {
                        *used.entry(connection).or_default() += 1;
                        trip.nth = used[&connection];
                        trip.tls = tls.get(&connection).cloned();
                    }
                    note(trip, name, event);
                }
            }
        }
    }
    done
}

fn note(trip: &mut RoundTrip, name: &str, event: &Value) {
    match name {
        "got_conn" => trip.port = port(&event["local_addr"]).unwrap_or_default(),
        "stream_opened" => trip.stream = event["stream_id"].as_u64(),
        "wrote_header_field" => {
            let name = text(&event["name"]);
            let values = event["values"].as_array().into_iter().flatten();
            let values: Vec<String> = values.map(text).collect();
            let fields = values.iter().map(|value| (name.clone(), value.clone()));
            trip.sent.extend(fields);
            let bytes: usize = values.iter().map(|value| line_length(&name, value)).sum();
            trip.request = trip.request.map(|sum| sum + bytes as u64);
            let is_secret = values.iter().any(|value| value == "REDACTED");
            let is_compressed = name.starts_with(':');
            if is_secret || is_compressed || name.eq_ignore_ascii_case("transfer-encoding") {
                trip.request = None;
            }
        }
        "wrote_request" => {
            let body = number(&event["body_bytes"]);
            trip.request = trip.request.map(|sum| sum + body);
        }
        "got_response_headers" => {
            trip.status = number(&event["status"]);
            trip.version = text(&event["version"]);
            let fields = fields(&event["headers"]);
            trip.is_chunked = fields.iter().any(|(name, _)| name == "transfer-encoding");
            let lengths = fields.iter().map(|(name, value)| line_length(name, value));
            trip.fields = lengths.sum::<usize>() as u64;
        }
        "body_done" => trip.body = number(&event["wire_bytes"]),
        _ => {}
    }
}

fn handshake(event: &Value) -> Tls {
    Tls {
        version: text(&event["version"]),
        cipher: text(&event["cipher_suite"]),
        is_resumed: event["resumed"] == true,
    }
}

/// How long the line of a field is on the wire.
fn line_length(name: &str, value: &str) -> usize {
    name.len() + ": ".len() + value.len() + "\r\n".len()
}

pub(crate) fn fields(headers: &Value) -> Vec<Field> {
    let names = headers.as_object().into_iter().flatten();
    let each = names.flat_map(|(name, values)| {
        let values = values.as_array().into_iter().flatten();
        values.map(move |value| (name.to_lowercase(), text(value)))
    });
    each.collect()
}

fn of_kind<'a>(events: &'a [Value], name: &'a str) -> impl Iterator<Item = &'a Value> {
    events.iter().filter(move |event| event["event"] == name)
}

fn path(uri: &str) -> String {
    let after_scheme = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    let at = after_scheme.find('/').unwrap_or(after_scheme.len());
    after_scheme[at..].to_owned()
}

fn port(addr: &Value) -> Option<u64> {
    addr.as_str()?.rsplit_once(':')?.1.parse().ok()
}

/// Microseconds, rounded down.
fn at(event: &Value) -> u64 {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // whole microseconds will do
    event["at_us"].as_f64().map_or(0, |at| at as u64)
}

fn micros(count: u64) -> Duration {
    Duration::from_micros(count)
}

pub(crate) fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
