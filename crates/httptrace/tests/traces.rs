//! How traces are attached, composed and carried (Go's `TestWithClientTrace`, `TestCompose`, and what we add).

use std::sync::{Arc, Mutex};

use http::Request;
use httptrace::info::{GetConn, GotConn};
use httptrace::{
    Call, ClientTrace, Emitter, Event, EventName, EventSet, Info, Observer, RequestExt,
};

#[derive(Clone, Default)]
struct Said(Arc<Mutex<Vec<String>>>);

impl Said {
    fn say(&self, word: impl Into<String>) {
        self.0.lock().unwrap().push(word.into());
    }

    fn words(&self) -> String {
        self.0.lock().unwrap().join(" ")
    }

    fn trace(&self, word: &'static str) -> ClientTrace {
        let said = self.clone();
        ClientTrace::new().on_get_conn(move |_| said.say(word))
    }
}

fn get_conn(request: &Request<()>) {
    Emitter::of(request).emit(|| GetConn::new("host:80"));
}

fn request() -> Request<()> {
    Request::get("http://host/").body(()).unwrap()
}

#[test]
fn the_newer_traces_hooks_run_first_then_the_olders() {
    let said = Said::default();
    let request = request().trace(said.trace("old")).trace(said.trace("new"));
    get_conn(&request);
    assert_eq!(said.words(), "new old");
}

/// An observer that tells how it was handed an event.
struct Taker(Said, &'static str);

impl Observer for Taker {
    fn on_event(&self, _event: &Event) {
        self.0.say(format!("{} looks", self.1));
    }

    fn on_owned_event(&self, _event: Event) {
        self.0.say(format!("{} takes", self.1));
    }
}

#[test]
fn the_last_observer_is_given_the_event() {
    let said = Said::default();
    let taker = |name| ClientTrace::new().observe(Taker(said.clone(), name));
    get_conn(&request().trace(taker("one")));
    get_conn(&request().trace(taker("old")).trace(taker("new")));
    // Who wants no such event is not the last of its observers, but the event is not theirs to take.
    let not_wanted = ClientTrace::new().on_got_conn(|_| {});
    get_conn(&request().trace(not_wanted).trace(taker("first")));
    assert_eq!(said.words(), "one takes new looks old takes first looks");
}

#[test]
fn a_trace_grows_by_one_hook_after_the_other_and_leaves_its_clones_alone() {
    let said = Said::default();
    let mut trace = ClientTrace::new();
    let mut before = Vec::new();
    for word in ["one", "two", "three"] {
        before.push(trace.clone());
        let said = said.clone();
        trace = trace.on_get_conn(move |_| said.say(word));
    }
    before.push(trace);
    for trace in before {
        get_conn(&request().trace(trace));
    }
    assert_eq!(said.words(), "one one two one two three");
}

#[test]
fn attaching_through_the_builder_is_the_same() {
    let said = Said::default();
    let builder = Request::get("http://host/").trace(said.trace("old"));
    let request = builder.trace(said.trace("new")).body(()).unwrap();
    get_conn(&request);
    assert_eq!(said.words(), "new old");
}

#[test]
fn a_broken_builder_stays_broken_and_does_not_panic() {
    let builder = Request::get("not a uri").trace(ClientTrace::new());
    assert!(builder.body(()).is_err());
}

#[test]
fn composing_changes_neither_trace() {
    let said = Said::default();
    let (old, new) = (said.trace("old"), said.trace("new"));
    let _composed = new.compose(&old);
    get_conn(&request().trace(old));
    get_conn(&request().trace(new));
    assert_eq!(said.words(), "old new");
}

#[test]
fn a_trace_attached_twice_is_told_once() {
    let said = Said::default();
    let trace = said.trace("once");
    get_conn(&request().trace(trace.clone()).trace(trace));
    assert_eq!(said.words(), "once");
}

#[test]
fn hooks_of_one_trace_run_in_the_order_in_which_they_were_added() {
    let said = Said::default();
    let (first, second) = (said.clone(), said.clone());
    let trace = ClientTrace::new()
        .on_get_conn(move |_| first.say("first"))
        .on_get_conn(move |_| second.say("second"));
    get_conn(&request().trace(trace));
    assert_eq!(said.words(), "first second");
}

#[test]
fn the_scopes_trace_comes_after_the_requests_own_and_the_same_trace_only_once() {
    let said = Said::default();
    let (own, scope) = (said.trace("own"), said.trace("scope"));
    let both = own.compose(&scope);
    let work = async {
        get_conn(&request().trace(own.clone()));
        get_conn(&request().trace(both));
        get_conn(&request());
    };
    futures_util::FutureExt::now_or_never(scope.scope(work)).unwrap();
    assert_eq!(said.words(), "own scope own scope scope");
    assert!(ClientTrace::current().is_none());
}

#[test]
fn scopes_nest_and_end_with_their_future() {
    let said = Said::default();
    let (outer, inner) = (said.trace("outer"), said.trace("inner"));
    let work = async {
        inner.scope(async { get_conn(&request()) }).await;
        get_conn(&request());
    };
    futures_util::FutureExt::now_or_never(outer.scope(work)).unwrap();
    assert_eq!(said.words(), "inner outer outer");
}

#[tokio::test]
async fn a_scope_covers_every_poll_and_nothing_between_polls() {
    let said = Said::default();
    let scoped = said.trace("in").scope(async {
        for _ in 0..2 {
            get_conn(&request());
            tokio::task::yield_now().await;
        }
    });
    let beside = async {
        for _ in 0..3 {
            assert!(ClientTrace::current().is_none());
            tokio::task::yield_now().await;
        }
    };
    tokio::join!(scoped, beside);
    assert_eq!(said.words(), "in in");
}

#[test]
fn what_nobody_wants_is_never_built() {
    let request = request().trace(ClientTrace::new().on_get_conn(|_| {}));
    let emitter = Emitter::of(&request);
    emitter.emit(|| -> GotConn { panic!("nobody wants it") });
    assert!(emitter.wants(EventName::GetConn) && !emitter.wants(EventName::GotConn));
    Emitter::none().emit(|| -> GetConn { panic!("nobody listens") });
}

#[test]
fn a_trace_without_hooks_is_as_good_as_none() {
    let mut request = request().trace(ClientTrace::new());
    assert!(request.extensions().is_empty());
    request.extensions_mut().insert(ClientTrace::new());
    assert!(Emitter::of(&request).is_none());
    let call = Call::start(&mut request);
    assert!(call.emitter().call().is_none());
    assert!(!Call::is_marked(&request));
}

#[test]
fn an_observer_is_given_what_it_wants_and_no_more() {
    struct Picky(Said);
    impl Observer for Picky {
        fn wants(&self) -> EventSet {
            EventSet::only(GotConn::NAME)
        }
        fn on_event(&self, event: &Event) {
            self.0.say(event.name().as_str());
        }
    }
    let said = Said::default();
    let request = request().trace(ClientTrace::new().observe(Picky(said.clone())));
    let emitter = Emitter::of(&request);
    emitter.emit(|| GetConn::new("host:80"));
    emitter.emit(|| GotConn::new(false, false));
    assert_eq!(said.words(), "got_conn");
}
