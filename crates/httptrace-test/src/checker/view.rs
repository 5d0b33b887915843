//! The events of one attempt, picked out of the log.

use httptrace::info::{self, WriteOutcome};
use httptrace::{CallId, ConnectionId, ErrorKind, Event, EventKind, EventName};

use super::side::Side;

/// An event with its place in the log.
pub(crate) type Placed<'a> = (usize, &'a Event);

/// The events of one attempt in the order in which they arrived.
pub(crate) struct AttemptView<'a> {
    pub(crate) call: CallId,
    pub(crate) number: u32,
    pub(crate) events: Vec<Placed<'a>>,
}

impl<'a> AttemptView<'a> {
    /// Every attempt that the log speaks of, in order of first mention.
    pub(crate) fn all(log: &'a [Event]) -> Vec<Self> {
        let mut views: Vec<Self> = Vec::new();
        for (place, event) in log.iter().enumerate() {
            let (Some(call), Some(number)) = (event.call, event.attempt) else {
                continue;
            };
            let known = views
                .iter_mut()
                .find(|view| view.call == call && view.number == number);
            match known {
                Some(view) => view.events.push((place, event)),
                None => views.push(Self {
                    call,
                    number,
                    events: vec![(place, event)],
                }),
            }
        }
        views
    }

    /// The first event of this name.
    pub(crate) fn first(&self, name: EventName) -> Option<Placed<'a>> {
        self.named(name).next()
    }

    /// The events of this name.
    pub(crate) fn named(&self, name: EventName) -> impl Iterator<Item = Placed<'a>> + '_ {
        let events = self.events.iter().copied();
        events.filter(move |(_, event)| event.name() == name)
    }

    /// The connection that served it, as far as `GotConn` told.
    pub(crate) fn connection(&self) -> Option<ConnectionId> {
        self.first(EventName::GotConn)
            .and_then(|(_, event)| event.connection)
    }

    /// Whether an event belongs to a dial that did not serve this attempt: that one may outlive it.
    pub(crate) fn is_background_dial(&self, event: &Event) -> bool {
        Side::of(event.name()) == Some(Side::Dial)
            && (event.connection.is_none() || event.connection != self.connection())
    }

    /// Whether an event tells of a connection that did not serve this attempt: one found dead at checkout, say.
    pub(crate) fn is_of_another_connection(&self, event: &Event) -> bool {
        event.connection.is_some() && event.connection != self.connection()
    }

    /// Whether it was given up before its end: the body was dropped, or the attempt canceled.
    pub(crate) fn was_given_up(&self) -> bool {
        self.events.iter().any(|(_, event)| match &event.kind {
            EventKind::BodyDone(done) => matches!(done.end, info::BodyEnd::Dropped),
            EventKind::AttemptEnd(end) => {
                let error = end.error.as_ref();
                error.is_some_and(|error| error.kind() == ErrorKind::Canceled)
            }
            _ => false,
        })
    }

    /// Whether `GotConn` told that it shares an HTTP/2 connection.
    pub(crate) fn is_http2(&self) -> bool {
        let mut had = self.named(EventName::GotConn);
        had.any(|(_, event)| has_a_share(event))
    }

    /// Whether its HTTP/2 stream may be left when it ends: the upload goes on, or a reset is on its way to the peer
    /// since the attempt was given up, or failed, or was answered before the upload's end.
    fn may_leave_its_stream(&self) -> bool {
        let failed = self.events.iter().any(
            |(_, event)| matches!(&event.kind, EventKind::AttemptEnd(end) if end.error.is_some()),
        );
        let end = self.first(EventName::AttemptEnd).map(|(place, _)| place);
        let sent = self.events.iter().any(|(place, event)| {
            let in_time = end.is_none_or(|end| *place < end);
            let is_sent = |wrote: &info::WroteRequest| matches!(wrote.outcome, WriteOutcome::Sent);
            in_time && matches!(&event.kind, EventKind::WroteRequest(wrote) if is_sent(wrote))
        });
        self.is_http2() && (self.was_given_up() || failed || !sent)
    }

    /// Whether an event is of an instant at which it had not ended: who drives a shared connection tells of it while the
    /// request goes on elsewhere.
    fn had_not_ended(&self, event: &Event) -> bool {
        let end = self.first(EventName::AttemptEnd);
        self.is_http2() && end.is_some_and(|(_, end)| event.at <= end.at)
    }

    /// Whether its HTTP/2 upload may go on after its end, since the answer was one of success.
    fn may_leave_its_upload(&self) -> bool {
        let mut heads = self.named(EventName::GotResponseHeaders);
        let succeeded = heads.any(|(_, event)| {
            matches!(&event.kind, EventKind::GotResponseHeaders(head) if head.status.is_success())
        });
        self.is_http2() && succeeded
    }

    /// Whether an event may follow `AttemptEnd` (and `CallEnd`): what a background dial does, what becomes of the
    /// connection and the rest of the upload after the body was dropped, the loser of a race; on HTTP/2 what becomes
    /// of a stream that is left, and what its connection tells meanwhile.
    pub(crate) fn may_outlive(&self, event: &Event) -> bool {
        match &event.kind {
            EventKind::ConnClosed(_) if self.is_of_another_connection(event) => true,
            // It may be the end itself that the hook was called for.
            EventKind::HookPanicked(_) => true,
            EventKind::PutIdleConn(_) => self.was_given_up(),
            EventKind::ConnClosed(_) => self.was_given_up() || self.may_leave_its_stream(),
            EventKind::WroteBody(_)
            | EventKind::FlowControlWaitStart(_)
            | EventKind::FlowControlWaitDone(_)
            | EventKind::WroteRequest(_) => self.was_given_up() || self.may_leave_its_upload(),
            // Those of a connection that it has dialed, and had no use for.
            EventKind::SettingsReceived(_) if self.is_of_another_connection(event) => true,
            EventKind::StreamReset(_)
            | EventKind::GoAway(_)
            | EventKind::SettingsReceived(_)
            | EventKind::Pong(_) => self.may_leave_its_stream() || self.had_not_ended(event),
            EventKind::ConnectDone(done) if done.error.is_some() => true,
            _ => self.is_background_dial(event),
        }
    }

    /// How messages call it.
    pub(crate) fn label(&self) -> String {
        format!("call {} attempt {}", self.call, self.number)
    }
}

/// Whether a connection was had that other requests may have at the same time.
pub(crate) fn has_a_share(event: &Event) -> bool {
    match &event.kind {
        EventKind::GotConn(got) => got.protocol == Some(info::Protocol::Http2),
        _ => false,
    }
}
