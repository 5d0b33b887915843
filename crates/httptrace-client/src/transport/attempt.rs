//! The path of a request through the transport: check out, exchange, decide.

use std::sync::Arc;

use http::{Method, Request, Response};
use httptrace::info::{AttemptReason, CloseReason, GetConn, GotConn, Protocol, RetryReason};
use httptrace::{Attempt, Call, Emitter};
use tokio::runtime::Handle;

use super::Inner;
use super::retry::{self, Backoff, Spare};
use super::route::{self, Route};
use super::wire_request::{self, Own};
use crate::client::Body;
use crate::conn::http2::StreamSlot;
use crate::conn::{Failed, ResponseBody, SendBody, http1, http2};
use crate::error::Error;
use crate::pool::{Checkout, Key, Lease, Wanted};

/// Makes a round trip, again where that is safe. This function walks the whole path of a request by name.
pub(super) async fn round_trip(
    inner: &Inner,
    origin: Origin<'_>,
    head: &Request<()>,
    mut body: Body,
    mut attempt: Attempt,
) -> Result<Response<Body>, Error> {
    let mut backoff = Backoff::default();
    loop {
        let spare = Spare::of(head, &body);
        // What cannot be sent shall cost no connection.
        let Prepared {
            route,
            runtime,
            wire,
            says_close,
        } = match prepare(inner, head, body) {
            Ok(prepared) => prepared,
            Err(error) => return Err(give_up(attempt, error)),
        };
        let acquired = match acquire(inner, &route.key, attempt.emitter(), &runtime).await {
            Ok(acquired) => acquired,
            Err(error) => return Err(give_up(attempt, error)),
        };
        let may_retry = acquired.is_pooled();
        match exchange(inner, acquired, wire).await {
            Ok(exchanged) => return Ok(finish(inner, head, says_close, attempt, exchanged)),
            Err(failed) => {
                let again = retry::decide(head.method(), head.headers(), may_retry, &failed);
                let again = again.and_then(|reason| {
                    let wait = backoff.next(reason)?;
                    let body = retry::recover(failed.unsent, spare)?;
                    Some((reason, body, wait))
                });
                let event = failed.error.to_event();
                attempt.done(|end| end.with_error(event));
                let Some((reason, same_body, wait)) = again else {
                    return Err(failed.error);
                };
                retry::pause(wait).await;
                attempt = origin.retry(head, reason);
                body = same_body;
            }
        }
    }
}

/// What a round trip is part of.
#[derive(Clone, Copy)]
pub(super) enum Origin<'a> {
    /// A call of the client's own.
    Call(&'a Call),
    /// The call that the request is marked with, if it is.
    Mark,
}

impl Origin<'_> {
    fn retry(self, head: &Request<()>, reason: RetryReason) -> Attempt {
        match self {
            Self::Call(call) => call.attempt(head, AttemptReason::Retry(reason)),
            Self::Mark => Attempt::retry(head, reason),
        }
    }
}

/// A connection for this request, or a stream of one.
enum Acquired {
    Http1 {
        lease: Lease,
        /// Others had it before, so that the peer may have closed it meanwhile.
        pooled: bool,
    },
    Http2 {
        slot: StreamSlot,
        reused: bool,
        /// The request's, with the connection's id.
        emitter: Emitter,
    },
}

impl Acquired {
    /// Whether the peer may have ended it for reasons that have nothing to do with this request.
    fn is_pooled(&self) -> bool {
        match self {
            Self::Http1 { pooled, .. } => *pooled,
            Self::Http2 { reused, .. } => *reused,
        }
    }
}

/// A response's head has come.
enum Exchanged {
    Http1(http1::Exchanged),
    Http2(http2::Exchanged),
}

/// Where a request goes, and what goes there.
struct Prepared {
    route: Arc<Route>,
    runtime: Handle,
    wire: Box<Request<SendBody>>,
    /// The user has it say that its connection is to be closed.
    says_close: bool,
}

