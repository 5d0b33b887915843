//! Streams, and connections that requests share.

use std::collections::BTreeMap;

use httptrace::{ConnectionId, Event, EventKind, EventName};

use super::Finding;
use crate::checker::view::{AttemptView, has_a_share};

/// On HTTP/2, and there alone, a request has a stream, opened no later than its head was written; a reset names it.
/// Only there a connection is waited for, since only there it is shared.
pub(super) fn shared_requests_have_streams(log: &[Event]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for view in AttemptView::all(log) {
        let opened = view.first(EventName::StreamOpened);
        if view.is_http2() {
            if let Some((place, wrote)) = view.first(EventName::WroteHeaders) {
                match opened {
                    Some((_, opened)) if opened.at <= wrote.at => {}
                    Some((opened, _)) => {
                        let message = "StreamOpened is stamped after WroteHeaders".to_owned();
                        findings.push((Some(opened), message));
                    }
                    None => {
                        let message = "WroteHeaders over HTTP/2 without StreamOpened".to_owned();
                        findings.push((Some(place), message));
                    }
                }
            }
        } else if let (Some((place, _)), Some(_)) = (opened, view.first(EventName::GotConn)) {
            let message = "StreamOpened on a connection that is not of HTTP/2".to_owned();
            findings.push((Some(place), message));
        }
        let stream = opened.and_then(|(_, event)| stream_id(event));
        for (place, event) in &view.events {
            match &event.kind {
                EventKind::StreamReset(reset)
                    if stream.is_some_and(|stream| stream != reset.stream_id) =>
                {
                    let message = format!("StreamReset of {}, which is another's", reset.stream_id);
                    findings.push((Some(*place), message));
                }
                EventKind::GotConn(got) if got.waited_for.is_some() && !view.is_http2() => {
                    let message = "a connection that nobody shares was waited for".to_owned();
                    findings.push((Some(*place), message));
                }
                _ => {}
            }
        }
    }
    findings
}

/// Each stream of a connection is one request's, and the later ones have the higher numbers.
pub(super) fn streams_are_told_apart(log: &[Event]) -> Vec<Finding> {
    let mut latest: BTreeMap<ConnectionId, u32> = BTreeMap::new();
    let mut findings = Vec::new();
    for (place, event) in log.iter().enumerate() {
        let (Some(stream), Some(connection)) = (stream_id(event), event.connection) else {
            continue;
        };
        let before = latest.insert(connection, stream);
        if let Some(before) = before.filter(|before| *before >= stream) {
            let message = format!("stream {stream} was opened after stream {before}");
            findings.push((Some(place), message));
        }
    }
    findings
}

/// `PutIdleConn` does not happen on HTTP/2, as in Go.
pub(super) fn shared_connections_are_not_put_back(log: &[Event]) -> Vec<Finding> {
    let views = AttemptView::all(log).into_iter();
    let shared = views.filter(AttemptView::is_http2);
    let put = shared.filter_map(|view| view.first(EventName::PutIdleConn).map(|(place, _)| place));
    put.map(|place| (Some(place), "PutIdleConn on HTTP/2".to_owned()))
        .collect()
}

/// What concerns a whole HTTP/2 connection is told to attempts that have had it, or to no call; its first settings also to
/// the attempt that dialed it.
pub(super) fn connections_tell_who_shares_them(log: &[Event]) -> Vec<Finding> {
    use EventName as N;
    let views = AttemptView::all(log);
    let mut findings = Vec::new();
    for (place, event) in log.iter().enumerate() {
        let name = event.name();
        let (N::GoAway | N::SettingsReceived | N::Pong, Some(call)) = (name, event.call) else {
            continue;
        };
        let mut views = views.iter();
        let view = views.find(|v| v.call == call && Some(v.number) == event.attempt);
        let had = view.and_then(|view| view.first(N::GotConn));
        let shares = had.is_some_and(|(got_conn, had)| {
            has_a_share(had) && got_conn < place && had.connection == event.connection
        });
        // The first settings belong to the dial, which comes before, or goes on in the background.
        let belongs_to_a_dial = name == N::SettingsReceived
            && had.is_none_or(|(got_conn, had)| {
                place < got_conn || had.connection != event.connection
            });
        if !shares && !belongs_to_a_dial {
            let message = format!("{name} is told to an attempt that has no share of it");
            findings.push((Some(place), message));
        }
    }
    findings
}

