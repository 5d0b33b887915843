//! Requests side by side on one HTTP/2 connection: the stream that each had, and how long it waited for what.
//!
//! ```console
//! $ cargo run -p httptrace-client --example http2_streams -- https://example.com/
//! ```
//!
//! Without a URL it asks a server of its own for `/60`, `/20` and `/40`, each of which is answered after as many
//! milliseconds. With one it asks for that three times.

#![allow(clippy::print_stdout)] // examples print

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use httptrace::info::WaitedFor;
use httptrace::timeline::Timeline;
use httptrace::{BoxError, Phase, Recorder, RequestExt};
use httptrace_client::{Body, Client};
use tokio::net::{TcpListener, TcpStream};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let urls = match std::env::args().nth(1) {
        Some(url) => vec![url; 3],
        None => start_server().await?,
    };
    // Needed without TLS alone: for https:// both sides agree on HTTP/2 in the handshake, if the server has it.
    let client = Client::builder().http2_prior_knowledge().build();
    let calls = urls
        .into_iter()
        .map(|url| tokio::spawn(trace(client.clone(), url)));
    // All have begun before the first is waited for.
    for call in calls.collect::<Vec<_>>() {
        print(&call.await??);
    }
    Ok(())
}

/// Sends a request and reads its response, whose end is that of the call.
async fn trace(client: Client, url: String) -> Result<Timeline, BoxError> {
    let recorder = Recorder::new();
    let request = Request::get(url)
        .trace(recorder.trace())
        .body(Body::empty())?;
    client.send(request).await?.into_body().bytes().await?;
    recorder
        .timeline()
        .ok_or_else(|| "the call was not recorded".into())
}

fn print(timeline: &Timeline) {
    let breakdown = timeline.breakdown();
    for attempt in &timeline.attempts {
        let path = attempt.uri.as_ref().map_or("?", http::Uri::path);
        match &attempt.stream {
            Some(opened) => print!("{path} on stream {}", opened.info.stream_id),
            None => print!("{path} on no stream"),
        }
        let got = attempt.got_conn.as_ref().map(|got| &got.info);
        match got.and_then(|got| got.waited_for) {
            Some(WaitedFor::Dial) => println!(", on the connection that another dialed"),
            Some(WaitedFor::Stream) => println!(", when one was free"),
            _ => println!(),
        }
    }
    for phase in [Phase::Queue, Phase::Connect, Phase::Wait] {
        if let Some(time) = breakdown.get(phase) {
            println!("{:>9} {time:>9.3?}", phase.as_str());
        }
    }
}

/// Starts a server of HTTP/2 without TLS, which lasts as long as the program. Returns URLs to ask for.
async fn start_server() -> Result<Vec<String>, BoxError> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    let paths = ["60", "20", "40"];
    Ok(paths.map(|path| format!("http://{address}/{path}")).into())
}

/// Answers each request of a connection after as many milliseconds as its path says.
async fn serve(stream: TcpStream) -> Result<(), BoxError> {
    // Or else the body would wait for the head to be acknowledged.
    stream.set_nodelay(true)?;
    let mut connection = h2::server::handshake(stream).await?;
    while let Some(accepted) = connection.accept().await {
        let (request, mut respond) = accepted?;
        let millis = request.uri().path().trim_start_matches('/').parse()?;
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            let mut body = respond.send_response(Response::new(()), false)?;
            body.send_data(Bytes::from_static(b"Hello!\n"), true)
        });
    }
    Ok(())
}
