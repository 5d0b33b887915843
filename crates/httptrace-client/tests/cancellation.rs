//! The call is dropped after n polls, for each n it takes to its end. Whatever n is: every start has its done, the pool
//! is whole, and nothing is left once dials have settled.

mod rig;

use std::sync::Arc;

use http::Request;
use httptrace::{ErrorKind, EventKind, EventName};
use httptrace_client::{Body, Client, ClientBuilder, Proxy};
use httptrace_test::{CannedDns, Checker, DuplexPeer, Leaks, Peer, Script, StallingAddr, TestCa};
use rig::{
    AtMost, Canned, HELLO, Pieces, direct, fetch, get, get_url, in_memory, pieces, request,
    request_to, soon, trusting,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// More polls than any scenario takes.
const LIMIT: usize = 500;
const URL: &str = "http://example.com/";

/// What is dropped, and by which client it is sent.
struct Scenario<'a> {
    setup: &'a dyn Fn() -> ClientBuilder,
    request: &'a dyn Fn(&Checker) -> Request<Body>,
    /// Requests made to their end before.
    warm_up: usize,
}

impl Scenario<'_> {
    /// Makes the request, drops it after `polls` polls, and checks what is left. Says whether it came to its end.
    async fn drop_after(&self, polls: usize) -> bool {
        // One connection per host, so that a slot that is lost blocks whoever comes next.
        let client = (self.setup)().max_conns_per_host(1).build();
        for _ in 0..self.warm_up {
            self.to_its_end(&client).await;
        }
        let checker = Checker::new();
        let request = (self.request)(&checker);
        let outcome = AtMost::polls(polls, fetch(&client, request)).await;
        if let Some(outcome) = &outcome {
            assert_eq!(outcome.as_ref().unwrap(), "hello");
        }
        let next = self.to_its_end(&client);
        soon(next).await;
        drop(client);
        checker.finish().await;
        outcome.is_some()
    }

    async fn to_its_end(&self, client: &Client) {
        let checker = Checker::new();
        let text = fetch(client, (self.request)(&checker)).await;
        assert_eq!(text.unwrap(), "hello");
        checker.finish().await;
    }
}

/// Drops a request over sockets after 0, 1, 2 … polls. Returns how many it took to its end.
async fn over_sockets(peer: &Peer, scenario: Scenario<'_>) -> usize {
    for polls in 0..LIMIT {
        let leaks = Leaks::watch(peer);
        let ended = scenario.drop_after(polls).await;
        leaks.assert_none().await;
        if ended {
            return polls;
        }
    }
    panic!("it never came to its end");
}

/// The same in memory: each time with a new peer, which does the same for every connection.
async fn in_pipes(
    script: impl Fn(Script) -> Script,
    request: impl Fn(&Checker) -> Request<Body>,
    warm_up: usize,
) -> usize {
    by_clients(in_memory, script, request, warm_up).await
}

/// The same by clients that are set up for it.
async fn by_clients(
    setup: impl Fn(&Arc<DuplexPeer>) -> ClientBuilder,
    script: impl Fn(Script) -> Script,
    request: impl Fn(&Checker) -> Request<Body>,
    warm_up: usize,
) -> usize {
    for polls in 0..LIMIT {
        let peer = Arc::new(DuplexPeer::with_buffer(64).every_conn(&script));
        let leaks = Leaks::watch(&*peer);
        let scenario = Scenario {
            setup: &|| setup(&peer),
            request: &request,
            warm_up,
        };
        let ended = scenario.drop_after(polls).await;
        leaks.assert_none().await;
        if ended {
            return polls;
        }
    }
    panic!("it never came to its end");
}

/// Serves every request alike, as long as the client stays.
fn serving(round: impl Fn(Script) -> Script) -> impl Fn(Script) -> Script {
    move |script| script.client_may_leave().repeat(&round)
}

fn plain_get(checker: &Checker) -> Request<Body> {
    get_url(URL, checker)
}

