//! An exchange that brought no response's head.

use httptrace::Phase;
use httptrace::info::RetryReason;

use crate::client::Body;
use crate::error::Error;

/// No response's head has come. An HTTP/1 connection is closed already; an HTTP/2 stream is over.
pub(crate) struct Failed {
    pub(crate) error: Error,
    /// The request's body, where the codec never took the request.
    pub(crate) unsent: Option<Body>,
    /// The peer says that it has not done anything with the request, or must have meant so.
    pub(crate) not_processed: Option<RetryReason>,
    /// A byte of the request was accepted by the connection.
    pub(crate) request_begun: bool,
    /// A byte of the response arrived.
    pub(crate) response_begun: bool,
    /// The connection ended by itself: neither a hook, nor the body, nor a deadline ended it.
    pub(crate) connection_lost: bool,
}

/// What was going on in a phase of an exchange, as errors say it.
pub(super) fn during(phase: Phase) -> &'static str {
    match phase {
        Phase::Send => "while the request was being written",
        Phase::Receive => "before the end of the response's body",
        _ => "before its response",
    }
}
