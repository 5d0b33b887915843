//! What is said of ourselves in TLS, and asked of the server.

use std::path::PathBuf;

use httptrace_test::{Peer, TestCa, TestServer};
use tempfile::TempDir;

use crate::program::{command, finish, httptrace, named};

const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A folder for files in PEM.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file and says where.
    fn write(&self, name: &str, text: &str) -> String {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name).to_str().unwrap().to_owned()
    }
}

/// A peer that serves every connection, and its URL.
fn peer(server: TestServer<'_>) -> (Peer, String) {
    let tls = server.config();
    let peer =
        Peer::loopback().every_conn(|c| c.client_may_leave().start_tls(tls).exchange(ANSWER));
    let url = format!("https://{}/", peer.addr());
    (peer, url)
}

#[tokio::test]
async fn a_client_certificate_is_shown_from_one_file_or_two() {
    let (ca, clients, files) = (TestCa::new(), TestCa::new(), Files::new());
    let (peer, url) = peer(ca.server(&["127.0.0.1"]).demanding_clients_of(&clients));
    let (certificate, key) = clients.client_pem("me.example");
    let both = files.write("both.pem", &format!("{certificate}{key}"));
    let with_password = format!("{both}:secret");
    let alone = files.write("me.pem", &certificate);
    let key = files.write("me.key", &key);
    for args in [
        &["--cert", &both][..],
        &["-E", &with_password],
        &["--cert", &alone, "--key", &key],
    ] {
        let args = [&["-k"], args, &[&url]].concat();
        httptrace(&args).await.expect(0);
    }
    assert_eq!(peer.report().conn(0).tls[0].client_certificates, 1);
}

#[tokio::test]
async fn a_server_that_demands_a_certificate_and_gets_none_is_said_to() {
    let (ca, clients) = (TestCa::new(), TestCa::new());
    for (server, code) in [
        // The handshake is over when the server says so.
        (ca.server(&["127.0.0.1"]).only_tls13(), 4),
        (ca.server(&["127.0.0.1"]).only_tls12(), 3),
    ] {
        let (_peer, url) = peer(server.demanding_clients_of(&clients));
        let run = httptrace(&["-k", &url]).await;
        run.expect(code)
            .says("the peer demands a client certificate, and none was sent")
            .says("hint: show one with --cert FILE");
    }
}

#[tokio::test]
async fn certificates_and_keys_that_do_not_do_are_wrong_usage() {
    let (ca, files) = (TestCa::new(), Files::new());
    let (certificate, key) = ca.client_pem("me.example");
    let (_, another) = ca.client_pem("me.example");
    let certificate = files.write("me.pem", &certificate);
    let key = files.write("me.key", &key);
    let another = files.write("another.key", &another);
    let encrypted =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let encrypted = files.write("encrypted.key", encrypted);
    let secret = format!("{certificate}:secret");
    let url = "https://127.0.0.1:9/";
    let table: [(&[&str], &str); 6] = [
        (
            &["--cert", "no/such/file"],
            "cannot read --cert 'no/such/file'",
        ),
        (
            &["--cert", &certificate, "--key", "no/key"],
            "cannot read --key 'no/key'",
        ),
        (&["--cert", &certificate], "the private key cannot be read"),
        (
            &["--cert", &certificate, "--key", &another],
            "does not belong to the client certificate",
        ),
        (
            &["--cert", &secret, "--key", &encrypted],
            "the private key is encrypted",
        ),
        (&["--key", &key], "--key without --cert"),
    ];
    for (args, complaint) in table {
        let run = httptrace(&[args, &[url]].concat()).await;
        run.expect(2).says(complaint).says("hint: ");
        assert!(!run.stderr.contains("secret"), "{run:#?}");
    }
}

#[tokio::test]
async fn the_version_of_tls_is_within_the_limits() {
    let ca = TestCa::new();
    let (_peer, url) = peer(ca.server(&["127.0.0.1"]));
    for (limits, version) in [
        (&["--tls-max", "1.2"][..], "TLSv1.2"),
        (&["--tlsv1.2"], "TLSv1.3"),
        (&["--tlsv1.3", "--tls-max", "default"], "TLSv1.3"),
    ] {
        let args = [&["-k", "--format", "events"], limits, &[&url]].concat();
        let run = httptrace(&args).await;
        let events = run.expect(0).lines();
        let told = named(&events, "tls_handshake_done")[0]["version"].to_string();
        assert!(told.contains(version), "{limits:?}: {told}");
    }
    let (_peer, url) = peer(ca.server(&["127.0.0.1"]).only_tls12());
    let run = httptrace(&["-k", "--tlsv1.3", &url]).await;
    run.expect(3)
        .says("phase tls")
        .says("allowed here")
        .says("hint: what is offered is limited by --tlsv1.3");
}

#[tokio::test]
async fn versions_that_are_not_spoken_are_wrong_usage() {
    let url = "https://127.0.0.1:9/";
    for args in [
        &["--tlsv1"][..],
        &["--tlsv1.0"],
        &["--tlsv1.1"],
        &["--tls-max", "1.1"],
    ] {
        let run = httptrace(&[args, &[url]].concat()).await;
        run.expect(2)
            .says("TLS before 1.2 is not spoken")
            .says("hint: ");
    }
    let run = httptrace(&["--tls-max", "2", url]).await;
    run.expect(2).says("--tls-max '2'");
    let run = httptrace(&["--tlsv1.3", "--tls-max", "1.2", url]).await;
    run.expect(2).says("leave no version");
}

#[tokio::test]
async fn the_authorities_of_cacert_are_trusted_and_no_others() {
    let (ours, others, files) = (TestCa::new(), TestCa::new(), Files::new());
    let pem = files.write("ca.pem", ours.pem());
    let (_good, url) = peer(ours.server(&["127.0.0.1"]));
    httptrace(&["--cacert", &pem, &url]).await.expect(0);
    let (_bad, url) = peer(others.server(&["127.0.0.1"]));
    let run = httptrace(&["--cacert", &pem, &url]).await;
    run.expect(3).says("issuer is not known");
}

#[tokio::test]
async fn secrets_are_logged_where_the_environment_says() {
    let (ca, files) = (TestCa::new(), Files::new());
    let (_peer, url) = peer(ca.server(&["127.0.0.1"]));
    let log = files.path("keys");
    let mut tracing = command(&["-k", &url]);
    tracing.env("SSLKEYLOGFILE", &log);
    finish(tracing).await.expect(0);
    let text = std::fs::read_to_string(&log).unwrap();
    assert!(text.contains("CLIENT_TRAFFIC_SECRET_0 "), "{text}");
}

#[tokio::test]
async fn a_log_of_secrets_that_cannot_be_written_is_not_passed_over_in_silence() {
    let mut tracing = command(&["https://127.0.0.1:9/"]);
    tracing.env("SSLKEYLOGFILE", "no/such/folder/keys");
    let run = finish(tracing).await;
    run.expect(2)
        .says("no/such/folder/keys")
        .says("hint: SSLKEYLOGFILE names that file");
}
