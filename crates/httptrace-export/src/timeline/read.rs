//! JSON objects become a timeline.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use httptrace::info::{
    Address, AttemptEnd, AttemptReason, BodyDone, BodyEnd, CallEnd, CodePoint, ConnClosed,
    ConnectDone, DnsDone, GetConn, Got1xxResponse, GotConn, GotResponseHeaders, HeaderFields,
    HookPanicked, ProxyTunnelDone, PutIdleConn, Redirect, TlsHandshakeDone, WriteOutcome,
    WroteHeaderField, WroteRequest,
};
use httptrace::timeline::{AttemptTimeline, ClosedConnection, Dial, Progress, Span, Stamped};
use httptrace::{CallId, ConnectionId, ErrorKind, EventError, Timeline};

use super::ReadError;
use super::names::{error_kind, named};
use super::schema::{
    AttemptObject, BodyDoneObject, ClosedObject, CodePointObject, ConnectObject, DialObject,
    DnsObject, EndObject, ErrorObject, FieldObject, GotConnObject, HeadObject, HookPanicObject,
    InformationalObject, ProgressObject, RedirectObject, RequestObject, ResponseObject,
    TimelineObject, TlsObject, TunnelObject, ValueObject, WroteObject,
};
use super::{http2, write};
use crate::rfc3339;

pub(super) type Read<T> = Result<T, ReadError>;

pub(super) fn timeline(object: TimelineObject) -> Read<Timeline> {
    let mut timeline = Timeline::default();
    timeline.call = object.call.map(call_id).transpose()?;
    timeline.started = match object.started {
        Some(text) => Some(rfc3339::parse(&text).ok_or_else(|| wrong("date", &text))?),
        None => None,
    };
    timeline.method = parsed("method", object.method)?;
    timeline.uri = parsed("URI", object.uri)?;
    timeline.complete = object.complete;
    timeline.dropped = object.dropped.unwrap_or_default();
    timeline.attempts = all(object.attempts, attempt)?.into();
    timeline.hook_panics = all(object.hook_panics, hook_panic)?;
    timeline.end = object.end.map(call_end).transpose()?;
    Ok(timeline)
}

fn call_end(object: EndObject) -> Read<Stamped<CallEnd>> {
    let mut end = CallEnd::new();
    end.status = object.status.map(status).transpose()?;
    end.bytes = object.bytes;
    end.error = object.error.map(error);
    stamped(object.at_us, end)
}

fn attempt_end(object: EndObject) -> Read<Stamped<AttemptEnd>> {
    let mut end = AttemptEnd::new();
    end.status = object.status.map(status).transpose()?;
    end.error = object.error.map(error);
    stamped(object.at_us, end)
}

fn hook_panic(object: HookPanicObject) -> Read<Stamped<HookPanicked>> {
    let mut info = HookPanicked::new(named::<httptrace::EventName>(&object.hook)?);
    info.message = object.message.map(Into::into);
    stamped(object.at_us, info)
}

fn attempt(object: AttemptObject) -> Read<AttemptTimeline> {
    let mut attempt = AttemptTimeline::new(object.index);
    attempt.start = object.start_us.map(duration).transpose()?;
    attempt.method = parsed("method", object.method)?;
    attempt.uri = parsed("URI", object.uri)?;
    attempt.reason = attempt_reason(object.reason.as_deref(), object.retry_reason.as_deref())?;
    if let Some(get) = object.get_conn {
        attempt.get_conn = Some(stamped(get.at_us, GetConn::new(get.host_port))?);
    }
    if let Some(got) = object.got_conn {
        attempt.connection = got.connection.map(connection_id).transpose()?;
        attempt.got_conn = Some(got_conn(got)?);
    }
    attempt.dials = all(object.dials, dial)?;
    request(&mut attempt, object.request.unwrap_or_default())?;
    response(&mut attempt, object.response.unwrap_or_default())?;
    http2::read(&mut attempt, object.http2.unwrap_or_default())?;
    attempt.redirect = object.redirect.map(redirect).transpose()?.map(Box::new);
    if let Some(put) = object.put_idle {
        let mut info = PutIdleConn::new();
        info.error = put.error.as_deref().map(named).transpose()?;
        attempt.put_idle = Some(stamped(put.at_us, info)?);
    }
    attempt.closed = all(object.closed, closed)?;
    attempt.end = object.end.map(attempt_end).transpose()?;
    Ok(attempt)
}

fn attempt_reason(reason: Option<&str>, retry: Option<&str>) -> Read<Option<AttemptReason>> {
    Ok(Some(match (reason, retry) {
        (None, _) => return Ok(None),
        (Some("first"), _) => AttemptReason::First,
        (Some("redirect"), _) => AttemptReason::Redirect,
        (Some("retry"), Some(retry)) => AttemptReason::Retry(named(retry)?),
        (Some(reason), _) => return Err(wrong("reason of an attempt", reason)),
    }))
}

