//! One call each, as a client would tell it.

use super::{Script, addr, assert_fails_in, error, head, ms, phases, sent, wall};
use crate::error::{ErrorKind, EventError};
use crate::event::Event;
use crate::id::ConnectionId;
use crate::info::{
    AttemptEnd, AttemptReason, BodyDone, BodyEnd, CallEnd, CloseReason, ConnClosed, ConnectDone,
    ConnectStart, DnsDone, DnsStart, GetConn, Got1xxResponse, Got100Continue, GotBody, GotConn,
    GotFirstResponseByte, ProxyTunnelDone, ProxyTunnelStart, PutIdleConn, Redirect, RetryReason,
    TlsHandshakeDone, TlsHandshakeStart, TlsLeg, TunnelKind, Wait100Continue, WriteOutcome,
    WroteBody, WroteHeaders, WroteRequest,
};
use crate::timeline::{Outcome, Phase, Timeline};
use http::StatusCode;

const V4: &str = "192.0.2.1:443";
const V6: &str = "[2001:db8::1]:443";

fn get_conn() -> GetConn {
    GetConn::new("a.test:443")
}

/// Lookup from 1 to 5, connect to 15, TLS to 40.
fn dialed(script: Script) -> Script {
    script
        .at(1, DnsStart::new("a.test"))
        .at(5, DnsDone::new("a.test"))
        .at(5, ConnectStart::new(addr(V4), 0_u32))
        .at(15, ConnectDone::new(addr(V4), 0_u32))
        .at(15, TlsHandshakeStart::new(TlsLeg::Target))
        .at(40, TlsHandshakeDone::new(TlsLeg::Target).with_resumed(true))
}

/// Sent at once, first byte after 30 ms, body over after 10 more.
fn exchanged(script: Script, from: u64) -> Script {
    script
        .at(from + 1, WroteHeaders::new())
        .at(from + 1, sent())
        .at(from + 31, GotFirstResponseByte::new())
        .at(from + 31, head(200))
        .at(from + 35, GotBody::new(100_u64))
        .at(from + 41, GotBody::new(200_u64))
        .at(
            from + 41,
            BodyDone::new(BodyEnd::End).with_wire_bytes(300_u64),
        )
}

fn ended(script: Script, at: u64) -> Script {
    script
        .at(at, PutIdleConn::new())
        .at(at, AttemptEnd::new().with_status(StatusCode::OK))
        .outside(
            at,
            CallEnd::new()
                .with_status(StatusCode::OK)
                .with_bytes(300_u64),
        )
}

fn first(script: Script) -> Script {
    script.attempt(0, 0, AttemptReason::First).at(0, get_conn())
}

#[test]
fn a_cold_call_shows_every_phase_of_its_own_dial() {
    let connection = ConnectionId::next();
    let script = dialed(first(Script::new()).on(connection)).at(42, GotConn::new(false, false));
    let timeline = ended(exchanged(script, 42), 85).fold();

    assert!(timeline.complete);
    assert_eq!(timeline.started, Some(wall()));
    assert_eq!(timeline.total(), ms(85));
    assert_eq!(timeline.status(), Some(StatusCode::OK));
    let attempt = &timeline.attempts[0];
    let dial = attempt.own_dial().unwrap();
    assert_eq!(dial.connection, Some(connection));
    assert_eq!(dial.lookups[0].duration(), Some(ms(4)));
    assert_eq!(dial.connects[0].outcome(), Outcome::Succeeded);
    assert_eq!(dial.handshakes[0].info.resumed, Some(true));
    let download = attempt.download.unwrap();
    assert_eq!(
        (download.first, download.last, download.bytes),
        (ms(77), ms(83), 300)
    );
    assert!(attempt.put_idle.is_some());
    let expected = [
        (Phase::Queue, 3),
        (Phase::Dns, 4),
        (Phase::Connect, 10),
        (Phase::Tls, 25),
        (Phase::Send, 1),
        (Phase::Wait, 30),
        (Phase::Receive, 12),
    ];
    assert_eq!(phases(attempt.breakdown()), expected);
    assert_eq!(phases(timeline.breakdown()), expected);
    assert_eq!(timeline.breakdown().other(), None);
}

