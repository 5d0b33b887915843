//! Deadlines: each is named in its error, with the phase that it cut short.

mod rig;

use std::sync::Arc;
use std::time::Duration;

use httptrace::{ErrorKind, EventKind, EventName, Phase};
use httptrace_client::{Client, Error};
use httptrace_test::{CannedDns, Checker, DuplexPeer, Leaks, Peer, StallingAddr, TestCa};
use rig::{
    Canned, HELLO, Pieces, call_error, closings, direct, fetch, get, get_url, in_memory,
    request_to, soon, trusting,
};

const URL: &str = "http://example.com/";
const LIMIT: Duration = Duration::from_millis(40);

/// Checks what a deadline's error says, and that the call ends with it.
fn check(error: &Error, phase: Phase, named: &str, checker: &Checker) {
    assert!(error.is_timeout(), "{error:?}");
    assert_eq!(error.phase(), Some(phase), "{error}");
    let message = error.to_string();
    assert!(message.contains(named), "{message}");
    assert!(message.contains("40ms"), "{message}");
    assert_eq!(call_error(checker).unwrap(), ("timeout", message));
}

#[tokio::test]
async fn the_connect_timeout_covers_the_name_lookup() {
    let dns = CannedDns::new().silent_host("silent.example");
    let client = direct()
        .resolver(Canned(dns))
        .connect_timeout(LIMIT)
        .build();
    let checker = Checker::new();
    let request = get_url("http://silent.example/", &checker);
    let error = soon(fetch(&client, request)).await.unwrap_err();
    check(&error, Phase::Dns, "looking up", &checker);
    checker.finish().await;
}

#[tokio::test]
async fn the_connect_timeout_covers_the_race() {
    let stalling = StallingAddr::loopback();
    let client = Client::builder().connect_timeout(LIMIT).build();
    let checker = Checker::new();
    let url = format!("http://{}/", stalling.addr());
    let error = soon(fetch(&client, get_url(&url, &checker)))
        .await
        .unwrap_err();
    check(&error, Phase::Connect, "connecting to", &checker);
    checker.finish().await;
}

