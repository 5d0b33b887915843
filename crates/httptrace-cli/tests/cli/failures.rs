//! What is said, and which code is returned, when a call fails.

use std::process::Stdio;

use httptrace_test::{Peer, RefusingAddr, StallingAddr, TestCa};

use crate::program::{Run, command, finish, httptrace};

const EMPTY: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

#[tokio::test]
async fn a_refused_port_is_no_connection_and_the_attempt_is_still_drawn() {
    let refusing = RefusingAddr::loopback();
    let addr = refusing.addr().to_string();
    let run = httptrace(&[&addr]).await;
    run.expect(3)
        .says("httptrace: ")
        .says("phase connect")
        .says(&addr)
        .says("hint: nothing listens there")
        .shows(&addr);
}

#[tokio::test]
async fn an_unknown_host_is_no_connection() {
    let run = httptrace(&["http://nobody.invalid/"]).await;
    run.expect(3)
        .says("nobody.invalid")
        .says("phase dns")
        .says("hint: ")
        .says("--resolve nobody.invalid:80:ADDRESS")
        .shows("nobody.invalid");
}

#[tokio::test]
async fn a_certificate_is_checked_unless_told_otherwise() {
    let ca = TestCa::new();
    let tls = ca.server(&["127.0.0.1"]).config();
    let peer = Peer::loopback()
        .conn(|c| c.client_may_leave().start_tls(tls.clone()))
        .conn(|c| c.start_tls(tls.clone()).exchange(EMPTY))
        .conn(|c| c.start_tls(tls.clone()).exchange(EMPTY));
    let url = format!("https://{}/", peer.addr());
    let run = httptrace(&[&url]).await;
    run.expect(3).says("phase tls").says("--cacert").says("-k");

    httptrace(&["-k", &url]).await.expect(0);

    let dir = tempfile::tempdir().unwrap();
    let pem = dir.path().join("ca.pem");
    std::fs::write(&pem, ca.pem()).unwrap();
    let run = httptrace(&["--cacert", pem.to_str().unwrap(), &url]).await;
    run.expect(0);
    peer.finish().await;
}

#[tokio::test]
async fn a_certificate_for_another_name_is_not_put_down_to_its_authority() {
    let ca = TestCa::new();
    let tls = ca.server(&["another.test"]).config();
    let peer = Peer::loopback().conn(|c| c.client_may_leave().start_tls(tls));
    let dir = tempfile::tempdir().unwrap();
    let pem = dir.path().join("ca.pem");
    std::fs::write(&pem, ca.pem()).unwrap();
    let url = format!("https://{}/", peer.addr());
    let run = httptrace(&["--cacert", pem.to_str().unwrap(), &url]).await;
    run.expect(3)
        .says("another.test")
        .says("hint: no authority helps: ask by a name that the certificate has");
}

#[tokio::test]
async fn more_than_a_client_takes_is_not_put_down_to_the_wrong_protocol() {
    let flood = "HTTP/1.1 102 Processing\r\n\r\n".repeat(200);
    let long = format!("HTTP/1.1 200 OK\r\nX-Long: {}\r\n\r\n", "x".repeat(600_000));
    for (answer, named) in [(flood, "too many informational"), (long, "too large")] {
        let peer = Peer::loopback().conn(|c| c.client_may_leave().exchange(answer));
        let run = httptrace(&[&peer.url("/")]).await;
        let run = run.expect(4).says(named).says("phase wait");
        run.says("hint: no client takes that much");
    }
}

#[tokio::test]
async fn plain_http_on_a_tls_port_and_the_reverse_have_hints() {
    let peer = Peer::loopback().conn(|c| {
        c.client_may_leave()
            .send("HTTP/1.1 400 What\r\n\r\n")
            .close()
    });
    let run = httptrace(&[&format!("https://{}/", peer.addr())]).await;
    run.expect(3).says("phase tls").says("ask with http://");

    let peer = Peer::loopback().conn(|c| {
        c.expect_head()
            .send(b"\x15\x03\x03\x00\x02\x02\x32")
            .close()
    });
    let run = httptrace(&[&peer.url("/")]).await;
    run.expect(4).says("ask with https://");
}

