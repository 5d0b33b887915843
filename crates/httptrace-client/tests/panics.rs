//! Hooks that panic: contained, reported once, and silent for the rest of the call.

mod rig;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use httptrace::{ClientTrace, Event, EventKind, EventName, RequestExt};
use httptrace_test::{Checker, DuplexPeer};
use rig::{HELLO, fetch, get_url, in_memory, soon};

const URL: &str = "http://example.com/";

fn hello_peer() -> Arc<DuplexPeer> {
    Arc::new(DuplexPeer::new().every_conn(|c| c.client_may_leave().repeat_exchange(HELLO)))
}

/// A hook that panics whenever it is called, and counts how often.
fn panicking(calls: &Arc<AtomicUsize>) -> ClientTrace {
    let calls = Arc::clone(calls);
    ClientTrace::new().on_event(move |event: &Event| {
        // What is being tested must not show in the test's output.
        calls.fetch_add(1, Ordering::SeqCst);
        std::panic::resume_unwind(Box::new(format!("at {}", event.name())));
    })
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_reported_once_and_the_hook_is_off_for_the_rest_of_the_call() {
    let client = in_memory(&hello_peer()).build();
    let (checker, calls) = (Checker::new(), Arc::new(AtomicUsize::new(0)));
    let request = get_url(URL, &checker).trace(panicking(&calls));
    assert_eq!(soon(fetch(&client, request)).await.unwrap(), "hello");
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    let reported = checker.pick(|kind| match kind {
        EventKind::HookPanicked(info) => Some((info.event, info.message.clone())),
        _ => None,
    });
    assert_eq!(
        reported,
        [(EventName::CallStart, Some("at call_start".into()))]
    );
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn wherever_a_hook_panics_the_request_is_answered_and_the_pool_is_whole() {
    for name in EventName::ALL.iter().copied() {
        let peer = hello_peer();
        let checker = Checker::new();
        let client = in_memory(&peer).max_conns_per_host(1).build();
        let hook = ClientTrace::new().on_event(move |event: &Event| {
            if event.name() == name {
                std::panic::resume_unwind(Box::new("it"));
            }
        });
        for _ in 0..2 {
            let request = get_url(URL, &checker).trace(hook.clone());
            assert_eq!(soon(fetch(&client, request)).await.unwrap(), "hello");
        }
        let panics = checker.count(EventName::HookPanicked);
        // A connection is dialed by the first call alone.
        let expected = checker.count(name).min(2);
        if name != EventName::HookPanicked {
            assert_eq!(panics, expected, "{name}");
        }
        assert_eq!(peer.accepted(), 1);
        checker.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_next_call_calls_the_hook_again() {
    let client = in_memory(&hello_peer()).build();
    let (checker, calls) = (Checker::new(), Arc::new(AtomicUsize::new(0)));
    let hook = panicking(&calls);
    for _ in 0..3 {
        let request = get_url(URL, &checker).trace(hook.clone());
        soon(fetch(&client, request)).await.unwrap();
    }
    assert_eq!(calls.load(Ordering::SeqCst), 3);
    assert_eq!(checker.count(EventName::HookPanicked), 3);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_hook_that_decides_is_no_decision() {
    let hinted = format!("HTTP/1.1 103 Early Hints\r\n\r\n{HELLO}");
    let peer = Arc::new(DuplexPeer::new().conn(|c| c.exchange(hinted).client_may_leave()));
    let client = in_memory(&peer).build();
    let checker = Checker::new();
    let hook = ClientTrace::new()
        .on_got_1xx_response(|_| std::panic::resume_unwind(Box::new("undecided")));
    let request = get_url(URL, &checker).trace(hook);
    assert_eq!(soon(fetch(&client, request)).await.unwrap(), "hello");
    assert_eq!(checker.count(EventName::HookPanicked), 1);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn the_clients_own_trace_is_told_of_panics_in_a_requests_hooks() {
    let own = Checker::new();
    let client = in_memory(&hello_peer()).trace(own.trace()).build();
    let calls = Arc::new(AtomicUsize::new(0));
    let request = http::Request::get(URL).trace(panicking(&calls));
    let request = request.body(httptrace_client::Body::empty()).unwrap();
    soon(fetch(&client, request)).await.unwrap();
    assert_eq!(own.count(EventName::HookPanicked), 1);
    own.finish().await;
}
