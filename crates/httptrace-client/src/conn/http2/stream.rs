//! A request's stream, in the hands of its exchange and then of its response's body.

use std::task::{Context, Poll};

use httptrace::Emitter;
use httptrace::info::{CloseReason, Http2Code, ResetBy};

use super::Http2;
use crate::wire::http2::StreamWatch;

/// A stream of a connection. Dropping it gives the request up, as far as it is not written yet and nobody else sends it;
/// the codec resets the stream when its own handles are gone as well.
pub(crate) struct Stream {
    pub(super) watch: StreamWatch,
    /// The request's emitter, with the connection's id.
    pub(super) emitter: Emitter,
    pub(super) conn: Http2,
}

impl Stream {
    /// The stream failed. A peer that finds fault with how we speak gets no more of it on this connection (as in Go).
    pub(super) fn failed(&self) {
        if self.watch.reset() == Some((ResetBy::Peer, Http2Code::PROTOCOL_ERROR)) {
            self.conn.retire(CloseReason::Failed, None);
            self.conn.tell_pool();
        }
    }

    /// Ready when nobody needs to be waited for before a failure is told: the end of the connection, if that is why the
    /// stream failed, is told first.
    pub(super) fn poll_settled(&self, error: &h2::Error, cx: &mut Context<'_>) -> Poll<()> {
        let of_connection = error.is_io() || error.is_go_away();
        if !of_connection || self.watch.ignored_by().is_some() {
            return Poll::Ready(());
        }
        self.conn.lost(error);
        self.watch.poll_ended(cx)
    }
}
