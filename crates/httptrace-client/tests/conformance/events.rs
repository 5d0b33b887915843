//! Our events as lines of a recording: the sixteen that Go has, in Go's form.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::HeaderMap;
use httptrace::info::{GotConn, TlsHandshakeDone, WriteOutcome};
use httptrace::{BoxError, ErrorKind, Event, EventError, EventKind, Observer};
use serde_json::{Value, json};

use crate::recording::{Line, Recorder, line};

/// Records the events of one request.
pub(crate) struct RequestObserver {
    pub(crate) label: String,
    pub(crate) recorder: Recorder,
    /// The informational response at which the hook says no.
    pub(crate) fail_at_1xx: Option<usize>,
    pub(crate) informational: AtomicUsize,
}

impl Observer for RequestObserver {
    fn on_event(&self, event: &Event) {
        if let Some((side, line)) = told(&event.kind) {
            self.recorder.add(&self.label, side, line);
        }
    }

    fn on_got_1xx_response(&self, event: &Event) -> Result<(), BoxError> {
        self.on_event(event);
        let number = self.informational.fetch_add(1, Ordering::Relaxed) + 1;
        match self.fail_at_1xx == Some(number) {
            true => Err("the hook says no".into()),
            false => Ok(()),
        }
    }

    /// As in Go, whose hook is always set when a request is traced.
    fn limits_1xx_responses(&self) -> bool {
        true
    }
}

/// The side and the line of an event; none of those that Go does not have.
fn told(kind: &EventKind) -> Option<(&'static str, Line)> {
    let told = match kind {
        EventKind::GetConn(info) => ("caller", line!("get_conn", "host_port": &*info.host_port)),
        EventKind::GotConn(info) => ("caller", got_conn(info)),
        EventKind::DnsStart(info) => ("dial", line!("dns_start", "host": &*info.host)),
        EventKind::DnsDone(info) => {
            let addrs = info.addrs.iter().flat_map(|addrs| addrs.iter());
            let addrs: Vec<_> = addrs.map(ToString::to_string).collect();
            let done = line!("dns_done", "addrs": addrs, "coalesced": info.coalesced);
            ("dial", with_error(done, info.error.as_ref()))
        }
        EventKind::ConnectStart(info) => (
            "dial",
            line!("connect_start", "addr": info.addr.to_string()),
        ),
        EventKind::ConnectDone(info) => {
            let lost = matches!(&info.error, Some(error) if error.kind() == ErrorKind::Canceled);
            let side = if lost { "loser" } else { "dial" };
            let done = line!("connect_done", "addr": info.addr.to_string());
            (side, with_error(done, info.error.as_ref()))
        }
        EventKind::TlsHandshakeStart(_) => ("dial", line!("tls_handshake_start")),
        EventKind::TlsHandshakeDone(info) => ("dial", tls_handshake_done(info)),
        EventKind::WroteHeaderField(info) => {
            let values = info.values.iter().map(|value| text(value.as_bytes()));
            let values: Vec<_> = values.collect();
            let line = line!("wrote_header_field", "name": &*info.name, "values": values);
            ("write", line)
        }
        EventKind::WroteHeaders(_) => ("write", line!("wrote_headers")),
        EventKind::Wait100Continue(_) => ("write", line!("wait_100_continue")),
        EventKind::WroteRequest(info) => {
            let error = match &info.outcome {
                WriteOutcome::Failed(error) => Some(error),
                _ => None,
            };
            let line = line!("wrote_request", "outcome": info.outcome.as_str());
            ("write", with_error(line, error))
        }
        EventKind::GotFirstResponseByte(_) => ("read", line!("got_first_response_byte")),
        EventKind::Got100Continue(_) => ("read", line!("got_100_continue")),
        EventKind::Got1xxResponse(info) => {
            let headers = fields(&info.headers.to_map());
            let code = info.status.as_u16();
            (
                "read",
                line!("got_1xx_response", "code": code, "headers": headers),
            )
        }
        EventKind::PutIdleConn(info) => {
            let why = info.error.map(|error| error.as_str());
            ("read", line!("put_idle_conn", "error": why))
        }
        _ => return None,
    };
    Some(told)
}

fn got_conn(info: &GotConn) -> Line {
    line!(
        "got_conn",
        "reused": info.reused,
        "was_idle": info.was_idle,
        "protocol": info.protocol.map(|protocol| protocol.as_str()),
        "remote_addr": info.remote_addr.as_ref().map(ToString::to_string),
        "connection": info.local_addr.as_ref().map(ToString::to_string),
    )
}

fn tls_handshake_done(info: &TlsHandshakeDone) -> Line {
    let error = info.error.as_ref();
    if error.is_some() {
        return with_error(line!("tls_handshake_done"), error);
    }
    let version = info.version.as_ref().map(|version| match version.code {
        0x0303 => "TLS 1.2".to_owned(),
        0x0304 => "TLS 1.3".to_owned(),
        other => format!("{other:#06x}"),
    });
    let done = line!(
        "tls_handshake_done",
        "version": version,
        "alpn": info.alpn.as_deref(),
        "server_name": info.server_name.as_deref(),
        "resumed": info.resumed,
    );
    with_error(done, None)
}

fn with_error(mut line: Line, error: Option<&EventError>) -> Line {
    line.insert(
        "error".to_owned(),
        match error {
            None => Value::Null,
            Some(error) => json!(class(error.kind(), error)),
        },
    );
    if let Some(error) = error {
        line.insert("text".to_owned(), json!(chain(error)));
    }
    line
}

/// The class of an error: our kinds are Go's classes, but for a broken pipe, which is a `reset`.
pub(crate) fn class(kind: ErrorKind, error: &(dyn StdError + 'static)) -> &'static str {
    let mut next = Some(error);
    while let Some(error) = next {
        let io = error.downcast_ref::<io::Error>();
        if io.is_some_and(|io| io.kind() == io::ErrorKind::BrokenPipe) {
            return "reset";
        }
        next = error.source();
    }
    match kind {
        // To the recordings, more than is allowed is one violation of the protocol among others.
        ErrorKind::Limit => ErrorKind::Protocol.as_str(),
        kind => kind.as_str(),
    }
}

/// An error and those behind it.
pub(crate) fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        text = format!("{text}: {error}");
        next = error.source();
    }
    text
}

/// Header fields by name.
pub(crate) fn fields(headers: &HeaderMap) -> BTreeMap<String, Vec<String>> {
    let names = headers.keys().map(|name| {
        let values = headers.get_all(name).iter();
        let values = values.map(|value| text(value.as_bytes()));
        (name.as_str().to_owned(), values.collect())
    });
    names.collect()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
