//! What became of a stream that brought no whole response, in our words: from what the tap saw, and else from h2's error.

use std::io;

use httptrace::info::{CloseReason, Http2Code, ResetBy, RetryReason};
use httptrace::{ErrorKind, EventError, Phase};

use crate::conn::Dead;
use crate::dial::{alert_behind, alert_reason};
use crate::error::Error;
use crate::wire::http2::{Said, StreamWatch};

/// Why a stream failed, given the phase it was in.
pub(super) fn explain(watch: &StreamWatch, error: h2::Error, phase: Phase) -> Error {
    let during = during(phase);
    if let Some(said) = watch.ignored_by() {
        return go_away_in(&said, phase).with_source(error);
    }
    if let Some((ResetBy::Peer, code)) = watch.reset() {
        return reset(code, phase).with_source(error);
    }
    let (kind, message) = if let Some(io) = error.get_io() {
        explain_io(io, during)
    } else if let Some(reason) = error.reason().filter(|_| error.is_library()) {
        let code = Http2Code(reason.into());
        let message = format!("the server's HTTP/2 is not valid ({code}, {during})");
        (ErrorKind::Protocol, message)
    } else if error.is_go_away() {
        let message = format!("the connection ended {during}: {error}");
        (ErrorKind::Closed, message)
    } else {
        (ErrorKind::Protocol, format!("{error} ({during})"))
    };
    Error::new(phase, kind, message).with_source(error)
}

/// Whether the peer says, or must have meant, that it did nothing with a request (RFC 9113 section 8.7; Go's
/// `canRetryError`).
pub(super) fn not_processed(watch: &StreamWatch) -> Option<RetryReason> {
    if let Some(said) = watch.ignored_by() {
        // As in Go: what fails at the first request of a connection will fail at the next.
        let is_hopeless = watch.id() == 1 && said.code != Http2Code::NO_ERROR;
        return (!is_hopeless).then_some(RetryReason::GoAway);
    }
    match watch.reset() {
        Some((ResetBy::Peer, Http2Code::REFUSED_STREAM)) => Some(RetryReason::StreamRefused),
        _ => None,
    }
}

/// What is said of a stream that the peer has reset.
fn reset(code: Http2Code, phase: Phase) -> Error {
    let during = during(phase);
    let (kind, message) = match code {
        Http2Code::REFUSED_STREAM => (
            ErrorKind::Reset,
            format!("the server refused the request's stream ({code})"),
        ),
        Http2Code::HTTP_1_1_REQUIRED => (
            ErrorKind::Protocol,
            format!(
                "the server takes this request over HTTP/1.1 alone ({code}): speak HTTP/1.1 to it"
            ),
        ),
        code => (
            ErrorKind::Reset,
            format!("the server reset the request's stream {during} ({code})"),
        ),
    };
    Error::new(phase, kind, message)
}

/// What is said of a connection that the peer takes no requests on any more.
pub(super) fn go_away(said: &Said) -> Error {
    go_away_in(said, Phase::Wait)
}

fn go_away_in(said: &Said, phase: Phase) -> Error {
    let Said { code, .. } = said;
    let message = match &said.debug_data {
        Some(text) => {
            format!("the server takes no more requests on the connection (GOAWAY, {code}: {text})")
        }
        None => format!("the server takes no more requests on the connection (GOAWAY, {code})"),
    };
    Error::new(phase, ErrorKind::Closed, message)
}

/// Why a connection ended by itself.
pub(super) fn dead(error: &h2::Error) -> Dead {
    if let Some(io) = error.get_io() {
        let copy = io::Error::new(io.kind(), io.to_string());
        return Dead {
            reason: CloseReason::PeerClosed,
            error: Some(EventError::io(copy)),
        };
    }
    let (reason, kind) = match error.is_go_away() && error.is_remote() {
        true => (CloseReason::GoAway, ErrorKind::Closed),
        false => (CloseReason::Failed, ErrorKind::Protocol),
    };
    Dead {
        reason,
        error: Some(EventError::new(kind, error.to_string())),
    }
}

fn explain_io(io: &io::Error, during: &str) -> (ErrorKind, String) {
    if let Some(alert) = alert_behind(io) {
        let message = format!("the TLS session ended {during}: {}", alert_reason(alert));
        return (ErrorKind::Tls, message);
    }
    match io.kind() {
        // h2's word for a connection that has ended.
        io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => {
            let message = format!("the server closed the connection {during}");
            (ErrorKind::Closed, message)
        }
        kind => {
            let class = EventError::io(kind.into()).kind();
            (class, format!("the connection failed {during}: {io}"))
        }
    }
}

fn during(phase: Phase) -> &'static str {
    match phase {
        Phase::Send => "while the request was being written",
        Phase::Receive => "before the end of the response's body",
        _ => "before its response",
    }
}
