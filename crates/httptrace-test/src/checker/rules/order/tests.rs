use super::super::story::{self, Story};
use super::*;
use httptrace::ConnectionId;
use httptrace::info::{
    CloseReason, ConnClosed, ConnectDone, ConnectStart, DnsStart, FlowControlWaitDone,
    FlowControlWaitStart, FlowWindow, Got100Continue, GotBody, GotConn, Wait100Continue,
};

#[test]
fn a_whole_exchange_breaks_no_rule_of_order() {
    let stories = [
        Story::plain().log(),
        Story::race(),
        Story::retried(),
        Story::body_dropped().log(),
        Story::http2().log(),
    ];
    for log in stories {
        assert_eq!(super::super::violations(&log), []);
    }
}

#[test]
fn a_swap_within_a_side_is_found() {
    use EventName as N;
    for (one, other) in [
        (N::GetConn, N::GotConn),
        (N::WroteHeaderField, N::WroteHeaders),
        (N::WroteHeaders, N::WroteRequest),
        (N::GotConn, N::WroteHeaders),
        (N::GotFirstResponseByte, N::GotResponseHeaders),
        (N::GotResponseHeaders, N::GotBody),
        (N::GotBody, N::BodyDone),
        (N::BodyDone, N::PutIdleConn),
        (N::WroteRequest, N::PutIdleConn),
        (N::BodyDone, N::AttemptEnd),
    ] {
        let log = Story::plain().swapped(one, other);
        assert!(!sides_keep_their_order(&log).is_empty(), "{one} {other}");
    }
}

#[test]
fn writing_and_reading_may_overlap() {
    use EventName as N;
    let log = Story::plain().swapped(N::WroteRequest, N::GotFirstResponseByte);
    assert_eq!(sides_keep_their_order(&log), []);
}

#[test]
fn wait_100_continue_comes_between_the_head_and_the_end_of_the_request() {
    let waited = Story::plain().cut_before(EventName::WroteRequest);
    assert_eq!(
        sides_keep_their_order(&waited.and(Wait100Continue::new())),
        []
    );
    let late = Story::plain().cut_before(EventName::AttemptEnd);
    assert_eq!(
        sides_keep_their_order(&late.and(Wait100Continue::new())).len(),
        1
    );
}

#[test]
fn a_dead_connection_noticed_at_checkout_is_closed_before_got_conn() {
    let log = Story::plain()
        .cut_before(EventName::GotConn)
        .on_connection(ConnectionId::next())
        .then(ConnClosed::new(CloseReason::PeerClosed))
        .on_connection(ConnectionId::next())
        .and(GotConn::new(false, false));
    assert_eq!(sides_keep_their_order(&log), []);
}

#[test]
fn the_connection_that_serves_an_attempt_is_not_closed_before_it_is_had() {
    let log = Story::plain()
        .cut_before(EventName::GotConn)
        .then(ConnClosed::new(CloseReason::PeerClosed))
        .and(GotConn::new(false, false));
    assert_eq!(sides_keep_their_order(&log).len(), 1);
}

#[test]
fn a_stream_is_opened_before_the_head_is_written() {
    use EventName as N;
    for (one, other) in [
        (N::GotConn, N::StreamOpened),
        (N::StreamOpened, N::WroteHeaders),
    ] {
        let log = Story::http2().swapped(one, other);
        assert!(!sides_keep_their_order(&log).is_empty(), "{one} {other}");
    }
    let log = Story::http2().swapped(N::StreamOpened, N::WroteHeaderField);
    assert_eq!(sides_keep_their_order(&log), []);
}

#[test]
fn a_wait_for_a_window_comes_between_the_head_and_the_end_of_the_request() {
    let window = FlowWindow::Stream;
    let wait = |before| {
        let story = Story::http2().cut_before(before);
        let story = story.then(FlowControlWaitStart::new(window));
        story.and(FlowControlWaitDone::new(window))
    };
    let in_time = wait(EventName::WroteRequest);
    assert_eq!(sides_keep_their_order(&in_time), []);
    assert_eq!(causes_come_first(&in_time), []);
    let late = wait(EventName::GotFirstResponseByte);
    assert_eq!(sides_keep_their_order(&late).len(), 2);
    let early = wait(EventName::WroteHeaders);
    assert_eq!(causes_come_first(&early).len(), 1);
}

#[test]
fn a_shared_connection_may_be_closed_under_its_readers_and_another_may_not() {
    let closed = |story: Story| {
        let story = story.cut_before(EventName::GotBody);
        let story = story.then(ConnClosed::new(CloseReason::GoAway));
        story.and(GotBody::new(5_u64))
    };
    assert_eq!(sides_keep_their_order(&closed(Story::http2())), []);
    assert_eq!(sides_keep_their_order(&closed(Story::plain())).len(), 1);
    let not_had = Story::http2().cut_before(EventName::GotConn);
    let log = not_had
        .then(ConnClosed::new(CloseReason::GoAway))
        .and(Story::got_http2());
    assert_eq!(sides_keep_their_order(&log).len(), 1);
}

