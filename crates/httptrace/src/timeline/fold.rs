//! The fold: a list of events becomes timelines.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use super::attempt::{AttemptTimeline, ClosedConnection, Progress};
use super::{Dial, Span, Stamped, Timeline};
use crate::event::{Event, EventKind};
use crate::id::{CallId, ConnectionId};
use crate::info::{
    ConnectDone, DnsDone, FlowControlWaitDone, FlowWindow, ProxyTunnelDone, SettingsReceived,
    TlsHandshakeDone,
};

impl Timeline {
    /// Folds events into one timeline for each call, in the order in which the calls began.
    ///
    /// Pure, and content with any list: in any order (events are sorted by their instants; those of the same instant
    /// stay as they are), with starts or ends missing (the span has none), or twice (the first counts). An event of a
    /// round trip without an attempt number belongs to the latest attempt begun so far.
    ///
    /// Events without a call make one timeline together if they tell of a round trip: a transport fires those for a
    /// request that is no part of a call. If they only tell of connections that no request had a share of, they make none.
    pub fn fold(events: &[Event]) -> Vec<Timeline> {
        let mut places = HashMap::new();
        let mut calls: Vec<(Option<CallId>, Vec<&Event>)> = Vec::new();
        for event in sorted(events) {
            let place = *places.entry(event.call).or_insert_with(|| {
                calls.push((event.call, Vec::new()));
                calls.len() - 1
            });
            calls[place].1.push(event);
        }
        let calls = calls.iter();
        let timelines = calls.filter_map(|(call, events)| fold_call(*call, events.iter().copied()));
        timelines.collect()
    }

    /// Folds the events of one call; none if they make no timeline.
    pub(crate) fn of_call(call: Option<CallId>, events: &[Event]) -> Option<Self> {
        match events.is_sorted_by_key(|event| event.at) {
            true => fold_call(call, events.iter()),
            false => fold_call(call, sorted(events).into_iter()),
        }
    }
}

/// Events in the order of their instants; those of the same instant stay as they are.
fn sorted(events: &[Event]) -> Vec<&Event> {
    let mut sorted: Vec<&Event> = events.iter().collect();
    sorted.sort_by_key(|event| event.at);
    sorted
}

fn tells_of_a_round_trip(event: &Event) -> bool {
    !matches!(
        event.kind,
        EventKind::ConnClosed(_)
            | EventKind::PutIdleConn(_)
            | EventKind::GoAway(_)
            | EventKind::SettingsReceived(_)
            | EventKind::Pong(_)
            | EventKind::HookPanicked(_)
    )
}

/// Folds the events of one call, sorted by their instants. Those outside any call make a timeline if one of them tells
/// of a round trip.
fn fold_call<'a>(
    call: Option<CallId>,
    events: impl Iterator<Item = &'a Event> + Clone,
) -> Option<Timeline> {
    let first = events.clone().next()?;
    if call.is_none() && !events.clone().any(tells_of_a_round_trip) {
        return None;
    }
    let mut fold = Fold {
        clock: Offsets::from(first.at),
        timeline: Timeline {
            call,
            ..Timeline::default()
        },
        attempts: Attempts::default(),
        settings: BTreeMap::new(),
        latest: 0,
    };
    events.for_each(|event| fold.apply(event));
    Some(fold.finish())
}

/// A peer's settings, with the connection that they are of.
type Settings = (Option<ConnectionId>, Stamped<SettingsReceived>);

struct Fold {
    clock: Offsets,
    timeline: Timeline,
    attempts: Attempts,
    /// The settings that attempts were told of, with the connection: a background dial brings some of its own.
    settings: BTreeMap<u32, Vec<Settings>>,
    /// The latest attempt begun so far.
    latest: u32,
}

