//! Calls, attempts and start guards: every start has exactly one end, and each event its identities.

use std::sync::{Arc, Mutex};

use http::Request;
use httptrace::info::{AttemptReason, GotConn, RetryReason, TlsLeg};
use httptrace::{
    Attempt, Call, ClientTrace, ConnectionId, Emitter, ErrorKind, Event, EventError, EventKind,
    RequestExt,
};

#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<Event>>>);

impl Seen {
    fn trace(&self) -> ClientTrace {
        let seen = self.clone();
        ClientTrace::new().on_event(move |event| seen.0.lock().unwrap().push(event.clone()))
    }

    fn request(&self) -> Request<()> {
        let request = Request::get("http://user:secret@host/path");
        request.trace(self.trace()).body(()).unwrap()
    }

    fn events(&self) -> Vec<Event> {
        self.0.lock().unwrap().clone()
    }

    fn names(&self) -> String {
        let names: Vec<_> = self.events().iter().map(|e| e.name().as_str()).collect();
        names.join(" ")
    }

    fn reasons(&self) -> Vec<(Option<u32>, AttemptReason)> {
        let reason = |event: &Event| match &event.kind {
            EventKind::AttemptStart(start) => Some((event.attempt, start.reason)),
            _ => None,
        };
        self.events().iter().filter_map(reason).collect()
    }
}

#[test]
fn a_call_and_its_attempt_end_as_they_are_told() {
    let seen = Seen::default();
    let mut request = seen.request();
    let call = Call::start(&mut request);
    let attempt = Attempt::start(&request);
    attempt.done(|end| end.with_status(http::StatusCode::OK));
    call.done(|end| end.with_bytes(5_u64));
    assert_eq!(
        seen.names(),
        "call_start attempt_start attempt_end call_end"
    );
    let events = seen.events();
    assert!(
        events
            .iter()
            .all(|event| event.call == events[0].call && event.call.is_some())
    );
    let attempts: Vec<_> = events.iter().map(|event| event.attempt).collect();
    assert_eq!(attempts, [None, Some(0), Some(0), None]);
}

#[test]
fn what_is_dropped_ends_as_canceled() {
    let seen = Seen::default();
    let mut request = seen.request();
    let call = Call::start(&mut request);
    let attempt = Attempt::start(&request);
    let emitter = attempt
        .emitter()
        .clone()
        .with_connection(ConnectionId::next());
    drop(emitter.dns_start("host"));
    drop(
        emitter.connect_start(
            &"127.0.0.1:1"
                .parse::<std::net::SocketAddr>()
                .unwrap()
                .into(),
            0,
        ),
    );
    drop(emitter.tls_handshake_start(TlsLeg::Target, Some("host")));
    drop((attempt, call));
    assert_eq!(
        seen.names(),
        "call_start attempt_start dns_start dns_done connect_start connect_done tls_handshake_start \
         tls_handshake_done attempt_end call_end"
    );
    for event in seen.events() {
        let error = match event.kind {
            EventKind::DnsDone(done) => done.error,
            EventKind::ConnectDone(done) => done.error,
            EventKind::TlsHandshakeDone(done) => done.error,
            EventKind::AttemptEnd(end) => end.error,
            EventKind::CallEnd(end) => end.error,
            _ => continue,
        };
        assert_eq!(error.map(|error| error.kind()), Some(ErrorKind::Canceled));
    }
}

#[test]
fn events_show_no_userinfo() {
    let seen = Seen::default();
    let mut request = seen.request();
    let call = Call::start(&mut request);
    let attempt = Attempt::start(&request);
    let uri = request.uri().clone();
    call.redirected(http::StatusCode::FOUND, &uri, &uri);
    drop((attempt, call));
    let shown = format!("{:?}", seen.events());
    assert!(
        shown.contains("host/path") && !shown.contains("secret"),
        "{shown}"
    );
}

