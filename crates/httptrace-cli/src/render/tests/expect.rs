//! The wait for `100 Continue`.

use httptrace::info::{Got100Continue, NotSentReason, Wait100Continue, WroteBody};

use super::*;

/// An upload whose body is held back from 1 ms on.
fn asking() -> Script {
    Script::new("https://www.example.com/upload")
        .on(1)
        .got(40, true)
        .at(1_000, WroteHeaders::new())
        .at(1_000, Wait100Continue::new())
}

fn continued(script: Script, us: u64) -> Script {
    let headers = HeaderMap::new();
    let response = Got1xxResponse::new(StatusCode::CONTINUE, headers);
    script.at(us, Got100Continue::new()).at(us, response)
}

fn uploaded(script: Script, us: u64) -> Script {
    let wrote = WroteRequest::new(WriteOutcome::Sent).with_body_bytes(500_000_u64);
    script
        .at(us, WroteBody::new(500_000_u64))
        .at(us + 9_000, wrote)
}

fn head(us: u64, script: Script) -> Script {
    let head = GotResponseHeaders::new(StatusCode::OK, Version::HTTP_11, HeaderMap::new());
    script
        .at(us, head)
        .at(us, BodyDone::new(BodyEnd::End).with_wire_bytes(0_u64))
        .at(us, AttemptEnd::new().with_status(StatusCode::OK))
        .ended(us, StatusCode::OK, 0)
}

/// The rows from `send` to `receive`, without their bars.
fn rows(script: &Script) -> Vec<String> {
    let text = drawn(script, 100);
    let rows = text.lines().map(|line| {
        let words = line.split_whitespace();
        let words = words.filter(|word| word.is_ascii() || word.starts_with('·'));
        words.collect::<Vec<_>>().join(" ")
    });
    rows.skip_while(|row| !row.starts_with("send"))
        .take_while(|row| !row.starts_with("total"))
        .collect()
}

#[test]
fn the_wait_that_a_100_ends_is_shown_as_a_part_of_sending_and_the_100_itself_not_again() {
    let waited = asking().at(41_000, GotFirstResponseByte::new());
    let script = head(80_000, uploaded(continued(waited, 41_000), 43_000));
    assert_eq!(
        rows(&script),
        [
            "send 51.96 ms 500 kB body",
            "40.00 ms body held until 100 Continue",
            "wait 28.00 ms",
            "receive 0.00 ms no body",
        ]
    );
}

#[test]
fn a_100_that_came_too_late_is_shown_where_it_came() {
    let waited = uploaded(asking(), 31_000).at(45_000, GotFirstResponseByte::new());
    let script = head(80_000, continued(waited, 45_000));
    let rows = rows(&script);
    assert_eq!(rows[1], "30.00 ms body held: no 100 Continue");
    assert_eq!(rows[3], "100 @ 45.00 ms Continue");
}

#[test]
fn a_body_that_stayed_was_held_until_the_answer() {
    let not_sent = WriteOutcome::NotSent(NotSentReason::FinalResponseFirst);
    let script = asking().at(21_000, GotFirstResponseByte::new());
    let script = script.at(21_000, WroteRequest::new(not_sent));
    assert_eq!(
        rows(&head(21_000, script))[..2],
        [
            "send 20.96 ms body not sent: answered before",
            "20.00 ms body held until the answer",
        ]
    );
}

#[test]
fn a_wait_that_nothing_ended_lasts_to_the_end_of_the_attempt() {
    let lost = error(ErrorKind::Closed, "closed");
    let failed = WroteRequest::new(WriteOutcome::Failed(lost.clone()));
    let script = asking().at(11_000, failed).failed(11_000, lost);
    assert_eq!(rows(&script)[1], "10.00 ms body held to the end");
}
