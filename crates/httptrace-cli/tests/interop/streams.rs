//! What happened on a connection of HTTP/2, stream by stream: read from our events, and from the frames that others show.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::frames::Frame;
use crate::ours::{fields, number, text};
use crate::seen::{Field, Head};

/// A connection, as a client sees it.
#[derive(Debug, Default)]
pub(crate) struct Connection {
    /// The peer's settings, each frame of them: our names, and values.
    pub(crate) settings: Vec<BTreeMap<&'static str, u64>>,
    /// By their numbers.
    pub(crate) streams: BTreeMap<u64, Stream>,
    /// The peer's GOAWAYs: last stream, and code.
    pub(crate) leaving: Vec<(u64, u64)>,
}

/// A request and its response.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    /// In the order of the wire, pseudo-header fields too.
    pub(crate) request: Vec<Field>,
    /// Bytes of the request's body.
    pub(crate) sent: u64,
    /// Informational heads, and the final one.
    pub(crate) heads: Vec<Head>,
    /// Bytes of the response's body.
    pub(crate) received: u64,
    pub(crate) trailers: Vec<Field>,
    /// What happened, in order.
    pub(crate) order: Vec<Step>,
}

/// A frame that matters to its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    SentHead,
    SentEnd,
    /// With this status.
    GotHead(u64),
    GotEnd,
    /// Reset by the peer, with this code.
    GotReset(u64),
    /// Reset by the client, with this code.
    SentReset(u64),
}

impl Step {
    pub(crate) fn is_received(self) -> bool {
        matches!(self, Self::GotHead(_) | Self::GotEnd | Self::GotReset(_))
    }
}

/// Settings that we tell of: their numbers in RFC 9113 and 8441, and our names.
const SETTINGS: &[(u64, &str)] = &[
    (1, "header_table_size"),
    (3, "max_concurrent_streams"),
    (4, "initial_window_size"),
    (5, "max_frame_size"),
    (6, "max_header_list_size"),
    (8, "enable_connect_protocol"),
];

/// From the frames of one connection, by a client's or a server's account of it.
pub(crate) fn of_frames<'a>(
    frames: impl IntoIterator<Item = &'a Frame>,
    is_client: bool,
) -> Connection {
    let mut connection = Connection::default();
    for frame in frames {
        let is_requests = frame.is_sent == is_client;
        match frame.kind.as_str() {
            "SETTINGS" if !is_requests && !frame.is_acknowledgement() => {
                connection.settings.push(settings(&frame.settings));
            }
            "GOAWAY" if !is_requests => {
                let last = frame.last_stream.unwrap_or_default();
                connection
                    .leaving
                    .push((last, frame.code.unwrap_or_default()));
            }
            "HEADERS" | "DATA" | "RST_STREAM" => {
                let stream = connection.streams.entry(frame.stream).or_default();
                match is_requests {
                    true => sent(stream, frame),
                    false => received(stream, frame),
                }
            }
            _ => {}
        }
    }
    connection
}

fn sent(stream: &mut Stream, frame: &Frame) {
    match frame.kind.as_str() {
        "HEADERS" if stream.request.is_empty() => {
            stream.request.clone_from(&frame.fields);
            stream.order.push(Step::SentHead);
        }
        "DATA" => stream.sent += frame.length - frame.padding,
        "RST_STREAM" => {
            let code = frame.code.unwrap_or_default();
            stream.order.push(Step::SentReset(code));
        }
        _ => {}
    }
    if frame.ends_stream() {
        stream.order.push(Step::SentEnd);
    }
}

fn received(stream: &mut Stream, frame: &Frame) {
    let status = || {
        let (_, status) = frame.fields.iter().find(|(name, _)| name == ":status")?;
        status.parse().ok()
    };
    match (frame.kind.as_str(), status()) {
        ("HEADERS", Some(status)) => {
            let fields = frame.fields.iter().filter(|(name, _)| name != ":status");
            stream
                .heads
                .push(Head::new(status, fields.cloned().collect()));
            stream.order.push(Step::GotHead(status));
        }
        ("HEADERS", None) => stream.trailers.clone_from(&frame.fields),
        ("DATA", _) => stream.received += frame.length - frame.padding,
        _ => {
            let code = frame.code.unwrap_or_default();
            stream.order.push(Step::GotReset(code));
        }
    }
    if frame.ends_stream() {
        stream.order.push(Step::GotEnd);
    }
}

