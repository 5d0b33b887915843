//! What hyper's errors mean, in our words.

use std::error::Error as StdError;
use std::io;

use httptrace::info::CloseReason;
use httptrace::{ErrorKind, EventError, Phase};

use crate::conn::Dead;
use crate::conn::failed::during;
use crate::conn::send_body::BodyFailure;
use crate::dial::{alert_behind, alert_reason};
use crate::error::Error;

/// Why an exchange failed, given the phase it was in.
pub(super) fn explain(error: hyper::Error, phase: Phase) -> Error {
    explain_during(error, phase, during(phase))
}

/// Why an exchange failed while its body was held back.
pub(super) fn explain_unasked(error: hyper::Error) -> Error {
    let during = "while the request's body waited for 100 Continue";
    explain_during(error, Phase::Send, during)
}

fn explain_during(error: hyper::Error, phase: Phase, during: &str) -> Error {
    if let Some(failure) = find::<BodyFailure>(&error) {
        return failure.to_error();
    }
    let (kind, message) = if error.is_parse() {
        (
            ErrorKind::Protocol,
            format!("the server's response is not valid HTTP/1: {error}"),
        )
    } else if let Some(io) = find::<io::Error>(&error) {
        explain_io(io, during)
    } else if let Some(inner) = find::<hyper::Error>(&error).filter(|_| error.is_canceled()) {
        // The connection ended with an error of its own before it took the request.
        (
            ErrorKind::Protocol,
            format!("the server did not wait for the request: {inner}"),
        )
    } else if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        (
            ErrorKind::Closed,
            format!("the server closed the connection {during}"),
        )
    } else {
        (ErrorKind::Protocol, format!("{error} ({during})"))
    };
    Error::new(phase, kind, message).with_source(error)
}

fn explain_io(io: &io::Error, during: &str) -> (ErrorKind, String) {
    if let Some(alert) = alert_behind(io) {
        let message = format!("the TLS session ended {during}: {}", alert_reason(alert));
        return (ErrorKind::Tls, message);
    }
    let of_tls = io
        .get_ref()
        .is_some_and(|inner| inner.is::<rustls::Error>());
    let class = match io.kind() {
        _ if of_tls => ErrorKind::Tls,
        // hyper's own complaints about chunks come as these.
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
            let message = format!("the server's response is not valid HTTP/1: {io}");
            return (ErrorKind::Protocol, message);
        }
        kind => EventError::io(kind.into()).kind(),
    };
    let message = format!("the connection failed {during}: {io}");
    (class, message)
}

/// Whether the connection ended in an orderly way in the middle of a message.
pub(super) fn is_early_end(error: &hyper::Error) -> bool {
    let is_eof = |error: &io::Error| error.kind() == io::ErrorKind::UnexpectedEof;
    error.is_incomplete_message() || find(error).is_some_and(is_eof)
}

/// Whether a response's head was larger than is allowed. hyper has a question for that only where it is a server, so
/// its words are asked.
pub(super) fn is_too_large(error: &hyper::Error) -> bool {
    error.is_parse() && error.to_string().contains("too large")
}

/// Why a connection ended with an error while no response was awaited.
pub(super) fn dead(error: hyper::Error) -> Dead {
    if let Some(failure) = find::<BodyFailure>(&error) {
        return Dead {
            reason: CloseReason::Failed,
            error: Some(failure.to_error().to_event()),
        };
    }
    match find::<io::Error>(&error) {
        Some(io) => {
            let copy = io::Error::new(io.kind(), io.to_string());
            Dead {
                reason: CloseReason::PeerClosed,
                error: Some(EventError::io(copy)),
            }
        }
        None => Dead {
            reason: CloseReason::UnsolicitedResponse,
            error: Some(EventError::new(ErrorKind::Protocol, error.to_string())),
        },
    }
}

/// Finds an error of a type among an error's sources.
fn find<E: StdError + 'static>(error: &hyper::Error) -> Option<&E> {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        source = error.source();
    }
    None
}
