//! A connection in the hands of one request.

use std::sync::Arc;

use httptrace::info::{CloseReason, NoticedBy};
use httptrace::{Emitter, EventError};

use super::Pool;
use crate::conn::{self, Connection, Dead};

/// So many requests at a time leave nothing of one another in the processor's caches from one turn to the next.
const CROWD: usize = 256;

/// A connection that one request uses. It is given back, or closed for a reason; dropping it closes it as canceled.
pub(crate) struct Lease {
    conn: Option<Box<Connection>>,
    pool: Arc<Pool>,
    /// The request's emitter, with the connection's id.
    emitter: Emitter,
}

impl Lease {
    pub(crate) fn new(conn: Box<Connection>, pool: Arc<Pool>, emitter: &Emitter) -> Self {
        let emitter = emitter.clone().with_connection(conn.id);
        Self {
            conn: Some(conn),
            pool,
            emitter,
        }
    }

    pub(crate) fn emitter(&self) -> &Emitter {
        &self.emitter
    }

    pub(crate) fn conn(&mut self) -> &mut Connection {
        // expect is ok because only the methods that consume the lease take the connection out of it.
        self.conn.as_mut().expect("a lease holds its connection")
    }

    /// Whether other requests seem to be on their way, but no crowd of them.
    pub(crate) fn has_company(&self) -> bool {
        // Each lease has a handle of the pool, and so has the transport.
        let others = Arc::strong_count(&self.pool).saturating_sub(2);
        (1..CROWD).contains(&others)
    }

    /// The request is done with it: back to the pool, which tells `PutIdleConn`.
    pub(crate) fn give_back(mut self) {
        if let Some(conn) = self.conn.take() {
            conn.http1.end_exchange();
            self.pool.put(conn, &self.emitter);
        }
    }

    /// The request is done with it, and so is the peer: the exchange was whole, but nobody gets to use it again.
    pub(crate) fn give_back_dead(mut self, dead: Dead) {
        if let Some(conn) = self.conn.take() {
            conn.http1.end_exchange();
            self.pool.put_dead(conn, &self.emitter, dead);
        }
    }

    /// Closes it.
    pub(crate) fn close(mut self, reason: CloseReason, error: Option<EventError>) {
        if let Some(conn) = self.conn.take() {
            self.pool
                .close(conn, &self.emitter, Dead { reason, error }, None);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(conn) = self.conn.take() {
            conn.http1.cancel_request(&self.emitter);
            let dead = Dead::because(CloseReason::Canceled);
            self.pool.close(conn, &self.emitter, dead, None);
        }
    }
}

impl Pool {
    /// Closes a connection, tells `ConnClosed`, and lets the next dial of its host begin.
    pub(super) fn close(
        self: &Arc<Self>,
        conn: Box<Connection>,
        emitter: &Emitter,
        dead: Dead,
        noticed: Option<NoticedBy>,
    ) {
        let (id, key) = (conn.id, Arc::clone(&conn.key));
        drop(conn);
        conn::tell_closed(emitter, id, dead, noticed);
        self.release(&key);
    }
}