#[test]
fn a_reused_connection_leaves_the_phases_of_a_dial_unknown() {
    let script = first(Script::new())
        .on(ConnectionId::next())
        .at(2, GotConn::new(true, true).with_idle_time(ms(700)));
    let timeline = ended(exchanged(script, 2), 44).fold();
    let breakdown = timeline.breakdown();
    assert_eq!(breakdown.get(Phase::Queue), Some(ms(2)));
    for phase in [Phase::Dns, Phase::Connect, Phase::Proxy, Phase::Tls] {
        assert_eq!(breakdown.get(phase), None, "{phase}");
    }
    assert!(timeline.attempts[0].own_dial().is_none());
}

#[test]
fn a_dial_that_another_connection_overtook_is_background_and_its_time_is_queue() {
    let (dialed_one, had) = (ConnectionId::next(), ConnectionId::next());
    let script = first(Script::new())
        .on(dialed_one)
        .at(1, ConnectStart::new(addr(V4), 0_u32))
        .on(had)
        .at(20, GotConn::new(true, false));
    let script = ended(exchanged(script, 20), 62)
        .on(dialed_one)
        .at(300, ConnectDone::new(addr(V4), 0_u32))
        .at(300, TlsHandshakeStart::new(TlsLeg::Target))
        .at(350, TlsHandshakeDone::new(TlsLeg::Target));
    let timeline = script.fold();

    let attempt = &timeline.attempts[0];
    assert_eq!(attempt.connection, Some(had));
    assert!(attempt.dials[0].background);
    assert_eq!(attempt.dials[0].handshakes[0].end, Some(ms(350)));
    assert_eq!(timeline.total(), ms(62));
    let breakdown = attempt.breakdown();
    assert_eq!(breakdown.get(Phase::Queue), Some(ms(20)));
    assert_eq!(breakdown.get(Phase::Connect), None);
    assert_eq!(breakdown.get(Phase::Tls), None);
}

#[test]
fn both_connects_of_a_race_are_kept_and_their_time_counts_once() {
    let canceled = ConnectDone::new(addr(V6), 0_u32).with_error(EventError::canceled());
    let script = first(Script::new())
        .on(ConnectionId::next())
        .at(0, ConnectStart::new(addr(V6), 0_u32))
        .at(250, ConnectStart::new(addr(V4), 1_u32))
        .at(260, ConnectDone::new(addr(V4), 1_u32))
        .at(260, canceled)
        .at(260, GotConn::new(false, false));
    let timeline = ended(exchanged(script, 260), 302).fold();

    let dial = &timeline.attempts[0].dials[0];
    assert!(!dial.background);
    let outcomes: Vec<Outcome> = dial
        .connects
        .iter()
        .map(|connect| connect.outcome())
        .collect();
    assert_eq!(outcomes, [Outcome::Canceled, Outcome::Succeeded]);
    assert_eq!(dial.connects[0].duration(), Some(ms(260)));
    assert_eq!(dial.connects[1].duration(), Some(ms(10)));
    assert!(dial.error().is_none());
    assert_eq!(timeline.breakdown().get(Phase::Connect), Some(ms(260)));
}