fn upload(checker: &Checker) -> Request<Body> {
    request_to("POST", URL, checker, pieces(8, 40).body())
}

/// An upload whose body waits for `100 Continue`.
fn asking(checker: &Checker) -> Request<Body> {
    let mut request = upload(checker);
    let value = http::HeaderValue::from_static("100-continue");
    request.headers_mut().insert("expect", value);
    request
}

fn slowly(script: Script) -> Script {
    script.expect_head().delay(5).send_paced(HELLO, 20, 5)
}

const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
                       2\r\nhe\r\n1\r\nl\r\n2\r\nlo\r\n0\r\n\r\n";
const REDIRECT: &str = "HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 2\r\n\r\nno";
const EARLY_HINTS: &str = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";
const GOODBYE: &str = "HTTP/1.1 417 No\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello";

#[tokio::test(start_paused = true)]
async fn a_cold_get_in_memory() {
    let polls = in_pipes(serving(slowly), plain_get, 0).await;
    assert!(polls > 3, "{polls}");
}

#[tokio::test(start_paused = true)]
async fn a_warm_get_in_memory() {
    in_pipes(serving(slowly), plain_get, 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_streamed_upload_in_memory() {
    let script = serving(|c| c.expect_head().delay(3).expect_chunked_body().send(HELLO));
    let polls = in_pipes(script, upload, 0).await;
    assert!(polls > 8, "{polls}");
}

#[tokio::test(start_paused = true)]
async fn a_chunked_response_read_in_part_in_memory() {
    let script = serving(|c| c.expect_head().send_paced(CHUNKED, 9, 2));
    let polls = in_pipes(script, plain_get, 0).await;
    assert!(polls > 5, "{polls}");
}

#[tokio::test(start_paused = true)]
async fn a_redirect_in_memory() {
    let script = serving(|c| {
        let first = c.expect_head().send_paced(REDIRECT, 30, 3);
        first.expect_head().send_paced(HELLO, 30, 3)
    });
    let polls = in_pipes(script, plain_get, 0).await;
    assert!(polls > 5, "{polls}");
}

#[tokio::test(start_paused = true)]
async fn early_hints_before_the_response_in_memory() {
    let script = serving(|c| c.expect_head().send_paced(EARLY_HINTS, 20, 3).send(HELLO));
    in_pipes(script, plain_get, 0).await;
}

#[tokio::test(start_paused = true)]
async fn an_early_response_during_an_upload_in_memory() {
    let script = serving(|c| {
        let early = c.expect_head().send_paced(HELLO, 20, 3);
        early.delay(5).expect_chunked_body()
    });
    let polls = in_pipes(script, upload, 0).await;
    assert!(polls > 5, "{polls}");
}

#[tokio::test(start_paused = true)]
async fn an_upload_whose_last_piece_waits_for_its_end_in_memory() {
    let script = serving(|c| c.expect_head().expect_body(80).send(HELLO));
    let body = || {
        Pieces::new()
            .data(vec![b'x'; 40])
            .turn()
            .data(vec![b'x'; 40])
            .pause(3)
    };
    let upload = |checker: &Checker| request_to("POST", URL, checker, body().exactly(80).body());
    let polls = in_pipes(script, upload, 0).await;
    assert!(polls > 3, "{polls}");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_waits_for_the_100_in_memory() {
    let script = serving(|c| {
        let asked = c.expect_head().delay(3).send_paced(CONTINUE, 10, 2);
        asked.expect_chunked_body().send(HELLO)
    });
    let polls = in_pipes(script, asking, 0).await;
    assert!(polls > 9, "{polls}");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_waits_for_the_100_in_vain_in_memory() {
    let script = serving(|c| c.expect_head().expect_chunked_body().send(HELLO));
    let polls = in_pipes(script, asking, 0).await;
    assert!(polls > 8, "{polls}");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_goes_after_the_answer_in_memory() {
    let script = serving(|c| {
        let answered = c.expect_head().send_paced(HELLO, 20, 3);
        answered.expect_chunked_body()
    });
    let polls = in_pipes(script, asking, 1).await;
    assert!(polls > 5, "{polls}");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_not_wanted_in_memory() {
    // Each connection is closed after its answer.
    let script = |c: Script| {
        let refused = c.client_may_leave().expect_head();
        refused.send_paced(GOODBYE, 20, 3).swallow()
    };
    let polls = in_pipes(script, asking, 0).await;
    assert!(polls > 5, "{polls}");
}

#[tokio::test]
async fn a_cold_get_over_sockets() {
    let peer = Peer::loopback().every_conn(serving(slowly));
    let scenario = Scenario {
        setup: &Client::builder,
        request: &|checker| get(&peer, "/", checker),
        warm_up: 0,
    };
    over_sockets(&peer, scenario).await;
}

#[tokio::test]
async fn a_warm_get_over_sockets() {
    let peer = Peer::loopback().every_conn(serving(slowly));
    let scenario = Scenario {
        setup: &Client::builder,
        request: &|checker| get(&peer, "/", checker),
        warm_up: 1,
    };
    over_sockets(&peer, scenario).await;
}

#[tokio::test]
async fn a_cold_get_over_tls() {
    let ca = TestCa::new();
    let tls = ca.server(&["127.0.0.1"]).config();
    let peer = Peer::loopback().every_conn(move |c| {
        let secured = c.client_may_leave().start_tls(tls);
        secured.repeat(|c| c.expect_head().delay(2).send_paced(HELLO, 20, 2))
    });
    let url = peer.url("/").replacen("http", "https", 1);
    let scenario = Scenario {
        setup: &|| trusting(&ca),
        request: &|checker| get_url(&url, checker),
        warm_up: 0,
    };
    over_sockets(&peer, scenario).await;
}

#[tokio::test]
async fn a_cold_get_over_tls_with_a_client_certificate() {
    let ca = TestCa::new();
    let (certificate, key) = ca.client_pem("me.example");
    let tls = ca.server(&["127.0.0.1"]).demanding_clients_of(&ca).config();
    let peer = Peer::loopback().every_conn(move |c| {
        let secured = c.client_may_leave().start_tls(tls);
        secured.repeat(|c| c.expect_head().delay(2).send_paced(HELLO, 20, 2))
    });
    let url = peer.url("/").replacen("http", "https", 1);
    let scenario = Scenario {
        setup: &|| {
            let builder = trusting(&ca);
            let own = builder.client_certificate_pem(certificate.as_bytes(), key.as_bytes());
            own.unwrap()
        },
        request: &|checker| get_url(&url, checker),
        warm_up: 0,
    };
    over_sockets(&peer, scenario).await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_cold_and_a_warm_get_over_a_unix_socket() {
    for warm_up in [0, 1] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let peer = Peer::unix(&path).every_conn(serving(slowly));
        let scenario = Scenario {
            setup: &|| Client::builder().unix_socket(&path),
            request: &|checker| get(&peer, "/", checker),
            warm_up,
        };
        over_sockets(&peer, scenario).await;
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_cold_get_over_tls_on_a_unix_socket() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let ca = TestCa::new();
    let tls = ca.server(&["a.example"]).config();
    let peer = Peer::unix(&path).every_conn(move |c| {
        let secured = c.client_may_leave().start_tls(tls);
        secured.repeat(|c| c.expect_head().delay(2).send_paced(HELLO, 20, 2))
    });
    let scenario = Scenario {
        setup: &|| trusting(&ca).unix_socket(&path),
        request: &|checker| get_url("https://a.example/", checker),
        warm_up: 0,
    };
    over_sockets(&peer, scenario).await;
}

#[tokio::test]
async fn a_large_upload_over_sockets() {
    const SIZE: usize = 2_000_000;
    let peer = Peer::loopback().every_conn(|c| {
        let script = c.client_may_leave();
        script.repeat(|c| c.expect_head().delay(5).expect_body(SIZE).send(HELLO))
    });
    let scenario = Scenario {
        setup: &Client::builder,
        request: &|checker| request("PUT", &peer, "/", checker, vec![7; SIZE]),
        warm_up: 0,
    };
    over_sockets(&peer, scenario).await;
}

#[tokio::test]
async fn a_retry_on_a_connection_that_went_stale() {
    for polls in 0..LIMIT {
        // The first connection answers once and is cut when the second request comes.
        let peer = Peer::loopback()
            .conn(|c| c.exchange(HELLO).client_may_leave().expect_head().close())
            .every_conn(serving(slowly));
        let leaks = Leaks::watch(&peer);
        let scenario = Scenario {
            setup: &Client::builder,
            request: &|checker| get(&peer, "/", checker),
            warm_up: 1,
        };
        let ended = scenario.drop_after(polls).await;
        leaks.assert_none().await;
        if ended {
            return;
        }
    }
    panic!("it never came to its end");
}

#[tokio::test]
async fn a_race_of_two_addresses() {
    let stalling = StallingAddr::loopback();
    let port = stalling.addr().port();
    let peer = Peer::at(&format!("127.0.0.2:{port}")).every_conn(serving(slowly));
    let url = format!("http://two.example:{port}/");
    let dns = || CannedDns::new().slow_host("two.example", 2, &["127.0.0.1", "127.0.0.2"]);
    let scenario = Scenario {
        setup: &|| direct().resolver(Canned(dns())),
        request: &|checker| get_url(&url, checker),
        warm_up: 0,
    };
    over_sockets(&peer, scenario).await;
}

#[tokio::test(start_paused = true)]
async fn a_request_queued_for_the_only_connection() {
    for polls in 0..LIMIT {
        let peer = Arc::new(DuplexPeer::new().every_conn(serving(slowly)));
        let leaks = Leaks::watch(&*peer);
        let client = in_memory(&peer).max_conns_per_host(1).build();
        let (holder, queued, next) = (Checker::new(), Checker::new(), Checker::new());

        let held = client.send(plain_get(&holder)).await.unwrap();
        let reading = async {
            // Meanwhile the other one is polled in vain.
            tokio::time::sleep(std::time::Duration::from_millis(7)).await;
            held.into_body().text().await.unwrap()
        };
        let waiting = AtMost::polls(polls, fetch(&client, plain_get(&queued)));
        let (text, outcome) = tokio::join!(reading, waiting);
        assert_eq!(text, "hello");

        assert_eq!(
            soon(fetch(&client, plain_get(&next))).await.unwrap(),
            "hello"
        );
        drop(client);
        for checker in [holder, queued, next] {
            checker.finish().await;
        }
        leaks.assert_none().await;
        if outcome.is_some() {
            assert_eq!(peer.accepted(), 1);
            return;
        }
    }
    panic!("it never came to its end");
}

/// Such a request gives way once before it is written.
#[tokio::test(start_paused = true)]
async fn a_get_while_another_is_on_its_way() {
    for polls in 0..LIMIT {
        let peer = Arc::new(DuplexPeer::new().every_conn(serving(slowly)));
        let leaks = Leaks::watch(&*peer);
        let client = in_memory(&peer).build();
        let (other, dropped, next) = (Checker::new(), Checker::new(), Checker::new());

        let held = client.send(plain_get(&other)).await.unwrap();
        let outcome = AtMost::polls(polls, fetch(&client, plain_get(&dropped))).await;
        assert_eq!(held.into_body().text().await.unwrap(), "hello");

        let next_one = soon(fetch(&client, plain_get(&next)));
        assert_eq!(next_one.await.unwrap(), "hello");
        drop(client);
        for checker in [other, dropped, next] {
            checker.finish().await;
        }
        leaks.assert_none().await;
        if outcome.is_some() {
            return;
        }
    }
    panic!("it never came to its end");
}

/// Asks for an upgrade, takes it, and speaks on the stream.
async fn upgrade_and_play(client: &Client, mut request: Request<Body>) {
    let headers = request.headers_mut();
    headers.insert("connection", "upgrade".parse().unwrap());
    headers.insert("upgrade", "echo".parse().unwrap());
    let response = client.send(request).await.unwrap();
    let stream = hyper::upgrade::on(response).await.unwrap();
    let mut stream = hyper_util::rt::TokioIo::new(stream);
    for _ in 0..3 {
        stream.write_all(b"ping").await.unwrap();
        stream.read_exact(&mut [0; 4]).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn an_upgrade_after_an_upload_in_memory() {
    const SWITCHING: &str =
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n";
    for polls in 0..LIMIT {
        let peer = Arc::new(DuplexPeer::with_buffer(64).every_conn(|c| {
            let asked = c.client_may_leave().expect_head().expect_chunked_body();
            let switched = asked.send_paced(SWITCHING, 30, 3);
            switched.repeat(|c| c.expect_bytes("ping").send_paced("pong", 2, 1))
        }));
        let leaks = Leaks::watch(&*peer);
        let client = in_memory(&peer).max_conns_per_host(1).build();
        let (dropped, next) = (Checker::new(), Checker::new());
        let playing = upgrade_and_play(&client, upload(&dropped));
        let outcome = AtMost::polls(polls, playing).await;
        soon(upgrade_and_play(&client, upload(&next))).await;
        drop(client);
        dropped.finish().await;
        next.finish().await;
        leaks.assert_none().await;
        if outcome.is_some() {
            assert!(polls > 10, "{polls}");
            return;
        }
    }
    panic!("it never came to its end");
}

#[tokio::test]
async fn a_dial_whose_request_is_gone_serves_the_next_one() {
    let peer = Peer::loopback().every_conn(serving(slowly));
    let client = Client::builder().max_conns_per_host(1).build();
    let (dropped, next) = (Checker::new(), Checker::new());
    AtMost::polls(1, fetch(&client, get(&peer, "/", &dropped))).await;
    assert_eq!(dropped.count(EventName::AttemptEnd), 1);

    let text = soon(fetch(&client, get(&peer, "/", &next))).await;
    assert_eq!(text.unwrap(), "hello");
    assert_eq!(peer.accepted(), 1);
    assert_eq!(next.count(EventName::ConnectStart), 0);
    assert_eq!(dropped.count(EventName::ConnectDone), 1);
    dropped.finish().await;
    next.finish().await;
}

/// "hello" by gzip, in a response of a known length and in one of chunks.
#[cfg(feature = "gzip")]
fn compressed() -> [Vec<u8>; 2] {
    const GZIP: &[u8] = &[
        31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 203, 72, 205, 201, 201, 7, 0, 134, 166, 16, 54, 5, 0, 0, 0,
    ];
    let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n";
    let sized = format!("{head}Content-Length: 25\r\n\r\n");
    let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n19\r\n");
    [
        [sized.as_bytes(), GZIP].concat(),
        [chunked.as_bytes(), GZIP, b"\r\n0\r\n\r\n"].concat(),
    ]
}

#[cfg(feature = "gzip")]
#[tokio::test(start_paused = true)]
async fn a_body_that_is_decoded_in_memory() {
    let setup = |peer: &Arc<DuplexPeer>| in_memory(peer).decompress(true);
    for response in compressed() {
        let script = serving(|c| c.expect_head().send_paced(&response, 9, 2));
        let polls = by_clients(setup, script, plain_get, 0).await;
        assert!(polls > 5, "{polls}");
    }
}

#[cfg(feature = "gzip")]
#[tokio::test(start_paused = true)]
async fn a_body_that_is_decoded_during_an_upload_in_memory() {
    let setup = |peer: &Arc<DuplexPeer>| in_memory(peer).decompress(true);
    for response in compressed() {
        let script = serving(|c| {
            let early = c.expect_head().send_paced(&response, 20, 3);
            early.delay(5).expect_chunked_body()
        });
        let polls = by_clients(setup, script, upload, 0).await;
        assert!(polls > 5, "{polls}");
    }
}

#[cfg(feature = "gzip")]
#[tokio::test]
async fn a_body_that_is_decoded_over_sockets() {
    let [_, chunked] = compressed();
    let peer =
        Peer::loopback().every_conn(serving(|c| c.expect_head().send_paced(&chunked, 30, 2)));
    let scenario = Scenario {
        setup: &|| Client::builder().decompress(true),
        request: &|checker| get(&peer, "/", checker),
        warm_up: 0,
    };
    over_sockets(&peer, scenario).await;
}

const ESTABLISHED: &str = "HTTP/1.1 200 Connection established\r\n\r\n";

/// Drops a request by way of a proxy that does this on every connection.
async fn by_way_of(
    scheme: &str,
    url: &str,
    ca: &TestCa,
    script: impl FnOnce(Script) -> Script,
) -> usize {
    let peer = Peer::loopback().every_conn(|c| script(c.client_may_leave()));
    let proxy = format!("{scheme}://me:secret@{}", peer.addr());
    let scenario = Scenario {
        setup: &|| trusting(ca).proxy(Proxy::all(&proxy).unwrap()),
        request: &|checker| get_url(url, checker),
        warm_up: 0,
    };
    over_sockets(&peer, scenario).await
}

#[tokio::test]
async fn a_request_that_a_proxy_forwards() {
    by_way_of("http", URL, &TestCa::new(), |c| c.repeat(slowly)).await;
}

#[tokio::test]
async fn a_tunnel_by_connect() {
    let ca = TestCa::new();
    let tls = ca.server(&["example.com"]).config();
    let url = "https://example.com/";
    let dropped = by_way_of("http", url, &ca, |c| {
        let asked = c.expect_head().delay(2).send_paced(ESTABLISHED, 15, 2);
        asked.start_tls(tls).repeat(slowly)
    });
    let polls = dropped.await;
    assert!(polls > 3, "{polls}");
}

#[tokio::test]
async fn a_tunnel_through_a_proxy_over_tls() {
    let ca = TestCa::new();
    let outer = ca.server(&["127.0.0.1"]).config();
    let inner = ca.server(&["example.com"]).config();
    by_way_of("https", "https://example.com/", &ca, |c| {
        let asked = c.start_tls(outer).expect_head().delay(2);
        let opened = asked.send_paced(ESTABLISHED, 15, 2);
        opened.start_tls(inner).repeat(slowly)
    })
    .await;
}

#[tokio::test]
async fn a_tunnel_by_socks() {
    by_way_of("socks5", URL, &TestCa::new(), |c| {
        let greeted = c.expect_bytes(b"\x05\x02\0\x02").delay(1).send(b"\x05\x02");
        let known = greeted.expect_bytes(b"\x01\x02me\x06secret").delay(1);
        let asked = known
            .send(b"\x01\0")
            .expect_bytes(b"\x05\x01\0\x03\x0bexample.com\0\x50");
        let open = asked.send_paced(b"\x05\0\0\x01\x7f\0\0\x01\0\x50", 3, 1);
        open.repeat(slowly)
    })
    .await;
}

/// The call dies with its client while the dial waits for the proxy's answer.
#[tokio::test]
async fn a_tunnel_whose_client_is_gone_before_the_proxy_answers() {
    let peer = Peer::loopback().every_conn(|c| c.client_may_leave().expect_head().swallow());
    let leaks = Leaks::watch(&peer);
    let client = Client::builder().proxy(Proxy::all(&peer.url("")).unwrap());
    let client = client.build();
    let checker = Checker::new();
    let sending = tokio::spawn({
        let request = get_url("https://example.com/", &checker);
        async move { fetch(&client, request).await }
    });
    checker.wait_for(EventName::ProxyTunnelStart).await;
    sending.abort();
    assert!(sending.await.unwrap_err().is_cancelled());
    leaks.assert_none().await;
    let ends = checker.pick(|kind| match kind {
        EventKind::ProxyTunnelDone(done) => done.error.clone(),
        _ => None,
    });
    assert_eq!(ends[0].kind(), ErrorKind::Canceled);
    checker.finish().await;
}
