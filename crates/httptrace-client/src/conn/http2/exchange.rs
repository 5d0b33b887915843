//! One exchange up to the response's head: the body is sent, and the response awaited, in the caller's task.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::client::ResponseFuture;
use h2::{RecvStream, SendStream};
use http::{Request, Response, StatusCode};
use httptrace::info::{CloseReason, Http2Code, RetryReason, WriteOutcome};
use httptrace::{Emitter, ErrorKind, EventName, Phase};

use super::head::Converted;
use super::stream::Stream;
use super::upload::{Background, Upload};
use super::{Shared, StreamSlot, failure, head};
use crate::conn::expect::{SharedGate, Waiting, asks_for_100};
use crate::conn::informational::Informational;
use crate::conn::patience::HeadDeadline;
use crate::conn::{Failed, Patience, SendBody};
use crate::error::Error;
use crate::wire::http2::Opening;

/// A response's head has come.
pub(crate) struct Exchanged {
    pub(crate) response: Response<RecvStream>,
    pub(super) stream: Stream,
    pub(super) rest: Rest,
}

/// What is left of the request when the response's head has come.
pub(super) enum Rest {
    /// Nothing: the codec has all of it.
    Nothing,
    /// It is still being sent.
    GoesOn(Background),
    /// It will not be sent; the peer is told so when its response is over.
    Stopped(SendStream<Bytes>),
}

/// Why the wait for a response's head was ended.
enum Stop {
    Codec(h2::Error),
    Refused(Error),
}

/// A request that has been handed to the codec.
struct Sent {
    stream: Stream,
    response: ResponseFuture,
    /// Boxed: most requests have none, and it is large.
    upload: Option<Box<Upload>>,
    /// The request asked for `100 Continue`, and what holds its body back until then.
    expects_100: bool,
    gate: Option<SharedGate>,
    /// Absent until one has come.
    informational: Option<Informational>,
}

/// Writes a request and reads until its response's head. `emitter` is the request's, with the connection's id.
pub(crate) async fn exchange(
    slot: StreamSlot,
    request: Request<SendBody>,
    patience: Patience,
    emitter: Emitter,
) -> Result<Exchanged, Failed> {
    let mut sent = open(slot, request, patience, emitter)?;
    let mut deadline = HeadDeadline::new(patience.head);
    let head = poll_fn(|cx| {
        if let Poll::Ready(stop) = sent.poll_upload(cx) {
            return Poll::Ready(Err(stop));
        }
        match sent.poll_head(cx) {
            Poll::Pending => {
                let watch = &sent.stream.watch;
                if patience.head.is_some() {
                    watch.wake_when_flushed(cx);
                }
                let late = deadline.poll(|| watch.is_request_flushed(), cx);
                late.map(|error| Err(Stop::Refused(error)))
            }
            ready => ready,
        }
    })
    .await;
    match head {
        Ok(response) => {
            crate::conn::head::tell(&sent.stream.emitter, &response);
            Ok(sent.exchanged(response))
        }
        Err(stop) => Err(sent.fail(stop).await),
    }
}

/// Hands the request to the codec, on the stream that was taken for it.
fn open(
    mut slot: StreamSlot,
    request: Request<SendBody>,
    patience: Patience,
    emitter: Emitter,
) -> Result<Sent, Failed> {
    let mut request = request;
    let waiting = Waiting::hold_back(&mut request, patience.expect_continue);
    let expects_100 = asks_for_100(&request);
    let gate = waiting.as_ref().map(|waiting| waiting.gate().clone());
    let shared = Arc::clone(&slot.conn.0);
    let converted = convert(request, &shared).map_err(unsendable)?;
    let opening = Opening {
        emitter: emitter.clone(),
        fields: match emitter.wants(EventName::WroteHeaderField) {
            true => converted.fields(),
            false => Vec::new(),
        },
        holds_body: waiting.is_some(),
    };
    let Converted {
        head,
        body,
        says_close,
        ..
    } = converted;
    let is_bodyless = body.is_nothing();
    let sender = slot.conn.lock_sender().clone();
    let Some(mut sender) = sender else {
        return Err(unsent(&slot, body, None));
    };
    let opened = shared.watch.open(opening, || {
        let (response, codec) = sender.send_request(head, is_bodyless)?;
        Ok::<_, h2::Error>((response.stream_id().as_u32(), (response, codec)))
    });
    let (watch, (response, codec)) = match opened {
        Ok(opened) => opened,
        Err(error) => return Err(unsent(&slot, body, Some(error))),
    };
    slot.opened = true;
    if says_close {
        slot.conn.retire(CloseReason::RequestSaidClose, None);
        slot.conn.tell_pool();
    }
    let upload = (!is_bodyless)
        .then(|| Upload::new(codec, body, watch.share(), waiting, emitter.clone()))
        .map(Box::new);
    Ok(Sent {
        expects_100,
        gate,
        informational: None,
        stream: Stream {
            watch,
            emitter,
            conn: slot.conn.clone(),
        },
        response,
        upload,
    })
}

