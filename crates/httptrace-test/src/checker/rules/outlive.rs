//! What may go on after the end of an attempt or a call, and what may not.

use httptrace::{Event, EventName};

use super::Finding;
use crate::checker::view::AttemptView;

/// Nothing of an attempt follows its `AttemptEnd` or its call's `CallEnd`, except: a background dial; what becomes of
/// the connection (and of an unfinished upload) after the body was dropped or the attempt canceled; the `ConnectDone`
/// of the connect that lost the race.
pub(super) fn nothing_outlives_its_attempt(log: &[Event]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for view in AttemptView::all(log) {
        let own_end = view.first(EventName::AttemptEnd).map(|(place, _)| place);
        let call_end = log
            .iter()
            .position(|e| e.name() == EventName::CallEnd && e.call == Some(view.call));
        for (place, event) in &view.events {
            let after = |end: Option<usize>| end.is_some_and(|end| *place > end);
            let ended = if after(own_end) {
                "AttemptEnd"
            } else if after(call_end) {
                "CallEnd"
            } else {
                continue;
            };
            if !view.may_outlive(event) {
                let message = format!("{} of {} follows {ended}", event.name(), view.label());
                findings.push((Some(*place), message));
            }
        }
    }
    findings
}

/// The instants of a call's events lie between those of its `CallStart` and its `CallEnd`; what may outlive it may be
/// later.
pub(super) fn spans_lie_inside_their_call(log: &[Event]) -> Vec<Finding> {
    let views = AttemptView::all(log);
    let mut findings = Vec::new();
    for (place, event) in log.iter().enumerate() {
        let Some(call) = event.call else { continue };
        let bound = |name| {
            log.iter()
                .find(|e| e.name() == name && e.call == Some(call))
        };
        let early = bound(EventName::CallStart).is_some_and(|start| event.at < start.at);
        let late = bound(EventName::CallEnd).is_some_and(|end| event.at > end.at);
        let excused = views
            .iter()
            .find(|view| view.call == call && Some(view.number) == event.attempt)
            .is_some_and(|view| view.may_outlive(event))
            || event.name() == EventName::HookPanicked;
        if early {
            let message = format!("{} is stamped before its CallStart", event.name());
            findings.push((Some(place), message));
        } else if late && !excused {
            let message = format!("{} is stamped after its CallEnd", event.name());
            findings.push((Some(place), message));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::story::{self, Story};
    use super::*;
    use httptrace::info::{
        CloseReason, ConnClosed, ConnectDone, ConnectStart, GotBody, PutIdleConn,
    };
    use httptrace::{ConnectionId, EventError};

    #[test]
    fn an_event_after_attempt_end_is_found() {
        let log = Story::plain().and(GotBody::new(1u64));
        assert_eq!(nothing_outlives_its_attempt(&log).len(), 1);
        assert_eq!(nothing_outlives_its_attempt(&Story::plain().log()), []);
    }

    #[test]
    fn put_idle_conn_may_follow_the_end_only_after_an_early_drop_of_the_body() {
        let after_drop = Story::body_dropped().and(PutIdleConn::new());
        assert_eq!(nothing_outlives_its_attempt(&after_drop), []);
        let closed = Story::body_dropped().and(ConnClosed::new(CloseReason::BodyDropped));
        assert_eq!(nothing_outlives_its_attempt(&closed), []);
        let after_whole = Story::plain().and(PutIdleConn::new());
        assert_eq!(nothing_outlives_its_attempt(&after_whole).len(), 1);
    }

    #[test]
    fn a_background_dial_may_outlive_its_call_but_the_dial_that_served_it_may_not() {
        let start = ConnectStart::new(story::addr(9), 0u32);
        let background = Story::plain()
            .on_connection(ConnectionId::next())
            .later(50)
            .and(start.clone());
        assert_eq!(nothing_outlives_its_attempt(&background), []);
        assert_eq!(spans_lie_inside_their_call(&background), []);
        let own = Story::plain().later(50).and(start);
        assert_eq!(nothing_outlives_its_attempt(&own).len(), 1);
        assert_eq!(spans_lie_inside_their_call(&own).len(), 1);
    }

    #[test]
    fn the_loser_of_a_race_may_end_late_but_its_winner_may_not() {
        let done = ConnectDone::new(story::addr(1), 0u32);
        let winner = Story::plain().and(done.clone());
        assert_eq!(nothing_outlives_its_attempt(&winner).len(), 1);
        let loser = Story::plain().and(done.with_error(EventError::canceled()));
        assert_eq!(nothing_outlives_its_attempt(&loser), []);
    }

    #[test]
    fn an_attempt_that_ends_after_its_call_is_found() {
        let log = Story::plain().swapped(EventName::AttemptEnd, EventName::CallEnd);
        assert_eq!(nothing_outlives_its_attempt(&log).len(), 1);
    }

    #[test]
    fn an_instant_before_the_call_is_found() {
        let log = Story::plain().stamped(EventName::GetConn, -5);
        assert_eq!(spans_lie_inside_their_call(&log).len(), 1);
    }
}
