//! `--output`: where bodies go.

use std::fs;
use std::process::Stdio;

use httptrace_test::{Peer, RefusingAddr};
use tokio::io::AsyncReadExt;

use crate::program::{command, httptrace};

fn answer(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn bodies_go_to_the_files_in_the_order_of_the_urls() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let peer = Peer::loopback().conn(|c| {
        c.exchange(answer("one"))
            .exchange(answer("two"))
            .exchange(answer("three"))
    });
    let url = peer.url("/");
    let (a, b) = (file("a"), file("b"));
    let run = httptrace(&["-o", &a, "-o", &b, &url, &url, &url]).await;
    run.expect(0);
    assert_eq!(fs::read_to_string(a).unwrap(), "one");
    assert_eq!(fs::read_to_string(b).unwrap(), "two");
    assert!(!run.stdout.contains("three"), "{run:#?}");
}

#[tokio::test]
async fn a_body_on_stdout_is_alone_there_and_the_trace_goes_to_stderr() {
    let peer = Peer::loopback().conn(|c| c.exchange(answer("nothing but the body")));
    let run = httptrace(&["-o", "-", &peer.url("/page")]).await;
    run.expect(0).says("/page");
    assert_eq!(run.stdout, "nothing but the body");
}

#[tokio::test]
async fn whoever_reads_the_body_may_leave_in_the_middle() {
    let peer = Peer::loopback().conn(|c| {
        c.client_may_leave()
            .expect_head()
            .send("HTTP/1.1 200 OK\r\nContent-Length: 8000000\r\n\r\n")
            .send(vec![b'x'; 4_000_000])
            .wait_for("left")
            .send(vec![b'x'; 4_000_000])
    });
    let mut child = command(&["-o", "-", &peer.url("/")])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut [0; 1000]).await.unwrap();
    drop(stdout);
    peer.raise("left");
    let output = child.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!said.contains("httptrace:"), "{said}");
}

#[tokio::test]
async fn without_a_response_a_file_is_left_as_it_was() {
    let refusing = RefusingAddr::loopback();
    let url = format!("http://{}/", refusing.addr());
    let dir = tempfile::tempdir().unwrap();
    let (old, new) = (dir.path().join("old"), dir.path().join("new"));
    fs::write(&old, "precious").unwrap();
    let outputs = ["-o", old.to_str().unwrap(), "-o", new.to_str().unwrap()];
    let args: Vec<&str> = outputs
        .into_iter()
        .chain([url.as_str(), url.as_str()])
        .collect();
    httptrace(&args).await.expect(3);
    assert_eq!(fs::read_to_string(&old).unwrap(), "precious");
    assert!(!new.exists());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_is_a_failure_that_names_the_file() {
    let peer = Peer::loopback().conn(|c| c.client_may_leave().exchange(answer("x")));
    let run = httptrace(&["-o", "/dev/full", &peer.url("/")]).await;
    run.expect(4)
        .says("cannot write the body to '/dev/full'")
        .shows("200");
}
