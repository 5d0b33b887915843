//! HTTP/2 connections and who shares them: one dial for many, streams that are waited for, and how connections end.

mod rig;

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::future::join_all;
use httptrace::{Emitter, EventKind, EventName};
use httptrace_client::{
    Client, ClientBuilder, Connect, ConnectTarget, Connected, Connecting, Error,
};
use httptrace_test::http2::{Response, Service};
use httptrace_test::{Checker, DuplexPeer, Leaks, Peer, TestCa};
use rig::{AtMost, HELLO, closings, fetch, get_url, in_memory, soon, trusting};
use tokio::sync::Semaphore;
use tokio::time::sleep;

const URL: &str = "http://example.com/";

/// Its answer takes a second.
const SLOW: &str = "http://example.com/slow";

fn service() -> Service {
    Service::new(|request| {
        let slow = request.fields.contains(&(":path".into(), "/slow".into()));
        let delay = if slow { 1000 } else { 0 };
        Response::new(200).body("hello").delay(delay)
    })
}

/// A peer whose connections have so many streams.
fn peer(streams: u32) -> Arc<DuplexPeer> {
    let service = service().max_concurrent_streams(streams);
    Arc::new(DuplexPeer::new().every_conn(|c| c.client_may_leave().serve_http2(service)))
}

fn over(peer: &Arc<DuplexPeer>) -> ClientBuilder {
    in_memory(peer).http2_prior_knowledge()
}

/// A client that knows already how many streams the peer allows.
async fn warm(builder: ClientBuilder) -> Client {
    let client = builder.build();
    let checker = Checker::new();
    fetch(&client, get_url(URL, &checker)).await.unwrap();
    // The settings have come by then, and so has the end of the stream.
    sleep(Duration::from_millis(1)).await;
    checker.finish().await;
    client
}

/// What each request waited for, in the order of `GotConn`.
fn waits(checker: &Checker) -> Vec<Option<&'static str>> {
    checker.pick(|kind| match kind {
        EventKind::GotConn(info) => Some(info.waited_for.map(|waited| waited.as_str())),
        _ => None,
    })
}

/// Sends requests at once, and reads all responses.
async fn together(client: &Client, urls: &[&str], checker: &Checker) {
    let requests = urls.iter().map(|url| fetch(client, get_url(url, checker)));
    for result in soon(join_all(requests)).await {
        assert_eq!(result.unwrap(), "hello");
    }
}

type Fetching<'a> = Pin<Box<dyn Future<Output = Result<String, Error>> + 'a>>;

/// Begins a request, and lets it come as far as it comes by itself.
async fn begin<'a>(client: &'a Client, url: &str, checker: &Checker) -> Fetching<'a> {
    let mut fetching: Fetching<'a> = Box::pin(fetch(client, get_url(url, checker)));
    let polled = poll_fn(|cx| Poll::Ready(fetching.as_mut().poll(cx))).await;
    assert!(polled.is_pending());
    fetching
}

