//! The server's side of HTTP/2: what it answers to which path, on streams side by side.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use h2::server::{self, SendResponse};
use h2::{Error, Reason, RecvStream, SendStream};
use http::header::{CONTENT_TYPE, HeaderValue, LINK};
use http::{Request, Response, StatusCode};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use tokio::time::sleep;

use super::script::{PAGE, THINK};

/// How much of an upload it takes before it has to be asked for more; as much as RFC 9113 begins with.
const WINDOW: u32 = 65_535;

/// Serves one connection, until the client or the script leaves.
pub(super) async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> Result<(), Error> {
    let mut connection = server::Builder::new()
        .max_concurrent_streams(100)
        .initial_window_size(WINDOW)
        // So that an upload waits for the window of its own stream.
        .initial_connection_window_size(16 * WINDOW)
        .handshake(stream)
        .await?;
    let state = Arc::new(State::default());
    loop {
        tokio::select! {
            accepted = connection.accept() => match accepted {
                Some(accepted) => {
                    let (request, respond) = accepted?;
                    tokio::spawn(answer(request, respond, Arc::clone(&state)));
                }
                None => return Ok(()),
            },
            () = state.leaving.notified() => connection.graceful_shutdown(),
        }
    }
}

/// What the streams of a connection share.
#[derive(Default)]
struct State {
    has_refused: AtomicBool,
    leaving: Notify,
}

/// Answers one request. An error ends the stream; the client's side of it is what the tour shows.
async fn answer(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    state: Arc<State>,
) -> Result<(), Error> {
    match request.uri().path() {
        "/hints" => early_hints(&mut respond).await,
        "/slow" => slow(&mut respond).await,
        // As if it had been too busy, for a moment.
        "/refused" if !state.has_refused.swap(true, Ordering::Relaxed) => {
            sleep(THINK / 4).await;
            respond.send_reset(Reason::REFUSED_STREAM);
            Ok(())
        }
        "/leave" => {
            state.leaving.notify_one();
            page(&mut respond).await
        }
        "/upload" => upload(request.into_body(), &mut respond).await,
        _ => page(&mut respond).await,
    }
}

async fn page(respond: &mut SendResponse<Bytes>) -> Result<(), Error> {
    sleep(THINK).await;
    html(respond)?.send_data(Bytes::from_static(PAGE), true)
}

async fn early_hints(respond: &mut SendResponse<Bytes>) -> Result<(), Error> {
    sleep(THINK / 2).await;
    let mut hints = head(StatusCode::EARLY_HINTS);
    let link = HeaderValue::from_static("</style.css>; rel=preload; as=style");
    hints.headers_mut().insert(LINK, link);
    respond.send_informational(hints)?;
    sleep(3 * THINK).await;
    html(respond)?.send_data(Bytes::from_static(PAGE), true)
}

/// Thinks for long, then sends a piece now and then.
async fn slow(respond: &mut SendResponse<Bytes>) -> Result<(), Error> {
    sleep(Duration::from_millis(250)).await;
    let mut body = html(respond)?;
    for _ in 0..5 {
        sleep(Duration::from_millis(25)).await;
        body.send_data(Bytes::from_static(b"slowly does it.\n"), false)?;
    }
    body.send_data(Bytes::new(), true)
}

/// Takes a window at a time, and is slow to ask for more.
async fn upload(mut body: RecvStream, respond: &mut SendResponse<Bytes>) -> Result<(), Error> {
    let mut taken = 0;
    while let Some(data) = body.data().await {
        taken += data?.len();
        if taken >= WINDOW as usize {
            sleep(Duration::from_millis(20)).await;
            body.flow_control().release_capacity(taken)?;
            taken = 0;
        }
    }
    sleep(THINK / 2).await;
    respond.send_response(head(StatusCode::NO_CONTENT), true)?;
    Ok(())
}

fn html(respond: &mut SendResponse<Bytes>) -> Result<SendStream<Bytes>, Error> {
    let mut response = head(StatusCode::OK);
    let html = HeaderValue::from_static("text/html");
    response.headers_mut().insert(CONTENT_TYPE, html);
    respond.send_response(response, false)
}

fn head(status: StatusCode) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use h2::client::{ResponseFuture, SendRequest};

    use super::*;

    /// A client of a server of its own.
    async fn client() -> SendRequest<Bytes> {
        let (near, far) = tokio::io::duplex(1 << 20);
        tokio::spawn(serve(near));
        let (client, connection) = h2::client::handshake(far).await.unwrap();
        tokio::spawn(connection);
        client
    }

    async fn get(client: &SendRequest<Bytes>, path: &str) -> ResponseFuture {
        let uri = format!("https://h2.test{path}");
        let request = Request::get(uri).body(()).unwrap();
        let mut client = client.clone().ready().await.unwrap();
        client.send_request(request, true).unwrap().0
    }

    #[tokio::test]
    async fn only_the_first_request_is_refused() {
        let client = client().await;
        let refused = get(&client, "/refused").await.await.unwrap_err();
        assert_eq!(refused.reason(), Some(Reason::REFUSED_STREAM));
        assert_eq!(get(&client, "/refused").await.await.unwrap().status(), 200);
    }

    #[tokio::test]
    async fn hints_come_before_the_answer() {
        let client = client().await;
        let mut response = get(&client, "/hints").await;
        let hints = std::future::poll_fn(|cx| response.poll_informational(cx));
        assert_eq!(hints.await.unwrap().unwrap().status(), 103);
        assert_eq!(response.await.unwrap().status(), 200);
    }

    #[tokio::test]
    async fn a_slow_answer_does_not_hold_up_others() {
        let client = client().await;
        let slow = get(&client, "/slow").await;
        let quick = get(&client, "/").await;
        tokio::select! {
            biased;
            _ = slow => panic!("the slow one was first"),
            quick = quick => assert_eq!(quick.unwrap().status(), 200),
        }
    }

    #[tokio::test]
    async fn whoever_is_there_when_the_server_leaves_is_answered_and_nobody_after() {
        let client = client().await;
        let last = get(&client, "/leave").await;
        assert_eq!(last.await.unwrap().status(), 200);
        assert!(client.ready().await.is_err());
    }

    #[tokio::test]
    async fn an_upload_is_taken_a_window_at_a_time() {
        let client = client().await;
        let request = Request::put("https://h2.test/upload").body(()).unwrap();
        let mut client = client.ready().await.unwrap();
        let (response, mut body) = client.send_request(request, false).unwrap();
        body.send_data(Bytes::from(vec![b'.'; 3 * WINDOW as usize + 1]), true)
            .unwrap();
        assert_eq!(response.await.unwrap().status(), 204);
    }
}