#[test]
fn a_redirect_makes_a_second_attempt_and_what_lies_between_is_no_phase() {
    let connection = ConnectionId::next();
    let (from, to) = (super::uri("http://a.test/0"), super::uri("http://a.test/1"));
    let script = first(Script::new())
        .on(connection)
        .at(1, GotConn::new(false, false));
    let script = exchanged(script, 1)
        .at(42, AttemptEnd::new().with_status(StatusCode::FOUND))
        .at(43, Redirect::new(StatusCode::FOUND, from, to.clone()))
        .attempt(45, 1, AttemptReason::Redirect)
        .at(45, get_conn())
        .on(connection)
        .at(46, GotConn::new(true, true));
    let timeline = ended(exchanged(script, 46), 90).fold();

    assert_eq!(timeline.attempts.len(), 2);
    let redirect = timeline.attempts[0].redirect.as_ref().unwrap();
    assert_eq!(redirect.info.to, to);
    assert_eq!(timeline.attempts[1].reason, Some(AttemptReason::Redirect));
    assert_eq!(timeline.attempts[1].uri, Some(to));
    assert_eq!(timeline.breakdown().other(), Some(ms(3)));
    let attempts: u64 = timeline
        .attempts
        .iter()
        .map(|a| a.breakdown().total().as_millis() as u64)
        .sum();
    assert_eq!(attempts, 87);
}

#[test]
fn a_retry_tells_why_and_keeps_the_connection_that_was_lost() {
    let lost = ConnectionId::next();
    let closed = error(ErrorKind::Closed);
    let script = first(Script::new())
        .on(lost)
        .at(0, GotConn::new(true, true))
        .at(1, WroteHeaders::new())
        .at(1, sent())
        .at(
            3,
            ConnClosed::new(CloseReason::Failed).with_error(closed.clone()),
        )
        .at(3, AttemptEnd::new().with_error(closed))
        .attempt(3, 1, AttemptReason::Retry(RetryReason::ConnectionLost))
        .at(3, get_conn())
        .on(ConnectionId::next())
        .at(13, GotConn::new(false, false));
    let timeline = ended(exchanged(script, 13), 60).fold();

    let [failed, again] = &timeline.attempts[..] else {
        panic!("two attempts");
    };
    assert_fails_in(failed, Phase::Wait);
    assert_eq!(failed.closed[0].connection, Some(lost));
    assert_eq!(
        again.reason,
        Some(AttemptReason::Retry(RetryReason::ConnectionLost))
    );
    assert!(again.error().is_none());
    assert!(timeline.error().is_none());
}

#[test]
fn an_early_drop_shows_put_idle_after_the_call_without_making_the_call_longer() {
    let script = first(Script::new())
        .on(ConnectionId::next())
        .at(0, GotConn::new(false, false))
        .at(1, sent())
        .at(5, GotFirstResponseByte::new())
        .at(5, head(200))
        .at(9, BodyDone::new(BodyEnd::Dropped).with_wire_bytes(10_u64))
        .at(9, AttemptEnd::new().with_status(StatusCode::OK))
        .outside(9, CallEnd::new().with_status(StatusCode::OK))
        .at(30, PutIdleConn::new());
    let timeline = script.fold();
    assert_eq!(timeline.total(), ms(9));
    assert_eq!(timeline.attempts[0].put_idle.as_ref().unwrap().at, ms(30));
    let end = &timeline.attempts[0].body_done.as_ref().unwrap().info.end;
    assert_eq!(end.as_str(), "dropped");
}

#[test]
fn an_answer_that_comes_before_the_upload_is_over_ends_the_sending() {
    let script = first(Script::new())
        .on(ConnectionId::next())
        .at(0, GotConn::new(false, false))
        .at(1, WroteHeaders::new())
        .at(10, GotFirstResponseByte::new())
        .at(10, head(413))
        .at(
            25,
            WroteRequest::new(WriteOutcome::Failed(error(ErrorKind::Reset))),
        );
    let timeline = ended(script, 30).fold();
    let expected = [
        (Phase::Queue, 0),
        (Phase::Send, 10),
        (Phase::Wait, 0),
        (Phase::Receive, 20),
    ];
    assert_eq!(phases(timeline.breakdown()), expected);
}

