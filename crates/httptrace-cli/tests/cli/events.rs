//! `--format events`, the contract that other programs read.

use std::process::Stdio;

use httptrace_test::{Peer, RefusingAddr, TestCa};
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::program::{command, httptrace, named};

const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

#[tokio::test]
async fn every_line_is_an_event_and_every_url_ends_with_one_call_end() {
    let peer = Peer::loopback().every_conn(|c| c.repeat_exchange(ANSWER));
    let (a, b) = (peer.url("/a"), peer.url("/b"));
    let run = httptrace(&["--format", "events", &a, &b]).await;
    let events = run.expect(0).lines();
    assert!(run.stderr.is_empty(), "{run:#?}");

    for event in &events {
        assert!(event["event"].is_string(), "{event}");
        assert!(
            event["at_us"].as_f64().is_some_and(|at| at > 0.0),
            "{event}"
        );
    }
    let ends = named(&events, "call_end");
    assert_eq!(ends.len(), 2, "{run:#?}");
    assert_ne!(ends[0]["call"], ends[1]["call"]);
    for end in ends {
        assert_eq!(end["status"], 200);
        assert_eq!(end["bytes"], 5);
        assert!(end["error"].is_null(), "{end}");
    }
    assert_eq!(peer.finish().await.accepted(), 1);
}

#[tokio::test]
async fn a_cold_call_goes_through_every_stage_and_a_warm_one_through_fewer() {
    let peer = Peer::loopback().every_conn(|c| c.repeat_exchange(ANSWER));
    let port = peer.addr().port();
    let table = format!("some.test:{port}:127.0.0.1");
    let url = format!("http://some.test:{port}/");
    let run = httptrace(&["--resolve", &table, "--format", "events", &url, &url]).await;
    let events = run.expect(0).lines();

    let of_call = |nth: usize| {
        let call = &named(&events, "call_start")[nth]["call"];
        let own = events.iter().filter(|event| event["call"] == *call);
        let names = own.map(|event| event["event"].as_str().unwrap().to_owned());
        names
            .filter(|name| !matches!(name.as_str(), "wrote_header_field" | "got_body"))
            .collect::<Vec<_>>()
    };
    let cold = [
        "call_start",
        "attempt_start",
        "get_conn",
        "dns_start",
        "dns_done",
        "connect_start",
        "connect_done",
        "got_conn",
        "wrote_headers",
        "wrote_request",
        "got_first_response_byte",
        "got_response_headers",
        "body_done",
        "put_idle_conn",
        "attempt_end",
        "call_end",
    ];
    assert_eq!(of_call(0), cold);
    let dial = 3..7;
    let warm: Vec<_> = cold[..dial.start].iter().chain(&cold[dial.end..]).collect();
    assert_eq!(of_call(1).iter().collect::<Vec<_>>(), warm);

    let got = named(&events, "got_conn");
    assert_eq!(
        (&got[0]["reused"], &got[0]["was_idle"]),
        (&false.into(), &false.into())
    );
    assert_eq!(
        (&got[1]["reused"], &got[1]["was_idle"]),
        (&true.into(), &true.into())
    );
    assert!(got[1]["idle_us"].is_number(), "{}", got[1]);
    assert_eq!(got[0]["protocol"], "http/1.1");
    assert_eq!(got[0]["remote_addr"], peer.addr().to_string());
    assert_eq!(named(&events, "dns_start")[0]["host"], "some.test");
    assert_eq!(named(&events, "dns_done")[0]["addrs"][0], "127.0.0.1");
    assert_eq!(
        named(&events, "get_conn")[0]["host_port"],
        format!("some.test:{port}")
    );
}

#[tokio::test]
async fn a_handshake_tells_what_was_agreed() {
    let ca = TestCa::new();
    let tls = ca
        .server(&["some.test"])
        .only_tls13()
        .alpn(&["http/1.1"])
        .config();
    let peer = Peer::loopback().conn(|c| c.start_tls(tls).exchange(ANSWER));
    let dir = tempfile::tempdir().unwrap();
    let pem = dir.path().join("ca.pem");
    std::fs::write(&pem, ca.pem()).unwrap();
    let port = peer.addr().port();
    let table = format!("some.test:{port}:127.0.0.1");
    let url = format!("https://some.test:{port}/");
    let pem = pem.to_str().unwrap();
    let args = [
        "--cacert",
        pem,
        "--resolve",
        &table,
        "--format",
        "events",
        &url,
    ];
    let run = httptrace(&args).await;
    let events = run.expect(0).lines();
    let done = named(&events, "tls_handshake_done")[0];
    assert_eq!(done["server_name"], "some.test");
    assert_eq!(done["alpn"], "http/1.1");
    assert_eq!(done["leg"], "target");
    assert_eq!(done["resumed"], false);
    assert!(
        done["version"].to_string().contains("1.3") || done["version"].to_string().contains("1_3")
    );
    assert!(done["error"].is_null(), "{done}");
}

#[tokio::test]
async fn a_url_that_fails_ends_with_one_call_end_too() {
    let refusing = RefusingAddr::loopback();
    let url = format!("http://{}/", refusing.addr());
    let run = httptrace(&["--format", "events", &url]).await;
    let events = run.expect(3).lines();
    let ends = named(&events, "call_end");
    assert_eq!(ends.len(), 1, "{run:#?}");
    assert!(ends[0]["error"].is_string(), "{}", ends[0]);
    assert!(ends[0]["status"].is_null(), "{}", ends[0]);
    assert!(named(&events, "connect_done")[0]["error"].is_string());
}

#[tokio::test]
async fn events_are_printed_while_the_call_is_in_progress() {
    let peer = Peer::loopback().conn(|c| {
        c.expect_head()
            .send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n")
            .wait_for("seen")
            .send("x")
    });
    let mut child = command(&["--format", "events", &peer.url("/")])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    loop {
        let line = lines
            .next_line()
            .await
            .unwrap()
            .expect("the head comes first");
        if line.contains("\"got_response_headers\"") {
            break;
        }
    }
    peer.raise("seen");
    assert!(child.wait().await.unwrap().success());
    peer.finish().await;
}
