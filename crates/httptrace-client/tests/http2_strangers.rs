//! Servers that do not speak HTTP/2 though they are spoken to in it, or say nothing at all.

mod rig;

use std::sync::Arc;

use http::Request;
use httptrace::{ErrorKind, EventKind};
use httptrace_client::{Body, Error};
use httptrace_test::{DuplexPeer, TestCa};
use rig::http2::{Told, told};

const PREFACE: &str = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HTTP1: &str = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";

/// What comes of a request to a server that says this and closes.
async fn error_of(answer: &str) -> (Told, Error) {
    let peer = DuplexPeer::new().every_conn(|c| {
        c.client_may_leave()
            .expect_bytes(PREFACE)
            .send(answer)
            .close()
    });
    error_from(peer, "http", TestCa::new()).await
}

async fn error_from(peer: DuplexPeer, scheme: &str, ca: TestCa) -> (Told, Error) {
    let uri = format!("{scheme}://example.com/");
    let request = Request::builder().uri(uri).body(Body::empty());
    let mut error = None;
    let told = told(
        peer,
        |client| {
            let trusting = client.add_root_certificates_pem(ca.pem().as_bytes());
            trusting.expect("the authority's certificate is PEM")
        },
        async |client, _| {
            let fetched = rig::fetch(client, request.expect("it is valid")).await;
            error = fetched.err();
        },
    );
    let told = told.await;
    (told, error.expect("it cannot have been answered"))
}

fn closings(told: &Told) -> Vec<(&'static str, Option<String>)> {
    told.pick(|kind| match kind {
        EventKind::ConnClosed(info) => {
            let error = info.error.as_ref().map(|error| error.message().to_owned());
            Some((info.reason.as_str(), error))
        }
        _ => None,
    })
}

#[tokio::test(start_paused = true)]
async fn a_server_that_answers_in_http1_is_told_from_one_that_speaks_http2_badly() {
    let (told, error) = error_of(HTTP1).await;
    assert_eq!(error.kind(), ErrorKind::Protocol);
    let said = "the server does not speak HTTP/2: it answers in HTTP/1; do without \
                ClientBuilder::http2_prior_knowledge";
    assert_eq!(error.to_string(), said);
    assert_eq!(closings(&told), [("failed", Some(said.to_owned()))]);
    assert_eq!(told.report.accepted(), 1);
}

#[tokio::test(start_paused = true)]
async fn so_is_one_that_answers_in_something_else() {
    let (_, error) = error_of("SSH-2.0-OpenSSH_9.9\r\n").await;
    assert_eq!(error.kind(), ErrorKind::Protocol);
    let said = error.to_string();
    assert!(
        said.contains("does not speak HTTP/2: what it says first"),
        "{said}"
    );
}

#[tokio::test(start_paused = true)]
async fn one_that_closes_without_a_word_may_not_speak_it() {
    let (_, error) = error_of("").await;
    assert_eq!(error.kind(), ErrorKind::Closed);
    let said = error.to_string();
    assert!(said.contains("had said nothing in HTTP/2"), "{said}");
    assert!(
        said.ends_with("do without ClientBuilder::http2_prior_knowledge"),
        "{said}"
    );
}

#[tokio::test(start_paused = true)]
async fn one_that_has_said_something_speaks_it() {
    let peer =
        DuplexPeer::new().every_conn(|c| c.http2(|h| h.handshake().expect_request(1).close()));
    let (_, error) = error_from(peer, "http", TestCa::new()).await;
    let said = error.to_string();
    assert_eq!(said, "the server closed the connection before its response");
}

#[tokio::test(start_paused = true)]
async fn over_tls_a_server_may_choose_http2_and_not_speak_it() {
    let ca = TestCa::new();
    let config = ca.server(&["example.com"]).alpn(&["h2"]).config();
    let peer = DuplexPeer::new().every_conn(move |c| {
        let c = c.client_may_leave().start_tls(Arc::clone(&config));
        c.expect_bytes(PREFACE).send(HTTP1).close()
    });
    let (_, error) = error_from(peer, "https", ca).await;
    assert_eq!(error.kind(), ErrorKind::Protocol);
    let said = "the server does not speak HTTP/2: it answers in HTTP/1; speak HTTP/1.1 to it \
                (ClientBuilder::http1_only)";
    assert_eq!(error.to_string(), said);
}