impl Fold {
    fn apply(&mut self, event: &Event) {
        let at = self.clock.offset(event.at);
        let timeline = &mut self.timeline;
        match &event.kind {
            EventKind::CallStart(info) => {
                if timeline.method.is_none() {
                    timeline.started = info.wall.checked_sub(at);
                    timeline.method = Some(info.method.clone());
                    timeline.uri = Some(info.uri.clone());
                }
            }
            EventKind::CallEnd(info) => first(&mut timeline.end, at, info),
            EventKind::HookPanicked(info) => {
                timeline.hook_panics.push(Stamped::new(at, info.clone()));
            }
            kind => {
                let index = event.attempt.unwrap_or(self.latest);
                if let EventKind::SettingsReceived(info) = kind {
                    let settings = (event.connection, Stamped::new(at, info.clone()));
                    self.settings.entry(index).or_default().push(settings);
                }
                if matches!(kind, EventKind::AttemptStart(_)) {
                    self.latest = index;
                }
                let attempt = self.attempts.of(index);
                attempt.apply(at, event.connection, kind);
            }
        }
    }

    fn finish(self) -> Timeline {
        let mut timeline = self.timeline;
        timeline.complete = timeline.method.is_some() && timeline.end.is_some();
        timeline.attempts = self.attempts.in_order();
        let mut settings = self.settings;
        for attempt in &mut timeline.attempts {
            attempt.mark_background_dials();
            let told = settings.remove(&attempt.index).unwrap_or_default();
            let own = told.into_iter().filter(|(connection, _)| {
                attempt.connection.is_none() || *connection == attempt.connection
            });
            attempt.settings = own.map(|(_, settings)| settings).collect();
        }
        timeline
    }
}

/// Instants as offsets from the first.
struct Offsets {
    origin: Instant,
    /// The latest that was asked for: events come with the same instant one after the other.
    latest: (Instant, Duration),
}

impl Offsets {
    fn from(origin: Instant) -> Self {
        Self {
            origin,
            latest: (origin, Duration::ZERO),
        }
    }

    fn offset(&mut self, at: Instant) -> Duration {
        if at != self.latest.0 {
            self.latest = (at, at.saturating_duration_since(self.origin));
        }
        self.latest.1
    }
}

/// The attempts of a call, in the order in which they were first seen.
#[derive(Default)]
struct Attempts {
    attempts: Vec<AttemptTimeline>,
    /// Where each is but the first, which mostly is the only one.
    places: BTreeMap<u32, usize>,
}

impl Attempts {
    fn of(&mut self, index: u32) -> &mut AttemptTimeline {
        let place = match self.attempts.first() {
            None => {
                self.attempts = Vec::with_capacity(1);
                self.begin(index)
            }
            Some(first) if first.index == index => 0,
            Some(_) => match self.places.get(&index) {
                Some(place) => *place,
                None => {
                    self.places.insert(index, self.attempts.len());
                    self.begin(index)
                }
            },
        };
        &mut self.attempts[place]
    }

    fn begin(&mut self, index: u32) -> usize {
        self.attempts.push(AttemptTimeline::new(index));
        self.attempts.len() - 1
    }

    /// All of them, by their numbers.
    fn in_order(mut self) -> Vec<AttemptTimeline> {
        self.attempts.sort_by_key(|attempt| attempt.index);
        self.attempts
    }
}

