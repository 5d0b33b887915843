//! Settings of the pool.

use std::time::Duration;

use super::ClientBuilder;

/// The pool.
impl<L> ClientBuilder<L> {
    /// How many connections may be idle altogether; the oldest goes for a new one. 0 keeps none. Default: 100.
    ///
    /// An HTTP/2 connection is idle when no request is on it. One that is not kept serves a single request.
    pub fn max_idle(mut self, connections: usize) -> Self {
        self.pool.max_idle = connections;
        self
    }

    /// How many connections to one host may be idle. 0 keeps none. Default: 2.
    pub fn max_idle_per_host(mut self, connections: usize) -> Self {
        self.pool.max_idle_per_host = connections;
        self
    }

    /// How many connections to one host there may be, dials and idle ones included; requests beyond wait in line.
    /// An HTTP/2 connection counts as one, and requests wait for its streams too. A connection that was upgraded counts
    /// no more (as in Go). Default: no limit.
    ///
    /// # Panics
    /// If the limit is 0, since no request could ever be sent.
    pub fn max_conns_per_host(mut self, connections: impl Into<Option<usize>>) -> Self {
        let limit = connections.into();
        assert!(
            limit != Some(0),
            "max_conns_per_host(0) would let no request through"
        );
        self.pool.max_conns_per_host = limit;
        self
    }

    /// How long a connection may be idle. Default: 90 s.
    pub fn idle_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.pool.idle_timeout = limit.into();
        self
    }

    /// Whether connections are used more than once. If not, requests say `Connection: close`. Default: yes.
    pub fn keep_alives(mut self, keep: bool) -> Self {
        self.pool.keep_alives = keep;
        self
    }
}
