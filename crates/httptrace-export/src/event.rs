//! One event as one line of JSON.

use std::time::Instant;

use http::Uri;
use httptrace::info::{
    AttemptReason, AttemptStart, BodyDone, BodyEnd, ConnClosed, DnsDone, GoAway, GotConn,
    ProxyTunnelDone, SettingsReceived, TlsHandshakeDone, WriteOutcome, WroteRequest,
};
use httptrace::{Event, EventKind};

use crate::address::address;
use crate::line::{Line, micros};
use crate::redaction::Redaction;
use crate::rfc3339;

/// Writes an event as one JSON object on one line, without a line feed. `at_us` counts from `epoch`.
///
/// Every object begins with `event`, `at_us` and, where they are known, `call`, `attempt` and `connection`; then come the
/// event's own fields. What is not known is left out, with one exception: `error` is `null` where something ended well
/// (`…_done`, `…_end`, `put_idle_conn`, `wrote_request`). Otherwise it is the message, and `error_kind` tells its class.
///
/// ```text
/// {"event":"got_conn","at_us":1234.5,"call":1,"attempt":0,"connection":1,"reused":false,"was_idle":false}
/// ```
pub fn event_json(event: &Event, epoch: Instant, redaction: Redaction) -> String {
    let mut line = Line::new(redaction);
    let at = match event.at.checked_duration_since(epoch) {
        Some(after) => micros(after),
        None => -micros(epoch.saturating_duration_since(event.at)),
    };
    line.field("event", event.name().as_str())
        .field("at_us", at)
        .known("call", event.call.map(|id| id.get()))
        .known("attempt", event.attempt)
        .known("connection", event.connection.map(|id| id.get()));
    write_call(&mut line, &event.kind);
    line.close()
}

/// The fields of the call's and its attempts' events; passes the others on.
fn write_call(line: &mut Line, kind: &EventKind) {
    match kind {
        EventKind::CallStart(info) => {
            line.known("wall", rfc3339::format(info.wall))
                .field("method", info.method.as_str())
                .uri("uri", &info.uri);
        }
        EventKind::CallEnd(info) => {
            line.known("status", info.status.map(|status| status.as_u16()))
                .known("bytes", info.bytes)
                .error(info.error.as_ref());
        }
        EventKind::AttemptStart(info) => write_attempt_start(line, info),
        EventKind::AttemptEnd(info) => {
            line.known("status", info.status.map(|status| status.as_u16()))
                .error(info.error.as_ref());
        }
        EventKind::Redirect(info) => {
            line.field("status", info.status.as_u16())
                .uri("from", &info.from)
                .uri("to", &info.to);
        }
        EventKind::HookPanicked(info) => {
            line.field("hook", info.event.as_str());
            if let Some(message) = &info.message {
                line.text("message", message);
            }
        }
        kind => write_connection(line, kind),
    }
}

/// The fields of the connection's and the dial's events; passes the others on.
fn write_connection(line: &mut Line, kind: &EventKind) {
    match kind {
        EventKind::GetConn(info) => {
            line.field("host_port", &*info.host_port);
        }
        EventKind::GotConn(info) => write_got_conn(line, info),
        EventKind::PutIdleConn(info) => match info.error {
            Some(error) => {
                line.field("error", error.to_string())
                    .field("error_kind", error.as_str());
            }
            None => {
                line.error(None);
            }
        },
        EventKind::ConnClosed(info) => write_conn_closed(line, info),
        EventKind::DnsStart(info) => {
            line.field("host", &*info.host);
        }
        EventKind::DnsDone(info) => write_dns_done(line, info),
        EventKind::ConnectStart(info) => {
            line.field("addr", address(&info.addr))
                .field("number", info.number);
        }
        EventKind::ConnectDone(info) => {
            line.field("addr", address(&info.addr))
                .field("number", info.number)
                .error(info.error.as_ref());
        }
        EventKind::ProxyTunnelStart(info) => {
            line.field("kind", info.kind.as_str())
                .field("target", &*info.target);
        }
        EventKind::ProxyTunnelDone(info) => write_tunnel_done(line, info),
        EventKind::TlsHandshakeStart(info) => {
            line.field("leg", info.leg.as_str())
                .known("server_name", info.server_name.as_deref());
        }
        EventKind::TlsHandshakeDone(info) => write_tls_done(line, info),
        kind => write_exchange(line, kind),
    }
}

/// The fields of the exchange's events; passes the others on.
fn write_exchange(line: &mut Line, kind: &EventKind) {
    match kind {
        EventKind::WroteHeaderField(info) => {
            line.field("name", &*info.name);
            line.values("values", &info.name, info.values.iter());
        }
        EventKind::WroteBody(info) => {
            line.field("bytes", info.bytes);
        }
        EventKind::WroteRequest(info) => write_wrote_request(line, info),
        EventKind::Got1xxResponse(info) => {
            line.field("code", info.status.as_u16())
                .headers("headers", &info.headers);
        }
        EventKind::GotResponseHeaders(info) => {
            line.field("status", info.status.as_u16())
                .field("version", format!("{:?}", info.version))
                .headers("headers", &info.headers);
        }
        EventKind::GotBody(info) => {
            line.field("bytes", info.bytes);
        }
        EventKind::BodyDone(info) => write_body_done(line, info),
        kind => write_http2(line, kind),
    }
}

