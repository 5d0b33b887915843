//! Compressed responses over HTTP/2.

mod rig;

mod coded;

use http_body_util::BodyExt;
use httptrace_client::Client;
use httptrace_test::DuplexPeer;
use httptrace_test::http2::{Data, Head};
use rig::fetch;
use rig::http2::{bodies, fetch_next, get, next, peer, told};

use coded::{Coding, coded, text};

const CANCEL: u32 = 8;

#[tokio::test(start_paused = true)]
async fn a_body_is_decoded_and_its_trailers_come_behind_it() {
    for coding in Coding::ALL {
        let plain = text(10_000);
        let body = coded(coding, &plain);
        let wire = body.len() as u64;
        let peer = peer(|h| {
            let h = h.handshake().expect_request(1).delay(1);
            let h = h.send_head(
                1,
                Head::status(200).field("content-encoding", coding.name()),
            );
            let data = Data::new(&body).in_frames_of(100);
            next(h.send_data(1, data).send_trailers(1, &[("x-sum", "7")]))
        });
        let play = async |client: &Client, _: &DuplexPeer| {
            let response = client.send(get("/")).await.unwrap();
            let collected = response.into_body().collect().await.unwrap();
            assert_eq!(collected.trailers().unwrap()["x-sum"], "7");
            assert_eq!(collected.to_bytes(), plain.as_bytes());
            fetch_next(client).await;
        };
        let told = told(peer, |client| client.decompress(true), play).await;
        assert_eq!(told.report.accepted(), 1);
        let decoded = Some(plain.len() as u64);
        assert_eq!(bodies(&told)[0], ("end", Some(wire), decoded), "{coding:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_cannot_be_decoded_resets_its_stream_alone() {
    let peer = peer(|h| {
        let h = h.handshake().expect_request(1);
        let h = h.send_head(1, Head::status(200).field("content-encoding", "gzip"));
        next(h.send_data(1, "no gzip at all").expect_reset(1, CANCEL))
    });
    let play = async |client: &Client, _: &DuplexPeer| {
        fetch(client, get("/")).await.unwrap_err();
        fetch_next(client).await;
    };
    let told = told(peer, |client| client.decompress(true), play).await;
    assert_eq!(told.report.accepted(), 1);
    assert_eq!(bodies(&told)[0].0, "error");
}
