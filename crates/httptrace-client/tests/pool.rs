//! Connections between requests: reused, waited for, handed over, closed, and who is told of it.

mod rig;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use httptrace::{ClientTrace, ConnectionId, Emitter, Event, EventKind, EventName};
use httptrace_client::{
    Body, Client, ClientBuilder, Connect, ConnectTarget, Connected, Connecting,
};
use httptrace_test::{Checker, DuplexPeer, Leaks, Peer, RefusingAddr, TestCa};
use rig::{
    HELLO, NO_CONTENT, closings, fetch, get, get_url, in_memory, reuses, soon, trusting, words,
};
use tokio::sync::Semaphore;
use tokio::time::sleep;

const URL: &str = "http://example.com/";

/// A peer in memory that answers whatever comes.
fn hello_peer() -> Arc<DuplexPeer> {
    Arc::new(DuplexPeer::new().every_conn(|c| c.client_may_leave().repeat_exchange(HELLO)))
}

/// The connections that were had, in order.
fn connections(checker: &Checker) -> Vec<Option<ConnectionId>> {
    let events = checker.events();
    let got = events.iter().filter(|e| e.name() == EventName::GotConn);
    got.map(|event| event.connection).collect()
}

/// What `PutIdleConn` said, in order.
fn puts(checker: &Checker) -> Vec<Option<&'static str>> {
    checker.pick(|kind| match kind {
        EventKind::PutIdleConn(info) => Some(info.error.map(|error| error.as_str())),
        _ => None,
    })
}

/// A connector that makes as many connections as there are permits, and lets the others wait.
struct Gated {
    peer: Arc<DuplexPeer>,
    permits: Arc<Semaphore>,
}

impl Connect for Gated {
    fn connect(&self, target: &ConnectTarget<'_>, emitter: &Emitter) -> Connecting {
        let address = httptrace::info::Address::Other(target.host().into());
        let guard = emitter.connect_start(&address, 0);
        let (peer, permits) = (Arc::clone(&self.peer), Arc::clone(&self.permits));
        Box::pin(async move {
            permits.acquire().await.expect("it stays open").forget();
            guard.done(|done| done);
            Ok(Connected::new(peer.connect()))
        })
    }
}