#[test]
fn a_swap_within_a_dial_is_found() {
    use EventName as N;
    for (one, other) in [
        (N::DnsDone, N::ConnectStart),
        (N::ConnectDone, N::TlsHandshakeStart),
        (N::TlsHandshakeStart, N::TlsHandshakeDone),
    ] {
        let log = Story::plain().swapped(one, other);
        assert!(!dial_keeps_its_order(&log).is_empty(), "{one} {other}");
    }
}

#[test]
fn two_dials_of_an_attempt_are_not_ordered_against_each_other() {
    let log = Story::plain()
        .on_connection(ConnectionId::next())
        .and(DnsStart::new("example.com"));
    assert_eq!(dial_keeps_its_order(&log), []);
}

#[test]
fn the_dial_that_serves_comes_first_and_another_dial_need_not() {
    let start = ConnectStart::new(story::addr(3), 1u32);
    let own = Story::plain().and(start.clone());
    assert_eq!(dial_precedes_got_conn(&own).len(), 1);
    let other = Story::plain()
        .on_connection(ConnectionId::next())
        .and(start);
    assert_eq!(dial_precedes_got_conn(&other), []);
}

#[test]
fn only_a_lost_connect_may_end_after_got_conn() {
    assert_eq!(dial_precedes_got_conn(&Story::race()), []);
    let won = Story::plain().and(ConnectDone::new(story::addr(1), 0u32));
    assert_eq!(dial_precedes_got_conn(&won).len(), 1);
}

#[test]
fn what_happens_once_per_attempt_and_is_told_twice_is_found() {
    let plain = Story::plain().log();
    assert_eq!(once_per_attempt(&plain), []);
    for name in [
        EventName::GetConn,
        EventName::GotConn,
        EventName::WroteRequest,
        EventName::GotFirstResponseByte,
        EventName::GotResponseHeaders,
        EventName::BodyDone,
    ] {
        let again = plain.iter().find(|event| event.name() == name).unwrap();
        let log = [plain.as_slice(), std::slice::from_ref(again)].concat();
        assert_eq!(once_per_attempt(&log).len(), 1, "{name}");
    }
}

#[test]
fn a_request_has_one_stream() {
    let whole = Story::http2().log();
    let mut opened = whole.iter();
    let again = opened.find(|event| event.name() == EventName::StreamOpened);
    let log = [whole.as_slice(), std::slice::from_ref(again.unwrap())].concat();
    assert_eq!(once_per_attempt(&log).len(), 1);
}

#[test]
fn each_attempt_has_its_own_once() {
    assert_eq!(once_per_attempt(&Story::retried()), []);
}

#[test]
fn an_effect_without_its_cause_is_found() {
    use EventName as N;
    for cause in [
        N::GetConn,
        N::GotConn,
        N::GotFirstResponseByte,
        N::GotResponseHeaders,
        N::BodyDone,
    ] {
        let log = Story::plain().without(&[cause]);
        assert!(!causes_come_first(&log).is_empty(), "{cause}");
    }
    let reset = Story::http2().cut_before(N::GotFirstResponseByte);
    let mut log = reset.and(Story::reset(1));
    assert_eq!(causes_come_first(&log), []);
    log.retain(|event| event.name() != N::StreamOpened);
    assert_eq!(causes_come_first(&log).len(), 1);
    assert_eq!(causes_come_first(&Story::plain().log()), []);
}

#[test]
fn a_dial_without_got_conn_is_no_effect_without_cause() {
    let log = Story::plain().cut_before(EventName::GotConn).log();
    assert_eq!(causes_come_first(&log), []);
}

#[test]
fn got_100_continue_comes_before_its_1xx_response_but_after_early_hints() {
    let head = || Story::plain().cut_before(EventName::GotResponseHeaders);
    let right = head()
        .then(story::got_1xx(103))
        .then(Got100Continue::new())
        .and(story::got_1xx(100));
    assert_eq!(got_100_continue_comes_first(&right), []);
    assert_eq!(sides_keep_their_order(&right), []);
    let wrong = head().then(story::got_1xx(100)).and(Got100Continue::new());
    assert_eq!(got_100_continue_comes_first(&wrong).len(), 1);
}

#[test]
fn got_conn_without_a_connection_id_is_found() {
    let mut log = Story::plain().log();
    assert_eq!(got_conn_names_its_connection(&log), []);
    for event in &mut log {
        event.connection = None;
    }
    assert_eq!(got_conn_names_its_connection(&log).len(), 1);
}
