//! Hooks that go wrong: they harm nobody but themselves.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use http::{HeaderMap, Request, StatusCode};
use httptrace::info::{GetConn, Got1xxResponse};
use httptrace::{BoxError, Call, ClientTrace, Emitter, EventName, RequestExt};

fn call_with(trace: ClientTrace) -> Call {
    let request = Request::get("http://host/").trace(trace);
    Call::start(&mut request.body(()).unwrap())
}

#[test]
fn a_panicking_hook_is_reported_once_and_off_for_the_rest_of_the_call() {
    let calls = Arc::new(AtomicUsize::new(0));
    let reports = Arc::new(Mutex::new(Vec::new()));
    let (count, report) = (Arc::clone(&calls), Arc::clone(&reports));
    let others = Arc::new(AtomicUsize::new(0));
    let other = Arc::clone(&others);
    let trace = ClientTrace::new()
        .on_get_conn(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
            panic!("my own fault");
        })
        .on_get_conn(move |_| {
            other.fetch_add(1, Ordering::Relaxed);
        })
        .on_hook_panicked(move |info| report.lock().unwrap().push(info.clone()));

    let call = call_with(trace.clone());
    for _ in 0..3 {
        call.emitter().emit(|| GetConn::new("host:80"));
    }
    assert_eq!(
        (
            calls.load(Ordering::Relaxed),
            others.load(Ordering::Relaxed)
        ),
        (1, 3)
    );
    let told = reports.lock().unwrap().clone();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].event, EventName::GetConn);
    assert_eq!(told[0].message.as_deref(), Some("my own fault"));

    call_with(trace).emitter().emit(|| GetConn::new("host:80"));
    assert_eq!(
        calls.load(Ordering::Relaxed),
        2,
        "another call asks it again"
    );
}

#[test]
fn a_hook_that_panics_about_panics_ends_there() {
    let trace = ClientTrace::new()
        .on_get_conn(|_| panic!("first"))
        .on_hook_panicked(|_| panic!("second"));
    let call = call_with(trace);
    call.emitter().emit(|| GetConn::new("host:80"));
    call.emitter().emit(|| GetConn::new("host:80"));
}

#[test]
fn an_error_of_any_composed_1xx_hook_is_returned_and_all_are_asked() {
    let asked = Arc::new(AtomicUsize::new(0));
    let hook = |answer: Option<&'static str>| {
        let asked = Arc::clone(&asked);
        ClientTrace::new().on_got_1xx_response(move |_| {
            asked.fetch_add(1, Ordering::Relaxed);
            answer.map_or(Ok(()), |error| Err(BoxError::from(error)))
        })
    };
    for composed in [
        hook(Some("no")).compose(&hook(None)),
        hook(None).compose(&hook(Some("no"))),
    ] {
        asked.store(0, Ordering::Relaxed);
        let emitter = Emitter::for_trace(&composed, std::time::Instant::now);
        assert!(emitter.limits_1xx_responses());
        let verdict =
            emitter.emit_1xx(|| Got1xxResponse::new(StatusCode::EARLY_HINTS, HeaderMap::new()));
        assert_eq!(verdict.unwrap_err().to_string(), "no");
        assert_eq!(asked.load(Ordering::Relaxed), 2);
    }
}

#[test]
fn watching_1xx_responses_decides_nothing() {
    let trace = ClientTrace::new().on_event(|_| {});
    let emitter = Emitter::for_trace(&trace, std::time::Instant::now);
    assert!(!emitter.limits_1xx_responses());
    let verdict =
        emitter.emit_1xx(|| Got1xxResponse::new(StatusCode::EARLY_HINTS, HeaderMap::new()));
    assert!(verdict.is_ok());
}