fn gated(peer: &Arc<DuplexPeer>, permits: usize) -> (ClientBuilder, Arc<Semaphore>) {
    let permits = Arc::new(Semaphore::new(permits));
    let connector = Gated {
        peer: Arc::clone(peer),
        permits: Arc::clone(&permits),
    };
    (Client::builder().connector(connector), permits)
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_used_again() {
    let peer = hello_peer();
    let client = in_memory(&peer).build();
    let checker = Checker::new();
    for _ in 0..3 {
        fetch(&client, get_url(URL, &checker)).await.unwrap();
    }
    assert_eq!(reuses(&checker), [false, true, true]);
    let ids = connections(&checker);
    assert!(ids[0].is_some() && ids.iter().all(|id| *id == ids[0]));
    assert_eq!(peer.accepted(), 1);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn hosts_ports_and_schemes_do_not_share_connections() {
    let peer = hello_peer();
    let client = in_memory(&peer).build();
    let checker = Checker::new();
    for url in ["http://a/", "http://b/", "http://a:81/", "http://a:80/"] {
        fetch(&client, get_url(url, &checker)).await.unwrap();
    }
    assert_eq!(reuses(&checker), [false, false, false, true]);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn the_connection_that_was_put_last_is_taken_first() {
    let peer = hello_peer();
    let client = in_memory(&peer).build();
    let (held, other, next) = (Checker::new(), Checker::new(), Checker::new());
    let response = client.send(get_url(URL, &held)).await.unwrap();
    fetch(&client, get_url(URL, &other)).await.unwrap();
    response.into_body().bytes().await.unwrap();
    fetch(&client, get_url(URL, &next)).await.unwrap();
    assert_eq!(connections(&next), connections(&held));
    assert_ne!(connections(&next), connections(&other));
    for checker in [held, other, next] {
        checker.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_dials_is_served_by_whichever_connection_comes_first() {
    let peer = hello_peer();
    let (builder, permits) = gated(&peer, 1);
    let client = builder.build();
    let (first, second, third) = (Checker::new(), Checker::new(), Checker::new());

    let held = client.send(get_url(URL, &first)).await.unwrap();
    let waiting = tokio::spawn({
        let (client, request) = (client.clone(), get_url(URL, &second));
        async move { fetch(&client, request).await }
    });
    let dial = second.wait_for(EventName::ConnectStart).await.connection;
    held.into_body().bytes().await.unwrap();
    assert_eq!(soon(waiting).await.unwrap().unwrap(), "hello");

    // The first one's connection served it, handed over without a rest in the pool.
    assert_eq!(connections(&second), connections(&first));
    let got = second.pick(|kind| match kind {
        EventKind::GotConn(info) => Some((info.reused, info.was_idle)),
        _ => None,
    });
    assert_eq!(got, [(true, false)]);
    assert_eq!(second.count(EventName::ConnectDone), 0);

    // Its dial goes on in the background, on its trace, and the connection is kept.
    permits.add_permits(1);
    let done = second.wait_for(EventName::ConnectDone).await;
    assert_eq!(done.connection, dial);
    fetch(&client, get_url(URL, &third)).await.unwrap();
    assert_eq!(connections(&third), [dial]);
    assert_eq!(third.count(EventName::ConnectStart), 0);
    let got = third.pick(|kind| match kind {
        EventKind::GotConn(info) => Some((info.reused, info.was_idle)),
        _ => None,
    });
    // Idle it was, but it had carried no request.
    assert_eq!(got, [(false, true)]);
    for checker in [first, second, third] {
        checker.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn requests_beyond_the_limit_are_served_in_the_order_in_which_they_came() {
    let peer = hello_peer();
    let client = in_memory(&peer).max_conns_per_host(1).build();
    let checker = Checker::new();
    let held = client.send(get_url(URL, &checker)).await.unwrap();
    let mut waiting = Vec::new();
    for n in 2..=5 {
        let (client, request) = (client.clone(), get_url(URL, &checker));
        waiting.push(tokio::spawn(async move { fetch(&client, request).await }));
        checker.wait_for_nth(EventName::GetConn, n).await;
    }
    assert_eq!(checker.count(EventName::GotConn), 1);
    held.into_body().bytes().await.unwrap();
    for request in waiting {
        soon(request).await.unwrap().unwrap();
    }
    let events = checker.finish().await;
    let calls = |name| -> Vec<_> {
        let named = events.iter().filter(|event| event.name() == name);
        named.map(|event| event.call).collect()
    };
    assert_eq!(calls(EventName::GotConn), calls(EventName::CallStart));
    assert_eq!(peer.accepted(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_closes_makes_room_for_the_next_dial() {
    let goodbye = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello";
    let peer = Arc::new(DuplexPeer::new().every_conn(|c| c.exchange(goodbye).client_may_leave()));
    let client = in_memory(&peer).max_conns_per_host(1).build();
    let checker = Checker::new();
    let requests = (0..4).map(|_| {
        let (client, request) = (client.clone(), get_url(URL, &checker));
        tokio::spawn(async move { fetch(&client, request).await })
    });
    for request in requests.collect::<Vec<_>>() {
        assert_eq!(soon(request).await.unwrap().unwrap(), "hello");
    }
    assert_eq!(peer.accepted(), 4);
    assert_eq!(closings(&checker), [("response_said_close", None); 4]);
    checker.finish().await;
}

#[tokio::test]
async fn a_dial_that_fails_makes_room_for_the_next() {
    let refusing = RefusingAddr::loopback();
    let client = Client::builder().max_conns_per_host(1).build();
    let checker = Checker::new();
    let url = format!("http://{}/", refusing.addr());
    let requests = (0..3).map(|_| {
        let (client, request) = (client.clone(), get_url(&url, &checker));
        tokio::spawn(async move { fetch(&client, request).await })
    });
    for request in requests.collect::<Vec<_>>() {
        let error = soon(request).await.unwrap().unwrap_err();
        assert!(error.is_connect(), "{error}");
    }
    assert_eq!(checker.count(EventName::ConnectStart), 3);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn the_sweep_closes_what_has_been_idle_for_too_long() {
    let peer = hello_peer();
    let own = Checker::new();
    let limit = Duration::from_secs(5);
    let client = in_memory(&peer)
        .idle_timeout(limit)
        .trace(own.trace())
        .build();
    fetch(&client, get_url(URL, &Checker::new())).await.unwrap();
    sleep(Duration::from_millis(4900)).await;
    assert_eq!(peer.open(), 1);
    sleep(Duration::from_millis(1200)).await;
    assert_eq!(closings(&own), [("idle_timeout", Some("sweep"))]);
    assert_eq!(peer.open(), 0);
    own.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_past_its_time_is_not_taken() {
    let peer = hello_peer();
    let own = Checker::new();
    let limit = Duration::from_millis(400);
    let client = in_memory(&peer)
        .idle_timeout(limit)
        .trace(own.trace())
        .build();
    let (one, two) = (Checker::new(), Checker::new());
    fetch(&client, get_url(URL, &one)).await.unwrap();
    sleep(Duration::from_millis(400)).await;
    fetch(&client, get_url(URL, &two)).await.unwrap();
    assert_eq!(closings(&own), [("idle_timeout", Some("checkout"))]);
    assert_eq!(reuses(&two), [false]);
    // What happens to an idle connection is no request's business.
    assert!(closings(&one).is_empty() && closings(&two).is_empty());
    for checker in [own, one, two] {
        checker.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_limit_a_connection_is_idle_for_days() {
    let peer = hello_peer();
    let client = in_memory(&peer).idle_timeout(None).build();
    let checker = Checker::new();
    fetch(&client, get_url(URL, &checker)).await.unwrap();
    sleep(Duration::from_secs(3 * 86_400)).await;
    fetch(&client, get_url(URL, &checker)).await.unwrap();
    assert_eq!(reuses(&checker), [false, true]);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn the_oldest_idle_connection_goes_for_a_new_one() {
    let peer = hello_peer();
    let own = Checker::new();
    let client = in_memory(&peer).max_idle(2).trace(own.trace()).build();
    let ids = Checker::new();
    for host in ["a", "b", "c"] {
        let url = format!("http://{host}/");
        fetch(&client, get_url(&url, &ids)).await.unwrap();
    }
    assert_eq!(closings(&own), [("max_idle", None)]);
    let events = own.events();
    let closed = events.iter().find(|e| e.name() == EventName::ConnClosed);
    assert_eq!(closed.unwrap().connection, connections(&ids)[0]);
    fetch(&client, get_url("http://b/", &ids)).await.unwrap();
    fetch(&client, get_url("http://c/", &ids)).await.unwrap();
    assert_eq!(reuses(&ids), [false, false, false, true, true]);
    own.finish().await;
    ids.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_host_with_enough_idle_connections_keeps_no_more() {
    let peer = hello_peer();
    let client = in_memory(&peer).max_idle_per_host(1).build();
    let (one, two) = (Checker::new(), Checker::new());
    let held = client.send(get_url(URL, &one)).await.unwrap();
    fetch(&client, get_url(URL, &two)).await.unwrap();
    held.into_body().bytes().await.unwrap();
    assert_eq!(puts(&two), [None]);
    assert_eq!(puts(&one), [Some("too_many_idle_for_host")]);
    assert_eq!(closings(&one), [("max_idle_per_host", None)]);
    one.finish().await;
    two.finish().await;
}

#[tokio::test(start_paused = true)]
async fn closing_idle_connections_closes_them_and_those_in_use_when_they_come_back() {
    let peer = hello_peer();
    let own = Checker::new();
    let client = in_memory(&peer).trace(own.trace()).build();
    let (used, idle) = (Checker::new(), Checker::new());
    let held = client.send(get_url(URL, &used)).await.unwrap();
    fetch(&client, get_url(URL, &idle)).await.unwrap();
    client.close_idle_connections();
    assert_eq!(closings(&own), [("close_idle_connections", None)]);
    assert_eq!(held.into_body().text().await.unwrap(), "hello");
    assert_eq!(puts(&used), [Some("close_idle_connections")]);
    assert_eq!(closings(&used), [("close_idle_connections", None)]);
    sleep(Duration::from_millis(1)).await;
    assert_eq!(peer.open(), 0);
    for checker in [own, used, idle] {
        checker.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_after_closing_idle_connections_lets_them_be_kept_again() {
    let peer = hello_peer();
    let client = in_memory(&peer).build();
    let (used, next) = (Checker::new(), Checker::new());
    let held = client.send(get_url(URL, &used)).await.unwrap();
    client.close_idle_connections();
    fetch(&client, get_url(URL, &next)).await.unwrap();
    held.into_body().bytes().await.unwrap();
    assert_eq!((puts(&used), puts(&next)), (vec![None], vec![None]));
    used.finish().await;
    next.finish().await;
}

#[tokio::test(start_paused = true)]
async fn closing_idle_connections_cancels_the_dials_that_nobody_waits_for() {
    let peer = hello_peer();
    let (builder, permits) = gated(&peer, 0);
    let client = builder.build();
    let (gone, waits) = (Checker::new(), Checker::new());
    rig::AtMost::polls(1, fetch(&client, get_url("http://gone/", &gone))).await;
    gone.wait_for(EventName::ConnectStart).await;
    let waiting = tokio::spawn({
        let (client, request) = (client.clone(), get_url("http://waits/", &waits));
        async move { fetch(&client, request).await }
    });
    waits.wait_for(EventName::ConnectStart).await;
    client.close_idle_connections();
    gone.wait_for(EventName::ConnectDone).await;
    permits.add_permits(2);
    assert_eq!(soon(waiting).await.unwrap().unwrap(), "hello");
    let errors = gone.pick(|kind| match kind {
        EventKind::ConnectDone(done) => Some(done.error.as_ref().map(|e| e.kind().as_str())),
        _ => None,
    });
    assert_eq!(errors, [Some("canceled")]);
    assert_eq!(peer.accepted(), 1);
    gone.finish().await;
    waits.finish().await;
}

#[tokio::test]
async fn a_dead_connection_is_found_at_checkout_and_costs_no_attempt() {
    let peer = Peer::loopback()
        .conn(|c| c.exchange(HELLO).wait_for("close").close())
        .conn(|c| c.exchange(HELLO).client_may_leave());
    let own = Checker::new();
    let client = Client::builder().trace(own.trace()).build();
    let (one, two) = (Checker::new(), Checker::new());
    fetch(&client, get(&peer, "/", &one)).await.unwrap();
    peer.raise("close");
    peer.wait_until_none_is_open().await;
    // A POST, which would not be tried again.
    let post = rig::request("POST", &peer, "/", &two, "");
    assert_eq!(fetch(&client, post).await.unwrap(), "hello");
    assert_eq!(closings(&own), [("peer_closed", Some("checkout"))]);
    assert_eq!(two.count(EventName::AttemptStart), 1);
    assert_eq!(reuses(&two), [false]);
    assert!(closings(&one).is_empty() && closings(&two).is_empty());
    for checker in [own, one, two] {
        checker.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_sweep_finds_connections_that_the_peer_has_closed() {
    let peer = Arc::new(DuplexPeer::new().conn(|c| c.exchange(HELLO).delay(100).close()));
    let own = Checker::new();
    let client = in_memory(&peer).trace(own.trace()).build();
    fetch(&client, get_url(URL, &Checker::new())).await.unwrap();
    sleep(Duration::from_millis(1100)).await;
    assert_eq!(closings(&own), [("peer_closed", Some("sweep"))]);
    own.finish().await;
}

#[tokio::test(start_paused = true)]
async fn bytes_that_nobody_asked_for_cost_the_connection() {
    let peer = Arc::new(
        DuplexPeer::new()
            .conn(|c| {
                c.exchange(HELLO)
                    .delay(10)
                    .send("HTTP/1.1 408 Request Timeout\r\n\r\n")
            })
            .conn(|c| c.exchange(HELLO)),
    );
    let own = Checker::new();
    let client = in_memory(&peer).trace(own.trace()).build();
    let checker = Checker::new();
    fetch(&client, get_url(URL, &checker)).await.unwrap();
    sleep(Duration::from_millis(20)).await;
    fetch(&client, get_url(URL, &checker)).await.unwrap();
    assert_eq!(closings(&own), [("unsolicited_response", Some("checkout"))]);
    assert_eq!(reuses(&checker), [false, false]);
    own.finish().await;
    checker.finish().await;
}

#[tokio::test]
async fn session_tickets_do_not_cost_an_idle_connection() {
    let ca = TestCa::new();
    let tls = ca.server(&["127.0.0.1"]).only_tls13().config();
    let peer =
        Peer::loopback().conn(|c| c.start_tls(tls).client_may_leave().repeat_exchange(HELLO));
    let client = trusting(&ca).build();
    let url = peer.url("/").replacen("http", "https", 1);
    let checker = Checker::new();
    for _ in 0..3 {
        fetch(&client, get_url(&url, &checker)).await.unwrap();
        // Long enough for the socket itself to be asked, and once for the sweep.
        sleep(Duration::from_millis(600)).await;
    }
    assert_eq!(reuses(&checker), [false, true, true]);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn without_keep_alives_requests_say_close_and_nothing_is_kept() {
    let peer = Arc::new(DuplexPeer::new().every_conn(|c| c.client_may_leave().exchange(HELLO)));
    let client = in_memory(&peer).keep_alives(false).build();
    let checker = Checker::new();
    for _ in 0..2 {
        fetch(&client, get_url(URL, &checker)).await.unwrap();
    }
    assert_eq!(reuses(&checker), [false, false]);
    assert!(puts(&checker).is_empty());
    let reasons: Vec<_> = closings(&checker)
        .iter()
        .map(|(reason, _)| *reason)
        .collect();
    assert_eq!(reasons, ["keep_alives_disabled"; 2]);
    for conn in &peer.report().conns {
        assert_eq!(conn.head(0).field("connection"), Some("close"));
    }
    checker.finish().await;
}

#[tokio::test]
async fn a_client_that_is_dropped_closes_its_idle_connections_and_cancels_its_dials() {
    let peer = Peer::loopback().conn(|c| c.client_may_leave().repeat_exchange(HELLO));
    let stalling = httptrace_test::StallingAddr::loopback();
    let leaks = Leaks::watch(&peer);
    let own = Checker::new();
    let client = Client::builder().trace(own.trace()).build();
    let (idle, dialing) = (Checker::new(), Checker::new());
    fetch(&client, get(&peer, "/", &idle)).await.unwrap();
    let url = format!("http://{}/", stalling.addr());
    rig::AtMost::polls(1, fetch(&client, get_url(&url, &dialing))).await;
    dialing.wait_for(EventName::ConnectStart).await;
    drop(client);
    assert_eq!(closings(&own), [("client_dropped", None)]);
    leaks.assert_none().await;
    for checker in [own, idle, dialing] {
        checker.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_response_outlives_its_client_and_its_connection_is_closed_after_it() {
    let peer = hello_peer();
    let leaks = Leaks::watch(&*peer);
    let checker = Checker::new();
    let client = in_memory(&peer).build();
    let response = client.send(get_url(URL, &checker)).await.unwrap();
    drop(client);
    assert_eq!(response.into_body().text().await.unwrap(), "hello");
    assert_eq!(closings(&checker), [("client_dropped", None)]);
    leaks.assert_none().await;
    checker.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hooks_may_call_back_into_the_client_at_every_event() {
    let peer = Peer::loopback().every_conn(|c| c.client_may_leave().repeat_exchange(HELLO));
    let slot: Arc<Mutex<Option<Client>>> = Arc::default();
    let trace = ClientTrace::new().on_event({
        let slot = Arc::clone(&slot);
        move |_: &Event| {
            let client = slot.lock().unwrap().clone();
            if let Some(client) = client {
                client.close_idle_connections();
                drop(format!("{client:?}"));
            }
        }
    });
    let client = Client::builder().trace(trace).max_conns_per_host(2).build();
    *slot.lock().unwrap() = Some(client.clone());
    let checker = Checker::new();
    let requests = (0..8).map(|_| {
        let (client, request) = (client.clone(), get(&peer, "/", &checker));
        tokio::spawn(async move { fetch(&client, request).await })
    });
    for request in requests.collect::<Vec<_>>() {
        assert_eq!(soon(request).await.unwrap().unwrap(), "hello");
    }
    *slot.lock().unwrap() = None;
    checker.finish().await;
}

#[tokio::test]
async fn a_hook_may_send_a_request_of_its_own() {
    let peer = Peer::loopback().every_conn(|c| c.client_may_leave().repeat_exchange(NO_CONTENT));
    let client = Client::new();
    let (outer, inner) = (Checker::new(), Checker::new());
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let sender = Mutex::new(Some(sender));
    let hook = ClientTrace::new().on_got_conn({
        let client = client.clone();
        let request = Mutex::new(Some(get(&peer, "/inner", &inner)));
        move |_| {
            let (client, request) = (client.clone(), request.lock().unwrap().take());
            let sender = sender.lock().unwrap().take();
            if let (Some(request), Some(sender)) = (request, sender) {
                tokio::spawn(async move {
                    let done = fetch(&client, request).await;
                    let _ = sender.send(done.is_ok());
                });
            }
        }
    });
    let request = httptrace::RequestExt::trace(get(&peer, "/outer", &outer), hook);
    fetch(&client, request).await.unwrap();
    assert!(soon(receiver).await.unwrap());
    outer.finish().await;
    inner.finish().await;
}

#[tokio::test]
async fn a_request_that_cannot_be_sent_costs_no_connection() {
    let peer = Peer::loopback().every_conn(|c| c.client_may_leave().repeat_exchange(NO_CONTENT));
    let client = Client::new();
    let checker = Checker::new();
    let mut bad = get(&peer, "/", &checker);
    let nonsense = http::HeaderValue::from_static("many");
    bad.headers_mut().insert("content-length", nonsense);
    let error = client.send(bad).await.unwrap_err();
    assert!(error.is_usage(), "{error}");
    let expected = "call_start attempt_start attempt_end call_end";
    assert_eq!(words(&checker), expected);
    assert_eq!(peer.accepted(), 0);
    checker.finish().await;
}

#[tokio::test]
async fn a_stream_of_requests_from_many_tasks_stays_within_the_limit() {
    let peer = Peer::loopback().every_conn(|c| c.client_may_leave().repeat_exchange(HELLO));
    let client = Client::builder().max_conns_per_host(3).build();
    let checker = Checker::new();
    let tasks = (0..20).map(|_| {
        let (client, checker_trace) = (client.clone(), checker.trace());
        let url = peer.url("/");
        tokio::spawn(async move {
            for _ in 0..5 {
                let request = http::Request::get(&url);
                let request = httptrace::RequestExt::trace(request, checker_trace.clone());
                let request = request.body(Body::empty()).unwrap();
                assert_eq!(fetch(&client, request).await.unwrap(), "hello");
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        soon(task).await.unwrap();
    }
    assert!(peer.accepted() <= 3 + puts(&checker).iter().flatten().count());
    assert_eq!(checker.count(EventName::CallEnd), 100);
    checker.finish().await;
}
