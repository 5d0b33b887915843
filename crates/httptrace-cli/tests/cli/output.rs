//! What is printed, and how: formats, exports, colour, closed pipes.

use std::fs;
use std::process::Stdio;

use httptrace_test::{Peer, RefusingAddr};
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::program::{command, finish, httptrace, named, parse_lines};

const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

#[tokio::test]
async fn a_waterfall_names_request_status_and_reuse() {
    let peer = Peer::loopback().conn(|c| c.repeat_exchange(ANSWER));
    let url = peer.url("/page");
    let run = httptrace(&[&url, &url]).await;
    run.expect(0).shows("/page").shows("200").shows("reused");
    assert!(run.stderr.is_empty(), "{run:#?}");
}

#[tokio::test]
async fn json_is_a_timeline_per_url() {
    let peer = Peer::loopback().conn(|c| c.repeat_exchange(ANSWER));
    let url = peer.url("/");
    let run = httptrace(&["--format", "json", &url, &url]).await;
    let values = serde_json::Deserializer::from_str(&run.expect(0).stdout).into_iter();
    let timelines: Vec<serde_json::Value> = values.map(Result::unwrap).collect();
    assert_eq!(timelines.len(), 2);
    for timeline in &timelines {
        assert!(httptrace_export::timeline_from_json(&timeline.to_string()).is_ok());
        assert_eq!(timeline["schema"], httptrace_export::TIMELINE_SCHEMA);
    }
}

#[tokio::test]
async fn json_of_a_failed_call_says_what_failed() {
    let refusing = RefusingAddr::loopback();
    let run = httptrace(&["--format", "json", &refusing.addr().to_string()]).await;
    let timeline = httptrace_export::timeline_from_json(&run.expect(3).stdout).unwrap();
    assert!(timeline.error().is_some());
    assert_eq!(timeline.attempts.len(), 1);
}

#[tokio::test]
async fn exports_are_written_beside_what_is_printed() {
    let peer = Peer::loopback().conn(|c| c.repeat_exchange(ANSWER));
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name);
    let export = |format: &str| format!("{format}={}", file(format).display());
    let (json, ndjson, events) = (export("json"), export("ndjson"), export("events"));
    let url = peer.url("/page");
    let exports = ["--export", &json, "--export", &ndjson, "--export", &events];
    let args: Vec<&str> = exports.into_iter().chain([url.as_str()]).collect();
    httptrace(&args).await.expect(0).shows("/page");

    let json = fs::read_to_string(file("json")).unwrap();
    assert_eq!(
        httptrace_export::timeline_from_json(&json)
            .unwrap()
            .status()
            .unwrap(),
        200
    );
    let ndjson = fs::read_to_string(file("ndjson")).unwrap();
    assert_eq!(
        httptrace_export::timelines_from_ndjson(&ndjson)
            .unwrap()
            .len(),
        1
    );
    let events = parse_lines(&fs::read_to_string(file("events")).unwrap());
    assert_eq!(named(&events, "call_end").len(), 1);
}

#[tokio::test]
async fn secrets_are_not_exported() {
    let peer = Peer::loopback().conn(|c| c.exchange(ANSWER));
    let args = ["--format", "events", "-u", "me:secret", &peer.url("/")];
    let run = httptrace(&args).await;
    assert!(!run.expect(0).stdout.contains("bWU6c2VjcmV0"), "{run:#?}");
}

#[tokio::test]
async fn colour_is_for_terminals_or_if_forced_and_never_against_no_color() {
    let peer = Peer::loopback().every_conn(|c| c.repeat_exchange(ANSWER));
    let url = peer.url("/");
    let table: [(&[&str], bool); 4] = [
        (&[], false),
        (&["CLICOLOR_FORCE"], true),
        (&["NO_COLOR"], false),
        (&["NO_COLOR", "CLICOLOR_FORCE"], false),
    ];
    for (variables, coloured) in table {
        let mut program = command(&[&url]);
        program.envs(variables.iter().map(|name| (name, "1")));
        let run = finish(program).await;
        let found = run.expect(0).stdout.contains('\x1b');
        assert_eq!(found, coloured, "{variables:?}: {run:#?}");
    }
}

#[tokio::test]
async fn a_locale_without_more_than_ascii_gets_no_more_than_ascii() {
    let peer = Peer::loopback().every_conn(|c| c.exchange(ANSWER));
    let mut program = command(&[&peer.url("/")]);
    program.env("LC_ALL", "C");
    let run = finish(program).await;
    assert!(run.expect(0).stdout.is_ascii(), "{run:#?}");
    assert!(!httptrace(&[&peer.url("/")]).await.stdout.is_ascii());
}

#[tokio::test]
async fn a_reader_that_leaves_is_no_failure() {
    let peer = Peer::loopback().every_conn(|c| {
        c.client_may_leave()
            .expect_head()
            .send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
            .wait_for("left")
            .send("hello")
    });
    let mut child = command(&["--format", "events", &peer.url("/")])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        if line.contains("\"got_response_headers\"") {
            break;
        }
    }
    drop(lines);
    peer.raise("left");
    let output = child.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_under_stdout_is_a_failure() {
    let peer = Peer::loopback().every_conn(|c| c.client_may_leave().repeat_exchange(ANSWER));
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let mut program = command(&["--format", "events", &peer.url("/")]);
    let child = program.stdout(full).stderr(Stdio::piped()).spawn().unwrap();
    let output = child.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("cannot write to stdout"), "{said}");
}
