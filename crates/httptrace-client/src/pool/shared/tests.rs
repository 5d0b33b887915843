use std::cell::RefCell;
use std::rc::Rc;

use proptest::prelude::*;
use tokio::runtime::Runtime;

use super::*;
use crate::pool::tests::{key, runtime};
use crate::pool::waiters::{WaiterId, Waiters};

fn first(conns: &mut SharedConns<&'static str>, key: &Key) -> Option<&'static str> {
    conns.candidate(key).map(|candidate| candidate.conn)
}

fn fill(conns: &mut SharedConns<&'static str>, key: &Key) {
    // unwrap is ok in tests: there is one.
    let candidate = conns.candidate(key).unwrap();
    conns.was_full(key, &candidate);
}

/// A host with an older and a newer connection.
fn two(runtime: &Runtime) -> (SharedConns<&'static str>, Arc<Key>, [ConnectionId; 2]) {
    let a = key(runtime, "a");
    let ids = [ConnectionId::next(), ConnectionId::next()];
    let mut conns = SharedConns::new();
    conns.add(&a, ids[1], "new", false);
    conns.add(&a, ids[0], "old", false);
    (conns, a, ids)
}

#[test]
fn the_oldest_connection_is_asked_first_and_the_next_when_it_is_full() {
    let runtime = runtime();
    let (mut conns, a, _) = two(&runtime);
    assert_eq!(first(&mut conns, &a), Some("old"));
    fill(&mut conns, &a);
    assert_eq!(first(&mut conns, &a), Some("new"));
    fill(&mut conns, &a);
    assert_eq!(first(&mut conns, &a), None);
    assert_eq!(first(&mut conns, &key(&runtime, "b")), None);
}

#[test]
fn a_connection_is_asked_again_when_a_stream_became_free() {
    let runtime = runtime();
    let (mut conns, a, [old, _]) = two(&runtime);
    fill(&mut conns, &a);
    conns.freed(&a, old);
    assert_eq!(first(&mut conns, &a), Some("old"));
}

#[test]
fn a_connection_that_was_full_before_a_stream_became_free_is_not_taken_for_full() {
    let runtime = runtime();
    let (mut conns, a, [old, _]) = two(&runtime);
    let asked = conns.candidate(&a).unwrap();
    conns.freed(&a, old);
    conns.was_full(&a, &asked);
    assert_eq!(first(&mut conns, &a), Some("old"));
}

#[test]
fn another_connection_is_needed_when_all_are_full_unless_requests_shall_wait() {
    let runtime = runtime();
    let (mut conns, a, [old, new]) = two(&runtime);
    fill(&mut conns, &a);
    assert!(!conns.is_too_few(&a, false));
    fill(&mut conns, &a);
    assert!(conns.is_too_few(&a, false) && !conns.is_too_few(&a, true));
    assert_eq!(conns.remove(&a, old), Some("old"));
    assert!(!conns.is_too_few(&a, true));
    assert_eq!(conns.remove(&a, new), Some("new"));
    assert!(conns.is_too_few(&a, true));
    assert!(conns.is_empty());
}

#[test]
fn while_a_new_connection_gives_no_stream_at_all_no_other_is_dialed() {
    let runtime = runtime();
    let (mut conns, a, id) = (SharedConns::new(), key(&runtime, "a"), ConnectionId::next());
    conns.add(&a, id, "barren", true);
    fill(&mut conns, &a);
    assert!(!conns.is_too_few(&a, false));
    conns.freed(&a, id);
    fill(&mut conns, &a);
    assert!(conns.is_too_few(&a, false));
}

#[test]
fn what_is_drained_is_not_asked_any_more() {
    let runtime = runtime();
    let (mut conns, a, _) = two(&runtime);
    assert_eq!(conns.drain(), ["old", "new"]);
    assert_eq!(first(&mut conns, &a), None);
}

#[test]
fn those_that_have_been_idle_for_longest_go_first_unless_they_were_asked() {
    let runtime = runtime();
    let (mut conns, a, [old, new]) = two(&runtime);
    let (b, other, now) = (key(&runtime, "b"), ConnectionId::next(), Instant::now());
    conns.add(&b, other, "other", false);
    assert_eq!(conns.rested(&a, old, now), Some(1));
    assert_eq!(conns.rested(&b, other, now), Some(1));
    assert_eq!(conns.rested(&a, new, now), Some(2));
    assert_eq!(conns.idle_len(), 3);
    assert_eq!(first(&mut conns, &a), Some("old"));
    assert_eq!(conns.pop_oldest(), Some("other"));
    assert_eq!(conns.rested(&a, old, now), Some(2));
    assert_eq!(conns.rested(&a, new, now), Some(2));
    assert_eq!(conns.pop_oldest(), Some("old"));
    conns.remove(&a, new);
    assert_eq!(
        (conns.idle_len(), conns.pop_oldest(), conns.oldest_since()),
        (0, None, None)
    );
}

/// A connection with streams, as the pool sees it.
#[derive(Clone)]
struct Streams(Rc<RefCell<Limited>>);

struct Limited {
    id: ConnectionId,
    limit: usize,
    /// Those that are on their way to a waiter included.
    taken: usize,
    used: usize,
    is_retired: bool,
}

impl Streams {
    fn new(limit: usize) -> Self {
        Self(Rc::new(RefCell::new(Limited {
            id: ConnectionId::next(),
            limit,
            taken: 0,
            used: 0,
            is_retired: false,
        })))
    }

    fn id(&self) -> ConnectionId {
        self.0.borrow().id
    }

    fn is_free(&self) -> bool {
        let streams = self.0.borrow();
        !streams.is_retired && streams.taken < streams.limit
    }

    fn use_one(&self) {
        self.0.borrow_mut().used += 1;
    }

    fn try_reserve(&self) -> bool {
        let is_free = self.is_free();
        if is_free {
            self.0.borrow_mut().taken += 1;
        }
        is_free
    }
}

/// Somebody who looks after the waiters, between two looks at the pool's state.
enum Serving {
    Looks,
    Asks(Candidate<Streams>),
    Failed(Candidate<Streams>),
    Got(Streams),
}

/// A pool with one host, whose steps may come in any order.
struct World {
    key: Arc<Key>,
    waiters: Waiters,
    shared: SharedConns<Streams>,
    strict: bool,
    waiting: Vec<WaiterId>,
    dials: Vec<WaiterId>,
    conns: Vec<Streams>,
    at_work: Vec<Serving>,
}

impl World {
    fn arrive(&mut self) {
        if !self.waiters.any(&self.key) {
            if let Some(candidate) = self.shared.candidate(&self.key) {
                match candidate.conn.try_reserve() {
                    true => return candidate.conn.use_one(),
                    false => self.shared.was_full(&self.key, &candidate),
                }
                return self.arrive();
            }
        }
        let waiter = self.waiters.join(&self.key);
        self.waiting.push(waiter);
        self.dial_if_needed();
    }

    fn dial_if_needed(&mut self) {
        if self.shared.is_too_few(&self.key, self.strict) {
            self.dials.extend(self.waiters.shared_dial(&self.key));
        }
    }

    /// The oldest dial ends, in a connection if there is a limit of streams.
    fn end_dial(&mut self, limit: Option<usize>) {
        if self.dials.is_empty() {
            return;
        }
        let waiter = self.dials.remove(0);
        let was_waiting = self.waiters.is_waiting(waiter);
        let Some(limit) = limit else {
            assert!(self.waiters.end_shared_dial(&self.key, waiter));
            self.waiters.remove(&self.key, waiter);
            self.waiting.retain(|other| *other != waiter);
            if !self.shared.has(&self.key) {
                // They dial for themselves, which is no matter of sharing.
                for id in self.waiting.drain(..) {
                    self.waiters.remove(&self.key, id);
                }
                assert!(self.waiters.split(&self.key).is_empty());
            }
            assert_eq!(self.waiters.release(&self.key), None);
            return self.dial_if_needed();
        };
        let conn = Streams::new(limit);
        let is_barren = was_waiting && !conn.try_reserve();
        if was_waiting && !is_barren {
            conn.use_one();
            self.waiters.remove(&self.key, waiter);
            self.waiting.retain(|other| *other != waiter);
        }
        self.waiters.end_shared_dial(&self.key, waiter);
        if is_barren {
            self.waiters.rejoin(&self.key, waiter);
        }
        self.shared
            .add(&self.key, conn.id(), conn.clone(), is_barren);
        self.conns.push(conn);
        self.at_work.push(Serving::Looks);
    }

    /// A stream ends, or the peer allows one more.
    fn free(&mut self, which: usize, more: bool) {
        let Some(conn) = self.conns.get(which % self.conns.len().max(1)) else {
            return;
        };
        let mut streams = conn.0.borrow_mut();
        match more {
            true => streams.limit += 1,
            false if streams.used == 0 => return,
            false => {
                streams.used -= 1;
                streams.taken -= 1;
            }
        }
        self.shared.freed(&self.key, streams.id);
        self.at_work.push(Serving::Looks);
    }

    fn retire(&mut self, which: usize) {
        if self.conns.is_empty() {
            return;
        }
        let conn = self.conns.remove(which % self.conns.len());
        conn.0.borrow_mut().is_retired = true;
        self.shared.remove(&self.key, conn.id());
        self.dial_if_needed();
        assert_eq!(self.waiters.release(&self.key), None);
        self.dial_if_needed();
    }

    fn give_up(&mut self, which: usize) {
        if !self.waiting.is_empty() {
            let waiter = self.waiting.remove(which % self.waiting.len());
            assert!(self.waiters.remove(&self.key, waiter));
        }
    }

    /// One step of somebody who looks after the waiters.
    fn work(&mut self, which: usize) {
        if self.at_work.is_empty() {
            return;
        }
        let next = match self.at_work.remove(which % self.at_work.len()) {
            Serving::Looks if !self.waiters.any(&self.key) => return,
            Serving::Looks => match self.shared.candidate(&self.key) {
                Some(candidate) => Serving::Asks(candidate),
                None => return self.dial_if_needed(),
            },
            Serving::Asks(candidate) => match candidate.conn.try_reserve() {
                true => Serving::Got(candidate.conn),
                false => Serving::Failed(candidate),
            },
            Serving::Failed(candidate) => {
                self.shared.was_full(&self.key, &candidate);
                Serving::Looks
            }
            Serving::Got(conn) => {
                let served = self.waiters.pop(&self.key);
                assert_eq!(
                    served,
                    self.waiting.first().copied(),
                    "not in order of arrival"
                );
                match served {
                    Some(_) => {
                        self.waiting.remove(0);
                        conn.use_one();
                    }
                    None => {
                        conn.0.borrow_mut().taken -= 1;
                        self.shared.freed(&self.key, conn.id());
                    }
                }
                Serving::Looks
            }
        };
        self.at_work.push(next);
    }

    /// Nobody waits in vain.
    fn check(&self, max: Option<usize>) {
        for conn in &self.conns {
            let streams = conn.0.borrow();
            assert!(streams.taken <= streams.limit);
        }
        assert!(self.dials.len() <= 1, "one dial at a time");
        assert_eq!(self.waiters.any(&self.key), !self.waiting.is_empty());
        if self.waiting.is_empty() {
            return;
        }
        assert!(
            !self.conns.iter().any(Streams::is_free),
            "somebody waits while a stream is free"
        );
        let is_full = max.is_some_and(|max| self.waiters.conns(&self.key) >= max);
        let waits = self.waiting.iter().any(|w| !self.dials.contains(w));
        assert!(
            !waits || is_full || !self.dials.is_empty() || self.shared.has(&self.key),
            "somebody waits for nothing"
        );
        let is_needed = self.shared.is_too_few(&self.key, self.strict);
        assert!(!waits || is_full || !is_needed || !self.dials.is_empty());
    }
}

#[derive(Clone, Debug)]
enum Step {
    Arrive,
    EndDial(Option<usize>),
    Free(usize, bool),
    Retire(usize),
    GiveUp(usize),
    Work(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Arrive),
        2 => prop::option::weighted(0.8, 0..4_usize).prop_map(Step::EndDial),
        3 => (0..9_usize, prop::bool::weighted(0.2)).prop_map(|(which, more)| Step::Free(which, more)),
        1 => (0..9_usize).prop_map(Step::Retire),
        1 => (0..9_usize).prop_map(Step::GiveUp),
        6 => (0..9_usize).prop_map(Step::Work),
    ]
}

