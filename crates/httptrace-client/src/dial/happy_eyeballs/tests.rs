use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

const DELAY: Duration = Duration::from_millis(250);

fn v4(last: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, last], 443))
}

fn v6(last: u16) -> SocketAddr {
    SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, last], 443))
}

#[test]
fn families_take_turns_and_the_first_addresss_family_begins() {
    let order = interleave(&[v6(1), v6(2), v6(3), v4(1)]);
    assert_eq!(order, [v6(1), v4(1), v6(2), v6(3)]);
    let order = interleave(&[v4(1), v6(1), v6(2), v4(2)]);
    assert_eq!(order, [v4(1), v6(1), v4(2), v6(2)]);
}

#[test]
fn the_second_address_waits_for_the_delay() {
    let now = Instant::now();
    let mut race = HappyEyeballs::new(&[v6(1), v4(1)], DELAY);
    assert_eq!(race.next(now), Step::Start(v6(1)));
    assert_eq!(race.next(now), Step::Wait(Some(now + DELAY)));
    let early = now + DELAY - Duration::from_nanos(1);
    assert_eq!(race.next(early), Step::Wait(Some(now + DELAY)));
    assert_eq!(race.next(now + DELAY), Step::Start(v4(1)));
    assert_eq!(race.next(now + DELAY), Step::Wait(None));
}

#[test]
fn a_failure_starts_the_next_address_at_once() {
    let now = Instant::now();
    let mut race = HappyEyeballs::new(&[v6(1), v4(1), v6(2)], DELAY);
    assert_eq!(race.next(now), Step::Start(v6(1)));
    race.failed();
    assert_eq!(race.next(now), Step::Start(v4(1)));
    assert_eq!(race.next(now), Step::Wait(Some(now + DELAY)));
}

#[test]
fn a_success_ends_the_race_although_addresses_are_left() {
    let now = Instant::now();
    let mut race = HappyEyeballs::new(&[v6(1), v4(1)], DELAY);
    assert_eq!(race.next(now), Step::Start(v6(1)));
    race.succeeded();
    assert_eq!(race.next(now + DELAY), Step::Done);
}

#[test]
fn the_race_is_over_when_the_last_address_has_failed() {
    let now = Instant::now();
    let mut race = HappyEyeballs::new(&[v6(1), v4(1)], DELAY);
    assert_eq!(race.next(now), Step::Start(v6(1)));
    assert_eq!(race.next(now + DELAY), Step::Start(v4(1)));
    race.failed();
    assert_eq!(race.next(now + DELAY), Step::Wait(None));
    race.failed();
    assert_eq!(race.next(now + DELAY), Step::Done);
}

#[test]
fn a_race_without_addresses_is_over_before_it_begins() {
    let mut race = HappyEyeballs::new(&[], DELAY);
    assert_eq!(race.next(Instant::now()), Step::Done);
}

/// What the network does with one address: answers or refuses, some time after the start.
#[derive(Clone, Copy, Debug)]
struct Fate {
    is_v6: bool,
    succeeds: bool,
    after: Duration,
}

fn fates() -> impl Strategy<Value = Vec<Fate>> {
    let fate = (any::<bool>(), prop::bool::weighted(0.3), 0_u64..2_000);
    let fate = fate.prop_map(|(is_v6, succeeds, millis)| Fate {
        is_v6,
        succeeds,
        after: Duration::from_millis(millis),
    });
    prop::collection::vec(fate, 0..12)
}

/// What happened in a simulated race.
#[derive(Default)]
struct Log {
    starts: Vec<(Duration, SocketAddr)>,
    failures: Vec<Duration>,
    won_at: Option<Duration>,
}

/// Plays a race against a network that decides in advance.
fn play(addrs: &[SocketAddr], fates: &[Fate]) -> Log {
    let begin = Instant::now();
    let mut now = Duration::ZERO;
    let mut race = HappyEyeballs::new(addrs, DELAY);
    let mut log = Log::default();
    let mut running: Vec<(Duration, bool)> = Vec::new();
    loop {
        let until = match race.next(begin + now) {
            Step::Done => return log,
            Step::Start(addr) => {
                let index = addrs.iter().position(|known| *known == addr).unwrap();
                running.push((now + fates[index].after, fates[index].succeeds));
                log.starts.push((now, addr));
                continue;
            }
            Step::Wait(until) => until.map(|until| until - begin),
        };
        running.sort();
        match running.first().copied() {
            Some((at, succeeds)) if until.is_none_or(|until| at <= until) => {
                running.remove(0);
                now = at;
                if succeeds {
                    race.succeeded();
                    log.won_at = Some(at);
                } else {
                    race.failed();
                    log.failures.push(at);
                }
            }
            _ => now = until.expect("a race that waits for nothing"),
        }
    }
}

proptest! {
    #[test]
    fn whatever_the_network_does_the_race_keeps_its_rules(fates in fates()) {
        let addrs: Vec<_> = fates
            .iter()
            .zip(1_u8..)
            .map(|(fate, number)| if fate.is_v6 { v6(number.into()) } else { v4(number) })
            .collect();
        let log = play(&addrs, &fates);

        let started: Vec<_> = log.starts.iter().map(|(_, addr)| *addr).collect();
        let distinct: HashSet<_> = started.iter().collect();
        prop_assert_eq!(distinct.len(), started.len(), "an address was started twice");
        let order: Vec<_> = interleave(&addrs).into();
        prop_assert_eq!(&started[..], &order[..started.len()], "not in interleaved order");

        for pair in log.starts.windows(2) {
            let ((earlier, _), (later, _)) = (pair[0], pair[1]);
            let failed_between = log.failures.iter().any(|at| (earlier..=later).contains(at));
            prop_assert!(later - earlier >= DELAY || failed_between, "started too soon");
            prop_assert!(later - earlier <= DELAY, "started too late");
        }

        match log.won_at {
            Some(won_at) => prop_assert!(log.starts.iter().all(|(at, _)| *at <= won_at)),
            None => {
                prop_assert_eq!(started.len(), addrs.len(), "gave up before all were tried");
                prop_assert_eq!(log.failures.len(), addrs.len());
            }
        }
    }
}