fn got_conn(object: GotConnObject) -> Read<Stamped<GotConn>> {
    let mut info = GotConn::new(object.reused, object.was_idle);
    info.idle_time = object.idle_us.map(duration).transpose()?;
    info.local_addr = object.local_addr.map(address).transpose()?;
    info.remote_addr = object.remote_addr.map(address).transpose()?;
    info.protocol = object.protocol.as_deref().map(named).transpose()?;
    info.waited_for = object.waited_for.as_deref().map(named).transpose()?;
    stamped(object.at_us, info)
}

fn dial(object: DialObject) -> Read<Dial> {
    let mut dial = Dial::default();
    dial.connection = object.connection.map(connection_id).transpose()?;
    dial.background = object.background;
    dial.lookups = all(object.dns, dns)?;
    dial.connects = all(object.connects, connect)?;
    dial.tunnels = all(object.tunnels, tunnel)?;
    dial.handshakes = all(object.tls, tls)?;
    Ok(dial)
}

fn dns(object: DnsObject) -> Read<Span<DnsDone>> {
    let mut info = DnsDone::new(object.host);
    if let Some(addrs) = object.addrs {
        let addrs = all(addrs, |text| {
            text.parse().map_err(|_| wrong("IP address", &text))
        })?;
        info.addrs = Some(addrs.into());
    }
    info.coalesced = object.coalesced;
    info.source = object.source.as_deref().map(named).transpose()?;
    info.ttl = object.ttl_us.map(duration).transpose()?;
    info.error = object.error.map(error);
    span(object.start_us, object.end_us, info)
}

fn connect(object: ConnectObject) -> Read<Span<ConnectDone>> {
    let mut info = ConnectDone::new(address(object.addr)?, object.number);
    info.error = object.error.map(error);
    span(object.start_us, object.end_us, info)
}

fn tunnel(object: TunnelObject) -> Read<Span<ProxyTunnelDone>> {
    let kind = named::<httptrace::info::TunnelKind>(&object.kind)?;
    let mut info = ProxyTunnelDone::new(kind, object.target);
    info.status = object.status.map(status).transpose()?;
    info.reason = object.reason.map(Into::into);
    info.error = object.error.map(error);
    span(object.start_us, object.end_us, info)
}

fn tls(object: TlsObject) -> Read<Span<TlsHandshakeDone>> {
    let mut info = TlsHandshakeDone::new(named::<httptrace::info::TlsLeg>(&object.leg)?);
    info.server_name = object.server_name.map(Into::into);
    info.version = object.version.map(code_point);
    info.cipher_suite = object.cipher_suite.map(code_point);
    info.key_exchange_group = object.key_exchange_group.map(code_point);
    info.alpn = object.alpn.map(Into::into);
    info.resumed = object.resumed;
    if let Some(chain) = object.peer_certificates {
        let chain = all(chain, |text| base64(&text).map(Arc::<[u8]>::from))?;
        info.peer_certificates = Some(chain.into());
    }
    info.error = object.error.map(error);
    span(object.start_us, object.end_us, info)
}

fn request(attempt: &mut AttemptTimeline, object: RequestObject) -> Read<()> {
    attempt.wrote_headers = object.wrote_headers_us.map(duration).transpose()?;
    attempt.wait_100_continue = object.wait_100_continue_us.map(duration).transpose()?;
    attempt.upload = object.body.map(progress).transpose()?;
    attempt.wrote_request = object.wrote.map(wrote).transpose()?;
    attempt.header_fields = all(object.headers, |field| {
        let values = all(field.values, header_value)?;
        Ok(WroteHeaderField::new(field.name, values))
    })?
    .into();
    Ok(())
}

fn wrote(object: WroteObject) -> Read<Stamped<WroteRequest>> {
    let reason = object.reason.as_deref();
    let outcome = match (object.outcome.as_str(), reason, object.error) {
        ("sent", _, _) => WriteOutcome::Sent,
        ("not_sent", Some(reason), _) => WriteOutcome::NotSent(named(reason)?),
        ("failed", _, Some(why)) => WriteOutcome::Failed(error(why)),
        (outcome, _, _) => return Err(wrong("outcome of writing", outcome)),
    };
    let mut info = WroteRequest::new(outcome);
    info.body_bytes = object.body_bytes;
    stamped(object.at_us, info)
}

fn response(attempt: &mut AttemptTimeline, object: ResponseObject) -> Read<()> {
    attempt.first_byte = object.first_byte_us.map(duration).transpose()?;
    attempt.got_100_continue = object.got_100_continue_us.map(duration).transpose()?;
    attempt.informational = all(object.informational, informational)?;
    attempt.response = object.head.map(head).transpose()?;
    attempt.download = object.body.map(progress).transpose()?;
    attempt.body_done = object.done.map(body_done).transpose()?;
    Ok(())
}

fn informational(object: InformationalObject) -> Read<Stamped<Got1xxResponse>> {
    let info = Got1xxResponse::new(status(object.status)?, headers(object.headers)?);
    stamped(object.at_us, info)
}

fn head(object: HeadObject) -> Read<Stamped<GotResponseHeaders>> {
    let version = named::<http::Version>(&object.version)?;
    let headers = headers(object.headers)?;
    let info = GotResponseHeaders::new(status(object.status)?, version, headers);
    stamped(object.at_us, info)
}