#[tokio::test]
async fn a_server_that_takes_too_long_times_out_and_what_happened_is_drawn() {
    let peer = Peer::loopback().conn(|c| c.expect_head().client_may_leave());
    let run = httptrace(&["-m", "0.5", &peer.url("/slow")]).await;
    run.expect(5)
        .says("phase wait")
        .says("--max-time")
        .shows("/slow");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn connecting_that_takes_too_long_times_out() {
    let stalling = StallingAddr::loopback();
    let url = format!("http://{}/", stalling.addr());
    let run = httptrace(&["--connect-timeout", "0.2", &url]).await;
    run.expect(5)
        .says("phase connect")
        .says("--connect-timeout");
}

#[tokio::test]
async fn a_server_that_hangs_up_is_a_failure_after_connecting() {
    let peer = Peer::loopback().conn(|c| c.expect_head().close());
    let run = httptrace(&[&peer.url("/")]).await;
    run.expect(4).says("phase wait").says("hint: ");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_a_failure_after_connecting() {
    let peer = Peer::loopback().conn(|c| {
        c.exchange("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
            .close()
    });
    let run = httptrace(&[&peer.url("/")]).await;
    run.expect(4)
        .says("phase receive")
        .says("incomplete")
        .shows("200");
}

#[tokio::test]
async fn statuses_of_failure_are_no_failure_of_ours() {
    for status in ["404 Not Found", "503 Service Unavailable"] {
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
        let peer = Peer::loopback().conn(|c| c.exchange(answer));
        let run = httptrace(&[&peer.url("/")]).await;
        run.expect(0).shows(&status[..3]);
        assert!(run.stderr.is_empty(), "{run:#?}");
    }
}

#[tokio::test]
async fn too_many_redirects_are_a_failure_with_the_option_that_allows_more() {
    let answer = "HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n";
    let peer = Peer::loopback().conn(|c| c.repeat_exchange(answer));
    let run = httptrace(&["-L", "--max-redirs", "2", &peer.url("/")]).await;
    run.expect(4).says("--max-redirs").shows("302");
    assert_eq!(peer.finish().await.heads().len(), 3);
}

#[tokio::test]
async fn urls_after_a_failure_are_traced_and_the_first_failure_gives_the_code() {
    let refusing = RefusingAddr::loopback();
    let peer = Peer::loopback()
        .conn(|c| c.exchange(EMPTY).expect_head().close())
        // The retry on a new connection.
        .conn(|c| c.expect_head().close());
    let refused = format!("http://{}/", refusing.addr());
    let run = httptrace(&[&refused, &peer.url("/one"), &refused, &peer.url("/two")]).await;
    run.expect(3).shows("/one").shows("/two");
    assert_eq!(run.stderr.matches("httptrace: ").count(), 3, "{run:#?}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_signal_draws_and_exports_what_happened_so_far() {
    for (signal, code, said) in [("-INT", 130, "interrupted"), ("-TERM", 143, "terminated")] {
        let dir = tempfile::tempdir().unwrap();
        let export = dir.path().join("trace.json");
        let run = ended_by(signal, &export).await;
        run.expect(code).says(said).shows("/first");
        assert!(!run.stdout.contains("/never"), "{run:#?}");
        let exported = std::fs::read_to_string(export).unwrap();
        assert!(exported.contains("/first"), "{exported}");
    }
}

/// Runs the program, and ends it when the first of two requests is waiting.
#[cfg(unix)]
async fn ended_by(signal: &str, export: &std::path::Path) -> Run {
    let peer = Peer::loopback().conn(|c| c.expect_head().raise("asked").client_may_leave());
    let never = peer.url("/never");
    let export = format!("json={}", export.display());
    let mut program = command(&["--export", &export, &peer.url("/first"), &never]);
    let child = program
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    peer.wait_for("asked").await;
    kill(signal, child.id().unwrap()).await;
    let output = child.wait_with_output().await.unwrap();
    Run {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[cfg(unix)]
async fn kill(signal: &str, pid: u32) {
    let mut kill = tokio::process::Command::new("kill");
    let status = kill
        .args([signal, &pid.to_string()])
        .status()
        .await
        .unwrap();
    assert!(status.success());
}

#[tokio::test]
async fn a_failure_is_in_colour_only_where_colour_is_wanted() {
    let refusing = RefusingAddr::loopback();
    let addr = refusing.addr().to_string();
    let plain = httptrace(&[&addr]).await;
    assert!(!plain.stderr.contains('\x1b'), "{plain:#?}");
    let mut forced = command(&[&addr]);
    forced.env("CLICOLOR_FORCE", "1");
    let forced = finish(forced).await;
    assert!(forced.stderr.contains('\x1b'), "{forced:#?}");
}

#[tokio::test]
async fn a_redirect_that_leads_nowhere_is_the_servers_failure_not_the_users() {
    for location in ["ftp://a/", "http://[", "http://a:99999/"] {
        let redirect =
            format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
        let peer = Peer::loopback().conn(|c| c.client_may_leave().exchange(redirect));
        let run = httptrace(&["-L", &peer.url("/")]).await;
        run.expect(4).says(location).says("hint: without -L");
    }
}

#[tokio::test]
async fn a_server_that_does_not_answer_the_handshake_is_asked_whether_it_speaks_tls() {
    let peer = Peer::loopback().conn(|c| c.client_may_leave().swallow());
    let url = format!("https://{}/", peer.addr());
    let run = httptrace(&["-k", "-m", "0.5", &url]).await;
    run.expect(5)
        .says("phase tls")
        .says(&format!("does port {} speak TLS?", peer.addr().port()));
}

#[tokio::test]
async fn a_broken_certificate_in_cacert_is_wrong_usage() {
    let dir = tempfile::tempdir().unwrap();
    let pem = dir.path().join("ca.pem");
    let text = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    std::fs::write(&pem, text).unwrap();
    let run = httptrace(&["--cacert", pem.to_str().unwrap(), "https://127.0.0.1:1/"]).await;
    run.expect(2).says("ca.pem").says("certificates");
}
