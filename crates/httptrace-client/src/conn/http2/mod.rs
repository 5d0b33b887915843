//! HTTP/2 by the h2 crate: a connection that requests share, with a task of its own that reads and writes.

mod driver;
mod exchange;
mod failure;
mod head;
mod keep_alive;
mod response_body;
mod settings;
mod stream;
mod upload;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::client::SendRequest;
use httptrace::info::{Address, CloseReason, NoticedBy};
use httptrace::{ConnectionId, Emitter, ErrorKind, Phase};

pub(crate) use exchange::{Exchanged, exchange};
use head::KnownAuthority;
pub(crate) use response_body::ResponseBody;
use settings::ListLimit;
pub(crate) use settings::Settings;

use super::{Dead, HeadLimits, Speech};
use crate::dial::Dialed;
use crate::error::Error;
use crate::pool::{Key, Pool};
use crate::wire::http2::{Reserved, Tap, Watch};

/// An HTTP/2 connection, shared by its requests and the pool.
#[derive(Clone)]
pub(crate) struct Http2(Arc<Shared>);

struct Shared {
    id: ConnectionId,
    key: Arc<Key>,
    local: Option<Address>,
    remote: Option<Address>,
    limits: HeadLimits,
    list_limit: ListLimit,
    authority: KnownAuthority,
    /// Taken away when the connection is to end: the codec ends with its last handle.
    sender: Mutex<Option<SendRequest<Bytes>>>,
    watch: Watch,
    pool: Weak<Pool>,
    /// Why it takes no new requests, if that was decided here, and on what occasion, if it was idle.
    retired: OnceLock<(CloseReason, Option<NoticedBy>)>,
    /// Why it is of no use to anybody, if a stream has heard of that.
    lost: OnceLock<Dead>,
}

impl Http2 {
    /// Begins HTTP/2 on a stream, and spawns the task that drives it. What the peer has to say is not waited for (RFC
    /// 9113 section 3.4).
    ///
    /// `own`: whom to tell of the connection while no request is on it. `dial`: whom to tell of the settings that come
    /// before there was one.
    pub(crate) async fn handshake(
        id: ConnectionId,
        key: Arc<Key>,
        dialed: Dialed,
        speech: Speech,
        own: Emitter,
        dial: Emitter,
        pool: Weak<Pool>,
    ) -> Result<Self, Error> {
        let watch = Watch::new(own.with_connection(id), dial);
        let tap = Tap::new(dialed.stream, watch.clone());
        let Speech { head_limits, http2 } = speech;
        let begun = http2.builder(head_limits).handshake(tap).await;
        let (sender, connection) = begun.map_err(|error| {
            let message = format!("the connection failed before HTTP/2 began on it: {error}");
            Error::new(Phase::Connect, ErrorKind::Closed, message).with_source(error)
        })?;
        let this = Self(Arc::new(Shared {
            id,
            key,
            local: dialed.local,
            remote: dialed.remote,
            limits: head_limits,
            list_limit: http2.list_limit(head_limits),
            authority: KnownAuthority::default(),
            sender: Mutex::new(Some(sender)),
            watch,
            pool,
            retired: OnceLock::new(),
            lost: OnceLock::new(),
        }));
        driver::spawn(connection, this.clone(), &http2);
        Ok(this)
    }

    pub(crate) fn id(&self) -> ConnectionId {
        self.0.id
    }

    pub(crate) fn key(&self) -> &Arc<Key> {
        &self.0.key
    }

    pub(crate) fn local(&self) -> Option<&Address> {
        self.0.local.as_ref()
    }

    pub(crate) fn remote(&self) -> Option<&Address> {
        self.0.remote.as_ref()
    }

    /// Takes a stream, if the connection takes new requests and the peer allows another one now.
    pub(crate) fn try_reserve(&self) -> Option<StreamSlot> {
        let Reserved { idle_for } = self.0.watch.reserve()?;
        Some(StreamSlot::new(self, idle_for))
    }

    /// A stream for the request that the connection was made for, although it takes none any more: the request hears why,
    /// as if it had come a moment sooner, and may be tried again.
    pub(crate) fn claim(&self) -> StreamSlot {
        self.0.watch.claim();
        StreamSlot::new(self, None)
    }

    /// Whether it takes no new requests, now or ever: GOAWAY was said or heard, it was retired, or it has ended.
    pub(crate) fn is_retired(&self) -> bool {
        self.0.watch.is_retired()
    }

    /// Since when no stream is taken.
    pub(crate) fn idle_since(&self) -> Option<Instant> {
        self.0.watch.idle_since()
    }

    /// Takes no new requests; ends for this reason when its streams are over, at once if there are none. `noticed`: on
    /// what occasion, if it is idle.
    pub(crate) fn retire(&self, reason: CloseReason, noticed: Option<NoticedBy>) {
        let _ = self.0.retired.set((reason, noticed));
        self.0.watch.retire();
        self.end_if_done();
    }

    /// The codec has given it up: it ends, even if the peer does not take our farewell. Other than after the peer's
    /// GOAWAY, which leaves its streams alone.
    fn lost(&self, error: &h2::Error) {
        if error.is_go_away() && error.is_remote() {
            return;
        }
        let _ = self.0.lost.set(failure::dead(&self.0, error));
        self.0.watch.doom();
    }

    /// Ends, if it is retired and its last stream is over.
    fn end_if_done(&self) {
        if self.0.watch.is_retired() && self.0.watch.is_idle() {
            // Outside the lock: the codec's own are taken when its handle goes.
            let sender = self.lock_sender().take();
            drop(sender);
        }
    }

    /// Tells the pool what has become of its streams, if anything has.
    fn tell_pool(&self) {
        if !self.0.watch.take_freed() {
            return;
        }
        self.end_if_done();
        if let Some(pool) = self.0.pool.upgrade() {
            match self.is_retired() {
                true => pool.http2_retired(self),
                false => pool.streams_freed(self),
            }
        }
    }

    fn lock_sender(&self) -> MutexGuard<'_, Option<SendRequest<Bytes>>> {
        self.0.sender.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One stream of an HTTP/2 connection, taken for a request. Dropping it before the request is sent gives it back.
pub(crate) struct StreamSlot {
    conn: Http2,
    /// Others had one before this was taken up.
    reused: bool,
    /// How long there had been none, if there had been others before.
    pub(crate) idle_for: Option<Duration>,
    /// The stream is the request's now, and is given back when it is over on the wire.
    opened: bool,
}

impl StreamSlot {
    fn new(conn: &Http2, idle_for: Option<Duration>) -> Self {
        Self {
            conn: conn.clone(),
            reused: false,
            idle_for,
            opened: false,
        }
    }

    pub(crate) fn conn(&self) -> &Http2 {
        &self.conn
    }

    /// The request has it now: to be said once. Returns whether the connection has carried others before.
    pub(crate) fn take_up(&mut self) -> bool {
        self.reused = self.conn.0.watch.take_up();
        self.reused
    }
}

impl Drop for StreamSlot {
    fn drop(&mut self) {
        if !self.opened {
            self.conn.0.watch.give_back();
            self.conn.tell_pool();
        }
    }
}
