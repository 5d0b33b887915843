//! Sizes.

use httptrace::info::WriteOutcome;
use httptrace::{Event, EventKind};

use super::Finding;
use crate::checker::view::AttemptView;

/// What `WroteBody` told in pieces is what `WroteRequest` tells as a whole, when the request was sent.
pub(super) fn wrote_body_adds_up(log: &[Event]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for view in AttemptView::all(log) {
        let mut pieces = 0;
        for (place, event) in &view.events {
            match &event.kind {
                EventKind::WroteBody(wrote) => pieces += wrote.bytes,
                EventKind::WroteRequest(done) if matches!(done.outcome, WriteOutcome::Sent) => {
                    // Absent means that there was no body.
                    let whole = done.body_bytes.unwrap_or(0);
                    if whole != pieces {
                        let message = format!(
                            "WroteRequest tells {whole} body bytes, its WroteBody events {pieces}"
                        );
                        findings.push((Some(*place), message));
                    }
                }
                _ => {}
            }
        }
    }
    findings
}

/// What `GotBody` told in pieces is what `BodyDone` tells as a whole, where it tells it.
pub(super) fn got_body_adds_up(log: &[Event]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for view in AttemptView::all(log) {
        let mut pieces = 0;
        for (place, event) in &view.events {
            match &event.kind {
                EventKind::GotBody(got) => pieces += got.bytes,
                EventKind::BodyDone(done) => {
                    if let Some(whole) = done.wire_bytes.filter(|whole| *whole != pieces) {
                        let message = format!(
                            "BodyDone tells {whole} wire bytes, its GotBody events {pieces}"
                        );
                        findings.push((Some(*place), message));
                    }
                }
                _ => {}
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::story::Story;
    use super::*;
    use httptrace::info::{BodyDone, BodyEnd, WroteBody, WroteRequest};
    use httptrace::{EventError, EventName};

    fn upload(pieces: &[u64], outcome: WriteOutcome, whole: u64) -> Vec<Event> {
        let mut story = Story::plain().cut_before(EventName::WroteRequest);
        for bytes in pieces {
            story = story.then(WroteBody::new(*bytes));
        }
        story.and(WroteRequest::new(outcome).with_body_bytes(whole))
    }

    #[test]
    fn pieces_that_do_not_add_up_are_found() {
        assert_eq!(
            wrote_body_adds_up(&upload(&[3, 4], WriteOutcome::Sent, 8)).len(),
            1
        );
    }

    #[test]
    fn pieces_that_add_up_pass() {
        assert_eq!(
            wrote_body_adds_up(&upload(&[3, 4], WriteOutcome::Sent, 7)),
            []
        );
        assert_eq!(wrote_body_adds_up(&upload(&[], WriteOutcome::Sent, 0)), []);
    }

    #[test]
    fn a_body_of_another_size_than_what_was_got_is_found() {
        let done = |bytes: u64| {
            let story = Story::plain().cut_before(EventName::BodyDone);
            story.and(BodyDone::new(BodyEnd::End).with_wire_bytes(bytes))
        };
        // A plain story gets five bytes.
        assert_eq!(got_body_adds_up(&done(5)), []);
        assert_eq!(got_body_adds_up(&done(6)).len(), 1);
    }

    #[test]
    fn a_failed_request_need_not_add_up() {
        let failed = WriteOutcome::Failed(EventError::canceled());
        assert_eq!(wrote_body_adds_up(&upload(&[3], failed, 9)), []);
    }
}
