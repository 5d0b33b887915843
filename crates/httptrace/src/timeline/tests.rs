//! Timelines folded from events written by hand, and from arbitrary ones.

mod arbitrary;
mod http2;
mod scenarios;

use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, Method, StatusCode, Uri, Version};

use super::{AttemptTimeline, Breakdown, Phase, Timeline};
use crate::error::{ErrorKind, EventError};
use crate::event::{Event, EventKind};
use crate::id::{CallId, ConnectionId};
use crate::info::{
    Address, AttemptReason, AttemptStart, CallStart, GotResponseHeaders, WriteOutcome, WroteRequest,
};

/// Writes down the events of one call, at milliseconds since its start.
struct Script {
    zero: Instant,
    call: CallId,
    attempt: u32,
    connection: Option<ConnectionId>,
    events: Vec<Event>,
}

impl Script {
    fn new() -> Self {
        let script = Self {
            zero: Instant::now(),
            call: CallId::next(),
            attempt: 0,
            connection: None,
            events: Vec::new(),
        };
        script.outside(
            0,
            CallStart::new(wall(), Method::GET, uri("http://a.test/")),
        )
    }

    /// An event of the current attempt on the current connection.
    fn at(mut self, ms: u64, kind: impl Into<EventKind>) -> Self {
        let event = self.event(ms, kind).with_attempt(self.attempt);
        self.events.push(event);
        self
    }

    /// An event outside any attempt.
    fn outside(mut self, ms: u64, kind: impl Into<EventKind>) -> Self {
        let event = self.event(ms, kind);
        self.events.push(event);
        self
    }

    /// The attempt that the next events belong to, begun.
    fn attempt(mut self, ms: u64, number: u32, reason: AttemptReason) -> Self {
        self.attempt = number;
        self.connection = None;
        let uri = uri(&format!("http://a.test/{number}"));
        self.at(ms, AttemptStart::new(Method::GET, uri, reason))
    }

    /// The connection that the next events concern.
    fn on(mut self, connection: ConnectionId) -> Self {
        self.connection = Some(connection);
        self
    }

    fn event(&self, ms: u64, kind: impl Into<EventKind>) -> Event {
        let at = self.zero + Duration::from_millis(ms);
        let mut event = Event::new(at, kind).with_call(self.call);
        event.connection = self.connection;
        event
    }

    /// The timeline, after checking what holds for any.
    fn fold(&self) -> Timeline {
        let mut timelines = Timeline::fold(&self.events);
        assert_eq!(timelines.len(), 1);
        let timeline = timelines.remove(0);
        assert_eq!(timeline.call, Some(self.call));
        assert_eq!(timeline.breakdown().total(), timeline.total());
        timeline
    }
}

fn wall() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

fn uri(text: &str) -> Uri {
    text.parse().unwrap()
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn addr(text: &str) -> Address {
    Address::Tcp(text.parse::<SocketAddr>().unwrap())
}

fn error(kind: ErrorKind) -> EventError {
    EventError::new(kind, kind.as_str())
}

fn sent() -> WroteRequest {
    WroteRequest::new(WriteOutcome::Sent).with_body_bytes(0_u64)
}

fn head(status: u16) -> GotResponseHeaders {
    let status = StatusCode::from_u16(status).unwrap();
    GotResponseHeaders::new(status, Version::HTTP_11, HeaderMap::new())
}

/// The known phases, as milliseconds.
fn phases(breakdown: Breakdown) -> Vec<(Phase, u64)> {
    let known = breakdown.phases();
    known
        .map(|(phase, time)| (phase, time.as_millis() as u64))
        .collect()
}

fn assert_fails_in(attempt: &AttemptTimeline, phase: Phase) {
    assert_eq!(attempt.failed_in(), Some(phase));
}