#[test]
fn informational_responses_are_kept_and_the_wait_ends_with_the_first_of_them() {
    let hints = Got1xxResponse::new(StatusCode::EARLY_HINTS, http::HeaderMap::new());
    let script = first(Script::new())
        .on(ConnectionId::next())
        .at(0, GotConn::new(false, false))
        .at(1, sent())
        .at(10, GotFirstResponseByte::new())
        .at(10, hints.clone())
        .at(20, hints)
        .at(50, head(200));
    let timeline = ended(script, 60).fold();
    let instants: Vec<_> = timeline.attempts[0]
        .informational
        .iter()
        .map(|r| r.at)
        .collect();
    assert_eq!(instants, [ms(10), ms(20)]);
    assert_eq!(timeline.breakdown().get(Phase::Wait), Some(ms(9)));
    assert_eq!(timeline.breakdown().get(Phase::Receive), Some(ms(50)));
}

/// An upload that waits for the `100 Continue` from 1 to 31.
fn continued(script: Script) -> Script {
    let status = StatusCode::CONTINUE;
    first(script)
        .on(ConnectionId::next())
        .at(0, GotConn::new(false, false))
        .at(1, WroteHeaders::new())
        .at(1, Wait100Continue::new())
        .at(31, GotFirstResponseByte::new())
        .at(31, Got100Continue::new())
        .at(31, Got1xxResponse::new(status, http::HeaderMap::new()))
        .at(40, WroteBody::new(1000_u64))
}

#[test]
fn a_100_that_was_asked_for_is_no_answer_and_the_upload_after_it_is_sending() {
    let script = continued(Script::new()).at(51, sent()).at(80, head(200));
    let timeline = ended(script, 90).fold();
    let expected = [
        (Phase::Queue, 0),
        (Phase::Send, 51),
        (Phase::Wait, 29),
        (Phase::Receive, 10),
    ];
    assert_eq!(phases(timeline.breakdown()), expected);
}

#[test]
fn hints_after_the_100_are_an_answer() {
    let hints = Got1xxResponse::new(StatusCode::EARLY_HINTS, http::HeaderMap::new());
    let script = continued(Script::new())
        .at(51, sent())
        .at(60, hints)
        .at(80, head(200));
    let timeline = ended(script, 90).fold();
    assert_eq!(timeline.breakdown().get(Phase::Wait), Some(ms(9)));
    assert_eq!(timeline.breakdown().get(Phase::Receive), Some(ms(30)));
}

#[test]
fn both_tls_legs_and_the_tunnel_of_a_proxied_dial_are_told_apart() {
    let script = first(Script::new())
        .on(ConnectionId::next())
        .at(0, ConnectStart::new(addr(V4), 0_u32))
        .at(10, ConnectDone::new(addr(V4), 0_u32))
        .at(10, TlsHandshakeStart::new(TlsLeg::Proxy))
        .at(20, TlsHandshakeDone::new(TlsLeg::Proxy))
        .at(20, ProxyTunnelStart::new(TunnelKind::Connect, "a.test:443"))
        .at(
            50,
            ProxyTunnelDone::new(TunnelKind::Connect, "a.test:443").with_status(StatusCode::OK),
        )
        .at(50, TlsHandshakeStart::new(TlsLeg::Target))
        .at(80, TlsHandshakeDone::new(TlsLeg::Target))
        .at(80, GotConn::new(false, false));
    let timeline = ended(exchanged(script, 80), 125).fold();
    let dial = &timeline.attempts[0].dials[0];
    assert_eq!(dial.handshakes.len(), 2);
    let breakdown = timeline.breakdown();
    assert_eq!(breakdown.get(Phase::Connect), Some(ms(10)));
    assert_eq!(breakdown.get(Phase::Proxy), Some(ms(30)));
    assert_eq!(breakdown.get(Phase::Tls), Some(ms(40)));
}

