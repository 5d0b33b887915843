//! The client: redirects, deadlines and default headers around a transport.

mod body;
mod builder;
mod call;
mod decode;
mod ending;
mod progress;
mod redirect;
mod uri;
mod userinfo;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::request::Parts;
use http::{Request, Response};
use http_body::Body as HttpBody;
use httptrace::{BoxError, ClientTrace};
use tower_service::Service;

pub use body::{Body, ReplayBody};
pub use builder::ClientBuilder;
#[cfg(fuzzing)]
pub(crate) use decode::fuzzing;
pub use decode::{DecodeError, Uncompressed};
pub(crate) use ending::Ending;
pub use redirect::{RedirectAction, RedirectPolicy, RedirectStep};
pub use uri::parse_uri;

use crate::error::Error;
use crate::transport::Transport;

/// An HTTP client that fires every httptrace hook.
///
/// Cheap to clone; all clones share one pool. What happens when the last one is dropped is told at [`Transport`].
///
/// ```no_run
/// use httptrace::{ClientTrace, RequestExt};
/// use httptrace_client::{Body, Client};
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// let client = Client::new();
/// let trace = ClientTrace::new().on_got_conn(|info| println!("{info:?}"));
/// let request = http::Request::get("https://example.com/").trace(trace).body(Body::empty())?;
/// let response = client.send(request).await?;
/// println!("{}", response.into_body().text().await?);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Client<S = Transport> {
    service: S,
    /// The transport under all layers.
    transport: Transport,
    /// There are layers between the client and the transport.
    layered: bool,
    settings: Arc<Settings>,
}

/// What a client does around its service.
pub(crate) struct Settings {
    trace_with: Option<TraceWith>,
    redirect: RedirectPolicy,
    timeout: Option<Duration>,
    idle_body_timeout: Option<Duration>,
    decode: decode::Settings,
}

/// How long one call may take, redirects, retries and the body included: goes into the request's extensions, and counts
/// instead of [`ClientBuilder::timeout`].
///
/// ```
/// use std::time::Duration;
/// use httptrace_client::{Body, CallTimeout};
///
/// let request = http::Request::get("http://example.com/")
///     .extension(CallTimeout(Duration::from_secs(2)))
///     .body(Body::empty());
/// assert!(request.is_ok());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallTimeout(pub Duration);

type TraceWith = Box<dyn Fn(&Parts) -> Option<ClientTrace> + Send + Sync>;

impl Client {
    /// A client with the defaults that [`ClientBuilder`] names.
    pub fn new() -> Self {
        ClientBuilder::new().build()
    }

    /// Sets up a client.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::new()
    }
}

impl Default for Client {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Client<S> {
    /// Closes the idle connections; see [`Transport::close_idle_connections`].
    pub fn close_idle_connections(&self) {
        self.transport.close_idle_connections();
    }

    /// Sends a request, follows redirects as the policy says, and returns when the final response's head has come. Its
    /// body streams.
    ///
    /// `101 Switching Protocols` is a final response. The call is over with it, its deadline too; the stream is given out
    /// by `hyper::upgrade::on(response)`, and closed if the response is dropped without that.
    ///
    /// A body that streams is sent once; see [`ReplayBody`] for one that can be sent again.
    ///
    /// Dropping the future cancels the call. A dial that has begun goes on, as in Go, for the next request's sake.
    pub async fn send<B, R>(&self, request: Request<B>) -> Result<Response<Body>, Error>
    where
        B: HttpBody + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
        S: Service<Request<Body>, Response = Response<R>> + Clone,
        S::Error: Into<BoxError>,
        R: HttpBody + Send + 'static,
        R::Data: Send,
        R::Error: Into<BoxError>,
    {
        call::run(self, call::begin(self, request.map(Body::wrap))).await
    }
}

impl<S, B, R> Service<Request<B>> for Client<S>
where
    B: HttpBody + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
    S: Service<Request<Body>, Response = Response<R>> + Clone + Send + Sync + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    R: HttpBody + Send + 'static,
    R::Data: Send,
    R::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Error>> + Send>>;

    /// Always ready; the service under the client is asked for each hop.
    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let client = self.clone();
        // The scope that this runs in may be gone when the future is polled: the call begins here.
        let begun = call::begin(&client, request.map(Body::wrap));
        Box::pin(async move { call::run(&client, begun).await })
    }
}

impl<S> fmt::Debug for Client<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}