proptest! {
    #[test]
    fn nobody_waits_while_a_stream_is_free(
        steps in prop::collection::vec(step(), 0..80),
        strict: bool,
        max in prop::option::of(1..4_usize),
    ) {
        let runtime = runtime();
        let mut world = World {
            key: key(&runtime, "a"),
            waiters: Waiters::new(max),
            shared: SharedConns::new(),
            strict,
            waiting: Vec::new(),
            dials: Vec::new(),
            conns: Vec::new(),
            at_work: Vec::new(),
        };
        for step in steps {
            match step {
                Step::Arrive => world.arrive(),
                Step::EndDial(limit) => world.end_dial(limit),
                Step::Free(which, more) => world.free(which, more),
                Step::Retire(which) => world.retire(which),
                Step::GiveUp(which) => world.give_up(which),
                Step::Work(which) => world.work(which),
            }
        }
        while !world.at_work.is_empty() {
            world.work(0);
        }
        world.check(max);
        // What still waits is served, whatever happened before.
        while !world.dials.is_empty() {
            world.end_dial(Some(1));
            while !world.at_work.is_empty() {
                world.work(0);
            }
        }
        world.check(max);
        while !world.waiting.is_empty() {
            match world.conns.is_empty() {
                true => world.end_dial(Some(1)),
                false => world.free(0, true),
            }
            while !world.at_work.is_empty() {
                world.work(0);
            }
        }
    }
}