/// The fields of the events of HTTP/2. An event that a later version of the vocabulary adds has none here.
fn write_http2(line: &mut Line, kind: &EventKind) {
    match kind {
        EventKind::StreamOpened(info) => {
            line.field("stream_id", info.stream_id);
        }
        EventKind::StreamReset(info) => {
            line.field("stream_id", info.stream_id)
                .field("by", info.by.as_str())
                .field("code", info.code.to_string());
        }
        EventKind::GoAway(info) => write_go_away(line, info),
        EventKind::SettingsReceived(info) => write_settings(line, info),
        EventKind::FlowControlWaitStart(info) => {
            line.field("window", info.window.as_str());
        }
        EventKind::FlowControlWaitDone(info) => {
            line.field("window", info.window.as_str())
                .error(info.error.as_ref());
        }
        EventKind::Pong(info) => {
            line.field("round_trip_us", micros(info.round_trip));
        }
        _ => {}
    }
}

fn write_attempt_start(line: &mut Line, info: &AttemptStart) {
    line.field("method", info.method.as_str())
        .uri("uri", &info.uri)
        .field("reason", info.reason.as_str());
    if let AttemptReason::Retry(reason) = info.reason {
        line.field("retry_reason", reason.as_str());
    }
}

fn write_got_conn(line: &mut Line, info: &GotConn) {
    line.field("reused", info.reused)
        .field("was_idle", info.was_idle)
        .known("idle_us", info.idle_time.map(micros))
        .known("protocol", info.protocol.map(|protocol| protocol.as_str()))
        .known("waited_for", info.waited_for.map(|what| what.as_str()))
        .known("local_addr", info.local_addr.as_ref().map(address))
        .known("remote_addr", info.remote_addr.as_ref().map(address));
}

fn write_conn_closed(line: &mut Line, info: &ConnClosed) {
    line.field("reason", info.reason.as_str())
        .known("noticed", info.noticed.map(|noticed| noticed.as_str()));
    if info.error.is_some() {
        line.error(info.error.as_ref());
    }
}

fn write_dns_done(line: &mut Line, info: &DnsDone) {
    let addrs = info.addrs.as_deref();
    let addrs = addrs.map(|addrs| addrs.iter().map(ToString::to_string).collect::<Vec<_>>());
    line.field("host", &*info.host)
        .known("addrs", addrs)
        .known("coalesced", info.coalesced)
        .known("source", info.source.map(|source| source.as_str()))
        .known("ttl_us", info.ttl.map(micros))
        .error(info.error.as_ref());
}

fn write_tunnel_done(line: &mut Line, info: &ProxyTunnelDone) {
    line.field("kind", info.kind.as_str())
        .field("target", &*info.target)
        .known("status", info.status.map(|status| status.as_u16()))
        .known("reason", info.reason.as_deref())
        .error(info.error.as_ref());
}

fn write_tls_done(line: &mut Line, info: &TlsHandshakeDone) {
    let name = |point: &httptrace::info::CodePoint| point.to_string();
    line.field("leg", info.leg.as_str())
        .known("server_name", info.server_name.as_deref())
        .known("version", info.version.as_ref().map(name))
        .known("cipher_suite", info.cipher_suite.as_ref().map(name))
        .known(
            "key_exchange_group",
            info.key_exchange_group.as_ref().map(name),
        )
        .known("alpn", info.alpn.as_deref())
        .known("resumed", info.resumed)
        .error(info.error.as_ref());
}

fn write_wrote_request(line: &mut Line, info: &WroteRequest) {
    line.field("outcome", info.outcome.as_str());
    if let WriteOutcome::NotSent(reason) = &info.outcome {
        line.field("reason", reason.as_str());
    }
    line.known("body_bytes", info.body_bytes);
    match &info.outcome {
        WriteOutcome::Failed(error) => line.error(Some(error)),
        _ => line.error(None),
    };
}

fn write_body_done(line: &mut Line, info: &BodyDone) {
    line.field("end", info.end.as_str())
        .known("wire_bytes", info.wire_bytes)
        .known("decoded_bytes", info.decoded_bytes);
    if let Some(trailers) = &info.trailers {
        line.headers("trailers", trailers);
    }
    match &info.end {
        BodyEnd::Error(error) => line.error(Some(error)),
        _ => line.error(None),
    };
}

fn write_go_away(line: &mut Line, info: &GoAway) {
    line.field("by", info.by.as_str())
        .field("last_stream_id", info.last_stream_id)
        .field("code", info.code.to_string());
    if let Some(text) = &info.debug_data {
        line.text("debug_data", text);
    }
}

fn write_settings(line: &mut Line, info: &SettingsReceived) {
    line.known("max_concurrent_streams", info.max_concurrent_streams)
        .known("initial_window_size", info.initial_window_size)
        .known("max_frame_size", info.max_frame_size)
        .known("max_header_list_size", info.max_header_list_size)
        .known("header_table_size", info.header_table_size)
        .known("enable_connect_protocol", info.enable_connect_protocol);
}

impl Line {
    fn uri(&mut self, name: &str, uri: &Uri) -> &mut Self {
        let uri = self.redaction().uri(uri);
        self.field(name, uri)
    }
}
