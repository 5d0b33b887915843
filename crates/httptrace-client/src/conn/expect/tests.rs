use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::client::Body;

const SECOND: Duration = Duration::from_secs(1);

fn asking(body: Body, length: Option<u64>, expect: &'static str) -> bool {
    let mut request = Request::new(SendBody::new(body, length, Vec::new()));
    let value = http::HeaderValue::from_static(expect);
    request.headers_mut().insert(header::EXPECT, value);
    asks_for_100(&request)
}

#[test]
fn a_request_asks_by_the_token_in_any_case_and_only_with_content() {
    assert!(asking(Body::from("abc"), Some(3), "100-continue"));
    assert!(asking(Body::from("abc"), None, "100-Continue"));
    assert!(asking(Body::from("abc"), Some(3), "else, 100-continue"));
    assert!(!asking(Body::from("abc"), Some(3), "200-ok"));
    assert!(!asking(Body::from("abc"), Some(3), "x100-continue"));
    assert!(!asking(Body::empty(), None, "100-continue"));
    assert!(!asking(Body::empty(), Some(0), "100-continue"));
}

#[test]
fn the_time_runs_from_the_end_of_the_head_and_opens_when_it_is_over() {
    let now = Instant::now();
    let mut gate = Gate::new(SECOND);
    gate.time_passed(now + 9 * SECOND);
    assert_eq!(gate.decision(), Decision::Hold { until: None });
    gate.head_written(now);
    gate.head_written(now + SECOND);
    let until = Some(now + SECOND);
    assert_eq!(gate.decision(), Decision::Hold { until });
    gate.time_passed(now + SECOND - Duration::from_nanos(1));
    assert_eq!(gate.decision(), Decision::Hold { until });
    gate.time_passed(now + SECOND);
    assert_eq!(gate.decision(), Decision::Open);
}

#[test]
fn patience_beyond_all_time_waits_without_end() {
    let now = Instant::now();
    let mut gate = Gate::new(Duration::MAX);
    gate.head_written(now);
    gate.time_passed(now + 100_000 * SECOND);
    assert_eq!(gate.decision(), Decision::Hold { until: None });
    gate.continued();
    assert_eq!(gate.decision(), Decision::Open);
}

#[test]
fn an_answer_lets_the_body_go_only_if_the_connection_stays() {
    for (closes, decision) in [(false, Decision::Open), (true, Decision::HoldForEver)] {
        let mut gate = Gate::new(SECOND);
        gate.head_written(Instant::now());
        gate.answered(closes);
        assert_eq!(gate.decision(), decision);
    }
}

/// Something that a gate is told.
#[derive(Clone, Copy, Debug)]
enum Fact {
    HeadWritten,
    Continued,
    TimePassed,
    Answered(bool),
    GivenUp,
}

fn any_fact() -> impl Strategy<Value = Fact> {
    prop_oneof![
        3 => Just(Fact::HeadWritten),
        1 => Just(Fact::Continued),
        6 => Just(Fact::TimePassed),
        1 => any::<bool>().prop_map(Fact::Answered),
        1 => Just(Fact::GivenUp),
    ]
}

/// What is right after these facts, each with the milliseconds since the one before: said once more, without a state.
fn right(patience: Duration, facts: &[(u64, Fact)], start: Instant) -> Decision {
    let mut now = start;
    let mut written = None;
    for (ms, fact) in facts {
        now += Duration::from_millis(*ms);
        match fact {
            Fact::HeadWritten => written = written.or(Some(now)),
            Fact::TimePassed => {
                if written.is_some_and(|written| now - written >= patience) {
                    return Decision::Open;
                }
            }
            Fact::Continued | Fact::Answered(false) => return Decision::Open,
            Fact::Answered(true) | Fact::GivenUp => return Decision::HoldForEver,
        }
    }
    Decision::Hold {
        until: written.map(|written| written + patience),
    }
}

proptest! {
    #[test]
    fn whatever_happens_in_whatever_order_the_first_fact_that_settles_it_counts(
        patience in 1..2000_u64,
        facts in vec((0..900_u64, any_fact()), 0..12),
    ) {
        let patience = Duration::from_millis(patience);
        let start = Instant::now();
        let mut gate = Gate::new(patience);
        let mut now = start;
        let mut settled = None;
        for (done, (ms, fact)) in facts.iter().enumerate() {
            now += Duration::from_millis(*ms);
            match fact {
                Fact::HeadWritten => gate.head_written(now),
                Fact::Continued => gate.continued(),
                Fact::TimePassed => gate.time_passed(now),
                Fact::Answered(closes) => gate.answered(*closes),
                Fact::GivenUp => gate.given_up(),
            }
            let decision = gate.decision();
            prop_assert_eq!(decision, right(patience, &facts[..=done], start));
            // Once it is settled it stays so.
            if let Some(before) = settled {
                prop_assert_eq!(decision, before);
            } else if !matches!(decision, Decision::Hold { .. }) {
                settled = Some(decision);
            }
        }
    }
}
