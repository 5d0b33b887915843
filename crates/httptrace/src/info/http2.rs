//! HTTP/2 (RFC 9113): streams, and what the peer says of the whole connection.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::info;
use crate::error::EventError;

info! {
    /// The request's stream was opened: the frames of its head were handed to the kernel (RFC 9113 section 5.1). Just
    /// before [`WroteHeaders`](super::WroteHeaders), with its instant.
    StreamOpened {
        /// The stream.
        stream_id: u32,
    }
}

info! {
    /// The request's stream was reset (`RST_STREAM`, RFC 9113 section 6.4): when the frame came, or was handed to the
    /// kernel. The connection goes on. May follow the end of the call.
    StreamReset {
        /// The stream.
        stream_id: u32,
        /// Who reset it.
        by: ResetBy,
        /// Why.
        code: Http2Code,
    }
}

info! {
    /// The connection takes no more requests (`GOAWAY`, RFC 9113 section 6.8): when the frame came, or was handed to the
    /// kernel.
    ///
    /// Told to each call that has a stream on the connection; where none has, to the client's own trace.
    GoAway {
        /// Who said so.
        by: ResetBy,
        /// The last stream that was or may be processed; a request on a later one was not.
        last_stream_id: u32,
        /// Why.
        code: Http2Code,
    ;
        /// What the frame says besides, as text; absent if it says nothing.
        debug_data / with_debug_data: Arc<str>,
    }
}

info! {
    /// The peer's settings came (`SETTINGS`, RFC 9113 section 6.5). A setting that the frame does not name is absent, and
    /// stays what it was.
    ///
    /// Told to each call that has a stream on the connection; where none has, to the client's own trace. The first ones may
    /// come before any call had one: they are told to the call that dialed, as the dial's other events are.
    SettingsReceived {
    ;
        /// How many streams of ours may be open at once.
        max_concurrent_streams / with_max_concurrent_streams: u32,
        /// How many bytes of a request's body may be sent before the peer asks for more.
        initial_window_size / with_initial_window_size: u32,
        /// How many bytes a frame to the peer may have.
        max_frame_size / with_max_frame_size: u32,
        /// How many bytes of header fields the peer takes, as section 6.5.2 counts them.
        max_header_list_size / with_max_header_list_size: u32,
        /// How large our encoder's table may be.
        header_table_size / with_header_table_size: u32,
        /// Whether `CONNECT` may name a protocol (RFC 8441).
        enable_connect_protocol / with_enable_connect_protocol: bool,
    }
}

info! {
    /// The request's body waits for the peer to take more of it: it has data to send, and a window of the peer's is used
    /// up (RFC 9113 section 5.2), by what was sent so far.
    FlowControlWaitStart {
        /// Whose window is used up; the stream's, if both are.
        window: FlowWindow,
    }
}

info! {
    /// The wait is over: the window was widened, or the request's writing came to an end.
    FlowControlWaitDone {
        /// Whose window was used up.
        window: FlowWindow,
    ;
        /// Why the body goes no further; absent if it may go on.
        error / with_error: EventError,
    }
}

info! {
    /// The peer answered our `PING` (RFC 9113 section 6.7).
    ///
    /// Told to each call that has a stream on the connection; where none has, to the client's own trace.
    Pong {
        /// From the moment when the `PING` was handed to the kernel to that when its answer came.
        round_trip: Duration,
    }
}

/// Which end of a connection did something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ResetBy {
    /// The peer.
    Peer,
    /// We.
    Local,
}

impl ResetBy {
    /// The end in snake case: `peer` or `local`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Peer => "peer",
            Self::Local => "local",
        }
    }
}

/// A window of flow control (RFC 9113 section 5.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FlowWindow {
    /// That of the request's own stream.
    Stream,
    /// That of the connection, which all its streams share.
    Connection,
}

impl FlowWindow {
    /// The window in snake case: `stream` or `connection`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stream => "stream",
            Self::Connection => "connection",
        }
    }
}

/// An error code of HTTP/2 (RFC 9113 section 7).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Http2Code(pub u32);

impl Http2Code {
    /// All is well: a connection is closed in order, or the rest of a request is not needed.
    pub const NO_ERROR: Self = Self(0);
    /// The other end broke the protocol.
    pub const PROTOCOL_ERROR: Self = Self(1);
    /// Something went wrong inside.
    pub const INTERNAL_ERROR: Self = Self(2);
    /// The stream was not processed at all, and its request may be sent again.
    pub const REFUSED_STREAM: Self = Self(7);
    /// The stream is no longer wanted.
    pub const CANCEL: Self = Self(8);
    /// The other end asks too much.
    pub const ENHANCE_YOUR_CALM: Self = Self(11);
    /// The request is to be sent over HTTP/1.1.
    pub const HTTP_1_1_REQUIRED: Self = Self(13);

    /// The name that RFC 9113 gives it; absent if it gives none.
    pub fn name(self) -> Option<&'static str> {
        const NAMES: [&str; 14] = [
            "NO_ERROR",
            "PROTOCOL_ERROR",
            "INTERNAL_ERROR",
            "FLOW_CONTROL_ERROR",
            "SETTINGS_TIMEOUT",
            "STREAM_CLOSED",
            "FRAME_SIZE_ERROR",
            "REFUSED_STREAM",
            "CANCEL",
            "COMPRESSION_ERROR",
            "CONNECT_ERROR",
            "ENHANCE_YOUR_CALM",
            "INADEQUATE_SECURITY",
            "HTTP_1_1_REQUIRED",
        ];
        NAMES.get(usize::try_from(self.0).ok()?).copied()
    }
}

impl fmt::Display for Http2Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "0x{:x}", self.0),
        }
    }
}

impl fmt::Debug for Http2Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_the_names_of_the_rfc() {
        assert_eq!(Http2Code::CANCEL.to_string(), "CANCEL");
        assert_eq!(Http2Code(13).to_string(), "HTTP_1_1_REQUIRED");
        assert_eq!(Http2Code(14).to_string(), "0xe");
        assert_eq!(Http2Code::REFUSED_STREAM.name(), Some("REFUSED_STREAM"));
    }
}
