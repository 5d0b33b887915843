//! What holds for any list of events.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use http::{HeaderMap, Method, StatusCode};
use proptest::prelude::*;

use super::{addr, error, head, sent, uri, wall};
use crate::error::{ErrorKind, EventError};
use crate::event::{Event, EventKind, EventName};
use crate::id::{CallId, ConnectionId};
use crate::info::{
    AttemptEnd, AttemptReason, AttemptStart, BodyDone, BodyEnd, CallEnd, CallStart, CloseReason,
    ConnClosed, ConnectDone, ConnectStart, DnsDone, DnsStart, FlowControlWaitDone,
    FlowControlWaitStart, FlowWindow, GetConn, GoAway, Got1xxResponse, Got100Continue, GotBody,
    GotConn, GotFirstResponseByte, HookPanicked, Http2Code, Pong, ProxyTunnelDone,
    ProxyTunnelStart, PutIdleConn, Redirect, ResetBy, SettingsReceived, StreamOpened, StreamReset,
    TlsHandshakeDone, TlsHandshakeStart, TlsLeg, TunnelKind, Wait100Continue, WriteOutcome,
    WroteBody, WroteHeaderField, WroteHeaders, WroteRequest,
};
use crate::observer::Observer;
use crate::recorder::Recorder;
use crate::timeline::{AttemptTimeline, Breakdown, Timeline};

/// One of every kind of event; `variant` varies what the fold looks at.
fn kind(name: EventName, variant: u8) -> EventKind {
    let (odd, number) = (variant % 2 == 1, u32::from(variant % 3));
    let failure =
        odd.then(|| error([ErrorKind::Canceled, ErrorKind::Refused][usize::from(variant / 2 % 2)]));
    let leg = if odd { TlsLeg::Target } else { TlsLeg::Proxy };
    let v4 = || addr("192.0.2.1:80");
    let by = [ResetBy::Peer, ResetBy::Local][usize::from(odd)];
    let window = [FlowWindow::Stream, FlowWindow::Connection][usize::from(variant / 2 % 2)];
    macro_rules! done {
        ($info:expr) => {{
            let mut info = $info;
            info.error = failure;
            info.into()
        }};
    }
    match name {
        EventName::CallStart => CallStart::new(wall(), Method::GET, uri("/")).into(),
        EventName::CallEnd => done!(CallEnd::new()),
        EventName::AttemptStart => {
            AttemptStart::new(Method::GET, uri("/"), AttemptReason::First).into()
        }
        EventName::AttemptEnd => done!(AttemptEnd::new()),
        EventName::Redirect => Redirect::new(StatusCode::FOUND, uri("/"), uri("/to")).into(),
        EventName::GetConn => GetConn::new("a.test:80").into(),
        EventName::GotConn => GotConn::new(odd, false).into(),
        EventName::PutIdleConn => PutIdleConn::new().into(),
        EventName::ConnClosed => ConnClosed::new(CloseReason::PeerClosed).into(),
        EventName::DnsStart => DnsStart::new("a.test").into(),
        EventName::DnsDone => done!(DnsDone::new("a.test")),
        EventName::ConnectStart => ConnectStart::new(v4(), number).into(),
        EventName::ConnectDone => done!(ConnectDone::new(v4(), number)),
        EventName::ProxyTunnelStart => {
            ProxyTunnelStart::new(TunnelKind::Connect, "a.test:80").into()
        }
        EventName::ProxyTunnelDone => done!(ProxyTunnelDone::new(TunnelKind::Connect, "a.test:80")),
        EventName::TlsHandshakeStart => TlsHandshakeStart::new(leg).into(),
        EventName::TlsHandshakeDone => done!(TlsHandshakeDone::new(leg)),
        EventName::WroteHeaderField => WroteHeaderField::new("host", Vec::new()).into(),
        EventName::WroteHeaders => WroteHeaders::new().into(),
        EventName::Wait100Continue => Wait100Continue::new().into(),
        EventName::WroteBody => WroteBody::new(u64::MAX / 2).into(),
        EventName::WroteRequest if odd => {
            WroteRequest::new(WriteOutcome::Failed(EventError::canceled())).into()
        }
        EventName::WroteRequest => sent().into(),
        EventName::GotFirstResponseByte => GotFirstResponseByte::new().into(),
        EventName::Got100Continue => Got100Continue::new().into(),
        EventName::Got1xxResponse => {
            Got1xxResponse::new(StatusCode::EARLY_HINTS, HeaderMap::new()).into()
        }
        EventName::GotResponseHeaders => head(200).into(),
        EventName::GotBody => GotBody::new(7_u64).into(),
        EventName::BodyDone => BodyDone::new(BodyEnd::End).into(),
        EventName::StreamOpened => StreamOpened::new(number).into(),
        EventName::StreamReset => StreamReset::new(number, by, Http2Code::CANCEL).into(),
        EventName::GoAway => GoAway::new(by, number, Http2Code::NO_ERROR).into(),
        EventName::SettingsReceived => SettingsReceived::new().into(),
        EventName::FlowControlWaitStart => FlowControlWaitStart::new(window).into(),
        EventName::FlowControlWaitDone => done!(FlowControlWaitDone::new(window)),
        EventName::Pong => Pong::new(Duration::from_millis(1)).into(),
        EventName::HookPanicked => HookPanicked::new(EventName::GotConn).into(),
    }
}

