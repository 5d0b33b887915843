//! One round trip of a call, as a timeline shows it.

use std::time::Duration;

use http::{Method, StatusCode, Uri};

use super::{Dial, Span, Stamped};
use crate::error::EventError;
use crate::id::ConnectionId;
use crate::info::{
    AttemptEnd, AttemptReason, BodyDone, ConnClosed, FlowControlWaitDone, GetConn, GoAway,
    Got1xxResponse, GotConn, GotResponseHeaders, Pong, PutIdleConn, Redirect, SettingsReceived,
    StreamOpened, StreamReset, WrittenFields, WroteRequest,
};

/// One round trip: a connection had, a request written, a response read. What was not seen is absent.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct AttemptTimeline {
    /// Its number within the call, counted from 0.
    pub index: u32,
    /// When it began.
    pub start: Option<Duration>,
    /// The method of this round trip.
    pub method: Option<Method>,
    /// The URI of this round trip, without userinfo.
    pub uri: Option<Uri>,
    /// Why there is this attempt.
    pub reason: Option<AttemptReason>,

    /// When a connection was looked for, and to where.
    pub get_conn: Option<Stamped<GetConn>>,
    /// When a connection was had, and what is known of it.
    pub got_conn: Option<Stamped<GotConn>>,
    /// The connection that was had.
    pub connection: Option<ConnectionId>,
    /// The dials that this attempt began, in the order in which they began.
    pub dials: Vec<Dial>,

    /// When the request's HTTP/2 stream was opened, and which it is.
    pub stream: Option<Stamped<StreamOpened>>,
    /// The request's header fields as written, in the order of the wire.
    pub header_fields: WrittenFields,
    /// When the request's head was written.
    pub wrote_headers: Option<Duration>,
    /// When the body began to wait for `100 Continue`.
    pub wait_100_continue: Option<Duration>,
    /// The progress of the request's body.
    pub upload: Option<Progress>,
    /// The times in which the request's body waited for an HTTP/2 peer's window, in order. May go on after the end of
    /// the call, as the upload may.
    pub flow_control_waits: Vec<Span<FlowControlWaitDone>>,
    /// When the request was written, or given up, and how many bytes of body it had.
    pub wrote_request: Option<Stamped<WroteRequest>>,

    /// When the first byte of the response arrived.
    pub first_byte: Option<Duration>,
    /// When the `100 Continue` that was asked for arrived.
    pub got_100_continue: Option<Duration>,
    /// The informational responses, in order.
    pub informational: Vec<Stamped<Got1xxResponse>>,
    /// The head of the final response.
    pub response: Option<Stamped<GotResponseHeaders>>,
    /// The progress of the response's body.
    pub download: Option<Progress>,
    /// When the response's body was over, and how.
    pub body_done: Option<Stamped<BodyDone>>,

    /// The resets of the HTTP/2 stream, by either end, in order. May follow the end of the call.
    pub resets: Vec<Stamped<StreamReset>>,
    /// What was said of the HTTP/2 connection's end while the request had a stream on it, in order.
    pub go_aways: Vec<Stamped<GoAway>>,
    /// The HTTP/2 peer's settings that came while the request had a stream on the connection, or with the dial that it
    /// began, in order.
    pub settings: Vec<Stamped<SettingsReceived>>,
    /// The answers to our `PING`s that came while the request had a stream on the connection, in order.
    pub pongs: Vec<Stamped<Pong>>,

    /// The redirect that was followed after this attempt.
    pub redirect: Option<Box<Stamped<Redirect>>>,
    /// When the connection was offered back to the pool. May follow the end of the call.
    pub put_idle: Option<Stamped<PutIdleConn>>,
    /// Connections that were closed: this attempt's own, dead ones found on the way to it, those of its background
    /// dials. May follow the end of the call.
    pub closed: Vec<ClosedConnection>,
    /// How the attempt ended.
    pub end: Option<Stamped<AttemptEnd>>,
}

impl AttemptTimeline {
    /// The attempt of a number, with nothing known about it.
    pub fn new(index: u32) -> Self {
        Self {
            index,
            ..Self::default()
        }
    }

