//! Order within the sides of an attempt (Go's, with the differences of the design).

use httptrace::{Event, EventKind, EventName, info};

use super::Finding;
use crate::checker::side::Side;
use crate::checker::view::{AttemptView, Placed};

/// The caller, write and read sides keep their stages; after a stage has begun no earlier one comes again.
pub(super) fn sides_keep_their_order(log: &[Event]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for view in AttemptView::all(log) {
        let steps = view.events.iter().copied();
        let steps: Vec<_> = steps.filter(|step| !is_no_step(&view, *step)).collect();
        for side in [Side::Caller, Side::Write, Side::Read] {
            stages_in_order(&steps, side.stages(), &mut findings);
        }
        // Reuse is decided when the request has been written (go-semantics 2, HTTP/1 item 7).
        let put_idle = [EventName::PutIdleConn].as_slice();
        let wrote = [EventName::WroteRequest].as_slice();
        stages_in_order(&view.events, &[wrote, put_idle], &mut findings);
        if !view.was_given_up() {
            let body_done = [EventName::BodyDone].as_slice();
            let end = [EventName::AttemptEnd].as_slice();
            stages_in_order(&view.events, &[body_done, end], &mut findings);
        }
    }
    findings
}

/// Whether an event is no step of the reading. A connection found dead at checkout is closed on the way to another. One
/// that is shared is closed by who drives it, while its readers have yet to take what came before.
fn is_no_step(view: &AttemptView<'_>, (place, event): Placed<'_>) -> bool {
    let had = view.first(EventName::GotConn);
    let is_had = had.is_some_and(|(got_conn, _)| got_conn < place);
    event.name() == EventName::ConnClosed
        && (view.is_of_another_connection(event) || (view.is_http2() && is_had))
}

