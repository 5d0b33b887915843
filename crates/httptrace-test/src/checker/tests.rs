use super::*;
use httptrace::info::{GetConn, GotConn};
use httptrace::{Attempt, Call, RequestExt};
use std::panic::{AssertUnwindSafe, catch_unwind};

fn request(trace: ClientTrace) -> http::Request<()> {
    let request = http::Request::get("http://example.com/").trace(trace);
    request.body(()).unwrap()
}

fn complaint_of(act: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(act)).unwrap_err();
    *panic.downcast::<String>().unwrap()
}

#[tokio::test]
async fn a_call_that_keeps_its_promises_passes() {
    let checker = Checker::new();
    let mut request = request(checker.trace());
    let call = Call::start(&mut request);
    let attempt = Attempt::start(&request);
    attempt.emitter().emit(|| GetConn::new("example.com:80"));
    attempt.done(|end| end);
    call.done(|end| end);
    assert_eq!(checker.side(Side::Caller).len(), 5);
    assert_eq!(
        checker.attempt(0),
        ["attempt_start", "get_conn", "attempt_end"]
    );
    assert_eq!(checker.finish().await.len(), 5);
}

#[tokio::test(start_paused = true)]
async fn finish_fails_the_test_when_something_stays_open() {
    let checker = Checker::new();
    let mut request = request(checker.trace());
    let call = Call::start(&mut request);
    let finished = tokio::spawn(checker.finish()).await;
    let panic = finished.unwrap_err().into_panic();
    let text = panic.downcast_ref::<String>().unwrap();
    assert!(text.contains("call_start has no done"), "{text}");
    call.done(|end| end);
}

#[tokio::test]
async fn finish_waits_for_a_dial_in_the_background() {
    let checker = Checker::new();
    let mut request = request(checker.trace());
    let call = Call::start(&mut request);
    let attempt = Attempt::start(&request);
    let dns = attempt.emitter().dns_start("example.com");
    attempt.done(|end| end);
    call.done(|end| end);
    let finished = tokio::spawn(checker.finish());
    tokio::task::yield_now().await;
    assert!(!finished.is_finished());
    dns.done(|done| done);
    assert_eq!(finished.await.unwrap().len(), 6);
}

#[test]
fn dropping_the_checker_checks_too() {
    let checker = Checker::new();
    let mut request = request(checker.trace());
    let call = Call::start(&mut request);
    let attempt = Attempt::start(&request);
    attempt.emitter().emit(|| GotConn::new(false, false));
    attempt.done(|end| end);
    call.done(|end| end);
    let text = complaint_of(|| drop(checker));
    assert!(
        text.contains("got_conn without get_conn before it"),
        "{text}"
    );
    assert!(text.contains("GotConn has no connection id"), "{text}");
}

#[test]
fn a_dial_still_open_at_drop_is_excused_but_an_open_call_is_not() {
    let checker = Checker::new();
    let mut first = request(checker.trace());
    let call = Call::start(&mut first);
    let dns = call.emitter().dns_start("example.com");
    call.done(|end| end);
    drop(checker);
    drop(dns);

    let checker = Checker::new();
    let mut second = request(checker.trace());
    let call = Call::start(&mut second);
    let text = complaint_of(|| drop(checker));
    assert!(text.contains("call_start has no done"), "{text}");
    drop(call);
}

#[tokio::test]
async fn a_checker_on_the_request_and_on_the_client_counts_each_event_once() {
    let checker = Checker::new();
    let request = request(checker.trace());
    let own = checker.trace();
    let call = Call::start_with(&request, Some(&own), std::time::Instant::now);
    call.done(|end| end);
    assert_eq!(checker.names(), ["call_start", "call_end"]);
    checker.finish().await;
}

#[tokio::test]
async fn waiting_for_an_event_returns_it_when_it_happens() {
    let checker = Checker::new();
    let mut request = request(checker.trace());
    let waiting = checker.wait_for(EventName::CallEnd);
    let calling = async {
        let call = Call::start(&mut request);
        tokio::task::yield_now().await;
        call.done(|end| end);
    };
    let (event, ()) = tokio::join!(waiting, calling);
    assert_eq!(event.name(), EventName::CallEnd);
    assert_eq!(checker.count(EventName::CallEnd), 1);
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "got_conn number 1 did not happen")]
async fn waiting_in_vain_fails_the_test() {
    Checker::new().wait_for(EventName::GotConn).await;
}
