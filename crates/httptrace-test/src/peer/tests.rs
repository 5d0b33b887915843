use super::*;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const EMPTY: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

async fn connect(peer: &Peer) -> TcpStream {
    TcpStream::connect(peer.addr()).await.unwrap()
}

async fn exchange(client: &mut TcpStream) {
    client.write_all(GET).await.unwrap();
    let mut answer = [0; EMPTY.len()];
    client.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, EMPTY.as_bytes());
}

#[tokio::test]
async fn connections_get_the_scripts_in_the_order_in_which_they_arrive() {
    let peer = Peer::loopback()
        .conn(|c| c.send("one").close())
        .conn(|c| c.send("two").close());
    for expected in ["one", "two"] {
        let mut text = String::new();
        connect(&peer)
            .await
            .read_to_string(&mut text)
            .await
            .unwrap();
        assert_eq!(text, expected);
    }
    assert_eq!(peer.finish().await.accepted(), 2);
}

#[tokio::test]
async fn bodies_are_recorded_without_their_framing() {
    let peer = Peer::loopback().conn(|c| {
        c.expect_head()
            .expect_body(3)
            .expect_head()
            .expect_chunked_body()
            .close()
    });
    let mut client = connect(&peer).await;
    client
        .write_all(b"POST / HTTP/1.1\r\n\r\nabc")
        .await
        .unwrap();
    let chunked = b"PUT / HTTP/1.1\r\n\r\n2\r\nde\r\n1;x=y\r\nf\r\n0\r\nT: v\r\n\r\n";
    client.write_all(chunked).await.unwrap();
    let report = peer.finish().await;
    assert_eq!(report.conn(0).bodies, [b"abc".to_vec(), b"def".to_vec()]);
    assert_eq!(report.conn(0).head(1).line(), "PUT / HTTP/1.1");
}

#[tokio::test]
async fn a_keep_alive_loop_ends_when_the_client_closes() {
    let peer = Peer::loopback().conn(|c| c.repeat_exchange(EMPTY));
    let mut client = connect(&peer).await;
    exchange(&mut client).await;
    exchange(&mut client).await;
    assert_eq!(peer.open(), 1);
    drop(client);
    peer.wait_until_none_is_open().await;
    let report = peer.finish().await;
    assert_eq!(report.heads().len(), 2);
    let (_, end) = report.conn(0).client_end.unwrap();
    assert_eq!(end, ClientEnd::Fin);
}

#[tokio::test]
async fn a_client_that_resets_is_recorded_as_such() {
    let peer = Peer::loopback().conn(|c| c.hold_open());
    let client = connect(&peer).await;
    peer.wait_for_conns(1).await;
    wire::Wire::close_by_reset(&client);
    drop(client);
    peer.wait_until_none_is_open().await;
    let report = peer.finish().await;
    assert_eq!(report.conn(0).client_end.unwrap().1, ClientEnd::Reset);
}

#[tokio::test]
async fn a_reset_is_seen_by_the_client() {
    let peer = Peer::loopback().conn(|c| c.reset());
    let mut client = connect(&peer).await;
    let error = client.read(&mut [0; 1]).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    assert!(peer.finish().await.conn(0).closed_at.is_some());
}

#[tokio::test]
async fn after_a_half_close_the_peer_still_reads() {
    let peer = Peer::loopback().conn(|c| c.half_close().expect_bytes("late"));
    let mut client = connect(&peer).await;
    assert_eq!(client.read(&mut [0; 1]).await.unwrap(), 0);
    client.write_all(b"late").await.unwrap();
    peer.finish().await;
}

#[tokio::test]
async fn signals_hold_scripts_back_and_report_from_them() {
    let peer = Peer::loopback().conn(|c| c.raise("here").wait_for("go").send("x").close());
    let mut client = connect(&peer).await;
    peer.wait_for("here").await;
    let before = Instant::now();
    peer.raise("go");
    client.read_exact(&mut [0; 1]).await.unwrap();
    let report = peer.finish().await;
    assert!(report.conn(0).writes[0].at >= before);
}

#[tokio::test]
async fn a_delay_shows_in_the_instants_of_the_writes() {
    let peer =
        Peer::loopback().conn(|c| c.expect_head().delay(30).send_paced("abcd", 2, 20).close());
    let mut client = connect(&peer).await;
    client.write_all(GET).await.unwrap();
    let mut text = String::new();
    client.read_to_string(&mut text).await.unwrap();
    let report = peer.finish().await;
    let conn = report.conn(0);
    assert_eq!(conn.writes.len(), 2);
    assert!(conn.writes[0].begun - conn.head(0).at >= Duration::from_millis(30));
    assert!(conn.writes[1].begun - conn.writes[0].at >= Duration::from_millis(20));
    assert_eq!(conn.written_bytes(), b"abcd");
    assert_eq!(conn.read_bytes(), GET);
}

#[tokio::test]
#[should_panic(
    expected = "connection 0: step 1 of 1, expect_bytes(\"abc\"): the client sent \"abd\""
)]
async fn other_bytes_than_expected_fail_the_test() {
    let peer = Peer::loopback().conn(|c| c.expect_bytes("abc"));
    connect(&peer).await.write_all(b"abd").await.unwrap();
    peer.finish().await;
}

#[tokio::test]
#[should_panic(expected = "expect_head: the client closed after \"GET\"")]
async fn a_client_that_leaves_too_early_fails_the_test() {
    let peer = Peer::loopback().conn(|c| c.expect_head());
    connect(&peer).await.write_all(b"GET").await.unwrap();
    peer.finish().await;
}

#[tokio::test]
async fn a_client_that_may_leave_fails_nothing() {
    let peer = Peer::loopback().conn(|c| c.client_may_leave().expect_head().send(EMPTY));
    connect(&peer).await.write_all(b"GET").await.unwrap();
    peer.finish().await;
}

#[tokio::test]
#[should_panic(expected = "connection 1: there is no script for it")]
async fn a_connection_without_a_script_fails_the_test() {
    let peer = Peer::loopback().conn(|c| c.hold_open());
    let _first = connect(&peer).await;
    let _second = connect(&peer).await;
    peer.wait_for_conns(2).await;
    drop(peer);
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "1 scripted connection(s) never came")]
async fn a_script_that_was_never_played_fails_the_test() {
    DuplexPeer::new().conn(|c| c.hold_open()).finish().await;
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "connection 0 is still at step 1 of 1, wait_for(\"never\")")]
async fn a_script_that_does_not_end_fails_the_test() {
    let peer = DuplexPeer::new().conn(|c| c.wait_for("never"));
    let _client = peer.connect();
    peer.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_duplex_peer_runs_on_a_paused_clock() {
    let peer = DuplexPeer::new().conn(|c| c.expect_head().delay(3_600_000).send(EMPTY).close());
    let mut client = peer.connect();
    client.write_all(GET).await.unwrap();
    let mut text = String::new();
    client.read_to_string(&mut text).await.unwrap();
    let report = peer.finish().await;
    let conn = report.conn(0);
    assert_eq!(
        conn.writes[0].at - conn.head(0).at,
        Duration::from_secs(3600)
    );
}

#[tokio::test]
async fn a_peer_may_listen_on_other_loopback_addresses() {
    let second = Peer::at("127.0.0.2:0").every_conn(|c| c.close());
    assert_eq!(second.addr().ip().to_string(), "127.0.0.2");
    let mut client = connect(&second).await;
    assert_eq!(client.read(&mut [0; 1]).await.unwrap(), 0);
    assert_eq!(second.url("/x"), format!("http://{}/x", second.addr()));
    second.finish().await;
}