#[tokio::test(start_paused = true)]
async fn the_first_requests_to_an_origin_share_one_dial() {
    let peer = peer(10);
    let client = over(&peer).build();
    let checker = Checker::new();
    together(&client, &[URL; 4], &checker).await;
    assert_eq!(peer.accepted(), 1);
    assert_eq!(
        waits(&checker),
        [None, Some("dial"), Some("dial"), Some("dial")]
    );
    assert_eq!(checker.count(EventName::ConnectStart), 1);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn requests_to_different_hosts_share_nothing() {
    let peer = peer(10);
    let client = over(&peer).build();
    let checker = Checker::new();
    together(&client, &["http://a/", "http://b/"], &checker).await;
    assert_eq!(peer.accepted(), 2);
    assert_eq!(waits(&checker), [None, None]);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn when_all_streams_are_taken_another_connection_is_dialed() {
    let peer = peer(1);
    let client = warm(over(&peer)).await;
    let checker = Checker::new();
    together(&client, &[SLOW, SLOW], &checker).await;
    assert_eq!(peer.accepted(), 2);
    assert_eq!(waits(&checker), [None, None]);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn more_requests_than_streams_are_all_served() {
    let peer = peer(1);
    let client = warm(over(&peer)).await;
    let checker = Checker::new();
    together(&client, &[SLOW; 4], &checker).await;
    // What a connection allows is known when its settings have come, so that a new one may be given too many.
    assert!((2..=4).contains(&peer.accepted()));
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn strict_requests_wait_for_a_stream_in_the_order_in_which_they_came() {
    let peer = peer(1);
    let client = warm(over(&peer).http2_strict_max_concurrent_requests(true)).await;
    let checker = Checker::new();
    let urls = [
        "http://example.com/slow",
        "http://example.com/2",
        "http://example.com/3",
    ];
    together(&client, &urls, &checker).await;
    assert_eq!(peer.accepted(), 1);
    assert_eq!(waits(&checker), [None, Some("stream"), Some("stream")]);
    let report = peer.report();
    let paths = report.conn(0).http2.requests.iter().map(|request| {
        let path = request.fields.iter().find(|(name, _)| name == ":path");
        path.map(|(_, path)| path.as_str())
    });
    let paths: Vec<_> = paths.flatten().collect();
    assert_eq!(paths, ["/", "/slow", "/2", "/3"]);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn whichever_comes_first_of_a_stream_and_a_dial_serves_a_request() {
    let peer = peer(1);
    let (builder, permits) = gated(&peer, 1);
    let client = warm(builder).await;
    let (slow, waiting, next) = (Checker::new(), Checker::new(), Checker::new());
    let held = begin(&client, SLOW, &slow).await;
    let second = begin(&client, URL, &waiting).await;
    soon(waiting.wait_for(EventName::ConnectStart)).await;
    let (held, second) = soon(async { tokio::join!(held, second) }).await;
    assert_eq!(
        (held.unwrap(), second.unwrap()),
        ("hello".into(), "hello".into())
    );
    assert_eq!(waits(&waiting), [Some("stream")]);

    // Its dial goes on, and its connection is kept.
    permits.add_permits(1);
    soon(waiting.wait_for(EventName::ConnectDone)).await;
    sleep(Duration::from_millis(1)).await;
    together(&client, &[SLOW, SLOW], &next).await;
    assert_eq!(peer.accepted(), 2);
    assert_eq!(next.count(EventName::ConnectStart), 0);
    for checker in [slow, waiting, next] {
        checker.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn at_the_limit_of_connections_requests_wait_for_streams() {
    let peer = peer(1);
    let client = warm(over(&peer).max_conns_per_host(1)).await;
    let checker = Checker::new();
    together(&client, &[SLOW, URL, URL], &checker).await;
    assert_eq!(peer.accepted(), 1);
    assert_eq!(waits(&checker), [None, Some("stream"), Some("stream")]);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_given_up_leaves_its_stream_to_the_next() {
    let peer = peer(1);
    let leaks = Leaks::watch(&*peer);
    let client = warm(over(&peer).http2_strict_max_concurrent_requests(true)).await;
    let (slow, given_up, next) = (Checker::new(), Checker::new(), Checker::new());
    let held = begin(&client, SLOW, &slow).await;
    let second = begin(&client, URL, &given_up).await;
    let third = begin(&client, URL, &next).await;
    soon(held).await.unwrap();
    // By now the stream is on its way to the second request, which does not look any more.
    sleep(Duration::from_millis(1)).await;
    drop(second);
    assert_eq!(soon(third).await.unwrap(), "hello");
    assert_eq!(waits(&next), [Some("stream")]);
    drop(client);
    for checker in [slow, given_up, next] {
        checker.finish().await;
    }
    leaks.assert_none().await;
}

#[tokio::test(start_paused = true)]
async fn a_dial_goes_on_for_others_when_its_request_is_given_up() {
    let peer = peer(10);
    let (builder, permits) = gated(&peer, 0);
    let client = builder.build();
    let (first, second) = (Checker::new(), Checker::new());
    let dialing = begin(&client, URL, &first).await;
    soon(first.wait_for(EventName::ConnectStart)).await;
    let waiting = begin(&client, URL, &second).await;
    drop(dialing);
    client.close_idle_connections();
    permits.add_permits(1);
    assert_eq!(soon(waiting).await.unwrap(), "hello");
    assert_eq!(waits(&second), [Some("dial")]);
    assert_eq!(second.count(EventName::ConnectStart), 0);
    for checker in [first, second] {
        checker.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_joined_a_dial_that_fails_dials_for_itself() {
    struct Failing;
    impl Connect for Failing {
        fn connect(&self, target: &ConnectTarget<'_>, emitter: &Emitter) -> Connecting {
            let address = httptrace::info::Address::Other(target.host().into());
            let guard = emitter.connect_start(&address, 0);
            Box::pin(async move {
                sleep(Duration::from_secs(1)).await;
                let error = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
                guard.done(|done| done);
                Err(error)
            })
        }
    }
    let client = Client::builder().connector(Failing).http2_prior_knowledge();
    let client = client.build();
    let checker = Checker::new();
    let requests = (0..3).map(|_| fetch(&client, get_url(URL, &checker)));
    let mut texts = Vec::new();
    for result in soon(join_all(requests)).await {
        let error = result.unwrap_err();
        assert!(error.is_connect(), "{error}");
        assert!(std::error::Error::source(&error).is_some());
        texts.push(error.to_string());
    }
    assert_eq!(texts[0], texts[1]);
    assert_eq!(texts[0], texts[2]);
    assert_eq!(checker.count(EventName::ConnectStart), 3);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn without_keep_alives_every_request_has_a_connection_of_its_own() {
    let peer = peer(10);
    let client = over(&peer).keep_alives(false).build();
    let checker = Checker::new();
    together(&client, &[URL; 3], &checker).await;
    sleep(Duration::from_millis(1)).await;
    assert_eq!((peer.accepted(), peer.open()), (3, 0));
    assert_eq!(waits(&checker), [None; 3]);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn the_sweep_ends_a_connection_that_has_been_idle_for_too_long() {
    let peer = peer(10);
    let own = Checker::new();
    let builder = over(&peer).idle_timeout(Duration::from_secs(5));
    let client = warm(builder.trace(own.trace())).await;
    sleep(Duration::from_millis(4800)).await;
    assert_eq!(peer.open(), 1);
    sleep(Duration::from_millis(1300)).await;
    assert_eq!(peer.open(), 0);
    assert_eq!(closings(&own), [("idle_timeout", Some("sweep"))]);
    drop(client);
    own.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_shared_connection_past_its_time_is_not_taken() {
    let peer = peer(10);
    let own = Checker::new();
    let builder = over(&peer).idle_timeout(Duration::from_millis(400));
    let client = warm(builder.trace(own.trace())).await;
    sleep(Duration::from_millis(400)).await;
    let checker = Checker::new();
    together(&client, &[URL], &checker).await;
    assert_eq!(peer.accepted(), 2);
    assert_eq!(closings(&own), [("idle_timeout", Some("checkout"))]);
    checker.finish().await;
    drop(client);
    own.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_in_use_is_not_idle_however_long_it_takes() {
    let peer = peer(10);
    let client = warm(over(&peer).idle_timeout(Duration::from_millis(300))).await;
    let checker = Checker::new();
    together(&client, &[SLOW], &checker).await;
    together(&client, &[URL], &checker).await;
    assert_eq!(peer.accepted(), 1);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn closing_idle_connections_ends_those_without_streams_and_leaves_the_others() {
    let peer = peer(10);
    let own = Checker::new();
    let client = warm(over(&peer).trace(own.trace())).await;
    let checker = Checker::new();
    let held = begin(&client, SLOW, &checker).await;
    client.close_idle_connections();
    assert_eq!(soon(held).await.unwrap(), "hello");
    together(&client, &[URL], &checker).await;
    assert_eq!(peer.accepted(), 1);
    sleep(Duration::from_millis(1)).await;
    client.close_idle_connections();
    sleep(Duration::from_millis(1)).await;
    assert_eq!(peer.open(), 0);
    assert_eq!(closings(&own)[0].0, "close_idle_connections");
    own.finish().await;
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_outlives_its_client_until_its_streams_are_over() {
    let peer = peer(10);
    let leaks = Leaks::watch(&*peer);
    let client = warm(over(&peer)).await;
    let checker = Checker::new();
    let mut response = client.send(get_url(URL, &checker)).await.unwrap();
    drop(client);
    let mut text = String::new();
    while let Some(part) = rig::next_text(&mut response).await {
        text += &part;
    }
    assert_eq!(text, "hello");
    drop(response);
    sleep(Duration::from_millis(1)).await;
    assert_eq!(peer.open(), 0);
    checker.finish().await;
    leaks.assert_none().await;
}

#[tokio::test(start_paused = true)]
async fn a_host_with_enough_idle_connections_ends_the_next() {
    let peer = peer(1);
    let client = warm(over(&peer).max_idle_per_host(1)).await;
    let checker = Checker::new();
    together(&client, &[SLOW, SLOW], &checker).await;
    sleep(Duration::from_millis(1)).await;
    assert_eq!((peer.accepted(), peer.open()), (2, 1));
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn the_connection_that_has_been_idle_for_longest_goes_for_another() {
    let peer = peer(10);
    let own = Checker::new();
    let client = over(&peer).max_idle(2).trace(own.trace()).build();
    let checker = Checker::new();
    for url in ["http://a/", "http://b/", "http://a/", "http://c/"] {
        together(&client, &[url], &checker).await;
        sleep(Duration::from_millis(1)).await;
    }
    assert_eq!((peer.accepted(), peer.open()), (3, 2));
    assert_eq!(closings(&own)[0].0, "max_idle");
    together(&client, &["http://a/"], &checker).await;
    assert_eq!(peer.accepted(), 3);
    own.finish().await;
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn after_a_goaway_the_next_request_dials() {
    let peer = DuplexPeer::new()
        .conn(|c| {
            c.http2(|h| {
                h.handshake()
                    .expect_request(1)
                    .respond(1, 200, "hello")
                    .wait_for("rest")
                    .send_go_away(1, 0, "")
            })
        })
        .every_conn(|c| c.client_may_leave().serve_http2(service()));
    let peer = Arc::new(peer);
    let client = warm(over(&peer)).await;
    let checker = Checker::new();
    peer.raise("rest");
    sleep(Duration::from_millis(1)).await;
    together(&client, &[URL; 2], &checker).await;
    assert_eq!(peer.accepted(), 2);
    assert_eq!(waits(&checker), [None, Some("dial")]);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn where_the_server_chooses_http1_everybody_dials_for_himself_and_next_time_at_once() {
    let ca = TestCa::new();
    let config = ca.server(&["example.com"]).alpn(&["http/1.1"]).config();
    let peer = Arc::new(DuplexPeer::new().every_conn(|c| {
        let c = c.client_may_leave().start_tls(config);
        c.repeat_exchange(HELLO)
    }));
    let permits = Arc::new(Semaphore::new(1));
    let client = trusting(&ca).connector(Gated::new(&peer, &permits)).build();
    let url = "https://example.com/";
    let checker = Checker::new();
    let requests = (0..3).map(|_| client.send(get_url(url, &checker)));
    let watching = async {
        checker.wait_for(EventName::ConnectDone).await;
        assert_eq!(checker.count(EventName::ConnectStart), 1);
        // The others begin when the first connection is no use to them.
        checker.wait_for_nth(EventName::ConnectStart, 3).await;
        permits.add_permits(2);
    };
    let (responses, ()) = soon(async { tokio::join!(join_all(requests), watching) }).await;
    assert_eq!(peer.accepted(), 3);
    for response in responses {
        response.unwrap().into_body().bytes().await.unwrap();
    }
    client.close_idle_connections();

    let next = Checker::new();
    let requests: Vec<_> = (0..3)
        .map(|_| fetch(&client, get_url(url, &next)))
        .collect();
    let watching = async {
        next.wait_for_nth(EventName::ConnectStart, 3).await;
        assert_eq!(next.count(EventName::ConnectDone), 0);
        permits.add_permits(3);
    };
    let (results, ()) = soon(async { tokio::join!(join_all(requests), watching) }).await;
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(waits(&checker), [None; 3]);
    assert_eq!(waits(&next), [None; 3]);
    checker.finish().await;
    next.finish().await;
}

#[tokio::test]
async fn where_the_server_chooses_http2_requests_share() {
    let ca = TestCa::new();
    let config = ca.server(&["127.0.0.1"]).alpn(&["h2", "http/1.1"]).config();
    let peer = Peer::loopback().every_conn(|c| {
        let c = c.start_tls(Arc::clone(&config)).client_may_leave();
        c.serve_http2(service())
    });
    let client = trusting(&ca).build();
    let url = format!("https://{}/", peer.addr());
    let checker = Checker::new();
    together(&client, &[url.as_str(); 3], &checker).await;
    assert_eq!(peer.accepted(), 1);
    assert_eq!(waits(&checker), [None, Some("dial"), Some("dial")]);
    checker.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_many_threads_every_request_is_served_whatever_is_given_up() {
    for (strict, max_conns) in [(true, None), (false, Some(2)), (false, None)] {
        let peer = peer(3);
        let builder = over(&peer).http2_strict_max_concurrent_requests(strict);
        let client = builder.max_conns_per_host(max_conns).build();
        let checker = Checker::new();
        let requests = (0..120).map(|n| {
            let (client, request) = (client.clone(), get_url(URL, &checker));
            tokio::spawn(async move {
                match n % 4 {
                    0 => AtMost::polls(1 + n % 3, fetch(&client, request)).await,
                    _ => Some(fetch(&client, request).await),
                }
            })
        });
        for request in soon(join_all(requests.collect::<Vec<_>>())).await {
            assert!(request.unwrap().is_none_or(|result| result.is_ok()));
        }
        assert!(max_conns.is_none_or(|max| peer.open() <= max));
        drop(client);
        checker.finish().await;
    }
}

/// A connector that makes as many connections as there are permits, and lets the others wait.
struct Gated {
    peer: Arc<DuplexPeer>,
    permits: Arc<Semaphore>,
}

impl Gated {
    fn new(peer: &Arc<DuplexPeer>, permits: &Arc<Semaphore>) -> Self {
        let (peer, permits) = (Arc::clone(peer), Arc::clone(permits));
        Self { peer, permits }
    }
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
    let builder = Client::builder().connector(Gated::new(peer, &permits));
    (builder.http2_prior_knowledge(), permits)
}
