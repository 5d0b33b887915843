//! The call and its attempts.

use std::sync::Arc;
use std::time::SystemTime;

use http::{Method, StatusCode, Uri};

use super::info;
use crate::error::EventError;
use crate::event::EventName;

info! {
    /// A call began: the client was asked to send a request.
    CallStart {
        /// The wall clock at that moment, so that a timeline can be dated.
        wall: SystemTime,
        /// The request's method.
        method: Method,
        /// The request's URI, without userinfo.
        uri: Uri,
    }
}

info! {
    /// A call is over.
    CallEnd {
    ;
        /// Status of the final response, if one came.
        status / with_status: StatusCode,
        /// Bytes of the final response's body handed to the caller, decoded if they were, if there was a response.
        bytes / with_bytes: u64,
        /// Why the call failed; absent on success.
        error / with_error: EventError,
    }
}

info! {
    /// One round trip began. A call has one or more: the first, one per redirect, one per retry.
    AttemptStart {
        /// The method of this round trip.
        method: Method,
        /// The URI of this round trip, without userinfo.
        uri: Uri,
        /// Why there is this attempt.
        reason: AttemptReason,
    }
}

info! {
    /// One round trip is over: its body ended, or it failed, or it was dropped.
    AttemptEnd {
    ;
        /// Status of the response, if one came.
        status / with_status: StatusCode,
        /// Why the attempt failed; absent on success.
        error / with_error: EventError,
    }
}

info! {
    /// A response is followed to another location.
    Redirect {
        /// The response's status.
        status: StatusCode,
        /// Where the response came from, without userinfo.
        from: Uri,
        /// Where the next attempt goes, without userinfo.
        to: Uri,
    }
}

info! {
    /// A hook panicked. It is called no more during this call.
    HookPanicked {
        /// The event the hook was called for.
        event: EventName,
    ;
        /// The panic's message, where it had one.
        message / with_message: Arc<str>,
    }
}

/// Why an attempt is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AttemptReason {
    /// The call's first round trip.
    First,
    /// The previous attempt was answered with a redirect that is followed.
    Redirect,
    /// The previous attempt failed in a way that may be tried again.
    Retry(RetryReason),
}

/// Why an attempt is made again (go-semantics: `shouldRetryRequest`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RetryReason {
    /// A layer above the transport sent the request again.
    Layer,
    /// The reused connection broke before the first response byte, and the request may be repeated.
    ConnectionLost,
    /// The reused connection was dead before a byte of this request was written.
    NothingWritten,
    /// The peer refused the stream before it did anything with it (`REFUSED_STREAM`, RFC 9113 section 8.7).
    StreamRefused,
    /// The peer said `GOAWAY` and did nothing with the stream (RFC 9113 section 6.8).
    GoAway,
}

impl RetryReason {
    /// The reason in snake case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Layer => "layer",
            Self::ConnectionLost => "connection_lost",
            Self::NothingWritten => "nothing_written",
            Self::StreamRefused => "stream_refused",
            Self::GoAway => "go_away",
        }
    }
}

impl AttemptReason {
    /// The reason in snake case: `first`, `redirect` or `retry`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Redirect => "redirect",
            Self::Retry(_) => "retry",
        }
    }
}
