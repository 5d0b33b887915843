//! A connection: who it leads to, what it has carried, and the codec that speaks on it.

mod establish;
mod expect;
mod failed;
mod head;
mod head_limits;
pub(crate) mod http1;
pub(crate) mod http2;
mod informational;
mod patience;
mod received;
mod response_body;
mod send_body;

use std::sync::Arc;
use std::time::Duration;

use httptrace::info::{Address, CloseReason, ConnClosed, NoticedBy};
use httptrace::{ConnectionId, Emitter, EventError};

use crate::dial::Dialed;
use crate::error::Error;
use crate::pool::Key;
pub(crate) use establish::{Established, Speech};
pub(crate) use failed::Failed;
pub(crate) use head_limits::HeadLimits;
use http1::Http1;
pub(crate) use patience::Patience;
pub(crate) use response_body::ResponseBody;
pub(crate) use send_body::{BodyFailure, SendBody};

/// A connection, from the end of its dial to its close. Whoever owns it may use it.
pub(crate) struct Connection {
    pub(crate) id: ConnectionId,
    pub(crate) key: Arc<Key>,
    pub(crate) local: Option<Address>,
    pub(crate) remote: Option<Address>,
    /// Requests it has carried, the one in progress included.
    pub(crate) exchanges: u64,
    /// It was offered to whoever wants it, after a request or instead of one.
    pub(crate) was_offered: bool,
    pub(crate) http1: Http1,
    /// While it is idle nobody is woken up by it: it has let go of the task that used it last.
    has_let_go: bool,
}

/// Why a connection cannot be used any more.
#[derive(Clone)]
pub(crate) struct Dead {
    pub(crate) reason: CloseReason,
    pub(crate) error: Option<EventError>,
}

impl Dead {
    /// For a reason that is no error.
    pub(crate) fn because(reason: CloseReason) -> Self {
        Self {
            reason,
            error: None,
        }
    }
}

/// Tells that a connection was closed.
pub(crate) fn tell_closed(
    emitter: &Emitter,
    id: ConnectionId,
    dead: Dead,
    noticed: Option<NoticedBy>,
) {
    let Dead { reason, error } = dead;
    emitter.clone().with_connection(id).emit(|| {
        let mut closed = ConnClosed::new(reason);
        (closed.noticed, closed.error) = (noticed, error);
        closed
    });
}

impl Connection {
    pub(crate) async fn new(
        id: ConnectionId,
        key: Arc<Key>,
        dialed: Dialed,
        limits: HeadLimits,
    ) -> Result<Self, Error> {
        Ok(Self {
            id,
            key,
            local: dialed.local,
            remote: dialed.remote,
            exchanges: 0,
            was_offered: false,
            http1: Http1::handshake(dialed.stream, dialed.probe, limits).await?,
            has_let_go: false,
        })
    }

    /// Lets the connection come to rest after an exchange. Most are used again at once: where nothing is left to do, and
    /// the socket can be asked later, nobody looks for what the peer does yet.
    pub(crate) fn rest(&mut self) -> http1::Rest {
        self.has_let_go = false;
        if self.http1.is_resting() {
            return http1::Rest::Ready;
        }
        self.listen()
    }

    /// Lets the connection come to rest, listening for what the peer may do meanwhile.
    pub(crate) fn listen(&mut self) -> http1::Rest {
        self.has_let_go = true;
        self.http1.rest()
    }

    /// Whether it is to [listen](Self::listen): the peer may have done something since it came to rest, or it still
    /// holds the memory of the task that used it last.
    pub(crate) fn is_suspect(&self) -> bool {
        !(self.has_let_go && self.http1.is_quiet())
    }

    /// Checks an idle connection before its next use.
    pub(crate) fn check(&mut self, idle_for: Duration) -> Result<(), Dead> {
        // Below that the runtime can hardly lag behind the socket, and a system call per request is saved.
        let ask_the_socket = idle_for >= Duration::from_millis(1);
        self.http1.check(ask_the_socket)
    }
}
