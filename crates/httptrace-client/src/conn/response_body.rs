//! The response's body, whichever protocol brings it.

use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use httptrace::info::CloseReason;

use super::{http1, http2};
use crate::error::Error;

/// A response's body on its connection, or on its stream of one.
pub(crate) enum ResponseBody {
    Http1(http1::ResponseBody),
    Http2(http2::ResponseBody),
}

/// Does the same with whichever body it is.
macro_rules! either {
    ($body:expr, $inner:ident => $act:expr) => {
        match $body {
            ResponseBody::Http1($inner) => $act,
            ResponseBody::Http2($inner) => $act,
        }
    };
}

impl ResponseBody {
    /// Bytes handed out so far.
    pub(crate) fn bytes(&self) -> u64 {
        either!(self, body => body.bytes())
    }

    pub(crate) fn is_over(&self) -> bool {
        either!(self, body => body.is_over())
    }

    /// Whether it broke off, and that has not been told yet.
    pub(crate) fn is_failing(&self) -> bool {
        either!(self, body => body.is_failing())
    }

    /// Nothing more belongs to the attempt: ends it, if the body is over.
    pub(crate) fn settle(&mut self) {
        either!(self, body => body.settle());
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        either!(self, body => body.size_hint())
    }

    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        either!(self, body => body.poll_frame(cx))
    }

    /// From now on its end is not its own: whoever decodes it says when it is over, by [`release`](Self::release) or
    /// [`break_off`](Self::break_off).
    pub(crate) fn hold(&mut self) {
        either!(self, body => body.hold());
    }

    /// So many bytes it has been decoded to so far.
    pub(crate) fn decoded(&mut self, bytes: u64) {
        either!(self, body => body.decoded(bytes));
    }

    /// Whether its end has been read, or is known without asking for another frame.
    pub(crate) fn is_at_end(&self) -> bool {
        either!(self, body => body.is_at_end())
    }

    /// All of it was read and decoded. If that was known only from its end, the connection's fate is waited for by
    /// another [`poll_frame`](Self::poll_frame).
    pub(crate) fn release(&mut self) {
        either!(self, body => body.release());
    }

    /// It cannot be decoded. The next frame is the error.
    pub(crate) fn break_off(&mut self, error: Error) {
        either!(self, body => body.break_off(error));
    }

    /// It breaks off here. The next frame is the error; an HTTP/1 connection is closed by then, for this reason.
    pub(crate) fn fail(&mut self, error: Error, reason: CloseReason) {
        match self {
            Self::Http1(body) => body.fail(error, reason),
            Self::Http2(body) => body.fail(error),
        }
    }
}