fn stages_in_order(events: &[Placed<'_>], stages: &[&[EventName]], findings: &mut Vec<Finding>) {
    let mut furthest: Option<(usize, EventName)> = None;
    for (place, event) in events {
        let name = event.name();
        let Some(stage) = stages.iter().position(|names| names.contains(&name)) else {
            continue;
        };
        match furthest {
            Some((reached, before)) if stage < reached => {
                findings.push((Some(*place), format!("{name} follows {before}")));
            }
            _ => furthest = Some((stage, name)),
        }
    }
}

/// Within a dial: lookup, then connects, then the tunnel and TLS; a second TLS leg follows the tunnel through the
/// first. A connect that lost the race may end at any time.
pub(super) fn dial_keeps_its_order(log: &[Event]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for view in AttemptView::all(log) {
        let mut connections: Vec<_> = view.events.iter().map(|(_, e)| e.connection).collect();
        connections.sort();
        connections.dedup();
        for connection in connections {
            let own = view.events.iter().copied();
            let own = own.filter(|(_, event)| event.connection == connection);
            let dial: Vec<_> = own.filter(|(_, event)| !is_lost_connect(event)).collect();
            dial_in_order(&dial, &mut findings);
        }
    }
    findings
}

fn dial_in_order(dial: &[Placed<'_>], findings: &mut Vec<Finding>) {
    let mut furthest = 0;
    let mut before = EventName::DnsStart;
    for (place, event) in dial {
        let Some(stage) = dial_stage(event) else {
            continue;
        };
        let name = event.name();
        if stage < furthest {
            findings.push((Some(*place), format!("{name} follows {before}")));
        } else {
            (furthest, before) = (stage, name);
        }
    }
}

fn dial_stage(event: &Event) -> Option<u8> {
    Some(match &event.kind {
        EventKind::DnsStart(_) => 0,
        EventKind::DnsDone(_) => 1,
        EventKind::ConnectStart(_) => 2,
        EventKind::ConnectDone(_) => 3,
        EventKind::TlsHandshakeStart(start) if start.leg == info::TlsLeg::Proxy => 4,
        EventKind::TlsHandshakeDone(done) if done.leg == info::TlsLeg::Proxy => 5,
        EventKind::ProxyTunnelStart(_) => 6,
        EventKind::ProxyTunnelDone(_) => 7,
        EventKind::TlsHandshakeStart(_) => 8,
        EventKind::TlsHandshakeDone(_) => 9,
        _ => return None,
    })
}

fn is_lost_connect(event: &Event) -> bool {
    matches!(&event.kind, EventKind::ConnectDone(done) if done.error.is_some())
}

/// If the connection that serves an attempt was dialed by it, the dial's events precede `GotConn`; a connect that
/// lost the race may end later.
pub(super) fn dial_precedes_got_conn(log: &[Event]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for view in AttemptView::all(log) {
        let Some((got_conn, _)) = view.first(EventName::GotConn) else {
            continue;
        };
        for (place, event) in &view.events {
            let own = Side::of(event.name()) == Some(Side::Dial) && !view.is_background_dial(event);
            if own && *place > got_conn && !is_lost_connect(event) {
                let message = format!("{} follows the GotConn it leads to", event.name());
                findings.push((Some(*place), message));
            }
        }
    }
    findings
}

/// These happen at most once per attempt.
pub(super) fn once_per_attempt(log: &[Event]) -> Vec<Finding> {
    use EventName as N;
    const ONCE: [EventName; 13] = [
        N::AttemptStart,
        N::AttemptEnd,
        N::GetConn,
        N::GotConn,
        N::StreamOpened,
        N::WroteHeaders,
        N::Wait100Continue,
        N::WroteRequest,
        N::GotFirstResponseByte,
        N::Got100Continue,
        N::GotResponseHeaders,
        N::BodyDone,
        N::PutIdleConn,
    ];
    let mut findings = Vec::new();
    for view in AttemptView::all(log) {
        for name in ONCE {
            for (place, _) in view.named(name).skip(1) {
                findings.push((Some(place), format!("{name} again in {}", view.label())));
            }
        }
    }
    findings
}

/// These happen only after what makes them possible has happened in the same attempt.
pub(super) fn causes_come_first(log: &[Event]) -> Vec<Finding> {
    use EventName as N;
    const CAUSES: [(EventName, EventName); 16] = [
        (N::GotConn, N::GetConn),
        (N::StreamOpened, N::GotConn),
        (N::StreamReset, N::StreamOpened),
        (N::FlowControlWaitStart, N::WroteHeaders),
        (N::WroteHeaderField, N::GotConn),
        (N::WroteHeaders, N::GotConn),
        (N::Wait100Continue, N::WroteHeaders),
        (N::WroteBody, N::WroteHeaders),
        (N::WroteRequest, N::GotConn),
        (N::GotFirstResponseByte, N::GotConn),
        (N::Got100Continue, N::GotFirstResponseByte),
        (N::Got1xxResponse, N::GotFirstResponseByte),
        (N::GotResponseHeaders, N::GotFirstResponseByte),
        (N::GotBody, N::GotResponseHeaders),
        (N::BodyDone, N::GotResponseHeaders),
        (N::PutIdleConn, N::BodyDone),
    ];
    let mut findings = Vec::new();
    for view in AttemptView::all(log) {
        for (effect, cause) in CAUSES {
            let caused = view.first(cause).map(|(place, _)| place);
            let Some((place, _)) = view.first(effect) else {
                continue;
            };
            if caused.is_none_or(|cause| cause > place) {
                findings.push((Some(place), format!("{effect} without {cause} before it")));
            }
        }
    }
    findings
}

/// `Got100Continue` comes before the `Got1xxResponse` of the same `100`.
pub(super) fn got_100_continue_comes_first(log: &[Event]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for view in AttemptView::all(log) {
        let Some((place, _)) = view.first(EventName::Got100Continue) else {
            continue;
        };
        let told_before = view.named(EventName::Got1xxResponse).any(|(at, event)| {
            let is_100 = |info: &info::Got1xxResponse| info.status.as_u16() == 100;
            matches!(&event.kind, EventKind::Got1xxResponse(info) if is_100(info)) && at < place
        });
        if told_before {
            let message = "Got100Continue follows Got1xxResponse(100)".to_owned();
            findings.push((Some(place), message));
        }
    }
    findings
}

/// `GotConn` carries the id of the connection that was had.
pub(super) fn got_conn_names_its_connection(log: &[Event]) -> Vec<Finding> {
    let events = log.iter().enumerate();
    events
        .filter(|(_, event)| event.name() == EventName::GotConn && event.connection.is_none())
        .map(|(place, _)| (Some(place), "GotConn has no connection id".to_owned()))
        .collect()
}

#[cfg(test)]
mod tests;
