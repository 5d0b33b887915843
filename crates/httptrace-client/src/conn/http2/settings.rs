//! How HTTP/2 is spoken.

use std::time::Duration;

use h2::client::Builder;

use httptrace::{ErrorKind, Phase};

use crate::conn::HeadLimits;
use crate::error::Error;
use crate::wire::http2::BEFORE_SETTINGS;

/// For how long a stream that we have reset is remembered: what the peer had on its way should have come by then, on slow
/// links too.
const RESETS_REMEMBERED: Duration = Duration::from_secs(10);

/// How much room the codec has for DATA frames that nobody has read yet, for each byte of a connection's window; it counts
/// by how much a frame's data falls short of 256 bytes. So a stream full of messages of 16 bytes fills its window, by
/// default, before that. The codec's own limit is a twelfth of it: a server that streams small messages would often
/// be called a flood, and lose the connection with all that is on it.
const OVERHEAD_OF_WINDOW: usize = 6;

/// How many bytes of one request's body the codec takes beyond what has left, if the peer's window has room for them: so
/// much is written before the request's task is asked for more. The codec's own limit is 400 KiB, by which a fast peer
/// waits more often.
const SEND_BUFFER: usize = 1 << 20;

/// What a client's HTTP/2 connections have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// How many bytes of one response's body may come before they are asked for.
    pub(crate) stream_window: u32,
    /// How many bytes of all responses' bodies may.
    pub(crate) connection_window: u32,
    /// The largest frame that the peer may send.
    pub(crate) max_frame_size: u32,
    /// How many bytes a response's header list may have, as RFC 9113 section 6.5.2 counts them. Absent: as HTTP/1's.
    pub(crate) max_header_list_size: Option<u32>,
    /// How many streams that we have reset are remembered.
    pub(crate) max_concurrent_reset_streams: usize,
    /// After so long a silence the peer is asked whether it is there.
    pub(crate) keep_alive_interval: Option<Duration>,
    /// How long it has to answer.
    pub(crate) keep_alive_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            stream_window: 2 << 20,
            connection_window: 16 << 20,
            max_frame_size: 16_384,
            max_header_list_size: None,
            max_concurrent_reset_streams: 1024,
            keep_alive_interval: None,
            keep_alive_timeout: Duration::from_secs(15),
        }
    }
}

impl Settings {
    /// What a response's header list may have.
    pub(super) fn list_limit(&self, limits: HeadLimits) -> ListLimit {
        match self.max_header_list_size {
            Some(bytes) => ListLimit {
                bytes,
                set_by: "http2_max_header_list_size",
            },
            None => ListLimit {
                bytes: limits.as_list_size(),
                set_by: "max_response_header_bytes",
            },
        }
    }

    /// h2's own builder, set up so.
    pub(super) fn builder(&self, limits: HeadLimits) -> Builder {
        let mut builder = Builder::new();
        let header_list = self.list_limit(limits).bytes;
        let overhead = (self.connection_window as usize).saturating_mul(OVERHEAD_OF_WINDOW);
        builder
            .enable_push(false)
            .initial_max_send_streams(BEFORE_SETTINGS)
            .initial_window_size(self.stream_window)
            .initial_connection_window_size(self.connection_window)
            .max_frame_size(self.max_frame_size)
            .max_header_list_size(header_list)
            .data_frame_budget(overhead)
            .max_send_buffer_size(SEND_BUFFER)
            .max_concurrent_reset_streams(self.max_concurrent_reset_streams)
            .reset_stream_duration(RESETS_REMEMBERED)
            // What comes for a stream that is forgotten counts here, over all of the connection's life: responses that
            // are dropped would end it, and others with it. At most one reset is owed for each stream that we opened.
            .max_local_error_reset_streams(None);
        builder
    }
}

/// How large a response's header list may be, and what of the builder says so.
#[derive(Clone, Copy, Debug)]
pub(super) struct ListLimit {
    bytes: u32,
    set_by: &'static str,
}

impl ListLimit {
    /// Whether a field block of so many bytes, which was refused, was refused for its size. Compressed it may be little
    /// more than half as long as what it says, of which 32 bytes a field are not on the wire at all.
    pub(super) fn is_exceeded_by_block(self, bytes: u64) -> bool {
        bytes.saturating_mul(2) >= u64::from(self.bytes)
    }

    /// Whether a field block of so many bytes cannot have fitted, however little it was compressed.
    pub(super) fn is_below_block(self, bytes: u64) -> bool {
        bytes > u64::from(self.bytes)
    }

    /// What is said of a response that exceeds it: of its head, or of its trailers.
    pub(super) fn error(self, phase: Phase) -> Error {
        let Self { bytes, set_by } = self;
        let part = match phase {
            Phase::Receive => "trailers are too large: their",
            _ => "head is too large: its header",
        };
        let message = format!(
            "the response's {part} fields have more than {bytes} bytes, each field counted with 32 more; if that is \
             meant to be, raise ClientBuilder::{set_by}"
        );
        Error::new(phase, ErrorKind::Limit, message)
    }
}
