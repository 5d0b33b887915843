//! Hand-built logs for the tests of the rules.

use std::time::{Duration, Instant, SystemTime};

use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, Version};
use httptrace::info::{
    Address, AttemptEnd, AttemptReason, AttemptStart, BodyDone, BodyEnd, CallEnd, CallStart,
    CloseReason, ConnClosed, ConnectDone, ConnectStart, DnsDone, DnsStart, GetConn, Got1xxResponse,
    GotBody, GotConn, GotFirstResponseByte, GotResponseHeaders, Http2Code, Protocol, PutIdleConn,
    ResetBy, RetryReason, StreamOpened, StreamReset, TlsHandshakeDone, TlsHandshakeStart, TlsLeg,
    WriteOutcome, WroteHeaderField, WroteHeaders, WroteRequest,
};
use httptrace::{CallId, ConnectionId, Event, EventError, EventKind, EventName};

use crate::checker::side::Side;

/// A log in the making. Each event is a millisecond after the one before it.
pub(super) struct Story {
    log: Vec<Event>,
    call: CallId,
    attempt: u32,
    connection: ConnectionId,
    begin: Instant,
    at: Instant,
}

pub(super) fn addr(last: u8) -> Address {
    Address::Tcp(([127, 0, 0, last], 80).into())
}

pub(super) fn got_1xx(status: u16) -> Got1xxResponse {
    let status = StatusCode::from_u16(status).unwrap();
    Got1xxResponse::new(status, HeaderMap::new())
}

pub(super) fn attempt_start(reason: AttemptReason) -> AttemptStart {
    AttemptStart::new(
        Method::GET,
        Uri::from_static("https://example.com/"),
        reason,
    )
}

impl Story {
    fn begun(attempt: u32) -> Self {
        // Away from the clock's zero, so that stamps before the beginning can be told.
        let begin = Instant::now() + Duration::from_secs(1);
        let uri = Uri::from_static("https://example.com/");
        Self {
            log: Vec::new(),
            call: CallId::next(),
            attempt,
            connection: ConnectionId::next(),
            begin,
            at: begin,
        }
        .then(CallStart::new(SystemTime::now(), Method::GET, uri))
        .then(attempt_start(AttemptReason::First))
        .then(GetConn::new("example.com:443"))
    }

    fn dialed(self) -> Self {
        self.then(DnsStart::new("example.com"))
            .then(DnsDone::new("example.com"))
            .then(ConnectStart::new(addr(1), 0u32))
            .then(ConnectDone::new(addr(1), 0u32))
            .then(TlsHandshakeStart::new(TlsLeg::Target))
            .then(TlsHandshakeDone::new(TlsLeg::Target))
    }

    fn exchanged(self) -> Self {
        self.then(GotConn::new(false, false))
            .headed("Host")
            .then(WroteRequest::new(WriteOutcome::Sent))
            .answered(200, Version::HTTP_11)
    }

    fn headed(self, name: &str) -> Self {
        let value = HeaderValue::from_static("example.com");
        self.then(WroteHeaderField::new(name, value))
            .then(WroteHeaders::new())
    }

    fn answered(self, status: u16, version: Version) -> Self {
        let status = StatusCode::from_u16(status).unwrap();
        let headers = HeaderMap::new();
        self.then(GotFirstResponseByte::new())
            .then(GotResponseHeaders::new(status, version, headers))
            .then(GotBody::new(5u64))
    }

    fn ended(self) -> Self {
        self.then(AttemptEnd::new()).then(CallEnd::new())
    }

    /// A whole cold https exchange.
    pub(super) fn plain() -> Self {
        Self::with_attempt(0)
    }

    /// The same, with another attempt number.
    pub(super) fn with_attempt(attempt: u32) -> Self {
        let read = Self::begun(attempt).dialed().exchanged();
        read.then(BodyDone::new(BodyEnd::End))
            .then(PutIdleConn::new())
            .ended()
    }

    /// A connection that may be shared was had.
    pub(super) fn got_http2() -> GotConn {
        GotConn::new(false, false).with_protocol(Protocol::Http2)
    }

    /// We reset a stream.
    pub(super) fn reset(stream_id: u32) -> StreamReset {
        StreamReset::new(stream_id, ResetBy::Local, Http2Code::CANCEL)
    }

    fn opened() -> Self {
        let story = Self::begun(0).dialed().then(Self::got_http2());
        story.then(StreamOpened::new(1u32)).headed(":authority")
    }

