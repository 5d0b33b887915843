//! One round trip: a connection from the pool, an exchange on it, and another try where that is safe.

mod attempt;
mod retry;
mod route;
mod wire_request;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{HeaderValue, Request, Response};
use http_body::Body as HttpBody;
use httptrace::info::AttemptReason;
use httptrace::{Attempt, BoxError, Call, ClientTrace};
use tower_service::Service;

use crate::client::{Body, Ending};
use crate::clock;
use crate::conn::Patience;
use crate::dial::Proxy;
use crate::error::Error;
use crate::pool::{Pool, Protocols};
use attempt::Origin;
pub(crate) use route::Routes;

/// Makes one round trip per request: pool, dial, exchange, retry. It follows no redirects.
///
/// A [`Client`](crate::Client) is this with redirects, deadlines and default headers around it; a tower layer between
/// the two sees every hop. Used alone it is a `tower_service::Service` as well, and fires every hook itself.
///
/// Cheap to clone; all clones share one pool. When the last handle is dropped (a request in flight has one until its
/// response's head has come), dials are canceled and idle connections closed; connections in use are closed when their
/// response is over.
#[derive(Clone)]
pub struct Transport {
    inner: Arc<Inner>,
}

/// What a transport is made of.
pub(crate) struct Inner {
    pub(crate) pool: Arc<Pool>,
    pub(crate) trace: Option<ClientTrace>,
    pub(crate) user_agent: Option<HeaderValue>,
    pub(crate) patience: Patience,
    pub(crate) proxy: Proxy,
    pub(crate) protocols: Protocols,
    pub(crate) routes: Routes,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.pool.shut_down();
    }
}

impl Transport {
    pub(crate) fn new(inner: Inner) -> Self {
        Self {
            inner: Arc::new(inner),
        }
    }

    pub(crate) fn trace(&self) -> Option<&ClientTrace> {
        self.inner.trace.as_ref()
    }

    /// Closes the idle connections. Connections in use are closed when their response is over, unless another request
    /// begins before; those of HTTP/2 stay (both as in Go). Dials that no request waits for are canceled.
    pub fn close_idle_connections(&self) {
        self.inner.pool.close_idle_connections();
    }

    /// Makes a round trip of a call. Without a layer that would want to see it, the request stays with the client.
    pub(crate) async fn round_trip(
        &self,
        call: &Call,
        head: &Request<()>,
        body: Body,
        reason: AttemptReason,
    ) -> Result<Response<Body>, Error> {
        let attempt = call.attempt(head, reason);
        attempt::round_trip(&self.inner, Origin::Call(call), head, body, attempt).await
    }

    /// Makes a round trip of the call that a request from a layer is marked with.
    async fn send_marked(self, request: Request<Body>) -> Result<Response<Body>, Error> {
        let (head, body) = split(request);
        let attempt = Attempt::start(&head);
        attempt::round_trip(&self.inner, Origin::Mark, &head, body, attempt).await
    }

    /// Makes a round trip that is a call of its own.
    async fn send_as_call(
        self,
        call: Call,
        request: Request<Body>,
    ) -> Result<Response<Body>, Error> {
        let (head, body) = split(request);
        let sent = self.round_trip(&call, &head, body, AttemptReason::First);
        match sent.await {
            Ok(response) => {
                let ending = Ending::new(call, response.status(), None, None);
                Ok(response.map(|body| body.with_ending(ending)))
            }
            Err(error) => {
                call.done(|end| end.with_error(error.to_event()));
                Err(error)
            }
        }
    }
}

impl<B> Service<Request<B>> for Transport
where
    B: HttpBody + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Error>> + Send>>;

    /// Always ready: a request that must wait for a connection shows it as queue time.
    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let request = request.map(Body::wrap);
        let transport = self.clone();
        if Call::is_marked(&request) {
            return Box::pin(transport.send_marked(request));
        }
        // The scope that this runs in may be gone when the future is polled: the call begins here.
        let call = Call::start_with(&request, self.trace(), clock::now);
        Box::pin(transport.send_as_call(call, request))
    }
}

/// A request's head, and the body that is consumed where the head is not.
pub(crate) fn split(request: Request<Body>) -> (Request<()>, Body) {
    let (parts, body) = request.into_parts();
    (Request::from_parts(parts, ()), body)
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").finish_non_exhaustive()
    }
}
