//! One call: hop after hop until a response is the final one.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use http_body::Body as HttpBody;
use httptrace::info::AttemptReason;
use httptrace::{BoxError, Call, ClientTrace, ErrorKind};
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout_at};
use tower_service::Service;

use super::progress::Progress;
use super::redirect::{Decision, Redirector};
use super::{Body, CallTimeout, Client, Ending};
use crate::clock;
use crate::error::Error;
use crate::transport::split;

/// A call that has begun and has not been sent yet.
pub(super) struct Begun {
    call: Call,
    /// Boxed, since it goes through many hands.
    head: Box<Request<()>>,
    body: Body,
    deadline: Option<Deadline>,
}

/// When the whole call must be over.
struct Deadline {
    at: Instant,
    limit: Duration,
    /// What it interrupts.
    progress: Progress,
}

/// Begins a call: takes the trace of the request and of the scope this runs in, and starts the clock.
pub(super) fn begin<S>(client: &Client<S>, request: Request<Body>) -> Begun {
    let (head, body) = split(request);
    let mut head = Box::new(head);
    let own = head.extensions().get::<CallTimeout>();
    let limit = own.map(|own| own.0).or(client.settings.timeout);
    let deadline = limit.and_then(|limit| {
        Some(Deadline {
            at: clock::after(limit)?,
            limit,
            progress: Progress::new(),
        })
    });
    let watching = deadline.as_ref().map(|deadline| &deadline.progress);
    let trace = client.trace_for(&mut head, watching);
    Begun {
        call: Call::start_with(&head, trace.as_ref(), clock::now),
        head,
        body,
        deadline,
    }
}

/// Goes through with a call until its final response's head has come: the whole call, by name.
pub(super) async fn run<S, R>(client: &Client<S>, begun: Begun) -> Result<Response<Body>, Error>
where
    S: Service<Request<Body>, Response = Response<R>> + Clone,
    S::Error: Into<BoxError>,
    R: HttpBody + Send + 'static,
    R::Data: Send,
    R::Error: Into<BoxError>,
{
    let Begun {
        call,
        mut head,
        body,
        deadline,
    } = begun;
    let decodes = client.settings.decode.offer(&mut head);
    let outcome = {
        let mut hops = pin!(hop_by_hop(client, &call, head, body));
        match &deadline {
            None => hops.await,
            // A timer cannot even be made there.
            Some(_) if Handle::try_current().is_err() => Err(Error::no_runtime()),
            Some(deadline) => match timeout_at(deadline.at, hops.as_mut()).await {
                Ok(outcome) => outcome,
                Err(_) => {
                    let progress = &deadline.progress;
                    let error = progress.timed_out("the whole call", deadline.limit);
                    call.give_up(error.to_event());
                    Err(error)
                }
            },
        }
    };
    match outcome {
        Ok(response) => {
            let response = match decodes {
                true => client.settings.decode.apply(response),
                false => response,
            };
            let idle_timeout = client.settings.idle_body_timeout;
            let deadline = deadline.map(|deadline| (deadline.at, deadline.limit));
            let ending = Ending::new(call, response.status(), deadline, idle_timeout);
            Ok(response.map(|body| body.with_ending(ending)))
        }
        Err(error) => {
            call.done(|end| end.with_error(error.to_event()));
            Err(error)
        }
    }
}

/// One round trip after the other until a response is not followed.
async fn hop_by_hop<S, R>(
    client: &Client<S>,
    call: &Call,
    head: Box<Request<()>>,
    mut body: Body,
) -> Result<Response<Body>, Error>
where
    S: Service<Request<Body>, Response = Response<R>> + Clone,
    S::Error: Into<BoxError>,
    R: HttpBody + Send + 'static,
    R::Data: Send,
    R::Error: Into<BoxError>,
{
    let mut redirector = Redirector::new(&client.settings.redirect, head, &body);
    let mut reason = AttemptReason::First;
    loop {
        let head = redirector.prepare()?;
        let response = match client.layered {
            // Nobody is between us and the transport: the request stays here.
            false => {
                client
                    .transport
                    .round_trip(call, head, body, reason)
                    .await?
            }
            true => {
                let mut request = head.clone().map(|()| body);
                match reason {
                    AttemptReason::Redirect => call.mark_redirect(&mut request),
                    _ => call.mark(&mut request),
                }
                through_layers(client.service.clone(), request).await?
            }
        };
        match redirector.decide(&response) {
            Decision::Return => return Ok(response),
            Decision::Fail(error) => return Err(error),
            Decision::Follow(follow) => {
                call.redirected(response.status(), &follow.from, &follow.to);
                redirector.drain(response.into_body()).await;
                body = redirector.follow(follow);
                reason = AttemptReason::Redirect;
            }
        }
    }
}

/// One round trip through the service under the client.
async fn through_layers<S, R>(
    mut service: S,
    request: Request<Body>,
) -> Result<Response<Body>, Error>
where
    S: Service<Request<Body>, Response = Response<R>>,
    S::Error: Into<BoxError>,
    R: HttpBody + Send + 'static,
    R::Data: Send,
    R::Error: Into<BoxError>,
{
    poll_fn(|cx| service.poll_ready(cx))
        .await
        .map_err(own_error)?;
    let response = service.call(request).await.map_err(own_error)?;
    Ok(response.map(Body::wrap))
}

/// A layer's error, or our own that passed through one.
fn own_error(error: impl Into<BoxError>) -> Error {
    match error.into().downcast::<Error>() {
        Ok(error) => *error,
        Err(error) => {
            let message: Arc<str> = error.to_string().into();
            Error::outside(ErrorKind::Other, message).with_source(error)
        }
    }
}

impl<S> Client<S> {
    /// The client's own trace for this request: `trace`, `trace_with`, and what a deadline needs to know.
    fn trace_for(
        &self,
        head: &mut Request<()>,
        watching: Option<&Progress>,
    ) -> Option<ClientTrace> {
        let mut trace = self.transport.trace().cloned();
        if let Some(trace_with) = &self.settings.trace_with {
            let (parts, ()) = std::mem::take(head).into_parts();
            let chosen = trace_with(&parts);
            *head = Request::from_parts(parts, ());
            trace = match (chosen, trace) {
                (Some(chosen), Some(own)) => Some(chosen.compose(&own)),
                (chosen, own) => chosen.or(own),
            };
        }
        match watching {
            Some(progress) => Some(trace.unwrap_or_default().observe(progress.clone())),
            None => trace,
        }
    }
}