impl AttemptTimeline {
    fn apply(&mut self, at: Duration, connection: Option<ConnectionId>, kind: &EventKind) {
        match kind {
            EventKind::AttemptStart(info) => {
                if self.start.is_none() {
                    self.start = Some(at);
                    self.method = Some(info.method.clone());
                    self.uri = Some(info.uri.clone());
                    self.reason = Some(info.reason);
                }
            }
            EventKind::AttemptEnd(info) => first(&mut self.end, at, info),
            EventKind::Redirect(info) => first(&mut self.redirect, at, info),
            EventKind::GetConn(info) => first(&mut self.get_conn, at, info),
            EventKind::GotConn(info) => {
                if self.got_conn.is_none() {
                    self.got_conn = Some(Stamped::new(at, info.clone()));
                    self.connection = connection;
                }
            }
            EventKind::PutIdleConn(info) => first(&mut self.put_idle, at, info),
            EventKind::ConnClosed(info) => {
                let known = self.closed.iter();
                if connection.is_none() || !known.clone().any(|c| c.connection == connection) {
                    let closed = ClosedConnection::new(at, connection, info.clone());
                    self.closed.push(closed);
                }
            }
            EventKind::DnsStart(_)
            | EventKind::DnsDone(_)
            | EventKind::ConnectStart(_)
            | EventKind::ConnectDone(_)
            | EventKind::ProxyTunnelStart(_)
            | EventKind::ProxyTunnelDone(_)
            | EventKind::TlsHandshakeStart(_)
            | EventKind::TlsHandshakeDone(_) => self.dial(connection).apply(at, kind),
            _ => self.apply_exchange(at, kind),
        }
    }

    fn apply_exchange(&mut self, at: Duration, kind: &EventKind) {
        match kind {
            EventKind::WroteHeaderField(info) => self.header_fields.push(info.clone()),
            EventKind::WroteHeaders(_) => self.wrote_headers = self.wrote_headers.or(Some(at)),
            EventKind::Wait100Continue(_) => {
                self.wait_100_continue = self.wait_100_continue.or(Some(at));
            }
            EventKind::WroteBody(info) => progress(&mut self.upload, at, info.bytes),
            EventKind::WroteRequest(info) => first(&mut self.wrote_request, at, info),
            EventKind::GotFirstResponseByte(_) => self.first_byte = self.first_byte.or(Some(at)),
            EventKind::Got100Continue(_) => {
                self.got_100_continue = self.got_100_continue.or(Some(at));
            }
            EventKind::Got1xxResponse(info) => {
                self.informational.push(Stamped::new(at, info.clone()));
            }
            EventKind::GotResponseHeaders(info) => first(&mut self.response, at, info),
            EventKind::GotBody(info) => progress(&mut self.download, at, info.bytes),
            EventKind::BodyDone(info) => first(&mut self.body_done, at, info),
            _ => self.apply_http2(at, kind),
        }
    }

    fn apply_http2(&mut self, at: Duration, kind: &EventKind) {
        match kind {
            EventKind::StreamOpened(info) => first(&mut self.stream, at, info),
            EventKind::StreamReset(info) => self.resets.push(Stamped::new(at, info.clone())),
            EventKind::FlowControlWaitStart(info) if self.open_wait(info.window).is_none() => {
                let mut wait = Span::new(FlowControlWaitDone::new(info.window));
                wait.start = Some(at);
                self.flow_control_waits.push(wait);
            }
            EventKind::FlowControlWaitDone(info) => {
                let place = self.open_wait(info.window).unwrap_or_else(|| {
                    self.flow_control_waits.push(Span::new(info.clone()));
                    self.flow_control_waits.len() - 1
                });
                let wait = &mut self.flow_control_waits[place];
                wait.end = Some(at);
                wait.info = info.clone();
            }
            EventKind::GoAway(info) => self.go_aways.push(Stamped::new(at, info.clone())),
            EventKind::Pong(info) => self.pongs.push(Stamped::new(at, info.clone())),
            // A second start of a wait tells nothing; the call's own events and the dial's do not come here.
            _ => {}
        }
    }

    /// Where the wait for a window is that is not over yet. Waits of an attempt come again, but not side by side.
    fn open_wait(&self, window: FlowWindow) -> Option<usize> {
        let mut waits = self.flow_control_waits.iter();
        waits.rposition(|wait| wait.end.is_none() && wait.info.window == window)
    }

    fn dial(&mut self, connection: Option<ConnectionId>) -> &mut Dial {
        let known = self.dials.iter();
        let place = known.clone().position(|dial| dial.connection == connection);
        let place = place.unwrap_or_else(|| {
            self.dials.push(Dial {
                connection,
                ..Dial::default()
            });
            self.dials.len() - 1
        });
        &mut self.dials[place]
    }

