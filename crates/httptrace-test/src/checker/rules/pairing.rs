//! Starts and dones.

use httptrace::info::{Address, FlowWindow, TlsLeg, TunnelKind};
use httptrace::{CallId, ConnectionId, Event, EventKind};

use super::Finding;

/// Every start has exactly one done.
pub(super) fn start_has_one_done(log: &[Event]) -> Vec<Finding> {
    let open = open_starts(log).into_iter();
    open.map(|place| (Some(place), format!("{} has no done", log[place].name())))
        .collect()
}

/// Every done has a start, which no other done has ended.
pub(super) fn done_has_a_start(log: &[Event]) -> Vec<Finding> {
    let unmatched = pair(log).unmatched_dones.into_iter();
    unmatched
        .map(|place| {
            let name = log[place].name();
            (Some(place), format!("{name} ends nothing that is open"))
        })
        .collect()
}

/// The starts that have no done.
pub(super) fn open_starts(log: &[Event]) -> Vec<usize> {
    let open = pair(log).open.into_iter();
    open.map(|(place, ..)| place).collect()
}

struct Pairs<'a> {
    open: Vec<(usize, Identities, Act<'a>)>,
    unmatched_dones: Vec<usize>,
}

type Identities = (Option<CallId>, Option<u32>, Option<ConnectionId>);

/// What is begun and ended: a start and its done agree on it and on their identities.
#[derive(PartialEq)]
enum Act<'a> {
    Call,
    Attempt,
    Dns(&'a str),
    Connect(&'a Address, u32),
    Tunnel(TunnelKind, &'a str),
    Tls(TlsLeg),
    FlowControlWait(FlowWindow),
}

fn pair(log: &[Event]) -> Pairs<'_> {
    let mut pairs = Pairs {
        open: Vec::new(),
        unmatched_dones: Vec::new(),
    };
    for (place, event) in log.iter().enumerate() {
        let identities = (event.call, event.attempt, event.connection);
        if let Some(act) = started(event) {
            pairs.open.push((place, identities, act));
        } else if let Some(act) = ended(event) {
            let same = |(_, ids, open): &(usize, Identities, Act<'_>)| {
                // A call and an attempt may know more at their end than at their start.
                let known = matches!(act, Act::Call | Act::Attempt);
                let same_ids = if known {
                    (ids.0, ids.1) == (identities.0, identities.1)
                } else {
                    *ids == identities
                };
                same_ids && *open == act
            };
            match pairs.open.iter().position(same) {
                Some(index) => {
                    pairs.open.remove(index);
                }
                None => pairs.unmatched_dones.push(place),
            }
        }
    }
    pairs
}

fn started(event: &Event) -> Option<Act<'_>> {
    Some(match &event.kind {
        EventKind::CallStart(_) => Act::Call,
        EventKind::AttemptStart(_) => Act::Attempt,
        EventKind::DnsStart(info) => Act::Dns(&info.host),
        EventKind::ConnectStart(info) => Act::Connect(&info.addr, info.number),
        EventKind::ProxyTunnelStart(info) => Act::Tunnel(info.kind, &info.target),
        EventKind::TlsHandshakeStart(info) => Act::Tls(info.leg),
        EventKind::FlowControlWaitStart(info) => Act::FlowControlWait(info.window),
        _ => return None,
    })
}

fn ended(event: &Event) -> Option<Act<'_>> {
    Some(match &event.kind {
        EventKind::CallEnd(_) => Act::Call,
        EventKind::AttemptEnd(_) => Act::Attempt,
        EventKind::DnsDone(info) => Act::Dns(&info.host),
        EventKind::ConnectDone(info) => Act::Connect(&info.addr, info.number),
        EventKind::ProxyTunnelDone(info) => Act::Tunnel(info.kind, &info.target),
        EventKind::TlsHandshakeDone(info) => Act::Tls(info.leg),
        EventKind::FlowControlWaitDone(info) => Act::FlowControlWait(info.window),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::story::{self, Story};
    use super::*;
    use httptrace::info::{
        CallEnd, ConnectDone, DnsDone, FlowControlWaitDone, FlowControlWaitStart, TlsHandshakeDone,
    };

    #[test]
    fn a_start_without_its_done_is_found() {
        let log = Story::plain().without_last(httptrace::EventName::ConnectDone);
        assert_eq!(start_has_one_done(&log).len(), 1);
        assert_eq!(done_has_a_start(&log), []);
    }

    #[test]
    fn a_second_done_is_found() {
        for extra in [
            EventKind::from(CallEnd::new()),
            ConnectDone::new(story::addr(1), 0u32).into(),
            DnsDone::new("example.com").into(),
            TlsHandshakeDone::new(TlsLeg::Target).into(),
        ] {
            let name = extra.name();
            let log = Story::plain().and(extra);
            assert_eq!(done_has_a_start(&log).len(), 1, "{name}");
        }
    }

    #[test]
    fn a_done_before_its_start_is_found_on_both_ends() {
        let log = Story::plain().swapped(
            httptrace::EventName::DnsStart,
            httptrace::EventName::DnsDone,
        );
        assert_eq!(done_has_a_start(&log).len(), 1);
        assert_eq!(start_has_one_done(&log).len(), 1);
    }

    #[test]
    fn parallel_connects_are_told_apart_by_address_and_number() {
        let log = Story::race();
        assert_eq!(start_has_one_done(&log), []);
        assert_eq!(done_has_a_start(&log), []);
    }

    #[test]
    fn waits_for_a_window_are_paired_one_after_the_other_and_by_window() {
        let (stream, connection) = (FlowWindow::Stream, FlowWindow::Connection);
        let wait = |story: Story, window| {
            let story = story.then(FlowControlWaitStart::new(window));
            story.then(FlowControlWaitDone::new(window))
        };
        let sending = Story::http2().cut_before(httptrace::EventName::WroteRequest);
        let waited = wait(wait(wait(sending, stream), connection), stream);
        assert_eq!(done_has_a_start(&waited.log()), []);

        let sending = Story::http2().cut_before(httptrace::EventName::WroteRequest);
        let wrong = sending
            .then(FlowControlWaitStart::new(stream))
            .and(FlowControlWaitDone::new(connection));
        assert_eq!(done_has_a_start(&wrong).len(), 1);
        assert_eq!(
            start_has_one_done(&wrong).len(),
            3,
            "the call and the attempt are open too"
        );
    }

    #[test]
    fn a_whole_exchange_is_paired() {
        for log in [Story::plain().log(), Story::http2().log()] {
            assert_eq!(start_has_one_done(&log), []);
            assert_eq!(done_has_a_start(&log), []);
        }
    }
}
