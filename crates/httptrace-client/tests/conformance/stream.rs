//! A streamed request body that follows a script.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use httptrace::BoxError;

use crate::scenario::StreamOp;
use crate::signals::Signals;

pub(crate) struct ScriptedBody {
    ops: VecDeque<StreamOp>,
    /// What it waits for before it goes on.
    waiting: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    /// How many bytes it says are left, if it says so.
    left: Option<u64>,
    trailers: Option<HeaderMap>,
    signals: Signals,
}

impl ScriptedBody {
    pub(crate) fn new(
        ops: Vec<StreamOp>,
        length: Option<u64>,
        trailers: HeaderMap,
        signals: Signals,
    ) -> Self {
        Self {
            ops: ops.into(),
            waiting: None,
            left: length,
            trailers: Some(trailers).filter(|trailers| !trailers.is_empty()),
            signals,
        }
    }
}

impl Body for ScriptedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        loop {
            if let Some(waiting) = &mut this.waiting {
                ready!(waiting.as_mut().poll(cx));
                this.waiting = None;
            }
            match this.ops.pop_front() {
                None => {
                    let trailers = this.trailers.take();
                    return Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers))));
                }
                Some(StreamOp::Chunk(text)) => {
                    let data = Bytes::from(text.written_out(str::to_owned));
                    this.left = this.left.map(|left| left.saturating_sub(data.len() as u64));
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Some(StreamOp::Wait(signal)) => {
                    let signals = this.signals.clone();
                    this.waiting = Some(Box::pin(async move { signals.wait(&signal).await }));
                }
                Some(StreamOp::Set(signal)) => this.signals.set(&signal),
                Some(StreamOp::DelayMs(ms)) => {
                    let delay = tokio::time::sleep(Duration::from_millis(ms));
                    this.waiting = Some(Box::pin(delay));
                }
                Some(StreamOp::Fail(_)) => return Poll::Ready(Some(Err("boom".into()))),
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.left
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
