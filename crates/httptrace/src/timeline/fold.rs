//! The fold: a list of events becomes timelines.

mod attempt;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::offsets::Offsets;
use super::{AttemptTimeline, Stamped, Timeline};
use crate::event::{Event, EventKind};
use crate::id::{CallId, ConnectionId};
use crate::info::{CallStart, SettingsReceived};

use attempt::first;

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
        let calls = calls.iter().filter(|(call, events)| {
            call.is_some() || events.iter().any(|event| tells_of_a_round_trip(event))
        });
        let timelines = calls.map(|(call, events)| {
            let mut timeline = Self {
                call: *call,
                ..Self::default()
            };
            Fold::into(&mut timeline, events.iter().copied());
            timeline
        });
        timelines.collect()
    }

    /// Folds the events of one call; none if they make no timeline.
    #[inline]
    pub(crate) fn of_call(call: Option<CallId>, events: &[Event], dropped: u64) -> Option<Self> {
        if !Self::is_told_by(call, events) {
            return None;
        }
        // Made where it is returned: a timeline is large.
        let mut made = Some(Self {
            call,
            dropped,
            ..Self::default()
        });
        if let Some(timeline) = &mut made {
            match events.is_sorted_by(|one, next| one.at <= next.at) {
                true => Fold::into(timeline, events.iter()),
                false => Fold::into(timeline, sorted(events).into_iter()),
            }
        }
        made
    }

    /// Whether the events of one call make a timeline.
    pub(crate) fn is_told_by(call: Option<CallId>, events: &[Event]) -> bool {
        call.is_some() || events.iter().any(tells_of_a_round_trip)
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

/// A peer's settings, with the connection that they are of.
type Settings = (Option<ConnectionId>, Stamped<SettingsReceived>);

struct Fold<'a> {
    clock: Offsets,
    timeline: &'a mut Timeline,
    /// Where each attempt is but the first, which mostly is the only one. They are in the order in which they were first
    /// seen.
    places: BTreeMap<u32, usize>,
    /// The settings that attempts were told of, with the connection: a background dial brings some of its own.
    settings: BTreeMap<u32, Vec<Settings>>,
    /// The latest attempt begun so far.
    latest: u32,
}

impl<'a> Fold<'a> {
    /// Folds the events of one call, sorted by their instants, into its timeline, which knows nothing yet.
    fn into<'e>(timeline: &'a mut Timeline, events: impl Iterator<Item = &'e Event> + Clone) {
        let Some(first) = events.clone().next() else {
            return;
        };
        let mut fold = Self {
            clock: Offsets::from(first.at),
            timeline,
            places: BTreeMap::new(),
            settings: BTreeMap::new(),
            latest: 0,
        };
        for event in events {
            fold.apply(event);
        }
        fold.finish();
    }

    #[inline(always)] // in each of two loops
    fn apply(&mut self, event: &Event) {
        let at = self.clock.offset(event.at);
        let index = event.attempt.unwrap_or(self.latest);
        match &event.kind {
            EventKind::CallStart(info) => return self.begin(at, info),
            EventKind::CallEnd(info) => return first(&mut self.timeline.end, at, info),
            EventKind::HookPanicked(info) => {
                let panics = &mut self.timeline.hook_panics;
                return panics.push(Stamped::new(at, info.clone()));
            }
            EventKind::AttemptStart(_) => self.latest = index,
            EventKind::SettingsReceived(info) => {
                let settings = (event.connection, Stamped::new(at, info.clone()));
                self.settings.entry(index).or_default().push(settings);
            }
            _ => {}
        }
        let attempt = self.attempt(index);
        attempt.apply(at, event.connection, &event.kind);
    }

    fn begin(&mut self, at: Duration, info: &CallStart) {
        let timeline = &mut *self.timeline;
        if timeline.method.is_none() {
            timeline.started = info.wall.checked_sub(at);
            timeline.method = Some(info.method.clone());
            timeline.uri = Some(info.uri.clone());
        }
    }

    #[inline]
    fn attempt(&mut self, index: u32) -> &mut AttemptTimeline {
        let place = match self.timeline.attempts.first() {
            Some(first) if first.index == index => 0,
            _ => self.place(index),
        };
        &mut self.timeline.attempts[place]
    }

    #[cold]
    fn place(&mut self, index: u32) -> usize {
        if let Some(place) = self.places.get(&index) {
            return *place;
        }
        let attempts = &mut self.timeline.attempts;
        let place = attempts.len();
        if place > 0 {
            self.places.insert(index, place);
        }
        attempts.push(AttemptTimeline::new(index));
        place
    }

    fn finish(self) {
        let timeline = self.timeline;
        timeline.complete = timeline.method.is_some() && timeline.end.is_some();
        let attempts = &mut timeline.attempts;
        if !self.places.is_empty() {
            attempts.sort_by_key(|attempt| attempt.index);
        }
        for attempt in attempts.iter_mut() {
            attempt.mark_background_dials();
        }
        for (index, told) in self.settings {
            let place = attempts.binary_search_by_key(&index, |attempt| attempt.index);
            // Each attempt that was told of settings is there.
            let Some(attempt) = place.ok().map(|place| &mut attempts[place]) else {
                continue;
            };
            let own = told.into_iter().filter(|(connection, _)| {
                attempt.connection.is_none() || *connection == attempt.connection
            });
            attempt.settings = own.map(|(_, settings)| settings).collect();
        }
    }
}