#[test]
fn where_stages_of_a_dial_overlap_the_later_stage_counts() {
    let canceled = ConnectDone::new(addr(V6), 0_u32).with_error(EventError::canceled());
    let script = first(Script::new())
        .on(ConnectionId::next())
        .at(0, ConnectStart::new(addr(V6), 0_u32))
        .at(5, ConnectStart::new(addr(V4), 1_u32))
        .at(10, ConnectDone::new(addr(V4), 1_u32))
        .at(10, TlsHandshakeStart::new(TlsLeg::Target))
        .at(25, canceled)
        .at(30, TlsHandshakeDone::new(TlsLeg::Target))
        .at(30, GotConn::new(false, false));
    let breakdown = ended(exchanged(script, 30), 72).fold().breakdown();
    assert_eq!(breakdown.get(Phase::Connect), Some(ms(10)));
    assert_eq!(breakdown.get(Phase::Tls), Some(ms(20)));
}

/// The call fails at `at` with an error of a kind.
fn failed(script: Script, at: u64, kind: ErrorKind) -> Timeline {
    let timeline = script
        .at(at, AttemptEnd::new().with_error(error(kind)))
        .outside(at, CallEnd::new().with_error(error(kind)))
        .fold();
    assert_eq!(timeline.error().unwrap().kind(), kind);
    timeline
}

#[test]
fn a_failure_is_placed_in_the_phase_it_happened_in() {
    let dial = || first(Script::new()).on(ConnectionId::next());
    let had = || dial().at(10, GotConn::new(false, false));

    let timeline = failed(first(Script::new()), 5, ErrorKind::Timeout);
    assert_fails_in(&timeline.attempts[0], Phase::Queue);
    assert_eq!(phases(timeline.breakdown()), [(Phase::Queue, 5)]);

    let script = dial()
        .at(0, DnsStart::new("a.test"))
        .at(5, DnsDone::new("a.test").with_error(error(ErrorKind::Dns)));
    let timeline = failed(script, 5, ErrorKind::Dns);
    assert_fails_in(&timeline.attempts[0], Phase::Dns);
    assert_eq!(
        phases(timeline.breakdown()),
        [(Phase::Queue, 0), (Phase::Dns, 5)]
    );

    let refused = |a, n: u32| ConnectDone::new(addr(a), n).with_error(error(ErrorKind::Refused));
    let script = dial()
        .at(0, ConnectStart::new(addr(V6), 0_u32))
        .at(1, refused(V6, 0))
        .at(1, ConnectStart::new(addr(V4), 1_u32))
        .at(5, refused(V4, 1));
    let timeline = failed(script, 5, ErrorKind::Refused);
    assert_fails_in(&timeline.attempts[0], Phase::Connect);
    assert_eq!(timeline.attempts[0].dials[0].connects.len(), 2);

    let script = dial()
        .at(0, ProxyTunnelStart::new(TunnelKind::Connect, "a.test:443"))
        .at(
            5,
            ProxyTunnelDone::new(TunnelKind::Connect, "a.test:443")
                .with_error(error(ErrorKind::Other)),
        );
    assert_fails_in(
        &failed(script, 5, ErrorKind::Other).attempts[0],
        Phase::Proxy,
    );

    let certificate =
        TlsHandshakeDone::new(TlsLeg::Target).with_error(error(ErrorKind::Certificate));
    let script = dial()
        .at(0, TlsHandshakeStart::new(TlsLeg::Target))
        .at(5, certificate);
    assert_fails_in(
        &failed(script, 5, ErrorKind::Certificate).attempts[0],
        Phase::Tls,
    );

    let write = WroteRequest::new(WriteOutcome::Failed(error(ErrorKind::Reset)));
    let timeline = failed(had().at(12, write), 15, ErrorKind::Reset);
    assert_fails_in(&timeline.attempts[0], Phase::Send);
    assert_eq!(
        phases(timeline.breakdown()),
        [(Phase::Queue, 10), (Phase::Send, 5)]
    );

    let timeline = failed(had().at(11, sent()), 50, ErrorKind::Timeout);
    assert_fails_in(&timeline.attempts[0], Phase::Wait);
    assert_eq!(timeline.breakdown().get(Phase::Wait), Some(ms(39)));

    let script = had()
        .at(11, sent())
        .at(20, GotFirstResponseByte::new())
        .at(20, head(200))
        .at(30, BodyDone::new(BodyEnd::Error(error(ErrorKind::Closed))));
    assert_fails_in(
        &failed(script, 30, ErrorKind::Closed).attempts[0],
        Phase::Receive,
    );
}