/// One event before its instants and identities are real ones.
type Draft = (EventName, u8, u64, Option<u8>, Option<u32>, Option<u8>);

fn draft() -> impl Strategy<Value = Draft> {
    let name = proptest::sample::select(EventName::ALL);
    let few = || proptest::option::weighted(0.9, 0_u8..2);
    let attempt = proptest::option::weighted(0.9, prop_oneof![0_u32..3, Just(u32::MAX)]);
    (name, any::<u8>(), 0_u64..1_000, few(), attempt, few())
}

/// The events of one call in their order, most of which a recorder folds as they come: each fact of an attempt once, now
/// and then twice, and now and then what is never folded.
fn usual_call() -> impl Strategy<Value = Vec<Draft>> {
    use EventName as Name;
    const FACTS: [Name; 15] = [
        Name::CallEnd,
        Name::AttemptStart,
        Name::AttemptEnd,
        Name::Redirect,
        Name::GetConn,
        Name::GotConn,
        Name::PutIdleConn,
        Name::WroteHeaders,
        Name::Wait100Continue,
        Name::WroteRequest,
        Name::GotFirstResponseByte,
        Name::Got100Continue,
        Name::GotResponseHeaders,
        Name::BodyDone,
        Name::StreamOpened,
    ];
    const SEVERAL: [Name; 3] = [Name::WroteHeaderField, Name::WroteBody, Name::GotBody];
    let fact = proptest::sample::select(&FACTS).prop_map(|name| (name, 1));
    let several = proptest::sample::select(&SEVERAL).prop_map(|name| (name, 2));
    let other = proptest::sample::select(EventName::ALL).prop_map(|name| (name, 2));
    let name = prop_oneof![20 => fact, 10 => several, 1 => other];
    let few = proptest::option::of(0_u8..2);
    let told = (
        name,
        any::<u8>(),
        prop_oneof![4 => Just(0_u32), 1 => Just(1)],
        few,
    );
    proptest::collection::vec(told, 0..20).prop_map(|told| {
        let mut drafts: Vec<Draft> = vec![(Name::CallStart, 0, 0, Some(0), None, None)];
        for (place, ((name, times), variant, attempt, connection)) in told.into_iter().enumerate() {
            let attempt = (name != Name::CallEnd).then_some(attempt);
            let same = drafts
                .iter()
                .filter(|draft| (draft.0, draft.4) == (name, attempt));
            if same.count() < times {
                let us = place as u64 / 2;
                drafts.push((name, variant, us, Some(0), attempt, connection));
            }
        }
        drafts
    })
}

/// The events of drafts, with identities of this run.
fn events(drafts: &[Draft]) -> Vec<Event> {
    let zero = Instant::now();
    let calls = [CallId::next(), CallId::next()];
    let connections = [ConnectionId::next(), ConnectionId::next()];
    let event = |&(name, variant, us, call, attempt, connection): &Draft| {
        let mut event = Event::new(zero + Duration::from_micros(us), kind(name, variant));
        event.call = call.map(|index| calls[usize::from(index)]);
        event.attempt = attempt;
        event.connection = connection.map(|index| connections[usize::from(index)]);
        event
    };
    drafts.iter().map(event).collect()
}

