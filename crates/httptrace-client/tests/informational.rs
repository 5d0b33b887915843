//! 1xx responses: told one by one, refused by hooks, limited where no hook decides.

mod rig;

use std::error::Error as _;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use httptrace::{ClientTrace, ErrorKind, EventKind, EventName, Phase, RequestExt};
use httptrace_test::{Checker, DuplexPeer};
use rig::{HELLO, Pieces, closings, fetch, get_url, in_memory, request_to, soon};

const URL: &str = "http://example.com/";
const HINT: &str = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n";
const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";
const PROCESSING: &str = "HTTP/1.1 102 Processing\r\n\r\n";

fn peer_sending(bytes: String) -> Arc<DuplexPeer> {
    Arc::new(DuplexPeer::new().conn(|c| c.client_may_leave().exchange(bytes)))
}

#[tokio::test(start_paused = true)]
async fn each_of_them_is_told_with_its_fields() {
    let peer = peer_sending(format!("{CONTINUE}{PROCESSING}{HINT}{HINT}{HELLO}"));
    let checker = Checker::new();
    let client = in_memory(&peer).build();
    let text = fetch(&client, get_url(URL, &checker)).await;
    assert_eq!(text.unwrap(), "hello");
    let told = checker.pick(|kind| match kind {
        EventKind::Got1xxResponse(info) => {
            let link = info.headers.get("link").map(|link| link.len());
            Some((info.status.as_u16(), link))
        }
        _ => None,
    });
    assert_eq!(
        told,
        [(100, None), (102, None), (103, Some(12)), (103, Some(12))]
    );
    // Nobody had asked for it.
    assert_eq!(checker.count(EventName::Got100Continue), 0);
    assert_eq!(checker.count(EventName::GotFirstResponseByte), 1);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_says_no_aborts_the_request_with_its_own_error() {
    let peer = peer_sending(format!("{HINT}{HELLO}"));
    let checker = Checker::new();
    let hook =
        ClientTrace::new().on_got_1xx_response(|info| Err(format!("no {}", info.status).into()));
    let request = get_url(URL, &checker).trace(hook);
    let client = in_memory(&peer).build();
    let error = soon(client.send(request)).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.phase()),
        (ErrorKind::Hook, Some(Phase::Wait))
    );
    assert_eq!(error.source().unwrap().to_string(), "no 103 Early Hints");
    assert_eq!(closings(&checker), [("failed", None)]);
    assert_eq!(checker.count(EventName::GotResponseHeaders), 0);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn every_composed_hook_is_asked_and_the_first_error_counts() {
    let peer = peer_sending(format!("{HINT}{HELLO}"));
    let asked = Arc::new(AtomicUsize::new(0));
    let hook = |answer: Result<(), &'static str>| {
        let asked = Arc::clone(&asked);
        ClientTrace::new().on_got_1xx_response(move |_| {
            asked.fetch_add(1, Ordering::SeqCst);
            answer.map_err(Into::into)
        })
    };
    let checker = Checker::new();
    let request = get_url(URL, &checker);
    let request = request
        .trace(hook(Err("older")))
        .trace(hook(Err("newer")))
        .trace(hook(Ok(())));
    let client = in_memory(&peer).build();
    let error = soon(client.send(request)).await.unwrap_err();
    assert_eq!(error.source().unwrap().to_string(), "newer");
    assert_eq!(asked.load(Ordering::SeqCst), 3);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_hundred_are_taken_and_one_more_is_too_many() {
    let client_for = |count| {
        let peer = peer_sending(format!("{}{HELLO}", PROCESSING.repeat(count)));
        (in_memory(&peer).build(), peer)
    };
    let checker = Checker::new();
    let (client, _peer) = client_for(100);
    assert_eq!(
        fetch(&client, get_url(URL, &checker)).await.unwrap(),
        "hello"
    );
    checker.finish().await;

    let checker = Checker::new();
    let (client, _peer) = client_for(101);
    let error = fetch(&client, get_url(URL, &checker)).await.unwrap_err();
    assert!(error.is_limit(), "{error}");
    assert!(
        error
            .to_string()
            .contains("too many informational responses"),
        "{error}"
    );
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn sixty_four_kilobytes_of_fields_are_too_many() {
    let big = format!(
        "HTTP/1.1 103 Early Hints\r\nLink: {}\r\n\r\n",
        "x".repeat(8000)
    );
    let peer = peer_sending(format!("{}{HELLO}", big.repeat(9)));
    let checker = Checker::new();
    let client = in_memory(&peer).build();
    let error = fetch(&client, get_url(URL, &checker)).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("too many informational responses"),
        "{error}"
    );
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_decides_takes_as_many_as_it_likes() {
    let peer = peer_sending(format!("{}{HELLO}", HINT.repeat(1000)));
    let checker = Checker::new();
    let hook = ClientTrace::new().on_got_1xx_response(|_| Ok(()));
    let request = get_url(URL, &checker).trace(hook);
    let client = in_memory(&peer).build();
    assert_eq!(soon(fetch(&client, request)).await.unwrap(), "hello");
    assert_eq!(checker.count(EventName::Got1xxResponse), 1000);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_them_leaves_the_task_its_turns() {
    let big = format!(
        "HTTP/1.1 103 Early Hints\r\nLink: {}\r\n\r\n",
        "x".repeat(8000)
    );
    let flood = format!("{}{HELLO}", big.repeat(1000));
    let peer = DuplexPeer::with_buffer(2 * flood.len());
    let peer = Arc::new(peer.conn(|c| c.client_may_leave().exchange(flood)));
    let checker = Checker::new();
    let hook = ClientTrace::new().on_got_1xx_response(|_| Ok(()));
    let request = get_url(URL, &checker).trace(hook);
    let client = in_memory(&peer).build();

    let mut turns = 0;
    let mut fetching = Box::pin(fetch(&client, request));
    let text = std::future::poll_fn(|cx| {
        turns += 1;
        fetching.as_mut().poll(cx)
    });
    assert_eq!(soon(text).await.unwrap(), "hello");
    // The codec reads less than half a megabyte at a time, and all eight were there.
    assert!(turns > 15, "{turns} turns");
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn after_one_was_refused_no_hook_is_asked_about_those_behind_it() {
    let peer = peer_sending(format!("{}{HELLO}", HINT.repeat(10)));
    let checker = Checker::new();
    let hook = ClientTrace::new().on_got_1xx_response(|_| Err("no".into()));
    let request = get_url(URL, &checker).trace(hook);
    let client = in_memory(&peer).build();
    assert!(soon(client.send(request)).await.is_err());
    assert_eq!(checker.count(EventName::Got1xxResponse), 1);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn the_budget_is_each_requests_own() {
    let answer = format!("{}{HELLO}", PROCESSING.repeat(60));
    let peer = Arc::new(DuplexPeer::new().conn(|c| c.client_may_leave().repeat_exchange(answer)));
    let client = in_memory(&peer).build();
    let checker = Checker::new();
    for _ in 0..3 {
        assert_eq!(
            fetch(&client, get_url(URL, &checker)).await.unwrap(),
            "hello"
        );
    }
    assert_eq!(peer.accepted(), 1);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn hints_during_an_upload_do_not_end_it() {
    let peer = Arc::new(DuplexPeer::with_buffer(64).conn(|c| {
        let hinted = c.expect_head().send(HINT).delay(5);
        hinted.expect_chunked_body().send(HELLO).client_may_leave()
    }));
    let checker = Checker::new();
    let client = in_memory(&peer).build();
    let body = Pieces::new().data("one").pause(10).data("two").body();
    let request = request_to("POST", URL, &checker, body);
    assert_eq!(soon(fetch(&client, request)).await.unwrap(), "hello");
    assert_eq!(peer.report().conn(0).bodies, [b"onetwo"]);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn cookies_do_not_show_where_a_hook_prints_what_it_is_given() {
    let hint = "HTTP/1.1 103 Early Hints\r\nSet-Cookie: a=secret\r\n\r\n";
    let answer = "HTTP/1.1 200 OK\r\nSet-Cookie: b=secret\r\nContent-Length: 5\r\n\r\nhello";
    let peer = peer_sending(format!("{hint}{answer}"));
    let checker = Checker::new();
    let client = in_memory(&peer).build();
    let response = client.send(get_url(URL, &checker)).await.unwrap();
    assert_eq!(response.headers()["set-cookie"], "b=secret");
    assert_eq!(response.into_body().text().await.unwrap(), "hello");
    let printed = format!("{:?}", checker.events());
    assert!(printed.contains("set-cookie"), "{printed}");
    assert!(!printed.contains("secret"), "{printed}");
    checker.finish().await;
}
