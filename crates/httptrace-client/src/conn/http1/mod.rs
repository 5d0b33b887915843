//! HTTP/1 by hyper's connection, driven by whoever uses it: the request's own task while there is one.

mod background;
mod exchange;
mod failure;
mod framing;
mod informational;
mod response_body;
mod reuse;
mod upgrade;

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use http::Request;
use httptrace::info::{CloseReason, WriteOutcome};
use httptrace::{Emitter, ErrorKind, EventError, Phase};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use sync_wrapper::SyncWrapper;

pub(crate) use exchange::{Exchanged, exchange};
pub(crate) use response_body::ResponseBody;
pub(crate) use reuse::{closes_after, options, says};
pub(crate) use upgrade::is_switch;

use super::{Dead, HeadLimits, SendBody};
use crate::dial::{SocketProbe, Stream};
use crate::error::Error;
use crate::wire::http1::{Begin, Tap, Watch};

/// hyper's two halves of a connection, the tap under them, and the socket's probe.
pub(crate) struct Http1 {
    sender: http1::SendRequest<SendBody>,
    /// Absent once it has ended: it must not be polled again. A connection that is upgraded has given its stream away
    /// then.
    driver: Option<SyncWrapper<Driver>>,
    watch: Watch,
    probe: Option<SocketProbe>,
    limits: HeadLimits,
}

/// hyper's connection with upgrades, whose type has no name. Dropping it drops the stream.
type Driver = Pin<Box<dyn Future<Output = Result<(), hyper::Error>> + Send>>;

/// How a connection is after an exchange.
pub(crate) enum Rest {
    /// It can carry another request.
    Ready,
    /// It is still writing or reading.
    Busy,
    /// It has ended.
    Closed(Dead),
}

impl Http1 {
    /// Puts the codec on a stream. No byte is read or written.
    pub(crate) async fn handshake(
        stream: Stream,
        probe: Option<SocketProbe>,
        limits: HeadLimits,
    ) -> Result<Self, Error> {
        let watch = Watch::new(limits.bytes());
        let io = TokioIo::new(Tap::new(stream, watch.clone()));
        let mut builder = http1::Builder::new();
        // As Go and curl write them; some old peers insist.
        builder.title_case_headers(true);
        // What Go accepts of responses. Folded fields the tap puts on one line.
        builder.allow_spaces_after_header_name_in_responses(true);
        limits.apply_to(&mut builder);
        let (sender, driver) = builder.handshake(io).await.map_err(|error| {
            let message = "the HTTP/1 connection could not be set up";
            Error::new(Phase::Connect, ErrorKind::Other, message).with_source(error)
        })?;
        Ok(Self {
            sender,
            driver: Some(SyncWrapper::new(Box::pin(driver.with_upgrades()))),
            watch,
            probe,
            limits,
        })
    }

    /// An exchange of this emitter's begins; its body waits for `100 Continue`, or does not.
    fn begin_exchange(&self, emitter: &Emitter, request: &Request<SendBody>, holds_body: bool) {
        self.watch.begin(Begin {
            emitter: emitter.clone(),
            is_framed: request.body().is_framed(),
            holds_body,
        });
    }

    /// The exchange is over, and whole.
    pub(crate) fn end_exchange(&self) {
        self.watch.end();
    }

    /// The exchange is over before its end: tells `WroteRequest` if it is owed.
    pub(crate) fn cancel_request(&self, emitter: &Emitter) {
        self.give_up_request(|| emitter.reason_for_drop());
    }

    fn give_up_request(&self, error: impl FnOnce() -> EventError) {
        self.watch.give_up(|| WriteOutcome::Failed(error()));
        self.watch.end();
    }

    /// Reads and writes as far as possible. Ready when the connection has ended.
    fn poll_drive(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), hyper::Error>> {
        let Some(driver) = &mut self.driver else {
            return Poll::Ready(Ok(()));
        };
        let driven = driver.get_mut().as_mut().poll(cx);
        if driven.is_ready() {
            self.driver = None;
        }
        driven
    }

    /// Lets the connection come to rest. What the peer does afterwards is remembered.
    pub(super) fn rest(&mut self) -> Rest {
        match self.poll_rest(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(())) => Rest::Ready,
            Poll::Ready(Err(dead)) => Rest::Closed(dead),
            Poll::Pending => Rest::Busy,
        }
    }

    /// Whether the peer has done nothing since the connection was last driven.
    pub(super) fn is_quiet(&self) -> bool {
        self.driver.is_some() && self.watch.is_quiet()
    }

    /// Ready when the exchange is over on both sides: the connection can carry another, or it has ended.
    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Dead>> {
        // The turn in which hyper writes the last bytes may end before it asks for the next request; nothing wakes it
        // for that.
        for _ in 0..2 {
            if let Poll::Ready(ended) = self.poll_drive(cx) {
                return Poll::Ready(Err(dead(ended)));
            }
            if self.is_at_rest() {
                return Poll::Ready(Ok(()));
            }
        }
        Poll::Pending
    }

    /// Whether the exchange left nothing to do, and the socket can be asked whether the peer has closed.
    pub(super) fn is_resting(&self) -> bool {
        self.probe.is_some() && self.driver.is_some() && self.is_at_rest()
    }

    fn is_at_rest(&self) -> bool {
        // A connection that has carried nothing yet has not asked for its first request, but takes it.
        !self.watch.is_request_begun()
            || (self.sender.is_ready() && self.watch.is_request_flushed())
    }

    /// Checks an idle connection: has the peer closed it, or sent what nobody asked for?
    pub(super) fn check(&mut self, ask_the_socket: bool) -> Result<(), Dead> {
        let probe = self.probe.clone().filter(|_| ask_the_socket);
        match &probe {
            // To drive it would change nothing.
            None if self.is_quiet() => return Ok(()),
            None => {}
            Some(probe) => {
                probe.force(true);
                self.watch.disturb();
            }
        }
        let driven = self.poll_drive(&mut Context::from_waker(Waker::noop()));
        if let Some(probe) = &probe {
            probe.force(false);
            // The socket was asked, and nobody will be woken up by it.
            self.watch.disturb();
        }
        match driven {
            Poll::Pending => Ok(()),
            Poll::Ready(ended) => Err(dead(ended)),
        }
    }
}

/// What ended a connection on which no exchange is going on.
fn dead(ended: Result<(), hyper::Error>) -> Dead {
    match ended {
        Ok(()) => Dead::because(CloseReason::PeerClosed),
        Err(error) => failure::dead(error),
    }
}