    /// A whole cold exchange over HTTP/2, on stream 1.
    pub(super) fn http2() -> Self {
        let sent = Self::opened().then(WroteRequest::new(WriteOutcome::Sent));
        let read = sent.answered(200, Version::HTTP_2);
        read.then(BodyDone::new(BodyEnd::End)).ended()
    }

    /// The same, answered and read to the end while the upload went on.
    pub(super) fn uploading(status: u16) -> Self {
        let read = Self::opened().answered(status, Version::HTTP_2);
        read.then(BodyDone::new(BodyEnd::End)).ended()
    }

    /// The body was dropped before its end.
    pub(super) fn body_dropped() -> Self {
        let read = Self::begun(0).dialed().exchanged();
        read.then(BodyDone::new(BodyEnd::Dropped)).ended()
    }

    /// Two parallel connects; the first loses, and says so after `GotConn`.
    pub(super) fn race() -> Vec<Event> {
        let lost = ConnectDone::new(addr(1), 0u32).with_error(EventError::canceled());
        Self::begun(0)
            .then(ConnectStart::new(addr(1), 0u32))
            .then(ConnectStart::new(addr(2), 1u32))
            .then(ConnectDone::new(addr(2), 1u32))
            .then(GotConn::new(false, false))
            .then(lost)
            .then(AttemptEnd::new())
            .and(CallEnd::new())
    }

    /// A first attempt on a connection that is lost, and a second that is served.
    pub(super) fn retried() -> Vec<Event> {
        let lost = EventError::canceled();
        let mut story = Self::begun(0)
            .then(GotConn::new(true, true))
            .then(ConnClosed::new(CloseReason::PeerClosed))
            .then(AttemptEnd::new().with_error(lost));
        story.attempt = 1;
        story.connection = ConnectionId::next();
        story
            .then(attempt_start(AttemptReason::Retry(
                RetryReason::ConnectionLost,
            )))
            .then(GetConn::new("example.com:443"))
            .dialed()
            .exchanged()
            .then(BodyDone::new(BodyEnd::End))
            .then(PutIdleConn::new())
            .ended()
            .log()
    }

    /// Adds an event, with the identities it should have.
    pub(super) fn then(mut self, kind: impl Into<EventKind>) -> Self {
        let mut event = Event::new(self.at, kind).with_call(self.call);
        let name = event.name();
        if !matches!(name, EventName::CallStart | EventName::CallEnd) {
            event = event.with_attempt(self.attempt);
        }
        if Side::of(name) != Some(Side::Caller) || name == EventName::GotConn {
            event = event.with_connection(self.connection);
        }
        self.log.push(event);
        self.at += Duration::from_millis(1);
        self
    }

    /// Adds a last event.
    pub(super) fn and(self, kind: impl Into<EventKind>) -> Vec<Event> {
        self.then(kind).log()
    }

    pub(super) fn log(self) -> Vec<Event> {
        self.log
    }

    /// What follows belongs to this connection.
    pub(super) fn on_connection(mut self, connection: ConnectionId) -> Self {
        self.connection = connection;
        self
    }

    /// What follows belongs to this attempt.
    pub(super) fn in_attempt(mut self, attempt: u32) -> Self {
        self.attempt = attempt;
        self
    }

    /// What follows happens so many milliseconds later.
    pub(super) fn later(mut self, millis: u64) -> Self {
        self.at += Duration::from_millis(millis);
        self
    }

    /// The story up to the first event of this name.
    pub(super) fn cut_before(mut self, name: EventName) -> Self {
        self.log.truncate(place(&self.log, name));
        self
    }

    pub(super) fn without_last(mut self, name: EventName) -> Vec<Event> {
        let last = self.log.iter().rposition(|event| event.name() == name);
        self.log.remove(last.unwrap());
        self.log
    }

    pub(super) fn without(mut self, names: &[EventName]) -> Vec<Event> {
        self.log.retain(|event| !names.contains(&event.name()));
        self.log
    }

    pub(super) fn swapped(mut self, one: EventName, other: EventName) -> Vec<Event> {
        let places = (place(&self.log, one), place(&self.log, other));
        self.log.swap(places.0, places.1);
        self.log
    }

    /// The first event of this name, stamped so many milliseconds after the beginning.
    pub(super) fn stamped(mut self, name: EventName, millis: i64) -> Vec<Event> {
        let by = Duration::from_millis(millis.unsigned_abs());
        let at = if millis < 0 {
            self.begin - by
        } else {
            self.begin + by
        };
        let index = place(&self.log, name);
        self.log[index].at = at;
        self.log
    }
}

fn place(log: &[Event], name: EventName) -> usize {
    let found = log.iter().position(|event| event.name() == name);
    found.unwrap()
}
