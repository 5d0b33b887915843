//! Whose hooks are called: the request's, the scope's, the client's, in this order; and none at all.

mod rig;

use std::sync::{Arc, Mutex};

use http::Request;
use httptrace::info::AttemptReason;
use httptrace::{ClientTrace, Event, EventKind, EventName, RequestExt, Timeline};
use httptrace_client::{Body, Client, Transport};
use httptrace_test::{Checker, DuplexPeer, Peer};
use rig::{HELLO, closings, fetch, get_url, in_memory, soon};
use tower_service::Service;

const URL: &str = "http://example.com/";

fn hello_peer() -> Arc<DuplexPeer> {
    Arc::new(DuplexPeer::new().every_conn(|c| c.client_may_leave().repeat_exchange(HELLO)))
}

/// Who was called, in order.
type Log = Arc<Mutex<Vec<&'static str>>>;

/// A trace that writes its name down when a connection was had.
fn named(log: &Log, name: &'static str) -> ClientTrace {
    let log = Arc::clone(log);
    ClientTrace::new().on_got_conn(move |_| log.lock().unwrap().push(name))
}

fn plain(url: &str) -> Request<Body> {
    Request::get(url).body(Body::empty()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn newer_traces_come_first_then_the_scopes_then_the_clients() {
    let log = Log::default();
    let chosen = named(&log, "chosen");
    let client = in_memory(&hello_peer())
        .trace(named(&log, "client"))
        .trace_with(move |_| Some(chosen.clone()))
        .build();
    let request = plain(URL)
        .trace(named(&log, "older"))
        .trace(named(&log, "newer"));
    let inner = named(&log, "inner").scope(fetch(&client, request));
    named(&log, "outer").scope(inner).await.unwrap();
    let called = log.lock().unwrap().clone();
    assert_eq!(
        called,
        ["newer", "older", "inner", "outer", "chosen", "client"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_trace_that_is_in_several_places_is_called_once() {
    let checker = Checker::new();
    let client = in_memory(&hello_peer()).trace(checker.trace()).build();
    let request = plain(URL).trace(checker.trace());
    checker
        .trace()
        .scope(fetch(&client, request))
        .await
        .unwrap();
    assert_eq!(checker.count(EventName::CallStart), 1);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_trace_is_chosen_by_the_request() {
    let (a, own) = (Checker::new(), Checker::new());
    let chosen = a.trace();
    let client = in_memory(&hello_peer())
        .trace(own.trace())
        .trace_with(move |parts| (parts.uri.path() == "/a").then(|| chosen.clone()))
        .build();
    for path in ["/a", "/b"] {
        fetch(&client, plain(&format!("http://example.com{path}")))
            .await
            .unwrap();
    }
    assert_eq!(a.count(EventName::CallEnd), 1);
    assert_eq!(own.count(EventName::CallEnd), 2);
    // Idle connections are the client's own trace's business alone.
    drop(client);
    assert!(closings(&a).is_empty());
    assert_eq!(closings(&own), [("client_dropped", None)]);
    a.finish().await;
    own.finish().await;
}

#[tokio::test(start_paused = true)]
async fn without_any_trace_everything_works_alike() {
    let moved = "HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n";
    let hint = "HTTP/1.1 103 Early Hints\r\n\r\n";
    let peer = Arc::new(DuplexPeer::new().conn(|c| {
        let hop = c.exchange(moved).exchange(format!("{hint}{HELLO}"));
        hop.expect_head()
            .expect_chunked_body()
            .send(HELLO)
            .client_may_leave()
    }));
    let client = in_memory(&peer).build();
    assert_eq!(fetch(&client, plain(URL)).await.unwrap(), "hello");
    let upload = Request::put(URL).body(rig::pieces(3, 4).body()).unwrap();
    assert_eq!(soon(fetch(&client, upload)).await.unwrap(), "hello");
    assert_eq!(peer.accepted(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_request_made_in_a_spawned_task_is_outside_the_scope() {
    let client = in_memory(&hello_peer()).build();
    let (inside, outside) = (Checker::new(), Checker::new());
    let nested = async {
        let (client, request) = (client.clone(), get_url(URL, &outside));
        tokio::spawn(async move { fetch(&client, request).await })
            .await
            .unwrap()
    };
    inside.trace().scope(nested).await.unwrap();
    assert!(inside.names().is_empty());
    assert_eq!(outside.count(EventName::CallEnd), 1);
    outside.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_service_captures_the_scope_in_which_it_is_called() {
    let mut client = in_memory(&hello_peer()).build();
    let checker = Checker::new();
    let mut future = None;
    let calling = async {
        future = Some(client.call(plain(URL)));
    };
    checker.trace().scope(calling).await;
    // Polled outside.
    let response = future.unwrap().await.unwrap();
    response.into_body().bytes().await.unwrap();
    assert_eq!(checker.count(EventName::CallEnd), 1);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_dial_that_is_still_on_its_way_is_told_to_whoever_started_it() {
    let peer = hello_peer();
    let client = in_memory(&peer).build();
    let (first, second) = (Checker::new(), Checker::new());
    rig::AtMost::polls(1, fetch(&client, get_url(URL, &first))).await;
    fetch(&client, get_url(URL, &second)).await.unwrap();
    assert_eq!(first.count(EventName::ConnectDone), 1);
    first.finish().await;
    second.finish().await;
}

#[tokio::test(start_paused = true)]
async fn on_timeline_is_called_once_at_the_end_of_the_call() {
    let moved = "HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n";
    let peer =
        Arc::new(DuplexPeer::new().conn(|c| c.exchange(moved).exchange(HELLO).client_may_leave()));
    let client = in_memory(&peer).build();
    let timelines: Arc<Mutex<Vec<Timeline>>> = Arc::default();
    let trace = ClientTrace::new().on_timeline({
        let timelines = Arc::clone(&timelines);
        move |timeline: &Timeline| timelines.lock().unwrap().push(timeline.clone())
    });
    let checker = Checker::new();
    let response = client
        .send(get_url(URL, &checker).trace(trace))
        .await
        .unwrap();
    assert!(timelines.lock().unwrap().is_empty(), "the call is not over");
    response.into_body().bytes().await.unwrap();
    drop(client);
    {
        let timelines = timelines.lock().unwrap();
        assert_eq!(timelines.len(), 1);
        assert!(timelines[0].complete);
        assert_eq!(timelines[0].attempts.len(), 2);
    }
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_failed_call_and_a_dropped_one_have_timelines_too() {
    let peer =
        Arc::new(DuplexPeer::new().every_conn(|c| c.client_may_leave().expect_head().close()));
    let client = in_memory(&peer).build();
    let count = Arc::new(Mutex::new(0));
    let trace = || {
        let count = Arc::clone(&count);
        ClientTrace::new().on_timeline(move |_: &Timeline| *count.lock().unwrap() += 1)
    };
    fetch(&client, plain(URL).trace(trace())).await.unwrap_err();
    assert_eq!(*count.lock().unwrap(), 1);
    rig::AtMost::polls(1, fetch(&client, plain(URL).trace(trace()))).await;
    assert_eq!(*count.lock().unwrap(), 2);
}

#[tokio::test]
async fn calls_and_connections_are_counted_on_and_every_event_of_a_call_names_it() {
    let peer = Peer::loopback().every_conn(|c| c.client_may_leave().repeat_exchange(HELLO));
    let client = Client::new();
    let checker = Checker::new();
    for _ in 0..2 {
        fetch(&client, rig::get(&peer, "/", &checker))
            .await
            .unwrap();
    }
    let events: Vec<Event> = checker.finish().await;
    let mut calls: Vec<_> = events.iter().map(|event| event.call.unwrap()).collect();
    assert!(calls.is_sorted());
    calls.dedup();
    assert_eq!(calls.len(), 2);
    for event in &events {
        let of_call = matches!(event.name(), EventName::CallStart | EventName::CallEnd);
        assert_eq!(event.attempt.is_none(), of_call, "{event:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_transport_alone_makes_calls_of_its_own() {
    fn transport_of(builder: httptrace_client::ClientBuilder) -> Transport {
        let slot: Arc<Mutex<Option<Transport>>> = Arc::default();
        let taken = Arc::clone(&slot);
        builder
            .layer(tower_layer::layer_fn(move |transport: Transport| {
                *taken.lock().unwrap() = Some(transport.clone());
                transport
            }))
            .build();
        slot.lock().unwrap().take().unwrap()
    }

    let moved = "HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n";
    let peer = Arc::new(DuplexPeer::new().every_conn(|c| c.exchange(moved).client_may_leave()));
    let (own, checker) = (Checker::new(), Checker::new());
    let mut transport = transport_of(in_memory(&peer).trace(own.trace()));
    let response = transport.call(get_url(URL, &checker)).await.unwrap();
    assert_eq!(response.status(), 302);
    drop(response);
    for checker in [own, checker] {
        let reasons = checker.pick(|kind| match kind {
            EventKind::AttemptStart(start) => Some(start.reason),
            _ => None,
        });
        assert_eq!(reasons, [AttemptReason::First]);
        assert_eq!(checker.count(EventName::CallEnd), 1);
        checker.finish().await;
    }
}
