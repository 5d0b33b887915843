//! One exchange up to the response's head, driven in the caller's task.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use http::{Request, Response};
use httptrace::Phase;
use httptrace::info::{CloseReason, NotSentReason, WriteOutcome};
use hyper::body::Incoming;
use tokio::task::yield_now;

use super::informational::Listener;
use super::{Http1, failure, upgrade};
use crate::conn::expect::{Decision, Waiting, asks_for_100};
use crate::conn::patience::HeadDeadline;
use crate::conn::{Failed, Patience, SendBody, head};
use crate::error::Error;
use crate::pool::Lease;

/// A response's head has come.
pub(crate) struct Exchanged {
    pub(crate) response: Response<Incoming>,
    pub(crate) lease: Lease,
    /// The request is still being written.
    pub(crate) still_sending: bool,
}

/// Why the wait for a response's head was ended.
pub(super) enum Stop {
    Codec(hyper::Error, Option<Box<Request<SendBody>>>),
    Refused(Error),
    Timeout(Error),
}

/// Writes a request and reads until its response's head.
pub(crate) async fn exchange(
    mut lease: Lease,
    mut request: Box<Request<SendBody>>,
    patience: Patience,
) -> Result<Exchanged, Failed> {
    let emitter = lease.emitter().clone();
    let has_company = lease.has_company();
    let conn = lease.conn();
    conn.exchanges += 1;
    let http1 = &mut conn.http1;
    let mut waiting = Waiting::hold_back(&mut request, patience.expect_continue);
    let gate = waiting.as_ref().map(|waiting| waiting.gate().clone());
    let mut listener = Listener::new(&emitter, asks_for_100(&request), gate, http1.limits);
    http1.begin_exchange(&emitter, &request, waiting.is_some());
    let mut response = pin!(http1.sender.try_send_request(*request));
    let mut deadline = HeadDeadline::new(patience.head);

    if has_company {
        // Others have answers to read. First to read all that has come and then to write one request after the other
        // goes through less code at a time, and wakes a peer on this machine once for many of them.
        yield_now().await;
    }
    let head = poll_fn(|cx| {
        let _ = http1.poll_drive(cx);
        if let Err(refused) = listener.listen(http1) {
            return Poll::Ready(Err(Stop::Refused(refused)));
        }
        let decision = waiting
            .as_mut()
            .map(|w| w.poll(http1.watch.is_head_flushed(), cx));
        if decision == Some(Decision::Open) {
            waiting = None;
            let _ = http1.poll_drive(cx);
        }
        match response.as_mut().poll(cx) {
            Poll::Ready(Ok(mut response)) => {
                Poll::Ready(match listener.accept(&mut response, http1) {
                    Ok(()) => Ok(response),
                    Err(refused) => Err(Stop::Refused(refused)),
                })
            }
            Poll::Ready(Err(mut failed)) => {
                let unsent = failed.take_message().map(Box::new);
                Poll::Ready(Err(Stop::Codec(failed.into_error(), unsent)))
            }
            Poll::Pending => deadline
                .poll(|| http1.watch.is_writing_over(), cx)
                .map(|error| Err(Stop::Timeout(error))),
        }
    })
    .await;

    match head {
        Ok(response) => {
            head::tell(lease.emitter(), &response);
            if waiting.is_none() && !upgrade::is_upgrade(&response) {
                return Ok(exchanged(lease, response));
            }
            // Boxed, so that the many do not carry the room that the few need.
            Box::pin(settle(lease, waiting, response)).await
        }
        Err(stop) => {
            if let Some(waiting) = &waiting {
                waiting.given_up();
            }
            Err(fail(lease, stop, waiting.is_some()))
        }
    }
}

fn exchanged(mut lease: Lease, response: Response<Incoming>) -> Exchanged {
    Exchanged {
        still_sending: !lease.conn().http1.watch.is_request_flushed(),
        response,
        lease,
    }
}

/// The final response's head is here: settles what it means for a body held back, and for a connection that leaves HTTP.
async fn settle(
    mut lease: Lease,
    waiting: Option<Waiting>,
    response: Response<Incoming>,
) -> Result<Exchanged, Failed> {
    let http1 = &mut lease.conn().http1;
    let decision = waiting.map(|waiting| waiting.answered(&response));
    if decision == Some(Decision::HoldForEver) {
        let not_sent = || WriteOutcome::NotSent(NotSentReason::FinalResponseFirst);
        http1.watch.give_up(not_sent);
        return Ok(Exchanged {
            still_sending: false,
            response,
            lease,
        });
    }
    if decision.is_some() {
        // A small body is written at once, and needs nobody to see to it later.
        drive_once(http1).await;
    }
    match upgrade::complete(http1, response).await {
        Ok(response) => Ok(exchanged(lease, response)),
        Err(stop) => Err(fail(lease, stop, false)),
    }
}

async fn drive_once(http1: &mut Http1) {
    poll_fn(|cx| {
        let _ = http1.poll_drive(cx);
        Poll::Ready(())
    })
    .await;
}

fn fail(mut lease: Lease, stop: Stop, body_held: bool) -> Failed {
    let http1 = &lease.conn().http1;
    let request_begun = http1.watch.is_request_begun();
    let response_begun = http1.watch.is_response_begun();
    let (error, unsent, lost) = match stop {
        Stop::Codec(error, unsent) => {
            let lost = !error.is_user() && !error.is_parse();
            let error = if failure::is_too_large(&error) {
                http1.limits.error().with_source(error)
            } else if http1.watch.is_request_flushed() || response_begun {
                failure::explain(error, Phase::Wait)
            } else if body_held && http1.watch.is_head_flushed() {
                failure::explain_unasked(error)
            } else {
                failure::explain(error, Phase::Send)
            };
            (error, unsent, lost)
        }
        Stop::Refused(error) | Stop::Timeout(error) => (error, None, false),
    };
    http1.give_up_request(|| error.to_event());
    lease.close(CloseReason::Failed, Some(error.to_event()));
    Failed {
        error,
        unsent: unsent.map(|request| request.into_body().into_body()),
        not_processed: None,
        request_begun,
        response_begun,
        connection_lost: lost,
    }
}
