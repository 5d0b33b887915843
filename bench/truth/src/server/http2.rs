//! HTTP/2 by prior knowledge.

use std::time::Duration;

use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use http::{Request, Response};
use tokio::net::TcpStream;

use super::{BODY, pause_for};

/// Answers until the client ends the connection.
pub(super) async fn converse(stream: TcpStream, pause: Duration) -> Result<(), h2::Error> {
    let mut connection = h2::server::handshake(stream).await?;
    while let Some(request) = connection.accept().await {
        let (request, respond) = request?;
        // In a task of its own, since reading the body takes somebody who drives the connection.
        tokio::spawn(answer(request, respond, pause));
    }
    Ok(())
}

async fn answer(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    pause: Duration,
) -> Result<(), h2::Error> {
    let mut body = request.into_body();
    while let Some(piece) = body.data().await {
        let length = piece?.len();
        body.flow_control().release_capacity(length)?;
    }
    pause_for(pause);
    let mut stream = respond.send_response(Response::new(()), false)?;
    stream.send_data(Bytes::from_static(BODY), true)
}
