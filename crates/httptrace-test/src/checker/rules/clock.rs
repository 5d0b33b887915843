//! Time.

use httptrace::{ConnectionId, Event, EventName};

use super::Finding;
use crate::checker::side::Side;
use crate::checker::view::AttemptView;

/// Within a side of an attempt, and within each dial, `at` never runs backwards.
pub(super) fn at_never_runs_backwards(log: &[Event]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for view in AttemptView::all(log) {
        let mut last: Vec<((Side, Option<ConnectionId>), &Event)> = Vec::new();
        for (place, event) in &view.events {
            let Some(line) = line_of(event) else { continue };
            let previous = last.iter_mut().find(|(known, _)| *known == line);
            match previous {
                Some((_, before)) => {
                    if event.at < before.at {
                        let by = before.at - event.at;
                        let (name, earlier) = (event.name(), before.name());
                        let message = format!("{name} is stamped {by:?} before {earlier}");
                        findings.push((Some(*place), message));
                    }
                    *before = event;
                }
                None => last.push((line, event)),
            }
        }
    }
    findings
}

/// The line of time an event is on: its side, for a dial its connection too.
fn line_of(event: &Event) -> Option<(Side, Option<ConnectionId>)> {
    let side = Side::of(event.name())?;
    let connection = match side {
        Side::Dial => event.connection,
        Side::Caller | Side::Write | Side::Read => None,
    };
    // A connection can be closed under an exchange by whoever finds it dead: that is no step of the reading.
    let closed = event.name() == EventName::ConnClosed;
    (!closed).then_some((side, connection))
}

#[cfg(test)]
mod tests {
    use super::super::story::Story;
    use super::*;

    #[test]
    fn a_stamp_that_runs_backwards_is_found_on_every_side() {
        for name in [
            EventName::GotConn,
            EventName::ConnectDone,
            EventName::WroteRequest,
            EventName::BodyDone,
        ] {
            let log = Story::plain().stamped(name, 0);
            assert_eq!(at_never_runs_backwards(&log).len(), 1, "{name}");
        }
    }

    #[test]
    fn sides_need_not_agree_with_each_other() {
        let log = Story::plain().stamped(EventName::GotFirstResponseByte, 0);
        assert_eq!(at_never_runs_backwards(&log), []);
    }

    #[test]
    fn equal_stamps_are_no_step_back() {
        let mut frozen = Story::plain().log();
        let at = frozen[0].at;
        for event in &mut frozen {
            event.at = at;
        }
        assert_eq!(at_never_runs_backwards(&frozen), []);
    }
}