#[tokio::test]
async fn the_handshake_has_a_deadline_of_its_own() {
    let ca = TestCa::new();
    let peer = Peer::loopback().every_conn(|c| c.client_may_leave().swallow());
    let url = peer.url("/").replacen("http", "https", 1);
    let client = trusting(&ca).tls_handshake_timeout(LIMIT).build();
    let checker = Checker::new();
    let error = soon(fetch(&client, get_url(&url, &checker)))
        .await
        .unwrap_err();
    check(&error, Phase::Tls, "TLS handshake", &checker);
    let done = checker.pick(|kind| match kind {
        EventKind::TlsHandshakeDone(done) => done.error.as_ref().map(|error| error.kind()),
        _ => None,
    });
    assert_eq!(done, [ErrorKind::Timeout]);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn the_response_head_has_a_deadline_that_begins_with_the_end_of_the_request() {
    let peer = Arc::new(DuplexPeer::new().conn(|c| {
        c.client_may_leave()
            .expect_head()
            .expect_chunked_body()
            .swallow()
    }));
    let client = in_memory(&peer).response_head_timeout(LIMIT).build();
    let checker = Checker::new();
    let body = Pieces::new().data("a").pause(100).data("b").body();
    let request = request_to("POST", URL, &checker, body);
    let error = soon(client.send(request)).await.unwrap_err();
    check(&error, Phase::Wait, "response's head", &checker);
    let events = checker.finish().await;
    let wrote = rig::first(&events, EventName::WroteRequest).at;
    assert_eq!(rig::first(&events, EventName::CallEnd).at - wrote, LIMIT);
}

#[tokio::test(start_paused = true)]
async fn a_silent_body_has_a_deadline_that_begins_anew_with_each_piece() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n";
    let peer = Arc::new(DuplexPeer::new().conn(|c| {
        let slow = c.client_may_leave().exchange(head);
        slow.send_paced("0123456789", 2, 30).swallow()
    }));
    let client = in_memory(&peer).idle_body_timeout(LIMIT).build();
    let checker = Checker::new();
    let error = soon(fetch(&client, get_url(URL, &checker)))
        .await
        .unwrap_err();
    check(
        &error,
        Phase::Receive,
        "more of the response's body",
        &checker,
    );
    assert_eq!(closings(&checker), [("canceled", None)]);
    let events = checker.finish().await;
    let last = events
        .iter()
        .rfind(|e| e.name() == EventName::GotBody)
        .unwrap()
        .at;
    assert_eq!(rig::first(&events, EventName::BodyDone).at - last, LIMIT);
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_is_not_a_silent_server() {
    let peer = Arc::new(DuplexPeer::new().conn(|c| c.exchange(HELLO).client_may_leave()));
    let client = in_memory(&peer).idle_body_timeout(LIMIT).build();
    let checker = Checker::new();
    let response = client.send(get_url(URL, &checker)).await.unwrap();
    tokio::time::sleep(10 * LIMIT).await;
    assert_eq!(response.into_body().text().await.unwrap(), "hello");
    checker.finish().await;
}

/// The whole call's deadline, in whatever phase it passes.
async fn whole_call(
    client: Client,
    request: http::Request<httptrace_client::Body>,
    phase: Phase,
    checker: Checker,
) {
    let error = soon(fetch(&client, request)).await.unwrap_err();
    check(&error, phase, "the whole call", &checker);
    drop(client);
    checker.finish().await;
}

#[tokio::test]
async fn the_whole_call_may_pass_in_the_name_lookup() {
    let dns = CannedDns::new().silent_host("silent.example");
    let client = direct().resolver(Canned(dns)).timeout(LIMIT).build();
    let checker = Checker::new();
    let request = get_url("http://silent.example/", &checker);
    whole_call(client, request, Phase::Dns, checker).await;
}

#[tokio::test]
async fn the_whole_call_may_pass_while_connecting() {
    let stalling = StallingAddr::loopback();
    let checker = Checker::new();
    let client = Client::builder().timeout(LIMIT).build();
    let request = get_url(&format!("http://{}/", stalling.addr()), &checker);
    whole_call(client, request, Phase::Connect, checker).await;
}

#[tokio::test(start_paused = true)]
async fn the_whole_call_may_pass_in_the_queue() {
    let peer = Arc::new(DuplexPeer::new().conn(|c| c.client_may_leave().exchange(HELLO)));
    let client = in_memory(&peer)
        .max_conns_per_host(1)
        .timeout(LIMIT)
        .build();
    let (holder, checker) = (Checker::new(), Checker::new());
    let held = client.send(get_url(URL, &holder)).await.unwrap();
    let request = get_url(URL, &checker);
    whole_call(client, request, Phase::Queue, checker).await;
    drop(held);
    holder.finish().await;
}

#[tokio::test(start_paused = true)]
async fn the_whole_call_may_pass_while_sending_waiting_and_receiving() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegin";
    for (phase, endless) in [
        (Phase::Send, true),
        (Phase::Wait, false),
        (Phase::Receive, false),
    ] {
        let peer = Arc::new(DuplexPeer::new().conn(|c| match phase {
            Phase::Receive => c.client_may_leave().exchange(head).swallow(),
            _ => c.client_may_leave().expect_head().swallow(),
        }));
        let leaks = Leaks::watch(&*peer);
        let client = in_memory(&peer).timeout(LIMIT).build();
        let checker = Checker::new();
        let request = match endless {
            true => request_to(
                "POST",
                URL,
                &checker,
                Pieces::new().data("a").never().body(),
            ),
            false => get_url(URL, &checker),
        };
        whole_call(client, request, phase, checker).await;
        leaks.assert_none().await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_whole_call_counts_from_its_beginning_over_redirects() {
    let away = "HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n";
    let peer = Arc::new(DuplexPeer::new().conn(|c| {
        c.client_may_leave()
            .repeat(|c| c.expect_head().delay(15).send(away))
    }));
    let client = in_memory(&peer).timeout(LIMIT).build();
    let checker = Checker::new();
    let error = soon(fetch(&client, get_url(URL, &checker)))
        .await
        .unwrap_err();
    check(&error, Phase::Wait, "the whole call", &checker);
    assert_eq!(checker.count(EventName::AttemptStart), 3);
    let events = checker.finish().await;
    let (start, end) = (events.first().unwrap().at, events.last().unwrap().at);
    assert_eq!(end - start, LIMIT);
}

#[tokio::test]
async fn a_dial_in_the_background_does_not_hide_the_phase_of_the_call() {
    let peer = Peer::loopback()
        .conn(|c| c.client_may_leave().exchange(HELLO).expect_head().swallow())
        .conn(|c| c.client_may_leave().swallow());
    let dns = CannedDns::new().slow_host("slow.example", 60, &["127.0.0.1"]);
    let limit = Duration::from_millis(400);
    let client = direct().resolver(Canned(dns)).timeout(limit).build();
    let url = format!("http://slow.example:{}/", peer.addr().port());
    let (first, second) = (Checker::new(), Checker::new());
    let held = client.send(get_url(&url, &first)).await.unwrap();
    let waiting = tokio::spawn({
        let (client, request) = (client.clone(), get_url(&url, &second));
        async move { fetch(&client, request).await }
    });
    // The second request gets the first one's connection; only then does its own dial get to connect.
    second.wait_for(EventName::DnsStart).await;
    held.into_body().bytes().await.unwrap();
    second.wait_for(EventName::ConnectDone).await;
    assert_eq!(second.count(EventName::WroteRequest), 1);
    let error = soon(waiting).await.unwrap().unwrap_err();
    assert_eq!(error.phase(), Some(Phase::Wait), "{error}");
    drop(client);
    first.finish().await;
    second.finish().await;
}

#[tokio::test]
async fn a_deadline_beyond_all_time_is_none() {
    let peer = Peer::loopback().every_conn(|c| c.client_may_leave().repeat_exchange(HELLO));
    let ever = Duration::MAX;
    let client = Client::builder()
        .timeout(ever)
        .connect_timeout(ever)
        .tls_handshake_timeout(ever)
        .response_head_timeout(ever)
        .idle_body_timeout(ever)
        .idle_timeout(ever)
        .build();
    let checker = Checker::new();
    for _ in 0..2 {
        let text = soon(fetch(&client, get(&peer, "/", &checker))).await;
        assert_eq!(text.unwrap(), "hello");
    }
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn an_early_response_that_falls_silent_during_its_upload_ends_in_order() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegin";
    let peer = Arc::new(DuplexPeer::new().conn(|c| c.client_may_leave().exchange(head).swallow()));
    let client = in_memory(&peer).idle_body_timeout(LIMIT).build();
    let checker = Checker::new();
    let body = Pieces::new().data("a").never().body();
    let request = request_to("POST", URL, &checker, body);
    let error = soon(fetch(&client, request)).await.unwrap_err();
    check(
        &error,
        Phase::Receive,
        "more of the response's body",
        &checker,
    );
    assert_eq!(closings(&checker), [("canceled", None)]);
    checker.finish().await;
}
