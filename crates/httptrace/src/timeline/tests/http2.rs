//! Requests that share a connection, as a client would tell them.

use super::{Script, addr, assert_fails_in, error, head, ms, phases, sent};
use crate::error::{ErrorKind, EventError};
use crate::event::{Event, EventKind};
use crate::id::ConnectionId;
use crate::info::{
    AttemptEnd, AttemptReason, BodyDone, BodyEnd, CallEnd, CloseReason, ConnClosed, ConnectDone,
    ConnectStart, FlowControlWaitDone, FlowControlWaitStart, FlowWindow, GetConn, GoAway, GotConn,
    GotFirstResponseByte, Http2Code, Pong, Protocol, ResetBy, RetryReason, SettingsReceived,
    StreamOpened, StreamReset, WaitedFor, WriteOutcome, WroteBody, WroteHeaders, WroteRequest,
};
use crate::timeline::{Outcome, Phase, Timeline};
use http::StatusCode;

/// A request that got its share of a connection at 5 and opened its stream at 6.
fn opened(waited_for: Option<WaitedFor>) -> Script {
    let mut got = GotConn::new(true, false).with_protocol(Protocol::Http2);
    got.waited_for = waited_for;
    Script::new()
        .attempt(0, 0, AttemptReason::First)
        .at(0, GetConn::new("a.test:443"))
        .on(ConnectionId::next())
        .at(5, got)
        .at(6, StreamOpened::new(3_u32))
        .at(6, WroteHeaders::new())
}

fn answered(script: Script, at: u64) -> Script {
    script
        .at(at, GotFirstResponseByte::new())
        .at(at, head(200))
        .at(at + 10, BodyDone::new(BodyEnd::End))
        .at(at + 10, AttemptEnd::new().with_status(StatusCode::OK))
        .outside(at + 10, CallEnd::new().with_status(StatusCode::OK))
}

#[test]
fn a_request_that_waits_for_a_stream_is_in_the_queue_until_it_has_one() {
    for waited_for in [WaitedFor::Stream, WaitedFor::Dial] {
        let script = opened(Some(waited_for)).at(6, sent());
        let timeline = answered(script, 36).fold();
        let expected = [
            (Phase::Queue, 5),
            (Phase::Send, 1),
            (Phase::Wait, 30),
            (Phase::Receive, 10),
        ];
        assert_eq!(phases(timeline.breakdown()), expected);
        let attempt = &timeline.attempts[0];
        let stream = attempt.stream.as_ref().unwrap();
        assert_eq!((stream.at, stream.info.stream_id), (ms(6), 3));
    }
}

#[test]
fn a_request_that_was_served_by_what_it_waited_for_was_not_served_by_its_own_dial() {
    // Nobody here numbers connections.
    let got = GotConn::new(false, false).with_waited_for(WaitedFor::Dial);
    let script = Script::new()
        .attempt(0, 0, AttemptReason::First)
        .at(1, ConnectStart::new(addr("192.0.2.1:443"), 0_u32))
        .at(9, got)
        .at(20, ConnectDone::new(addr("192.0.2.1:443"), 0_u32));
    let timeline = script.fold();
    assert!(timeline.attempts[0].dials[0].background);
    assert_eq!(timeline.breakdown().get(Phase::Queue), Some(ms(9)));
}

#[test]
fn waits_for_the_peers_windows_are_spans_within_sending() {
    let (stream, connection) = (FlowWindow::Stream, FlowWindow::Connection);
    let script = opened(None)
        .at(7, WroteBody::new(65_535_u64))
        .at(7, FlowControlWaitStart::new(stream))
        .at(27, FlowControlWaitDone::new(stream))
        .at(28, WroteBody::new(10_u64))
        .at(28, FlowControlWaitStart::new(connection))
        .at(30, FlowControlWaitDone::new(connection))
        .at(31, FlowControlWaitStart::new(stream))
        .at(36, FlowControlWaitDone::new(stream))
        .at(40, sent());
    let timeline = answered(script, 60).fold();
    let waits = &timeline.attempts[0].flow_control_waits;
    let told: Vec<_> = waits
        .iter()
        .map(|wait| (wait.info.window, wait.start, wait.duration()))
        .collect();
    let expected = [
        (stream, Some(ms(7)), Some(ms(20))),
        (connection, Some(ms(28)), Some(ms(2))),
        (stream, Some(ms(31)), Some(ms(5))),
    ];
    assert_eq!(told, expected);
    assert_eq!(timeline.breakdown().get(Phase::Send), Some(ms(35)));
}

