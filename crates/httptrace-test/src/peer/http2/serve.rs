//! A server that answers every request alike, many at once, for tests in which single frames do not matter.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::task::JoinSet;

use super::record::Request;
use crate::peer::stage::{Stage, now};
use crate::peer::wire::Wire;

/// What becomes of requests: a handler, and the settings of the server.
#[derive(Clone)]
#[must_use = "a service does nothing until a script has it"]
pub struct Service {
    handler: Arc<dyn Fn(&Request) -> Response + Send + Sync>,
    builder: h2::server::Builder,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").finish_non_exhaustive()
    }
}

impl Service {
    /// Each request is given to the handler when it has come to its end.
    pub fn new(handler: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Self {
        Self {
            handler: Arc::new(handler),
            builder: h2::server::Builder::new(),
        }
    }

    /// How many streams may be open at once.
    pub fn max_concurrent_streams(mut self, streams: u32) -> Self {
        self.builder.max_concurrent_streams(streams);
        self
    }

    /// How many bytes of a request's body may be underway.
    pub fn initial_window_size(mut self, bytes: u32) -> Self {
        self.builder.initial_window_size(bytes);
        self
    }
}

/// The answer to a request.
#[derive(Clone, Debug)]
#[must_use = "a response does nothing until a handler returns it"]
pub struct Response {
    status: u16,
    fields: HeaderMap,
    body: Vec<u8>,
    trailers: HeaderMap,
    delay: Duration,
    reset: Option<u32>,
}

impl Response {
    /// A response with this status and nothing else.
    pub fn new(status: u16) -> Self {
        Self {
            status,
            fields: HeaderMap::new(),
            body: Vec::new(),
            trailers: HeaderMap::new(),
            delay: Duration::ZERO,
            reset: None,
        }
    }

    /// Adds a field.
    pub fn field(mut self, name: &'static str, value: &str) -> Self {
        self.fields.append(name, text(value));
        self
    }

    /// Sets the body.
    pub fn body(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.body = bytes.as_ref().to_vec();
        self
    }

    /// Adds a trailer.
    pub fn trailer(mut self, name: &'static str, value: &str) -> Self {
        self.trailers
            .append(HeaderName::from_static(name), text(value));
        self
    }

    /// It is sent so many milliseconds after the request's end.
    pub fn delay(mut self, ms: u64) -> Self {
        self.delay = Duration::from_millis(ms);
        self
    }

    /// Resets the stream with this code in place of an answer.
    pub fn reset(mut self, code: u32) -> Self {
        self.reset = Some(code);
        self
    }
}

/// Serves a connection until the client ends it.
pub(in crate::peer) async fn serve(
    wire: Box<dyn Wire>,
    service: &Service,
    stage: Arc<Stage>,
    index: usize,
) -> Result<(), String> {
    let mut connection = match service.builder.handshake::<_, Bytes>(wire).await {
        Ok(connection) => connection,
        Err(error) => return Err(error.to_string()),
    };
    // Aborted with this future.
    let mut tasks = JoinSet::new();
    while let Some(accepted) = connection.accept().await {
        let (request, respond) = match accepted {
            Ok(accepted) => accepted,
            // The client has gone, in its own way.
            Err(error) if error.is_io() => return Ok(()),
            Err(error) => return Err(error.to_string()),
        };
        let (head, body) = request.into_parts();
        let request = received(&head, respond.stream_id().as_u32());
        let (handler, stage) = (service.handler.clone(), stage.clone());
        let exchange = async move {
            let request = whole(request, body).await?;
            let response = handler(&request);
            stage.record(index, |report| report.http2.requests.push(request));
            answer(response, respond).await
        };
        // An exchange that fails concerns one stream, of which the client knows better what to say.
        tasks.spawn(async move { exchange.await.is_ok() });
    }
    Ok(())
}

async fn whole(mut request: Request, mut body: RecvStream) -> Result<Request, h2::Error> {
    while let Some(data) = body.data().await {
        let data = data?;
        body.flow_control().release_capacity(data.len())?;
        request.body.extend(&data);
    }
    let trailers = body.trailers().await?.unwrap_or_default();
    request.trailers = texts(&trailers);
    request.ended_at = Some(now());
    Ok(request)
}

async fn answer(response: Response, mut respond: SendResponse<Bytes>) -> Result<(), h2::Error> {
    if !response.delay.is_zero() {
        tokio::time::sleep(response.delay).await;
    }
    if let Some(code) = response.reset {
        respond.send_reset(Reason::from(code));
        return Ok(());
    }
    let mut head = http::Response::new(());
    *head.status_mut() = response.status.try_into().unwrap_or_default();
    *head.headers_mut() = response.fields;
    let bare = response.body.is_empty() && response.trailers.is_empty();
    let mut stream = respond.send_response(head, bare)?;
    if bare {
        return Ok(());
    }
    send_all(
        &mut stream,
        response.body.into(),
        response.trailers.is_empty(),
    )
    .await?;
    if !response.trailers.is_empty() {
        stream.send_trailers(response.trailers)?;
    }
    Ok(())
}

/// Sends a body as the client's windows allow.
async fn send_all(
    stream: &mut SendStream<Bytes>,
    mut body: Bytes,
    last: bool,
) -> Result<(), h2::Error> {
    while !body.is_empty() {
        stream.reserve_capacity(body.len());
        let capacity = std::future::poll_fn(|cx| stream.poll_capacity(cx)).await;
        let Some(capacity) = capacity.transpose()? else {
            return Ok(());
        };
        let part = body.split_to(capacity.min(body.len()));
        stream.send_data(part, last && body.is_empty())?;
    }
    Ok(())
}

fn received(head: &http::request::Parts, stream_id: u32) -> Request {
    let uri = &head.uri;
    let pseudo = [
        (":method", Some(head.method.as_str())),
        (":scheme", uri.scheme_str()),
        (
            ":authority",
            uri.authority().map(http::uri::Authority::as_str),
        ),
        (
            ":path",
            uri.path_and_query().map(http::uri::PathAndQuery::as_str),
        ),
    ];
    let pseudo = pseudo.into_iter();
    let mut fields: Vec<_> = pseudo
        .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
        .collect();
    fields.extend(texts(&head.headers));
    let at = now();
    Request {
        stream_id,
        begun: at,
        at,
        fields,
        body: Vec::new(),
        trailers: Vec::new(),
        ended_at: None,
        reset: None,
    }
}

fn texts(fields: &HeaderMap) -> Vec<(String, String)> {
    let texts = fields.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), value)
    });
    texts.collect()
}

fn text(value: &str) -> HeaderValue {
    HeaderValue::from_str(value).expect("a header value")
}
