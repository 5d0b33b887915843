//! The events of one attempt, picked out of the log.

use httptrace::{CallId, ConnectionId, ErrorKind, Event, EventKind, EventName, info};

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

    /// Whether an event may follow `AttemptEnd` (and `CallEnd`): what a background dial does, what becomes of the
    /// connection and the rest of the upload after the body was dropped, and the loser of a race.
    pub(crate) fn may_outlive(&self, event: &Event) -> bool {
        match &event.kind {
            EventKind::ConnClosed(_) if self.is_of_another_connection(event) => true,
            // It may be the end itself that the hook was called for.
            EventKind::HookPanicked(_) => true,
            EventKind::PutIdleConn(_)
            | EventKind::ConnClosed(_)
            | EventKind::WroteBody(_)
            | EventKind::WroteRequest(_) => self.was_given_up(),
            EventKind::ConnectDone(done) if done.error.is_some() => true,
            _ => self.is_background_dial(event),
        }
    }

    /// How messages call it.
    pub(crate) fn label(&self) -> String {
        format!("call {} attempt {}", self.call, self.number)
    }
}