#[test]
fn a_dial_still_open_when_the_attempt_fails_tells_the_phase_too() {
    let script = first(Script::new())
        .on(ConnectionId::next())
        .at(0, DnsStart::new("a.test"))
        .at(2, DnsDone::new("a.test"))
        .at(2, ConnectStart::new(addr(V4), 0_u32));
    let timeline = failed(script, 100, ErrorKind::Timeout);
    assert_fails_in(&timeline.attempts[0], Phase::Connect);
    assert_eq!(timeline.breakdown().get(Phase::Connect), Some(ms(98)));
}

#[test]
fn a_snapshot_of_a_call_in_progress_lasts_until_its_latest_event() {
    let timeline = first(Script::new())
        .on(ConnectionId::next())
        .at(4, GotConn::new(false, false))
        .at(5, sent())
        .fold();
    assert!(!timeline.complete);
    assert_eq!(timeline.total(), ms(5));
    assert_eq!(
        phases(timeline.breakdown()),
        [(Phase::Queue, 4), (Phase::Send, 1)]
    );
}

#[test]
fn an_attempt_of_which_little_is_told_claims_no_phase_it_does_not_know() {
    let script = Script::new()
        .attempt(0, 0, AttemptReason::First)
        .at(50, head(200));
    let timeline = ended(script, 80).fold();
    assert_eq!(phases(timeline.breakdown()), [(Phase::Receive, 30)]);
    assert_eq!(timeline.breakdown().other(), Some(ms(50)));
}

#[test]
fn an_end_without_a_start_and_a_start_without_an_end_have_no_duration() {
    let timeline = first(Script::new())
        .on(ConnectionId::next())
        .at(3, DnsDone::new("a.test"))
        .at(4, ConnectStart::new(addr(V4), 0_u32))
        .fold();
    let dial = &timeline.attempts[0].dials[0];
    assert_eq!(
        (dial.lookups[0].start, dial.lookups[0].end),
        (None, Some(ms(3)))
    );
    assert_eq!(dial.lookups[0].duration(), None);
    assert_eq!(dial.connects[0].duration(), None);
    assert_eq!(dial.connects[0].outcome(), Outcome::Open);
}

#[test]
fn an_event_stamped_before_the_start_moves_the_zero_and_the_wall_clock_with_it() {
    let mut script = first(Script::new());
    let early = script.zero - ms(7);
    let event = Event::new(early, DnsStart::new("a.test")).with_call(script.call);
    script.events.push(event.with_attempt(0));
    let timeline = script.fold();
    assert_eq!(timeline.attempts[0].dials[0].lookups[0].start, Some(ms(0)));
    assert_eq!(timeline.attempts[0].start, Some(ms(7)));
    assert_eq!(timeline.started, Some(wall() - ms(7)));
}

#[test]
fn events_without_a_call_make_one_timeline_only_if_they_tell_of_a_round_trip() {
    let script = first(Script::new());
    let closed = Event::new(script.zero, ConnClosed::new(CloseReason::IdleTimeout));
    assert!(Timeline::fold(std::slice::from_ref(&closed)).is_empty());
    let bare = Event::new(script.zero, get_conn());
    let timelines = Timeline::fold(&[closed, bare]);
    assert_eq!(timelines.len(), 1);
    assert_eq!(timelines[0].call, None);
    assert!(!timelines[0].complete);
}