#[test]
fn a_wait_of_which_one_end_was_seen_has_no_length() {
    let window = FlowWindow::Stream;
    let timeline = opened(None)
        .at(8, FlowControlWaitDone::new(window))
        .at(9, FlowControlWaitStart::new(window))
        .at(10, FlowControlWaitStart::new(window))
        .fold();
    let waits = &timeline.attempts[0].flow_control_waits;
    let told: Vec<_> = waits.iter().map(|wait| (wait.start, wait.end)).collect();
    assert_eq!(told, [(None, Some(ms(8))), (Some(ms(9)), None)]);
    assert_eq!(waits[1].outcome(), Outcome::Open);
    // The attempt lasts as long as what is known of its writing.
    assert_eq!(timeline.total(), ms(9));
}

#[test]
fn a_reset_that_ends_a_wait_fails_in_sending() {
    let window = FlowWindow::Stream;
    let reset = || error(ErrorKind::Reset);
    let script = opened(None)
        .at(7, FlowControlWaitStart::new(window))
        .at(
            20,
            StreamReset::new(3_u32, ResetBy::Peer, Http2Code::INTERNAL_ERROR),
        )
        .at(20, FlowControlWaitDone::new(window).with_error(reset()))
        .at(20, WroteRequest::new(WriteOutcome::Failed(reset())))
        .at(20, AttemptEnd::new().with_error(reset()))
        .outside(20, CallEnd::new().with_error(reset()));
    let timeline = script.fold();
    let attempt = &timeline.attempts[0];
    assert_fails_in(attempt, Phase::Send);
    assert_eq!(attempt.resets[0].info.code, Http2Code::INTERNAL_ERROR);
    assert_eq!(attempt.flow_control_waits[0].outcome(), Outcome::Failed);
}

#[test]
fn what_follows_the_end_is_kept_and_makes_the_call_no_longer() {
    let script = answered(opened(None).at(7, WroteBody::new(1_u64)), 30)
        .at(50, FlowControlWaitStart::new(FlowWindow::Connection))
        .at(70, FlowControlWaitDone::new(FlowWindow::Connection))
        .at(80, sent())
        .at(
            90,
            StreamReset::new(3_u32, ResetBy::Local, Http2Code::NO_ERROR),
        )
        .at(91, Pong::new(ms(1)))
        .at(95, ConnClosed::new(CloseReason::GoAway));
    let timeline = script.fold();
    assert_eq!(timeline.total(), ms(40));
    let attempt = &timeline.attempts[0];
    assert_eq!(attempt.flow_control_waits.len(), 1);
    assert_eq!(attempt.resets[0].at, ms(90));
    assert_eq!(attempt.closed.len(), 1);
}

#[test]
fn a_refused_stream_and_a_goaway_are_told_in_the_attempt_that_they_ended() {
    let refused = || EventError::new(ErrorKind::Reset, "the server refused the stream");
    let away = GoAway::new(ResetBy::Peer, 1_u32, Http2Code::NO_ERROR).with_debug_data("bye");
    let settings = SettingsReceived::new().with_max_concurrent_streams(1_u32);
    let script = opened(None)
        .at(7, settings)
        .at(8, Pong::new(ms(2)))
        .at(
            9,
            StreamReset::new(3_u32, ResetBy::Peer, Http2Code::REFUSED_STREAM),
        )
        .at(9, AttemptEnd::new().with_error(refused()))
        .attempt(9, 1, AttemptReason::Retry(RetryReason::StreamRefused))
        .at(10, away.clone())
        .at(11, away)
        .at(12, AttemptEnd::new().with_error(refused()))
        .attempt(12, 2, AttemptReason::Retry(RetryReason::GoAway));
    let attempts = answered(script, 20).fold().attempts;
    let resets = attempts.iter().map(|attempt| attempt.resets.len());
    assert_eq!(resets.collect::<Vec<_>>(), [1, 0, 0]);
    assert_eq!(attempts[0].settings[0].info.max_concurrent_streams, Some(1));
    assert_eq!(attempts[0].pongs[0].info.round_trip, ms(2));
    // Both frames of an orderly end are there.
    let away = attempts[1].go_aways.iter().map(|away| away.at);
    assert_eq!(away.collect::<Vec<_>>(), [ms(10), ms(11)]);
    assert_eq!(attempts[2].go_aways.len(), 0);
}

#[test]
fn what_an_idle_connection_tells_makes_no_timeline() {
    let script = Script::new();
    let kinds: [EventKind; 4] = [
        SettingsReceived::new().into(),
        Pong::new(ms(1)).into(),
        GoAway::new(ResetBy::Local, 0_u32, Http2Code::NO_ERROR).into(),
        ConnClosed::new(CloseReason::PingTimeout).into(),
    ];
    let events = kinds.map(|kind| Event::new(script.zero, kind));
    assert!(Timeline::fold(&events).is_empty());
    let opened = Event::new(script.zero, StreamOpened::new(1_u32));
    assert_eq!(Timeline::fold(&[opened]).len(), 1);
}