fn stream_id(event: &Event) -> Option<u32> {
    match &event.kind {
        EventKind::StreamOpened(opened) => Some(opened.stream_id),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::story::Story;
    use super::*;
    use httptrace::info::{
        GoAway, GotConn, Http2Code, Pong, Protocol, PutIdleConn, ResetBy, SettingsReceived,
        StreamOpened, WaitedFor,
    };
    use std::time::Duration;

    #[test]
    fn a_whole_exchange_over_http2_breaks_no_rule() {
        for log in [Story::http2().log(), Story::uploading(200).log()] {
            assert_eq!(super::super::violations(&log), []);
        }
    }

    #[test]
    fn a_head_over_http2_without_a_stream_is_found() {
        let log = Story::http2().without(&[EventName::StreamOpened]);
        assert_eq!(shared_requests_have_streams(&log).len(), 1);
        assert_eq!(shared_requests_have_streams(&Story::plain().log()), []);
    }

    #[test]
    fn a_stream_that_is_stamped_after_its_head_is_found() {
        let log = Story::http2().stamped(EventName::StreamOpened, 500);
        assert_eq!(shared_requests_have_streams(&log).len(), 1);
    }

    #[test]
    fn a_stream_on_an_http1_connection_is_found() {
        let story = Story::plain().cut_before(EventName::WroteHeaderField);
        let log = story.and(StreamOpened::new(1_u32));
        assert_eq!(shared_requests_have_streams(&log).len(), 1);
    }

    #[test]
    fn the_reset_of_anothers_stream_is_found() {
        let story = || Story::http2().cut_before(EventName::GotFirstResponseByte);
        assert_eq!(
            shared_requests_have_streams(&story().and(Story::reset(1))),
            []
        );
        let log = story().and(Story::reset(3));
        assert_eq!(shared_requests_have_streams(&log).len(), 1);
    }

    #[test]
    fn only_what_is_shared_is_waited_for() {
        for (protocol, found) in [(Protocol::Http2, 0), (Protocol::Http1, 1)] {
            let got = GotConn::new(true, false).with_protocol(protocol);
            let story = Story::plain().cut_before(EventName::GotConn);
            let log = story.and(got.with_waited_for(WaitedFor::Dial));
            assert_eq!(shared_requests_have_streams(&log).len(), found);
        }
    }

    #[test]
    fn a_stream_that_is_opened_twice_or_out_of_order_is_found() {
        for (second, found) in [(3_u32, 0), (1, 1)] {
            let mut log = Story::http2().log();
            log.push(Event::new(log[0].at, StreamOpened::new(second)));
            let connection = log.iter().find_map(|event| event.connection);
            log.last_mut().unwrap().connection = connection;
            assert_eq!(streams_are_told_apart(&log).len(), found, "{second}");
        }
        let of_two_connections = [Story::http2().log(), Story::http2().log()].concat();
        assert_eq!(streams_are_told_apart(&of_two_connections), []);
    }

    #[test]
    fn put_idle_conn_on_http2_is_found() {
        let story = Story::http2().cut_before(EventName::AttemptEnd);
        let log = story.and(PutIdleConn::new());
        assert_eq!(shared_connections_are_not_put_back(&log).len(), 1);
        assert_eq!(
            shared_connections_are_not_put_back(&Story::plain().log()),
            []
        );
    }

    fn told() -> [EventKind; 3] {
        [
            GoAway::new(ResetBy::Peer, 1_u32, Http2Code::NO_ERROR).into(),
            SettingsReceived::new().into(),
            Pong::new(Duration::from_millis(1)).into(),
        ]
    }

    #[test]
    fn a_connection_that_tells_an_attempt_without_a_share_is_found() {
        for kind in told() {
            let shared = Story::http2().cut_before(EventName::GotFirstResponseByte);
            let log = shared.and(kind.clone());
            assert_eq!(connections_tell_who_shares_them(&log), []);
            let early = Story::http2().cut_before(EventName::GotConn);
            let other = Story::http2().cut_before(EventName::GotFirstResponseByte);
            let of_another = other.on_connection(ConnectionId::next());
            // Settings may be the end of a dial, of whose connection the attempt has no share yet, or never has.
            let of_a_dial = usize::from(kind.name() != EventName::SettingsReceived);
            for (told, found) in [
                (early.and(kind.clone()), of_a_dial),
                (of_another.and(kind.clone()), of_a_dial),
                (Story::plain().and(kind.clone()), 1),
            ] {
                assert_eq!(connections_tell_who_shares_them(&told).len(), found);
            }
        }
    }

    #[test]
    fn a_connection_that_nobody_has_a_share_of_tells_no_call() {
        let mut log = Story::http2().log();
        let (at, connection) = (log[0].at, ConnectionId::next());
        let events = told().map(|kind| Event::new(at, kind).with_connection(connection));
        log.extend(events);
        assert_eq!(super::super::violations(&log), []);
    }
}