fn body_done(object: BodyDoneObject) -> Read<Stamped<BodyDone>> {
    let end = match (object.end.as_str(), object.error) {
        ("end", _) => BodyEnd::End,
        ("dropped", _) => BodyEnd::Dropped,
        ("error", Some(why)) => BodyEnd::Error(error(why)),
        (end, _) => return Err(wrong("end of a body", end)),
    };
    let mut info = BodyDone::new(end);
    info.wire_bytes = object.wire_bytes;
    info.decoded_bytes = object.decoded_bytes;
    info.trailers = object.trailers.map(headers).transpose()?;
    stamped(object.at_us, info)
}

fn redirect(object: RedirectObject) -> Read<Stamped<Redirect>> {
    let uri = |text: String| text.parse::<http::Uri>().map_err(|_| wrong("URI", &text));
    let info = Redirect::new(status(object.status)?, uri(object.from)?, uri(object.to)?);
    stamped(object.at_us, info)
}

fn closed(object: ClosedObject) -> Read<ClosedConnection> {
    let mut info = ConnClosed::new(named::<httptrace::info::CloseReason>(&object.reason)?);
    info.noticed = object.noticed.as_deref().map(named).transpose()?;
    info.error = object.error.map(error);
    let connection = object.connection.map(connection_id).transpose()?;
    Ok(ClosedConnection::new(
        duration(object.at_us)?,
        connection,
        info,
    ))
}

fn headers(fields: Vec<FieldObject>) -> Read<HeaderFields> {
    let mut headers = HeaderMap::new();
    for field in fields {
        let name = HeaderName::try_from(&field.name);
        let name = name.map_err(|_| wrong("header field name", &field.name))?;
        for value in field.values {
            let appended = headers.try_append(name.clone(), header_value(value)?);
            appended.map_err(|_| ReadError::new("too many header fields"))?;
        }
    }
    Ok(headers.into())
}

fn header_value(object: ValueObject) -> Read<HeaderValue> {
    let bytes = match object {
        ValueObject::Text(text) => text.into_bytes(),
        ValueObject::Bytes { base64: text } => base64(&text)?,
    };
    HeaderValue::from_bytes(&bytes)
        .map_err(|_| wrong("header field value", &String::from_utf8_lossy(&bytes)))
}

fn base64(text: &str) -> Read<Vec<u8>> {
    STANDARD
        .decode(text)
        .map_err(|_| wrong("base64 text", text))
}

fn address(text: String) -> Read<Address> {
    if let Some(path) = text.strip_prefix("unix:") {
        return Ok(Address::Unix(PathBuf::from(path).into()));
    }
    if let Some(other) = text.strip_prefix("other:") {
        return Ok(Address::Other(other.into()));
    }
    let addr = text.parse::<SocketAddr>();
    addr.map(Address::Tcp).map_err(|_| wrong("address", &text))
}

fn code_point(object: CodePointObject) -> CodePoint {
    match object.name {
        Some(name) => CodePoint::named(object.code, name),
        None => CodePoint::unnamed(object.code),
    }
}

pub(super) fn error(object: ErrorObject) -> EventError {
    let kind: ErrorKind = error_kind(&object.kind);
    EventError::new(kind, object.message)
}

fn progress(object: ProgressObject) -> Read<Progress> {
    let (first, last) = (duration(object.first_us)?, duration(object.last_us)?);
    Ok(Progress::new(first, last, object.bytes))
}

pub(super) fn span<T>(start: Option<f64>, end: Option<f64>, info: T) -> Read<Span<T>> {
    let mut span = Span::new(info);
    span.start = start.map(duration).transpose()?;
    span.end = end.map(duration).transpose()?;
    Ok(span)
}

pub(super) fn stamped<T>(at_us: f64, info: T) -> Read<Stamped<T>> {
    Ok(Stamped::new(duration(at_us)?, info))
}

pub(super) fn duration(micros: f64) -> Read<Duration> {
    write::duration(micros).ok_or_else(|| wrong("duration", &micros.to_string()))
}

fn status(code: u16) -> Read<StatusCode> {
    StatusCode::from_u16(code).map_err(|_| wrong("status", &code.to_string()))
}

fn call_id(id: u64) -> Read<CallId> {
    CallId::from_u64(id).ok_or_else(|| wrong("call", "0"))
}

fn connection_id(id: u64) -> Read<ConnectionId> {
    ConnectionId::from_u64(id).ok_or_else(|| wrong("connection", "0"))
}

fn parsed<T: std::str::FromStr>(what: &str, text: Option<String>) -> Read<Option<T>> {
    let Some(text) = text else {
        return Ok(None);
    };
    text.parse().map(Some).map_err(|_| wrong(what, &text))
}

pub(super) fn all<T, U>(items: Vec<T>, read: impl Fn(T) -> Read<U>) -> Read<Vec<U>> {
    items.into_iter().map(read).collect()
}

fn wrong(what: &str, text: &str) -> ReadError {
    ReadError::new(format!("{text:?} is no {what}"))
}
