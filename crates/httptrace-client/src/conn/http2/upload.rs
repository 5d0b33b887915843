//! The request's body on its way into the codec, as fast as the peer takes it.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::{Reason, SendStream};
use http_body::{Body as _, Frame};
use httptrace::info::{NotSentReason, ResetBy, WriteOutcome};
use httptrace::{Emitter, ErrorKind, EventError};
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use crate::conn::expect::{Decision, Waiting};
use crate::conn::{BodyFailure, SendBody};
use crate::error::Error;
use crate::wire::http2::StreamWatch;

/// A request's body that is being sent.
pub(super) struct Upload {
    /// Goes first when all of it goes: what becomes of the request is told before the codec resets its stream.
    watch: StreamWatch,
    codec: SendStream<Bytes>,
    body: SendBody,
    /// What holds the body back.
    waiting: Option<Waiting>,
    /// Data that waits for the peer's window, and whether it is the last.
    chunk: Option<(Bytes, bool)>,
    /// The codec has all of it, or takes no more.
    over: bool,
    /// It takes no more: the peer has reset the stream, or the connection has ended.
    broken: bool,
    /// Why the body could not be sent, for whoever is told by the stream's reset.
    failure: Arc<OnceLock<BodyFailure>>,
    emitter: Emitter,
}

/// How an upload ended: the codec has all of it, or takes no more, of which the response will tell. The error is the
/// body's own; the stream is reset then.
type Uploaded = Result<(), Error>;

impl Upload {
    pub(super) fn new(
        codec: SendStream<Bytes>,
        body: SendBody,
        watch: StreamWatch,
        waiting: Option<Waiting>,
        emitter: Emitter,
    ) -> Self {
        Self {
            watch,
            codec,
            body,
            waiting,
            chunk: None,
            over: false,
            broken: false,
            failure: Arc::default(),
            emitter,
        }
    }

    /// Gives the codec what the peer takes. Ready when that is over.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Uploaded> {
        if self.over {
            return Poll::Ready(Ok(()));
        }
        if let Some(waiting) = &mut self.waiting {
            // A HEADERS frame that leaves wakes nobody else; asked for first, so that none leaves unnoticed.
            self.watch.wake_when_flushed(cx);
            if waiting.poll(self.watch.is_head_flushed(), cx) == Decision::Open {
                self.waiting = None;
            }
        }
        while !self.over {
            // Registers for the peer's reset, too.
            if self.codec.poll_reset(cx).is_ready() {
                self.break_off();
            }
            if self.chunk.is_some() {
                ready!(self.poll_window(cx));
                self.send_chunk();
            }
            if !self.over {
                ready!(self.poll_body(cx))?;
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Ready when the peer takes some more, or the stream has ended.
    fn poll_window(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.codec.capacity() == 0 {
            match ready!(self.codec.poll_capacity(cx)) {
                Some(Ok(_)) => {}
                // What is sent now is refused, and that tells.
                Some(Err(_)) | None => break,
            }
        }
        Poll::Ready(())
    }

    /// Hands the chunk over. All of it: the codec holds back what the window has no room for.
    fn send_chunk(&mut self) {
        let Some((data, ends)) = self.chunk.take() else {
            return;
        };
        let bytes = data.len();
        self.over = ends;
        match self.codec.send_data(data, ends) {
            Ok(()) => self.watch.gave(bytes),
            Err(_) => self.break_off(),
        }
    }

    /// Asks the body for more.
    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Uploaded> {
        let frame = match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
            Some(Ok(frame)) => frame,
            Some(Err(failure)) => {
                let error = failure.to_error();
                let _ = self.failure.set(failure);
                self.watch
                    .give_up(|| WriteOutcome::Failed(error.to_event()));
                self.codec.send_reset(Reason::CANCEL);
                return Poll::Ready(Err(error));
            }
            None => Frame::data(Bytes::new()),
        };
        match frame.into_data() {
            Ok(data) => {
                let ends = self.body.is_end_stream();
                if !data.is_empty() {
                    self.chunk = Some((data, ends));
                    // As little as possible: the codec asks for the rest when it has the data, and others want some, too.
                    self.codec.reserve_capacity(1);
                    self.watch.hold();
                } else if ends {
                    // Which needs no room; without the end it would say nothing.
                    self.chunk = Some((data, ends));
                    self.send_chunk();
                }
            }
            Err(frame) => {
                self.codec.reserve_capacity(0);
                self.over = true;
                let trailers = frame.into_trailers().unwrap_or_default();
                if self.codec.send_trailers(trailers).is_err() {
                    self.break_off();
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Nothing more can be sent. Why, the response tells; that the request did not reach its end, the stream's.
    fn break_off(&mut self) {
        (self.over, self.broken) = (true, true);
        self.chunk = None;
    }

    /// The final response's head came, and it is one that has no use for the rest (as in Go, above 299): nothing more is
    /// sent. The codec's half is handed back, to be reset when the response is over.
    pub(super) fn stop(self) -> SendStream<Bytes> {
        if let Some(waiting) = &self.waiting {
            waiting.given_up();
        }
        self.watch
            .give_up(|| WriteOutcome::NotSent(NotSentReason::FinalResponseFirst));
        self.codec
    }

    /// Whether nothing more can be sent.
    pub(super) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Goes on in a task of its own: the final response's head came, and the rest may still be wanted.
    pub(super) fn go_on(self) -> Background {
        let failure = Arc::clone(&self.failure);
        let mut going = GoingOn(self);
        let uploading = async move {
            let upload = &mut going.0;
            // Its failure has been told of by then.
            let _ = poll_fn(|cx| upload.poll(cx)).await;
            if !upload.broken {
                poll_fn(|cx| upload.watch.poll_flushed(cx)).await;
            }
        };
        let runtime = Handle::try_current().ok();
        let task = runtime.map(|runtime| runtime.spawn(uploading).abort_handle());
        Background { task, failure }
    }

    /// Tells, if it is so, that the request was not written to its end. `refuses`: the final response's head came, and has
    /// no use for the rest.
    pub(super) fn cut_short(&self, refuses: bool) {
        self.watch.give_up(|| match self.watch.reset() {
            _ if refuses => WriteOutcome::NotSent(NotSentReason::FinalResponseFirst),
            Some((ResetBy::Peer, code)) => {
                let message = format!("the server reset the request's stream ({code})");
                WriteOutcome::Failed(EventError::new(ErrorKind::Reset, message))
            }
            _ => WriteOutcome::Failed(self.emitter.reason_for_drop()),
        });
    }
}

/// An upload in a task of its own. However the task ends, with its runtime for example, what became of the request is told.
struct GoingOn(Upload);

impl Drop for GoingOn {
    fn drop(&mut self) {
        self.0.cut_short(false);
    }
}

/// An upload that goes on by itself.
pub(super) struct Background {
    task: Option<AbortHandle>,
    failure: Arc<OnceLock<BodyFailure>>,
}

impl Background {
    /// Nobody wants it any more.
    pub(super) fn abort(&self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }

    /// Why it reset the stream, if it did: the body failed.
    pub(super) fn failure(&self) -> Option<Error> {
        self.failure.get().map(BodyFailure::to_error)
    }
}