#[test]
fn attempts_are_counted_over_redirects_retries_and_layers() {
    let seen = Seen::default();
    let mut request = seen.request();
    let call = Call::start(&mut request);
    drop(Attempt::start(&request));
    drop(Attempt::retry(&request, RetryReason::ConnectionLost));
    let mut hop = Request::new(());
    call.mark_redirect(&mut hop);
    drop(Attempt::start(&hop));
    drop(Attempt::start(&hop));
    assert_eq!(
        seen.reasons(),
        [
            (Some(0), AttemptReason::First),
            (Some(1), AttemptReason::Retry(RetryReason::ConnectionLost)),
            (Some(2), AttemptReason::Redirect),
            (Some(3), AttemptReason::Retry(RetryReason::Layer)),
        ]
    );
}

#[test]
fn a_request_that_stays_with_its_call_needs_no_mark() {
    let seen = Seen::default();
    let request = seen.request();
    let call = Call::start_with(&request, None, std::time::Instant::now);
    assert!(!Call::is_marked(&request));
    drop(call.attempt(&request, AttemptReason::First));
    let retry = AttemptReason::Retry(RetryReason::ConnectionLost);
    let attempt = call.attempt(&request, retry);
    assert_eq!(attempt.emitter().call(), call.emitter().call());
    drop(attempt);
    let mut hop = Request::new(());
    call.mark_redirect(&mut hop);
    drop(Attempt::start(&hop));
    assert_eq!(
        seen.reasons(),
        [
            (Some(0), AttemptReason::First),
            (Some(1), retry),
            (Some(2), AttemptReason::Redirect),
        ]
    );
}

#[test]
fn a_trace_that_the_call_has_already_joins_it_no_second_time() {
    let (own, clients) = (Seen::default(), Seen::default());
    let (trace, client_trace) = (own.trace(), clients.trace());
    let mut request = Request::new(()).trace(trace.clone());
    let call = Call::start_with(&request, Some(&client_trace), std::time::Instant::now);
    call.mark(&mut request);
    drop(Attempt::start(&request.trace(client_trace)));
    drop(call);
    let all = "call_start attempt_start attempt_end call_end";
    assert_eq!((own.names(), clients.names()), (all.into(), all.into()));
}

#[test]
fn a_trace_that_a_layer_attaches_joins_the_call() {
    let (own, layers) = (Seen::default(), Seen::default());
    let mut request = own.request();
    let call = Call::start(&mut request);
    let request = request.trace(layers.trace());
    let attempt = Attempt::start(&request);
    attempt.emitter().emit(|| GotConn::new(false, false));
    drop((attempt, call));
    assert_eq!(layers.names(), "attempt_start got_conn attempt_end");
    assert_eq!(
        own.names(),
        "call_start attempt_start got_conn attempt_end call_end"
    );
    assert_eq!(layers.events()[0].call, own.events()[0].call);
}

#[test]
fn a_transport_that_counts_no_attempts_finds_call_and_attempt_in_the_request() {
    let seen = Seen::default();
    let mut request = seen.request();
    let call = Call::start(&mut request);
    let emitter = Emitter::of(&request);
    assert_eq!(
        (emitter.call(), emitter.attempt()),
        (call.emitter().call(), Some(0))
    );
    drop(call);
    let alone = Emitter::of(&seen.request());
    assert_eq!((alone.call(), alone.attempt()), (None, None));
}

#[test]
fn ids_are_never_given_twice() {
    let seen = Seen::default();
    let mut ids: Vec<_> = (0..3)
        .map(|_| {
            let mut request = seen.request();
            Call::start(&mut request).emitter().call().unwrap()
        })
        .collect();
    ids.dedup();
    assert_eq!(ids.len(), 3);
    assert!(ids.is_sorted());
}

#[test]
fn why_a_call_was_given_up_is_told_of_attempts_with_hooks_of_a_layer_too() {
    let seen = Seen::default();
    let mut request = seen.request();
    let call = Call::start(&mut request);
    let layer = ClientTrace::new().on_event(|_| {});
    let attempt = Attempt::start(&request.trace(layer));
    call.give_up(EventError::new(ErrorKind::Timeout, "too long"));
    drop(attempt);
    let kinds: Vec<_> = seen
        .events()
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::AttemptEnd(end) => end.error.as_ref().map(|error| error.kind()),
            _ => None,
        })
        .collect();
    assert_eq!(kinds, [ErrorKind::Timeout]);
}