impl Sent {
    /// Sends what can be sent. Ready when that has failed by our own doing.
    fn poll_upload(&mut self, cx: &mut Context<'_>) -> Poll<Stop> {
        let Some(upload) = &mut self.upload else {
            return Poll::Pending;
        };
        match upload.poll(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Stop::Refused(error)),
            // What becomes of it now is seen when the response is here.
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Pending,
        }
    }

    /// Reads informational responses, and then the final one's head.
    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<Response<RecvStream>, Stop>> {
        // They must be asked for first: the codec throws away those that are there when the final one is asked for. As
        // long as nothing is there, this wakes for either.
        while let Some(polled) = ready!(self.response.poll_informational(cx)) {
            let response = match polled {
                Ok(response) => response,
                Err(error) => return Poll::Ready(Err(Stop::Codec(error))),
            };
            let informational = self.informational();
            informational.arrived(response.status(), response.headers());
            if let Some(refused) = informational.take_refusal() {
                return Poll::Ready(Err(Stop::Refused(refused)));
            }
            // One of them may have let the body go.
            if let Poll::Ready(stop) = self.poll_upload(cx) {
                return Poll::Ready(Err(stop));
            }
        }
        let response = match ready!(Pin::new(&mut self.response).poll(cx)) {
            Ok(response) => response,
            Err(error) => return Poll::Ready(Err(Stop::Codec(error))),
        };
        let before = self.informational.as_ref();
        let refused = before.and_then(|before| before.refuse_final(response.headers()));
        Poll::Ready(match refused {
            Some(error) => Err(Stop::Refused(error)),
            None => Ok(response),
        })
    }

    fn informational(&mut self) -> &Informational {
        self.informational.get_or_insert_with(|| {
            let limits = self.stream.conn.0.limits;
            Informational::new(
                &self.stream.emitter,
                self.expects_100,
                self.gate.take(),
                limits,
            )
        })
    }

    fn exchanged(mut self, response: Response<RecvStream>) -> Exchanged {
        let rest = match self.upload.take() {
            Some(upload) if !self.stream.watch.is_request_flushed() => {
                self.settle_upload(*upload, response.status())
            }
            _ => Rest::Nothing,
        };
        Exchanged {
            response,
            stream: self.stream,
            rest,
        }
    }

    /// The response's head is here, and the request is not written to its end.
    fn settle_upload(&mut self, upload: Upload, status: StatusCode) -> Rest {
        // As in Go: then the peer has made up its mind without the rest.
        let refuses = status.as_u16() > 299;
        if upload.is_broken() {
            upload.cut_short(refuses);
            Rest::Nothing
        } else if refuses {
            Rest::Stopped(upload.stop())
        } else {
            Rest::GoesOn(upload.go_on())
        }
    }

    async fn fail(self, stop: Stop) -> Failed {
        let Self {
            stream, response, ..
        } = self;
        let watch = &stream.watch;
        let mut not_processed = None;
        let (error, lost) = match stop {
            Stop::Codec(error) => {
                poll_fn(|cx| stream.poll_settled(&error, cx)).await;
                stream.failed();
                let phase = match watch.is_request_flushed() || watch.is_response_begun() {
                    true => Phase::Wait,
                    false => Phase::Send,
                };
                let lost = error.is_io();
                not_processed = failure::not_processed(watch);
                (failure::explain(&stream, error, phase), lost)
            }
            Stop::Refused(error) => (error, false),
        };
        watch.give_up(|| WriteOutcome::Failed(error.to_event()));
        let failed = Failed {
            unsent: None,
            not_processed,
            request_begun: watch.is_request_begun(),
            response_begun: watch.is_response_begun(),
            // Other than on HTTP/1 a lost connection is no reason to try again (as in Go): the peer would have said
            // GOAWAY.
            connection_lost: lost && !watch.is_request_begun(),
            error,
        };
        // The codec resets the stream with its last handle.
        drop(response);
        failed
    }
}

/// The connection took no request any more: nothing of it was written.
fn unsent(slot: &StreamSlot, body: SendBody, error: Option<h2::Error>) -> Failed {
    if let Some(error) = &error {
        if !error.is_io() && !error.is_go_away() {
            let message = format!("the request is not one that HTTP/2 can send: {error}");
            return unsendable(Error::usage(message));
        }
        // No other request shall come here, though the connection may take its time to end.
        slot.conn.lost(error);
    }
    let shared = &slot.conn.0;
    let mut failed = match (shared.watch.go_away(), shared.watch.alert()) {
        (Some(said), _) => {
            let mut failed = unsendable(failure::go_away(&said));
            // One that is turned away with an error before its first request will be so again.
            let is_hopeless = !slot.reused && said.code != Http2Code::NO_ERROR;
            failed.not_processed = (!is_hopeless).then_some(RetryReason::GoAway);
            failed
        }
        (None, Some(alert)) => unsendable(failure::refused_by_tls(alert, Phase::Send)),
        (None, None) => {
            let ended = failure::unsent(shared);
            unsendable(match error {
                Some(error) => ended.with_source(error),
                None => ended,
            })
        }
    };
    failed.unsent = Some(body.into_body());
    failed.connection_lost = failure::not_http2(shared).is_none();
    failed
}

fn unsendable(error: Error) -> Failed {
    Failed {
        error,
        unsent: None,
        not_processed: None,
        request_begun: false,
        response_begun: false,
        connection_lost: false,
    }
}

fn convert(request: Request<SendBody>, shared: &Shared) -> Result<Converted, Error> {
    let converted = head::convert(request, shared.key.https, &shared.authority)?;
    check_list_size(&converted.head, shared.watch.max_header_list())?;
    Ok(converted)
}

/// Whether the peer takes a header list of this size, as far as it has said (RFC 9113 section 10.5.1).
fn check_list_size(head: &Request<()>, limit: Option<u32>) -> Result<(), Error> {
    let Some(limit) = limit else { return Ok(()) };
    let size = head::list_size(head);
    if size as u64 <= u64::from(limit) {
        return Ok(());
    }
    let message = format!(
        "the request's header fields are too large: {size} bytes, of which the server takes {limit} \
         (SETTINGS_MAX_HEADER_LIST_SIZE)"
    );
    Err(Error::new(Phase::Send, ErrorKind::Limit, message))
}
