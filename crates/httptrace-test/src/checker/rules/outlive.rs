//! What may go on after the end of an attempt or a call, and what may not.

use httptrace::{Event, EventName};

use super::Finding;
use crate::checker::view::AttemptView;

/// Nothing of an attempt follows its `AttemptEnd` or its call's `CallEnd`, except: a background dial; what becomes of
/// the connection (and of an unfinished upload) after the body was dropped or the attempt canceled; the `ConnectDone`
/// of the connect that lost the race; an HTTP/2 upload after an answer of success, and what becomes of a stream that is
/// left.
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
        AttemptEnd, CallEnd, CloseReason, ConnClosed, ConnectDone, ConnectStart,
        FlowControlWaitDone, FlowControlWaitStart, FlowWindow, GoAway, GotBody, Http2Code,
        NotSentReason, Pong, PutIdleConn, ResetBy, SettingsReceived, WriteOutcome, WroteBody,
        WroteRequest,
    };
    use httptrace::{ConnectionId, EventError, EventKind};

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

    /// What may become of an upload that goes on.
    fn upload() -> [EventKind; 4] {
        let window = FlowWindow::Stream;
        [
            WroteBody::new(1u64).into(),
            FlowControlWaitStart::new(window).into(),
            FlowControlWaitDone::new(window).into(),
            WroteRequest::new(WriteOutcome::Sent).into(),
        ]
    }

    /// What may become of a stream that is left, and what those who have one are told.
    fn stream() -> [EventKind; 5] {
        [
            Story::reset(1).into(),
            SettingsReceived::new().into(),
            Pong::new(std::time::Duration::from_millis(1)).into(),
            GoAway::new(ResetBy::Peer, 1u32, Http2Code::NO_ERROR).into(),
            ConnClosed::new(CloseReason::GoAway).into(),
        ]
    }

    /// How many of the kinds are found wrong at the end of a story.
    fn wrong(story: impl Fn() -> Story, kinds: impl IntoIterator<Item = EventKind>) -> usize {
        let kinds = kinds.into_iter();
        kinds
            .filter(|kind| {
                let log = story().later(50).and(kind.clone());
                let outlived = nothing_outlives_its_attempt(&log);
                assert_eq!(outlived.len(), spans_lie_inside_their_call(&log).len());
                !outlived.is_empty()
            })
            .count()
    }

    #[test]
    fn an_upload_may_go_on_after_an_answer_of_success_on_a_shared_connection_alone() {
        assert_eq!(wrong(|| Story::uploading(200), upload()), 0);
        assert_eq!(wrong(|| Story::uploading(200), stream()), 0);
        assert_eq!(wrong(|| Story::uploading(413), upload()), 4);
        assert_eq!(wrong(Story::plain, upload()), 4);
        assert_eq!(wrong(Story::plain, stream()), 5);
    }

    #[test]
    fn a_stream_that_was_read_and_written_to_its_end_has_nothing_more_to_tell() {
        assert_eq!(wrong(Story::http2, stream()), 5);
    }

    #[test]
    fn what_a_connection_told_in_time_may_arrive_late() {
        let mut log = Story::http2().and(Pong::new(std::time::Duration::from_millis(1)));
        assert_eq!(nothing_outlives_its_attempt(&log).len(), 1);
        let mut ends = log.iter().filter(|e| e.name() == EventName::AttemptEnd);
        let at = ends.next().unwrap().at;
        log.last_mut().unwrap().at = at;
        assert_eq!(nothing_outlives_its_attempt(&log), []);
    }

    #[test]
    fn the_reset_of_an_upload_that_was_stopped_or_of_a_failed_attempt_may_come_late() {
        let stopped = || {
            let outcome = WriteOutcome::NotSent(NotSentReason::FinalResponseFirst);
            let story = Story::uploading(413).cut_before(EventName::AttemptEnd);
            let story = story.then(WroteRequest::new(outcome));
            story.then(AttemptEnd::new()).then(CallEnd::new())
        };
        assert_eq!(wrong(stopped, stream()), 0);
        let failed = || {
            let error = EventError::new(httptrace::ErrorKind::Timeout, "too late");
            let story = Story::http2().cut_before(EventName::GotFirstResponseByte);
            let story = story.then(AttemptEnd::new().with_error(error.clone()));
            story.then(CallEnd::new().with_error(error))
        };
        assert_eq!(wrong(failed, stream()), 0);
        assert_eq!(wrong(failed, [GotBody::new(1u64).into()]), 1);
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