fn prepare(inner: &Inner, head: &Request<()>, body: Body) -> Result<Prepared, Error> {
    let Ok(runtime) = Handle::try_current() else {
        // What is wrong with the request comes first.
        route::origin(head.uri())?;
        return Err(Error::no_runtime());
    };
    let own = Own::of(head.headers());
    let protocols = wire_request::protocols(inner, head, &own);
    let key = |wanted: Wanted<'_>| inner.pool.key(wanted);
    let routes = &inner.routes;
    let route = routes.find(head.uri(), &inner.proxy, protocols, runtime.id(), key)?;
    let wire = wire_request::build(inner, head, &own, body, &route)?;
    Ok(Prepared {
        route,
        runtime,
        wire,
        says_close: own.says_close(head.headers()),
    })
}

async fn acquire(
    inner: &Inner,
    key: &Arc<Key>,
    emitter: &Emitter,
    runtime: &Handle,
) -> Result<Acquired, Error> {
    emitter.emit(|| GetConn::new(Arc::clone(key.host_port())));
    Ok(match inner.pool.checkout(key, emitter, runtime).await? {
        Checkout::Http1 { conn, idle_for } => {
            let pooled = conn.was_offered;
            let mut lease = Lease::new(conn, Arc::clone(&inner.pool), emitter);
            let emitter = lease.emitter().clone();
            let conn = lease.conn();
            emitter.emit(|| {
                let mut got = GotConn::new(conn.exchanges > 0, idle_for.is_some());
                got.idle_time = idle_for;
                got.local_addr = conn.local.clone();
                got.remote_addr = conn.remote.clone();
                got.with_protocol(Protocol::Http1)
            });
            Acquired::Http1 { lease, pooled }
        }
        Checkout::Http2 {
            mut slot,
            waited_for,
        } => {
            let reused = slot.take_up();
            let conn = slot.conn();
            let emitter = emitter.clone().with_connection(conn.id());
            emitter.emit(|| {
                let mut got = GotConn::new(reused, slot.idle_for.is_some());
                got.idle_time = slot.idle_for;
                got.local_addr = conn.local().cloned();
                got.remote_addr = conn.remote().cloned();
                got.waited_for = waited_for;
                got.with_protocol(Protocol::Http2)
            });
            Acquired::Http2 {
                slot,
                reused,
                emitter,
            }
        }
    })
}

async fn exchange(
    inner: &Inner,
    acquired: Acquired,
    wire: Box<Request<SendBody>>,
) -> Result<Exchanged, Failed> {
    match acquired {
        Acquired::Http1 { lease, .. } => {
            let exchanged = http1::exchange(lease, wire, inner.patience).await?;
            Ok(Exchanged::Http1(exchanged))
        }
        Acquired::Http2 { slot, emitter, .. } => {
            // Boxed, so that what HTTP/1 has no need of takes no room there.
            let exchanging = Box::pin(http2::exchange(slot, *wire, inner.patience, emitter));
            Ok(Exchanged::Http2(exchanging.await?))
        }
    }
}

/// The response as its caller gets it: its body owns what is left of the attempt.
fn finish(
    inner: &Inner,
    head: &Request<()>,
    says_close: bool,
    attempt: Attempt,
    exchanged: Exchanged,
) -> Response<Body> {
    match exchanged {
        Exchanged::Http1(exchanged) => {
            finish_http1(inner, head.method(), says_close, attempt, exchanged)
        }
        Exchanged::Http2(exchanged) => {
            let is_head = *head.method() == Method::HEAD;
            let response = http2::ResponseBody::new(exchanged, is_head, attempt);
            response.map(|body| Body::from_response(ResponseBody::Http2(body)))
        }
    }
}

fn finish_http1(
    inner: &Inner,
    method: &Method,
    says_close: bool,
    attempt: Attempt,
    exchanged: http1::Exchanged,
) -> Response<Body> {
    let http1::Exchanged {
        response,
        lease,
        still_sending,
    } = exchanged;
    let closes = match http1::closes_after(method, says_close, &response) {
        Some(CloseReason::Upgraded) => Some(CloseReason::Upgraded),
        _ if !inner.pool.keep_alives() => Some(CloseReason::KeepAlivesDisabled),
        closes => closes,
    };
    let status = response.status();
    response.map(|incoming| {
        let body =
            http1::ResponseBody::new(incoming, lease, still_sending, closes, attempt, status);
        Body::from_response(ResponseBody::Http1(body))
    })
}

fn give_up(attempt: Attempt, error: Error) -> Error {
    attempt.done(|end| end.with_error(error.to_event()));
    error
}
