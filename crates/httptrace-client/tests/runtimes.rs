//! Tokio's runtimes: each flavor, several in turn, none.

mod rig;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use httptrace::EventName;
use httptrace_client::{Body, Client, ClientBuilder, Resolve, Resolved, Resolving};
use httptrace_test::{Checker, Peer, TestCa};
use rig::{AtMost, HELLO, closings, fetch, get, get_url, reuses, soon, trusting};
use tokio::runtime::{Builder, Runtime};

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn multi_thread() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

/// A peer on a runtime of its own, which is driven all the time.
fn peer_elsewhere(make: impl FnOnce() -> Peer) -> (Runtime, Peer) {
    let runtime = multi_thread();
    let peer = runtime.block_on(async { make() });
    (runtime, peer)
}

fn hello_peer() -> Peer {
    Peer::loopback().every_conn(|c| c.client_may_leave().repeat_exchange(HELLO))
}

/// One request, on a runtime, to its end.
fn ask(runtime: &Runtime, client: &Client, peer: &Peer, checker: &Checker) {
    let text = runtime.block_on(soon(fetch(client, get(peer, "/", checker))));
    assert_eq!(text.unwrap(), "hello");
}

#[test]
fn a_request_works_on_each_flavor() {
    let (_runtime, peer) = peer_elsewhere(hello_peer);
    for runtime in [current_thread(), multi_thread()] {
        let (client, checker) = (Client::new(), Checker::new());
        ask(&runtime, &client, &peer, &checker);
        ask(&runtime, &client, &peer, &checker);
        assert_eq!(reuses(&checker), [false, true]);
        runtime.block_on(checker.finish());
    }
}

#[test]
fn many_tasks_share_a_client_on_many_threads() {
    let (_elsewhere, peer) = peer_elsewhere(hello_peer);
    let (client, checker) = (Client::new(), Checker::new());
    let runtime = multi_thread();
    runtime.block_on(async {
        let tasks: Vec<_> = (0..50)
            .map(|_| {
                let (client, request) = (client.clone(), get(&peer, "/", &checker));
                tokio::spawn(async move { fetch(&client, request).await })
            })
            .collect();
        for task in tasks {
            assert_eq!(soon(task).await.unwrap().unwrap(), "hello");
        }
        checker.finish().await;
    });
}

#[test]
fn a_connection_of_a_runtime_that_stands_still_is_not_used_on_another() {
    let (_elsewhere, peer) = peer_elsewhere(hello_peer);
    let client = Client::new();
    // All are alive; only one at a time is driven.
    let runtimes = [current_thread(), current_thread(), current_thread()];
    let checker = Checker::new();
    for runtime in &runtimes {
        ask(runtime, &client, &peer, &checker);
    }
    assert_eq!(reuses(&checker), [false; 3]);
    // Back on the first, its own connection is there.
    ask(&runtimes[0], &client, &peer, &checker);
    assert_eq!(reuses(&checker), [false, false, false, true]);
    runtimes[0].block_on(checker.finish());
}

#[test]
fn the_limit_of_connections_is_no_trap_between_runtimes() {
    let (_elsewhere, peer) = peer_elsewhere(hello_peer);
    let client = Client::builder().max_conns_per_host(1).build();
    let runtimes = [current_thread(), current_thread()];
    let checker = Checker::new();
    for runtime in runtimes.iter().chain(&runtimes) {
        ask(runtime, &client, &peer, &checker);
    }
    runtimes[0].block_on(checker.finish());
}

#[test]
fn a_client_outlives_the_runtimes_it_was_used_on() {
    let (_elsewhere, peer) = peer_elsewhere(hello_peer);
    let client = Client::new();
    let checker = Checker::new();
    for _ in 0..3 {
        let runtime = current_thread();
        ask(&runtime, &client, &peer, &checker);
        drop(runtime);
    }
    assert_eq!(reuses(&checker), [false; 3]);
    drop(client);
    current_thread().block_on(checker.finish());
}

