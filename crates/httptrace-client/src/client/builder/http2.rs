//! Settings of HTTP/2.

use std::time::Duration;

use super::ClientBuilder;
use crate::pool::Protocols;

/// HTTP/2.
impl<L> ClientBuilder<L> {
    /// Speaks HTTP/1.1 and nothing else (curl's `--http1.1`). By default, https offers both by ALPN, and http is
    /// HTTP/1.1.
    pub fn http1_only(mut self) -> Self {
        self.protocols = Protocols::Http1;
        self
    }

    /// Speaks HTTP/2 and nothing else: at once over plain TCP, knowing that the server does (RFC 9113 section 3.3;
    /// curl's `--http2-prior-knowledge`, Go's `UnencryptedHTTP2`); over TLS it alone is offered. Requests that a proxy
    /// forwards, and those that ask for an upgrade, are HTTP/1.1 all the same.
    pub fn http2_prior_knowledge(mut self) -> Self {
        self.protocols = Protocols::Http2;
        self
    }

    /// Whether requests wait for a stream when a connection has as many as the peer allows (Go's
    /// `StrictMaxConcurrentRequests`). Otherwise another connection is made. Default: no.
    pub fn http2_strict_max_concurrent_requests(mut self, strict: bool) -> Self {
        self.pool.strict_streams = strict;
        self
    }

    /// After so long a silence on a connection, be it in use or idle, the server is sent a PING (Go's
    /// `SendPingTimeout`). Default: never.
    pub fn http2_keep_alive_interval(mut self, interval: impl Into<Option<Duration>>) -> Self {
        self.speech.http2.keep_alive_interval = interval.into();
        self
    }

    /// How long the server has to answer such a PING before the connection is given up (Go's `PingTimeout`).
    /// Default: 15 s.
    pub fn http2_keep_alive_timeout(mut self, limit: Duration) -> Self {
        self.speech.http2.keep_alive_timeout = limit;
        self
    }

    /// How many bytes of one response's body the server may send before they are read, from 1 to 2³¹-1
    /// (`SETTINGS_INITIAL_WINDOW_SIZE`). Default: 2 MiB.
    ///
    /// # Panics
    /// If it is 0 or more than that.
    pub fn http2_initial_stream_window_size(mut self, bytes: u32) -> Self {
        check_window("http2_initial_stream_window_size", bytes);
        self.speech.http2.stream_window = bytes;
        self
    }

    /// How many bytes of all responses' bodies on a connection together, from 65,535 to 2³¹-1. Responses
    /// that nobody reads use it up, and hold up the others then. Default: 16 MiB.
    ///
    /// # Panics
    /// If it is less or more than that: the protocol cannot make it smaller.
    pub fn http2_initial_connection_window_size(mut self, bytes: u32) -> Self {
        check_window("http2_initial_connection_window_size", bytes);
        assert!(
            bytes >= 65_535,
            "http2_initial_connection_window_size({bytes}) is below the 65,535 that every connection begins with"
        );
        self.speech.http2.connection_window = bytes;
        self
    }

    /// The largest frame that the server may send, from 16,384 to 2²⁴-1 (`SETTINGS_MAX_FRAME_SIZE`). Default: 16,384.
    ///
    /// # Panics
    /// If it is less or more than that.
    pub fn http2_max_frame_size(mut self, bytes: u32) -> Self {
        assert!(
            (16_384..1 << 24).contains(&bytes),
            "http2_max_frame_size({bytes}) is not between 16,384 and 16,777,215"
        );
        self.speech.http2.max_frame_size = bytes;
        self
    }

    /// How many bytes the header fields of a response may have, each counted with 32 more
    /// (`SETTINGS_MAX_HEADER_LIST_SIZE`). Default: as [`max_response_header_bytes`](Self::max_response_header_bytes).
    pub fn http2_max_header_list_size(mut self, bytes: u32) -> Self {
        self.speech.http2.max_header_list_size = Some(bytes);
        self
    }

    /// How many streams that were reset by us are remembered, so that what the server still sends on them is known for
    /// what it is. Default: 1024.
    pub fn http2_max_concurrent_reset_streams(mut self, streams: usize) -> Self {
        self.speech.http2.max_concurrent_reset_streams = streams;
        self
    }
}

fn check_window(what: &str, bytes: u32) {
    assert!(
        (1..1 << 31).contains(&bytes),
        "{what}({bytes}) is not between 1 and 2147483647"
    );
}