fn settings(told: &[(u64, u64)]) -> BTreeMap<&'static str, u64> {
    let known = |(number, value): &(u64, u64)| {
        let (_, name) = SETTINGS.iter().find(|(known, _)| known == number)?;
        Some((*name, *value))
    };
    told.iter().filter_map(known).collect()
}

/// From our events: each connection by our number of it.
pub(crate) fn of_events(events: &[Value]) -> BTreeMap<u64, Connection> {
    let mut connections: BTreeMap<u64, Connection> = BTreeMap::new();
    // Where each attempt's stream is, once it is open; what it wrote comes before.
    let mut places: BTreeMap<(u64, u64), (u64, u64)> = BTreeMap::new();
    // Events of a connection are told to each of its calls.
    let mut told = std::collections::BTreeSet::new();
    for event in events {
        let attempt = (number(&event["call"]), number(&event["attempt"]));
        let id = number(&event["connection"]);
        let name = event["event"].as_str().unwrap_or_default();
        match name {
            "stream_opened" => {
                let stream = number(&event["stream_id"]);
                places.insert(attempt, (id, stream));
                let connection = connections.entry(id).or_default();
                connection.streams.entry(stream).or_default();
            }
            "settings_received" | "go_away" => {
                if told.insert((name, id, event["at_us"].to_string())) {
                    of_connection(connections.entry(id).or_default(), name, event);
                }
            }
            _ => {
                let stream = places.get(&attempt).and_then(|(id, stream)| {
                    let connection = connections.get_mut(id)?;
                    connection.streams.get_mut(stream)
                });
                if let Some(stream) = stream {
                    note(stream, name, event);
                }
            }
        }
    }
    connections
}

fn of_connection(connection: &mut Connection, name: &str, event: &Value) {
    if name == "settings_received" {
        let value = |name: &str| match &event[name] {
            Value::Bool(is_on) => Some(u64::from(*is_on)),
            value => value.as_u64(),
        };
        let all = SETTINGS.iter();
        let named = all.filter_map(|(_, name)| Some((*name, value(name)?)));
        connection.settings.push(named.collect());
    } else if event["by"] == "peer" {
        let last = number(&event["last_stream_id"]);
        connection.leaving.push((last, code(event)));
    }
}

fn note(stream: &mut Stream, name: &str, event: &Value) {
    match name {
        "wrote_header_field" => {
            let values = event["values"].as_array().into_iter().flatten();
            let name = text(&event["name"]);
            stream
                .request
                .extend(values.map(|value| (name.clone(), text(value))));
        }
        "wrote_headers" => stream.order.push(Step::SentHead),
        "wrote_request" => {
            stream.sent = number(&event["body_bytes"]);
            if event["outcome"] == "sent" {
                stream.order.push(Step::SentEnd);
            }
        }
        "got_1xx_response" => {
            let status = number(&event["code"]);
            stream
                .heads
                .push(Head::new(status, fields(&event["headers"])));
            stream.order.push(Step::GotHead(status));
        }
        "got_response_headers" => {
            let status = number(&event["status"]);
            stream
                .heads
                .push(Head::new(status, fields(&event["headers"])));
            stream.order.push(Step::GotHead(status));
        }
        "body_done" => {
            stream.received = number(&event["wire_bytes"]);
            stream.trailers = fields(&event["trailers"]);
            if event["end"] == "end" {
                stream.order.push(Step::GotEnd);
            }
        }
        "stream_reset" if event["by"] == "peer" => {
            stream.order.push(Step::GotReset(code(event)));
        }
        "stream_reset" => stream.order.push(Step::SentReset(code(event))),
        _ => {}
    }
}

/// The number of an error code, which we tell by its name.
fn code(event: &Value) -> u64 {
    const NAMES: [&str; 14] = [
        "NO_ERROR",
        "PROTOCOL_ERROR",
        "INTERNAL_ERROR",
        "FLOW_CONTROL_ERROR",
        "SETTINGS_TIMEOUT",
        "STREAM_CLOSED",
        "FRAME_SIZE_ERROR",
        "REFUSED_STREAM",
        "CANCEL",
        "COMPRESSION_ERROR",
        "CONNECT_ERROR",
        "ENHANCE_YOUR_CALM",
        "INADEQUATE_SECURITY",
        "HTTP_1_1_REQUIRED",
    ];
    let told = &event["code"];
    let by_name = || NAMES.iter().position(|name| *told == **name);
    told.as_u64()
        .or_else(|| by_name().map(|at| at as u64))
        .unwrap_or(u64::MAX)
}