#[test]
fn a_dial_left_behind_on_a_runtime_that_stands_still_holds_nobody_up() {
    let ca = TestCa::new();
    let (_elsewhere, peer) = peer_elsewhere(|| {
        let tls = ca.server(&["slow.example"]).config();
        Peer::loopback().every_conn(|c| c.client_may_leave().start_tls(tls).repeat_exchange(HELLO))
    });
    let client = trusting(&ca).resolver(Slow).build();
    let url = format!("https://slow.example:{}/", peer.addr().port());
    let (gone, next) = (Checker::new(), Checker::new());

    // Its lookup and the set-up of TLS have begun when the runtime comes to a standstill.
    let still = current_thread();
    still.block_on(async {
        AtMost::polls(1, fetch(&client, get_url(&url, &gone))).await;
        gone.wait_for(EventName::DnsStart).await;
    });

    let driven = current_thread();
    let text = driven.block_on(soon(fetch(&client, get_url(&url, &next))));
    assert_eq!(text.unwrap(), "hello");
    drop(client);
    drop(still);
    driven.block_on(async {
        gone.finish().await;
        next.finish().await;
    });
}

/// A resolver that takes a while, on the runtime it is asked on.
struct Slow;

impl Resolve for Slow {
    fn resolve(&self, _host: &str) -> Resolving {
        Box::pin(async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            Ok(Resolved::from_iter([IpAddr::V4(Ipv4Addr::LOCALHOST)]))
        })
    }
}

#[test]
fn a_request_whose_runtime_is_dropped_ends_all_it_began() {
    let (_elsewhere, peer) = peer_elsewhere(|| {
        Peer::loopback().every_conn(|c| c.client_may_leave().expect_head().swallow())
    });
    let client = Client::builder().max_conns_per_host(1).build();
    let (dropped, next) = (Checker::new(), Checker::new());
    let runtime = current_thread();
    let task = runtime.spawn({
        let (client, request) = (client.clone(), get(&peer, "/", &dropped));
        async move { fetch(&client, request).await }
    });
    runtime.block_on(async { dropped.wait_for(EventName::WroteRequest).await });
    drop(runtime);
    assert_eq!(closings(&dropped), [("canceled", None)]);
    drop(task);
    current_thread().block_on(async {
        dropped.finish().await;
        let waiting = fetch(&client, get(&peer, "/", &next));
        AtMost::polls(1, waiting).await;
        drop(client);
        next.finish().await;
    });
}

#[test]
fn outside_a_runtime_there_is_a_clear_error() {
    let builders: [fn() -> ClientBuilder; 2] = [Client::builder, || {
        Client::builder().timeout(Duration::from_secs(1))
    }];
    for builder in builders {
        let client = builder().build();
        let request = http::Request::get("http://127.0.0.1:1/")
            .body(Body::empty())
            .unwrap();
        let mut future = Box::pin(client.send(request));
        let waker = std::task::Waker::noop();
        let polled = future
            .as_mut()
            .poll(&mut std::task::Context::from_waker(waker));
        let std::task::Poll::Ready(Err(error)) = polled else {
            panic!("it is no error");
        };
        assert!(error.is_usage(), "{error:?}");
        assert!(error.to_string().contains("no tokio runtime"), "{error}");
    }
}

#[test]
fn a_response_may_be_dropped_and_a_client_too_outside_any_runtime() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\nbegin";
    let (_elsewhere, peer) = peer_elsewhere(|| {
        Peer::loopback().every_conn(|c| c.client_may_leave().exchange(head).swallow())
    });
    let (client, checker) = (Client::new(), Checker::new());
    let runtime = current_thread();
    let response = runtime
        .block_on(client.send(get(&peer, "/", &checker)))
        .unwrap();
    drop(response);
    drop(client);
    assert_eq!(closings(&checker), [("body_dropped", None)]);
    runtime.block_on(checker.finish());
}

#[test]
fn a_response_may_be_read_on_another_thread_while_its_runtime_runs() {
    let (_elsewhere, peer) = peer_elsewhere(hello_peer);
    let (client, checker) = (Arc::new(Client::new()), Checker::new());
    let runtime = multi_thread();
    let (sender, receiver) = mpsc::channel();
    let request = get(&peer, "/", &checker);
    let sending = Arc::clone(&client);
    runtime.spawn(async move {
        let response = sending.send(request).await.unwrap();
        sender.send(response).unwrap();
    });
    let response = receiver.recv().unwrap();
    let text = current_thread().block_on(soon(response.into_body().text()));
    assert_eq!(text.unwrap(), "hello");
    runtime.block_on(checker.finish());
}