    /// When it began and when it was over, as offsets from the call's start.
    ///
    /// Where its start or end was not seen, that is the earliest or latest instant of what belongs to it. Background
    /// dials and what became of the connection do not count.
    pub fn bounds(&self) -> (Duration, Duration) {
        let start = self.start.or_else(|| self.instants().min());
        let start = start.unwrap_or_default();
        let end = match &self.end {
            Some(end) => Some(end.at),
            None => self.instants().max(),
        };
        (start, end.unwrap_or_default().max(start))
    }

    /// The dial that made this attempt's connection; absent where the connection was there before, came from another
    /// dial, or was not had.
    pub fn own_dial(&self) -> Option<&Dial> {
        self.got_conn.as_ref()?;
        self.dials.iter().find(|dial| !dial.background)
    }

    /// The status of the final response.
    pub fn status(&self) -> Option<StatusCode> {
        let head = self.response.as_ref().map(|head| head.info.status);
        head.or(self.end.as_ref().and_then(|end| end.info.status))
    }

    /// Why the attempt failed; absent on success and as long as its end was not seen.
    pub fn error(&self) -> Option<&EventError> {
        self.end.as_ref()?.info.error.as_ref()
    }

    /// When the peer was first known to answer: the first byte, or if that was not seen whatever came of it first. The
    /// `100 Continue` that was asked for is no answer: it lets the request go on.
    pub(super) fn answered(&self) -> Option<Duration> {
        let first_byte = self.first_byte.filter(|_| self.got_100_continue.is_none());
        first_byte.or_else(|| {
            let head = self.response.as_ref().map(|head| head.at);
            let body = self.download.map(|progress| progress.first);
            let informational = self.informational.iter().find(|response| {
                let continued = self.got_100_continue;
                continued.is_none_or(|at| {
                    at <= response.at && response.info.status != StatusCode::CONTINUE
                })
            });
            let informational = informational.map(|response| response.at);
            [informational, head, body].into_iter().flatten().min()
        })
    }

    /// Every instant of writing that was seen.
    pub(super) fn writing(&self) -> impl Iterator<Item = Duration> {
        let upload = self.upload.map(|progress| [progress.first, progress.last]);
        let wrote_request = self.wrote_request.as_ref().map(|wrote| wrote.at);
        let stream = self.stream.as_ref().map(|stream| stream.at);
        let waits = self.flow_control_waits.iter().flat_map(Span::instants);
        stream
            .into_iter()
            .chain(self.wrote_headers)
            .chain(self.wait_100_continue)
            .chain(upload.into_iter().flatten())
            .chain(waits)
            .chain(wrote_request)
    }

    /// Every instant that belongs to the attempt itself.
    fn instants(&self) -> impl Iterator<Item = Duration> {
        let own_dials = self.dials.iter().filter(|dial| !dial.background);
        let connecting = own_dials.flat_map(Dial::instants);
        let download = self
            .download
            .map(|progress| [progress.first, progress.last]);
        let single = [
            self.start,
            self.get_conn.as_ref().map(|get| get.at),
            self.got_conn.as_ref().map(|got| got.at),
            self.first_byte,
            self.got_100_continue,
            self.response.as_ref().map(|head| head.at),
            self.body_done.as_ref().map(|body| body.at),
            self.redirect.as_ref().map(|redirect| redirect.at),
            self.end.as_ref().map(|end| end.at),
        ];
        connecting
            .chain(self.writing())
            .chain(self.informational.iter().map(|response| response.at))
            .chain(download.into_iter().flatten())
            .chain(single.into_iter().flatten())
    }
}

/// The progress of a body: when its first and its latest bytes passed, and how many there were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// When the first bytes passed.
    pub first: Duration,
    /// When the latest bytes passed.
    pub last: Duration,
    /// How many bytes passed: on the way out without chunk framing, on the way in before decoding.
    pub bytes: u64,
}

impl Progress {
    /// Bytes that passed between two instants.
    pub fn new(first: Duration, last: Duration, bytes: u64) -> Self {
        Self { first, last, bytes }
    }
}

/// A connection that was closed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClosedConnection {
    /// When.
    pub at: Duration,
    /// Which.
    pub connection: Option<ConnectionId>,
    /// Why.
    pub info: ConnClosed,
}

impl ClosedConnection {
    /// A connection that was closed at an offset from the call's start.
    pub fn new(at: Duration, connection: Option<ConnectionId>, info: ConnClosed) -> Self {
        Self {
            at,
            connection,
            info,
        }
    }
}