    fn mark_background_dials(&mut self) {
        let Some(got) = &self.got_conn else {
            return;
        };
        for dial in &mut self.dials {
            dial.background = match (dial.connection, self.connection) {
                (Some(dialed), Some(had)) => dialed != had,
                // A connection that carried a request before, or was waited for, is not the one being dialed here.
                _ => got.info.reused || got.info.waited_for.is_some(),
            };
        }
    }
}

impl Dial {
    fn apply(&mut self, at: Duration, kind: &EventKind) {
        match kind {
            EventKind::DnsStart(info) => {
                let info = DnsDone::new(info.host.clone());
                begin(&mut self.lookups, at, info, DnsDone::is_of);
            }
            EventKind::DnsDone(info) => end(&mut self.lookups, at, info, DnsDone::is_of),
            EventKind::ConnectStart(info) => {
                let info = ConnectDone::new(info.addr.clone(), info.number);
                begin(&mut self.connects, at, info, ConnectDone::is_of);
            }
            EventKind::ConnectDone(info) => end(&mut self.connects, at, info, ConnectDone::is_of),
            EventKind::ProxyTunnelStart(info) => {
                let info = ProxyTunnelDone::new(info.kind, info.target.clone());
                begin(&mut self.tunnels, at, info, ProxyTunnelDone::is_of);
            }
            EventKind::ProxyTunnelDone(info) => {
                end(&mut self.tunnels, at, info, ProxyTunnelDone::is_of);
            }
            EventKind::TlsHandshakeStart(info) => {
                let mut done = TlsHandshakeDone::new(info.leg);
                done.server_name = info.server_name.clone();
                begin(&mut self.handshakes, at, done, TlsHandshakeDone::is_of);
            }
            EventKind::TlsHandshakeDone(info) => {
                end(&mut self.handshakes, at, info, TlsHandshakeDone::is_of);
            }
            // Only the dial's events come here.
            _ => {}
        }
    }
}

impl DnsDone {
    fn is_of(&self, other: &Self) -> bool {
        self.host == other.host
    }
}

impl ConnectDone {
    fn is_of(&self, other: &Self) -> bool {
        self.number == other.number && self.addr == other.addr
    }
}

impl ProxyTunnelDone {
    fn is_of(&self, other: &Self) -> bool {
        self.kind == other.kind && self.target == other.target
    }
}

impl TlsHandshakeDone {
    fn is_of(&self, other: &Self) -> bool {
        self.leg == other.leg
    }
}

/// Begins a span, unless it is known already.
fn begin<T>(spans: &mut Vec<Span<T>>, at: Duration, info: T, is_of: fn(&T, &T) -> bool) {
    if !spans.iter().any(|span| is_of(&span.info, &info)) {
        let mut span = Span::new(info);
        span.start = Some(at);
        spans.push(span);
    }
}

/// Ends a span; one whose start was not seen has none.
fn end<T: Clone>(spans: &mut Vec<Span<T>>, at: Duration, info: &T, is_of: fn(&T, &T) -> bool) {
    let known = spans.iter().position(|span| is_of(&span.info, info));
    let place = known.unwrap_or_else(|| {
        spans.push(Span::new(info.clone()));
        spans.len() - 1
    });
    let span = &mut spans[place];
    if span.end.is_none() {
        span.end = Some(at);
        span.info = info.clone();
    }
}

fn first<T: Clone>(slot: &mut Option<Stamped<T>>, at: Duration, info: &T) {
    if slot.is_none() {
        *slot = Some(Stamped::new(at, info.clone()));
    }
}

fn progress(slot: &mut Option<Progress>, at: Duration, bytes: u64) {
    let progress = slot.get_or_insert(Progress::new(at, at, 0));
    progress.last = at;
    progress.bytes = progress.bytes.saturating_add(bytes);
}
