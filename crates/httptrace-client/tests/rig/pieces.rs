//! A request's body that comes piece by piece, as the test says.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body::{Body as HttpBody, Frame, SizeHint};
use httptrace::BoxError;
use httptrace_client::Body;
use tokio::time::Sleep;

/// A body in the making: its length is not known beforehand, unless [`exactly`](Self::exactly) says it.
#[derive(Default)]
pub(crate) struct Pieces {
    steps: VecDeque<Step>,
    length: Option<u64>,
    sleep: Option<Pin<Box<Sleep>>>,
}

enum Step {
    Data(Bytes),
    Trailer(HeaderMap),
    /// Lets everybody else run before the next piece.
    Turn,
    Pause(Duration),
    Fail(BoxError),
    Never,
}

impl Pieces {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn data(self, data: impl Into<Bytes>) -> Self {
        self.step(Step::Data(data.into()))
    }

    pub(crate) fn turn(self) -> Self {
        self.step(Step::Turn)
    }

    pub(crate) fn pause(self, ms: u64) -> Self {
        self.step(Step::Pause(Duration::from_millis(ms)))
    }

    pub(crate) fn trailer(self, name: &'static str, value: &'static str) -> Self {
        let field = (
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
        self.step(Step::Trailer(HeaderMap::from_iter([field])))
    }

    pub(crate) fn fail(self, error: impl Into<BoxError>) -> Self {
        self.step(Step::Fail(error.into()))
    }

    /// What was said so far comes; the end never does.
    pub(crate) fn never(self) -> Self {
        self.step(Step::Never)
    }

    /// Announces this length, whatever comes.
    pub(crate) fn exactly(mut self, length: u64) -> Self {
        self.length = Some(length);
        self
    }

    pub(crate) fn body(self) -> Body {
        Body::wrap(self)
    }

    fn step(mut self, step: Step) -> Self {
        self.steps.push_back(step);
        self
    }
}

/// So many pieces of so many bytes, each a turn after the one before.
pub(crate) fn pieces(count: usize, size: usize) -> Pieces {
    (0..count).fold(Pieces::new(), |pieces, _| {
        pieces.turn().data(vec![b'x'; size])
    })
}

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        loop {
            if let Some(sleep) = &mut self.sleep {
                std::task::ready!(sleep.as_mut().poll(cx));
                self.sleep = None;
            }
            let frame = match self.steps.pop_front() {
                None => return Poll::Ready(None),
                Some(Step::Data(data)) => Ok(Frame::data(data)),
                Some(Step::Trailer(fields)) => Ok(Frame::trailers(fields)),
                Some(Step::Fail(error)) => Err(error),
                Some(Step::Pause(time)) => {
                    self.sleep = Some(Box::pin(tokio::time::sleep(time)));
                    continue;
                }
                Some(Step::Turn) => {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Some(Step::Never) => {
                    self.steps.push_front(Step::Never);
                    return Poll::Pending;
                }
            };
            return Poll::Ready(Some(frame));
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self.length {
            Some(length) => SizeHint::with_exact(length),
            None => SizeHint::default(),
        }
    }
}
