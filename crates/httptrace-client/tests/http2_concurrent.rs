//! A hundred requests at once on one connection of HTTP/2: each response, and each event, is its own request's.

#[path = "rig/crowd.rs"]
mod crowd;
mod rig;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use crowd::{Crowd, Told, page};
use h2::server::{Builder, SendResponse};
use h2::{Reason, RecvStream};
use http::{Request, Response};
use httptrace_test::Leaks;
use httptrace_test::leaks::Connections;
use rig::{direct, soon};
use tokio::net::{TcpListener, TcpStream};

const SIZE: usize = 100;
const RUNS: usize = 100;

/// A server on the other side of the same crate: it answers out of turn, since each request has a task.
struct Server {
    addr: SocketAddr,
    accepted: Arc<AtomicUsize>,
    open: Arc<AtomicUsize>,
}

impl Server {
    async fn start(max_streams: Option<u32>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            addr: listener.local_addr().unwrap(),
            accepted: Arc::default(),
            open: Arc::default(),
        };
        let (accepted, open) = (Arc::clone(&server.accepted), Arc::clone(&server.open));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                accepted.fetch_add(1, Ordering::SeqCst);
                open.fetch_add(1, Ordering::SeqCst);
                let open = Arc::clone(&open);
                tokio::spawn(async move {
                    // A client that goes away is none of its business.
                    let _ = serve(stream, max_streams).await;
                    open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        server
    }

    fn crowd(&self, size: usize) -> Crowd {
        Crowd {
            origin: format!("http://{}", self.addr),
            size,
            echoes: true,
            uploads: true,
        }
    }
}

impl Connections for Server {
    fn open_connections(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }
}

async fn serve(stream: TcpStream, max_streams: Option<u32>) -> Result<(), h2::Error> {
    let mut builder = Builder::new();
    if let Some(max) = max_streams {
        builder.max_concurrent_streams(max);
    }
    let mut connection = builder.handshake(stream).await?;
    while let Some(request) = connection.accept().await {
        let (request, respond) = request?;
        tokio::spawn(answer(request, respond));
    }
    Ok(())
}

async fn answer(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
) -> Result<(), h2::Error> {
    let (head, mut body) = request.into_parts();
    let mut received = 0;
    while let Some(piece) = body.data().await {
        let length = piece?.len();
        received += length;
        body.flow_control().release_capacity(length)?;
    }
    let number = head.uri.path().trim_start_matches("/crowd/").parse();
    let Ok(number) = number else {
        respond.send_reset(Reason::PROTOCOL_ERROR);
        return Ok(());
    };
    let response = Response::builder()
        .header("x-number", &head.headers["x-number"])
        .header("x-received", received)
        .body(())
        .expect("the answer is valid");
    let mut stream = respond.send_response(response, false)?;
    stream.send_data(page(number).into(), true)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_requests_at_once_share_a_connection_and_each_is_told_its_own() {
    let server = Server::start(None).await;
    for run in 0..RUNS {
        let leaks = Leaks::watch(&server);
        let client = direct().http2_prior_knowledge().build();

        let told = soon(server.crowd(SIZE).ask(&client)).await;

        let told = told.unwrap_or_else(|why| panic!("run {run}: {why}"));
        assert_eq!(server.accepted.load(Ordering::SeqCst), run + 1);
        one_connection(&told);
        drop(client);
        leaks.assert_none().await;
    }
}

#[tokio::test]
async fn a_hundred_requests_at_once_share_a_connection_on_one_thread_too() {
    let server = Server::start(None).await;
    let leaks = Leaks::watch(&server);
    let client = direct().http2_prior_knowledge().build();

    for _ in 0..3 {
        let told = soon(server.crowd(SIZE).ask(&client)).await.unwrap();
        assert_eq!(told.streams.len(), SIZE);
    }

    assert_eq!(server.accepted.load(Ordering::SeqCst), 1);
    drop(client);
    leaks.assert_none().await;
}

#[tokio::test]
async fn where_two_streams_may_be_open_the_others_wait_their_turn_on_the_same_connection() {
    let server = Server::start(Some(2)).await;
    let leaks = Leaks::watch(&server);
    let client = direct()
        .http2_prior_knowledge()
        .http2_strict_max_concurrent_requests(true)
        .build();
    // What the peer allows is known once it has answered.
    soon(server.crowd(1).ask(&client)).await.unwrap();

    let told = soon(server.crowd(20).ask(&client)).await.unwrap();

    assert_eq!(server.accepted.load(Ordering::SeqCst), 1);
    assert!(told.queued > 0, "{told:?}");
    drop(client);
    leaks.assert_none().await;
}

/// Exactly one was dialed, and its streams are numbered without a gap.
fn one_connection(told: &Told) {
    assert_eq!((told.connects, told.connections.len()), (1, 1), "{told:?}");
    assert_eq!(told.retries, 0);
    let ids: Vec<u32> = told.streams.iter().map(|(_, id)| *id).collect();
    let odd: Vec<u32> = (0..SIZE as u32).map(|n| 2 * n + 1).collect();
    assert_eq!(ids, odd);
}
