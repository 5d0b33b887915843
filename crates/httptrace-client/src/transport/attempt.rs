//! The path of a request through the transport: check out, exchange, decide.

use std::sync::Arc;

use http::{Request, Response};
use httptrace::info::{CloseReason, GetConn, GotConn};
use httptrace::{Attempt, Emitter};
use tokio::runtime::Handle;

use super::Inner;
use super::retry::{self, Spare};
use super::wire_request::{self, Destination};
use crate::client::Body;
use crate::conn::http1::{self, ResponseBody};
use crate::error::Error;
use crate::pool::{Key, Lease};

/// Makes a round trip, again where that is safe. This function walks the whole path of a request by name.
pub(super) async fn round_trip(
    inner: &Inner,
    request: Request<Body>,
) -> Result<Response<Body>, Error> {
    let (head, mut body) = split(request);
    let mut attempt = Attempt::start(&head);
    loop {
        let spare = Spare::of(&head, &body);
        // What cannot be sent shall cost no connection.
        let (destination, wire) = match wire_request::build(inner, &head, body) {
            Ok(built) => built,
            Err(error) => return Err(give_up(attempt, error)),
        };
        let acquired = match acquire(inner, destination, attempt.emitter()).await {
            Ok(acquired) => acquired,
            Err(error) => return Err(give_up(attempt, error)),
        };
        let may_retry = acquired.pooled;
        match http1::exchange(acquired.lease, wire, inner.patience).await {
            Ok(exchanged) => return Ok(finish(inner, &head, attempt, exchanged)),
            Err(failed) => {
                let again = retry::decide(head.method(), head.headers(), may_retry, &failed);
                let again = again.and_then(|reason| {
                    let body = retry::recover(failed.unsent, spare)?;
                    Some((reason, body))
                });
                let event = failed.error.to_event();
                attempt.done(|end| end.with_error(event));
                let Some((reason, same_body)) = again else {
                    return Err(failed.error);
                };
                attempt = Attempt::retry(&head, reason);
                body = same_body;
            }
        }
    }
}

/// A connection for this request.
struct Acquired {
    lease: Lease,
    /// Others had it before, so that the peer may have closed it meanwhile.
    pooled: bool,
}

async fn acquire(
    inner: &Inner,
    destination: Destination,
    emitter: &Emitter,
) -> Result<Acquired, Error> {
    let runtime = Handle::try_current().map_err(|_| Error::no_runtime())?;
    let key = Arc::new(Key {
        https: destination.https,
        host: destination.host,
        port: destination.port,
        via: destination.via,
        runtime: runtime.id(),
    });
    emitter.emit(|| GetConn::new(key.host_port()));
    let checkout = inner.pool.checkout(&key, emitter, &runtime).await?;
    let pooled = checkout.conn.was_offered;
    let mut lease = Lease::new(checkout.conn, Arc::clone(&inner.pool), emitter);
    let idle_for = checkout.idle_for;
    let emitter = lease.emitter().clone();
    let conn = lease.conn();
    emitter.emit(|| {
        let mut got = GotConn::new(conn.exchanges > 0, idle_for.is_some());
        got.idle_time = idle_for;
        got.local_addr = conn.local.clone();
        got.remote_addr = conn.remote.clone();
        got.with_protocol(conn.protocol())
    });
    Ok(Acquired { lease, pooled })
}

fn finish(
    inner: &Inner,
    head: &Request<()>,
    attempt: Attempt,
    exchanged: http1::Exchanged,
) -> Response<Body> {
    let http1::Exchanged {
        response,
        lease,
        still_sending,
    } = exchanged;
    let closes = match http1::closes_after(head.method(), head.headers(), &response) {
        Some(CloseReason::Upgraded) => Some(CloseReason::Upgraded),
        _ if !inner.pool.keep_alives() => Some(CloseReason::KeepAlivesDisabled),
        closes => closes,
    };
    let status = response.status();
    response.map(|incoming| {
        let body = ResponseBody::new(incoming, lease, still_sending, closes, attempt, status);
        Body::from_response(body)
    })
}

fn give_up(attempt: Attempt, error: Error) -> Error {
    attempt.done(|end| end.with_error(error.to_event()));
    error
}

fn split(request: Request<Body>) -> (Request<()>, Body) {
    let (parts, body) = request.into_parts();
    (Request::from_parts(parts, ()), body)
}
