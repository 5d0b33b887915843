//! The exchange: request written, response read.

use http::{StatusCode, Version};

use super::{FieldName, FieldValues, HeaderFields, info};
use crate::error::EventError;

info! {
    /// One header field of the request was written (Go's `WroteHeaderField`).
    ///
    /// Once per name, in the order of the wire, just before [`WroteHeaders`] and with its instant.
    WroteHeaderField {
        /// The name, as on the wire.
        name: FieldName,
        /// Its values, as on the wire.
        values: FieldValues,
    }
}

info! {
    /// The request's head was handed to the kernel (Go's `WroteHeaders`).
    WroteHeaders {}
}

info! {
    /// The request's body waits for `100 Continue` (Go's `Wait100Continue`, RFC 9110 section 10.1.1).
    ///
    /// Just after [`WroteHeaders`], with its instant, and only if something waits: the request asks, has a body, and there
    /// is time to wait. What ends the wait is told by what comes next: [`Got100Continue`], [`WroteBody`] when the time is
    /// over, or [`GotResponseHeaders`].
    Wait100Continue {}
}

info! {
    /// Bytes of the request's body were handed to the kernel.
    WroteBody {
        /// How many since the last such event, without chunk framing.
        bytes: u64,
    }
}

info! {
    /// The request is written, or will not be (Go's `WroteRequest`).
    WroteRequest {
        /// How it ended.
        outcome: WriteOutcome,
    ;
        /// Bytes of the body that were handed to the kernel, without chunk framing.
        body_bytes / with_body_bytes: u64,
    }
}

info! {
    /// The first byte of the response arrived (Go's `GotFirstResponseByte`), be it of an informational response.
    GotFirstResponseByte {}
}

info! {
    /// `100 Continue` arrived, and the request had asked for it (Go's `Got100Continue`).
    Got100Continue {}
}

info! {
    /// An informational response arrived (Go's `Got1xxResponse`): each of them, `100` included, `101` excluded.
    Got1xxResponse {
        /// Its status, 100 to 199.
        status: StatusCode,
        /// Its own header fields.
        headers: HeaderFields,
    }
}

info! {
    /// The head of the final response arrived.
    GotResponseHeaders {
        /// Its status.
        status: StatusCode,
        /// Its HTTP version.
        version: Version,
        /// Its header fields.
        headers: HeaderFields,
    }
}

info! {
    /// Bytes of the response's body were handed to the caller, or to what decodes them for the caller.
    GotBody {
        /// How many since the last such event, before decoding.
        bytes: u64,
    }
}

info! {
    /// The response's body is over. Happens also for responses that have none.
    BodyDone {
        /// How it ended.
        end: BodyEnd,
    ;
        /// Bytes of the body as transferred: without chunk framing, before any content decoding.
        wire_bytes / with_wire_bytes: u64,
        /// Bytes of the body after content decoding, as far as it came; absent where nothing was decoded, or where it
        /// cannot be known because something between the wire and the decoder replaced the body.
        decoded_bytes / with_decoded_bytes: u64,
        /// The trailer fields, where there were any.
        trailers / with_trailers: HeaderFields,
    }
}

/// How the writing of a request ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum WriteOutcome {
    /// All of it was handed to the kernel.
    Sent,
    /// The body was deliberately not sent.
    NotSent(NotSentReason),
    /// It could not be written to its end.
    Failed(EventError),
}

impl WriteOutcome {
    /// The outcome in snake case: `sent`, `not_sent` or `failed`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::NotSent(_) => "not_sent",
            Self::Failed(_) => "failed",
        }
    }
}

/// Why a request's body was deliberately not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NotSentReason {
    /// The final response came first, and the connection is closed after it.
    FinalResponseFirst,
}

impl NotSentReason {
    /// The reason in snake case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FinalResponseFirst => "final_response_first",
        }
    }
}

/// How a response's body ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum BodyEnd {
    /// It was read to its end.
    End,
    /// It broke off.
    Error(EventError),
    /// The caller dropped it before its end.
    Dropped,
}

impl BodyEnd {
    /// The end in snake case: `end`, `error` or `dropped`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::End => "end",
            Self::Error(_) => "error",
            Self::Dropped => "dropped",
        }
    }
}
