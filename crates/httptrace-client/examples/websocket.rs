//! A WebSocket on a connection that the client made: the handshake is a traced request like any other, and after the 101
//! the stream goes to a WebSocket library.
//!
//! ```console
//! $ cargo run -p httptrace-client --example websocket -- http://127.0.0.1:8080/
//! ```
//!
//! Without a URL it speaks to an echo server of its own. `https` in place of `wss`, `http` in place of `ws`.

#![allow(clippy::print_stdout)] // examples print

use futures_util::{SinkExt, StreamExt};
use http::{Request, StatusCode};
use httptrace::{BoxError, ClientTrace, RequestExt};
use httptrace_client::{Body, Client};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::{WebSocketStream, accept_async};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let url = match std::env::args().nth(1) {
        Some(url) => url,
        None => start_echo_server().await?,
    };
    let key = generate_key();
    // RFC 6455 section 4.1.
    let request = Request::get(url)
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", &key)
        .trace(telling_trace())
        .body(Body::empty())?;
    let response = Client::new().send(request).await?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Err(format!("the server answers {} and no upgrade", response.status()).into());
    }
    let accept = response.headers().get("sec-websocket-accept");
    if accept.is_none_or(|accept| *accept != derive_accept_key(key.as_bytes())) {
        return Err("the server did not understand the WebSocket handshake".into());
    }

    let stream = TokioIo::new(hyper::upgrade::on(response).await?);
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Client, None).await;
    for text in ["Hello!", "Is anybody there?"] {
        socket.send(Message::text(text)).await?;
        match socket.next().await {
            Some(echo) => println!("echo: {}", echo?.into_text()?),
            None => return Err("the server left".into()),
        }
    }
    socket.close(None).await?;
    // The close is over when the server has said its own.
    while let Some(Ok(_)) = socket.next().await {}
    println!("closed");
    Ok(())
}

fn telling_trace() -> ClientTrace {
    ClientTrace::new()
        .on_connect_done(|info| println!("connected to {}", info.addr))
        .on_got_response_headers(|info| println!("status {}", info.status.as_u16()))
        .on_conn_closed(|info| println!("done with HTTP: {}", info.reason.as_str()))
}

/// Starts a server that echoes what one WebSocket says. Returns its URL.
async fn start_echo_server() -> Result<String, BoxError> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}/", listener.local_addr()?);
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await?;
        let mut socket = accept_async(stream).await?;
        while let Some(message) = socket.next().await {
            let message = message?;
            if message.is_text() || message.is_binary() {
                socket.send(message).await?;
            }
        }
        Ok::<_, BoxError>(())
    });
    Ok(url)
}