/// Every instant of a timeline's own: not of background dials, nor of what became of connections.
fn assert_inside(timeline: &Timeline) {
    for attempt in &timeline.attempts {
        let (start, end) = attempt.bounds();
        assert!(start <= end);
        for dial in attempt.dials.iter().filter(|dial| !dial.background) {
            for at in dial.instants() {
                assert!(start <= at && at <= end, "{at:?} in {start:?}..{end:?}");
            }
        }
        assert!(end <= timeline.total());
    }
}

/// Takes away what breaks the rule that an end is the last: the recorded ends of calls and attempts, and their starts.
fn without_bounds(mut timeline: Timeline) -> Timeline {
    timeline.end = None;
    for attempt in &mut timeline.attempts {
        attempt.start = None;
        attempt.end = None;
    }
    timeline
}

proptest! {
    #[test]
    fn any_list_folds_and_every_breakdown_sums_to_its_total(drafts in proptest::collection::vec(draft(), 0..60)) {
        for timeline in Timeline::fold(&events(&drafts)) {
            prop_assert_eq!(timeline.breakdown().total(), timeline.total());
            let mut sum = Breakdown::default();
            for attempt in &timeline.attempts {
                let (start, end) = attempt.bounds();
                prop_assert_eq!(attempt.breakdown().total(), end - start);
                let _ = attempt.failed_in();
                sum = sum + attempt.breakdown();
            }
            let bounds = timeline.attempts.iter().map(AttemptTimeline::bounds);
            let attempts: Duration = bounds.map(|(start, end)| end - start).sum();
            prop_assert_eq!(sum.total(), attempts);
        }
    }

    #[test]
    fn no_event_is_lost_to_another_call(drafts in proptest::collection::vec(draft(), 0..60)) {
        let events = events(&drafts);
        let calls: BTreeSet<_> = events.iter().filter_map(|event| event.call).collect();
        let folded: Vec<_> = Timeline::fold(&events).iter().filter_map(|t| t.call).collect();
        prop_assert_eq!(folded.len(), calls.len());
        prop_assert_eq!(folded.into_iter().collect::<BTreeSet<_>>(), calls);
    }

    #[test]
    fn a_recorder_tells_what_the_fold_makes_of_its_events(drafts in proptest::collection::vec(draft(), 0..60)) {
        let (looks, takes) = (Recorder::new(), Recorder::new());
        for event in events(&drafts) {
            looks.on_event(&event);
            takes.on_owned_event(event);
        }
        let told = |mut timelines: Vec<Timeline>| {
            timelines.sort_by_key(|timeline| timeline.call);
            format!("{timelines:?}")
        };
        let expected = told(Timeline::fold(&looks.events()));
        prop_assert_eq!(told(looks.timelines()), expected.clone());
        prop_assert_eq!(told(takes.timelines()), expected);
    }

    #[test]
    fn a_recorder_gives_back_what_it_was_told_in_order(drafts in usual_call()) {
        let recorder = Recorder::new();
        let told = events(&drafts);
        told.iter().for_each(|event| recorder.on_event(event));
        prop_assert_eq!(format!("{:?}", recorder.events()), format!("{told:?}"));
        prop_assert_eq!(
            format!("{:?}", recorder.timelines()),
            format!("{:?}", Timeline::fold(&told))
        );
    }

    #[test]
    fn what_was_not_told_about_the_bounds_follows_from_the_spans(drafts in proptest::collection::vec(draft(), 0..60)) {
        for timeline in Timeline::fold(&events(&drafts)) {
            assert_inside(&without_bounds(timeline));
        }
    }

    #[test]
    fn the_order_of_the_list_does_not_matter_when_instants_differ(
        (drafts, shuffled) in proptest::collection::vec(draft(), 0..40).prop_flat_map(|mut drafts| {
            for (us, draft) in drafts.iter_mut().enumerate() {
                draft.2 = us as u64;
            }
            (Just(drafts.clone()), Just(drafts).prop_shuffle())
        })
    ) {
        let order: Vec<usize> = shuffled.iter().map(|draft| draft.2 as usize).collect();
        let events = events(&drafts);
        let shuffled: Vec<Event> = order.iter().map(|&place| events[place].clone()).collect();
        let told = |events: &[Event]| format!("{:?}", Timeline::fold(events));
        prop_assert_eq!(told(&events), told(&shuffled));
        prop_assert_eq!(told(&events), told(&events));
    }
}
