//! What became of a stream that brought no whole response, in our words: from what the tap saw, and else from h2's error.

use std::io;

use httptrace::info::{CloseReason, Http2Code, ResetBy, RetryReason};
use httptrace::{ErrorKind, EventError, Phase};
use rustls::AlertDescription;

use super::Shared;
use super::stream::Stream;
use crate::conn::Dead;
use crate::conn::failed::during;
use crate::dial::alert_reason;
use crate::error::Error;
use crate::wire::http2::{Greeting, Said, StreamWatch};

/// What the codec says of too much, and what is meant.
const EXCESSES: [(&str, &str); 3] = [
    (
        "too_many_data_frames",
        "the server sent too many DATA frames with little or nothing in them",
    ),
    (
        "too_many_continuations",
        "the server sent a header list in too many CONTINUATION frames",
    ),
    (
        "header_list_way_too_large",
        "the server sent a header list that is much too large",
    ),
];

/// Why a stream failed, given the phase it was in.
pub(super) fn explain(stream: &Stream, error: h2::Error, phase: Phase) -> Error {
    let (watch, shared) = (&stream.watch, &*stream.conn.0);
    let during = during(phase);
    if let Some(said) = watch.ignored_by() {
        return go_away_in(&said, phase).with_source(error);
    }
    if let Some((ResetBy::Peer, code)) = watch.reset() {
        return reset(code, phase).with_source(error);
    }
    if is_too_large(stream, &error, phase) {
        return shared.list_limit.error(phase).with_source(error);
    }
    if let Some(alert) = watch.alert().filter(|_| error.is_io()) {
        return refused_by_tls(alert, phase);
    }
    let (kind, message) = if let Some(message) = not_http2(shared) {
        (ErrorKind::Protocol, message)
    } else if let Some(io) = error.get_io() {
        let (kind, message) = explain_io(io, during);
        (kind, message + &doubt(shared))
    } else if let Some(message) = excess_behind(shared, &error) {
        (ErrorKind::Limit, format!("{message} ({during})"))
    } else if let Some(reason) = error.reason().filter(|_| error.is_library()) {
        let code = Http2Code(reason.into());
        (ErrorKind::Protocol, invalid(code, during))
    } else if error.is_go_away() {
        let message = format!("the connection ended {during}: {error}");
        (ErrorKind::Closed, message)
    } else {
        (ErrorKind::Protocol, format!("{error} ({during})"))
    };
    Error::new(phase, kind, message).with_source(error)
}

/// Whether the codec refused a response's head for its size: it says so itself only if that is beyond all measure.
fn is_too_large(stream: &Stream, error: &h2::Error, phase: Phase) -> bool {
    if !error.is_library() || phase == Phase::Receive {
        return false;
    }
    let block = stream.watch.block_bytes();
    let is_head = block > 0 && stream.watch.is_response_begun();
    is_head && stream.conn.0.list_limit.is_exceeded_by_block(block)
}

/// What is said of a peer that answers in another protocol.
pub(super) fn not_http2(shared: &Shared) -> Option<String> {
    let instead = match shared.watch.greeting() {
        Greeting::Http1 => "it answers in HTTP/1",
        Greeting::Other => "what it says first is something else",
        Greeting::None | Greeting::Http2 => return None,
    };
    let remedy = remedy(shared);
    Some(format!(
        "the server does not speak HTTP/2: {instead}; {remedy}"
    ))
}

/// What is said of a request that the connection took no more, since it had ended.
pub(super) fn unsent(shared: &Shared) -> Error {
    if let Some(message) = not_http2(shared) {
        return Error::new(Phase::Send, ErrorKind::Protocol, message);
    }
    // Then the codec has found fault with the server before it was asked for anything.
    let fault = shared.watch.farewell();
    if let Some(said) = fault.filter(|said| said.code != Http2Code::NO_ERROR) {
        let during = "before the request was written";
        let (kind, message) = match excess(said.debug_data.as_deref().unwrap_or_default()) {
            Some(message) => (ErrorKind::Limit, format!("{message} ({during})")),
            None => (ErrorKind::Protocol, invalid(said.code, during)),
        };
        return Error::new(Phase::Send, kind, message);
    }
    let message = "the connection ended before the request was written".to_owned();
    let message = message + &doubt(shared);
    Error::new(Phase::Send, ErrorKind::Closed, message)
}

/// What may be the matter with a server that ends a connection of which nobody knows that it speaks HTTP/2.
fn doubt(shared: &Shared) -> String {
    let is_known = shared.key.https || shared.watch.greeting() != Greeting::None;
    match is_known {
        true => String::new(),
        false => format!(
            ", and the server had said nothing in HTTP/2: if it does not speak that, {}",
            remedy(shared)
        ),
    }
}

fn invalid(code: Http2Code, during: &str) -> String {
    format!("the server's HTTP/2 is not valid ({code}, {during})")
}

fn remedy(shared: &Shared) -> &'static str {
    match shared.key.https {
        true => "speak HTTP/1.1 to it (ClientBuilder::http1_only)",
        false => "do without ClientBuilder::http2_prior_knowledge",
    }
}

/// Of what the peer sent so much that the codec gave the connection up.
fn excess_behind(shared: &Shared, error: &h2::Error) -> Option<&'static str> {
    if !(error.is_library() && error.is_go_away()) {
        return None;
    }
    // It tells the kind of excess in the words alone that it has for the peer; of the whole connection not even so.
    let said = match shared.watch.farewell().and_then(|said| said.debug_data) {
        Some(told) => told.to_string(),
        None => error.to_string(),
    };
    excess(&said)
}

fn excess(said: &str) -> Option<&'static str> {
    let (_, message) = EXCESSES.iter().find(|(word, _)| said.contains(word))?;
    Some(message)
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

/// What is said of a TLS session that the peer ended by an alert, which the codec knows by its text alone.
pub(super) fn refused_by_tls(alert: AlertDescription, phase: Phase) -> Error {
    let reason = alert_reason(alert);
    let message = format!("the TLS session ended {}: {reason}", during(phase));
    let source = rustls::Error::AlertReceived(alert);
    Error::new(phase, ErrorKind::Tls, message).with_source(source)
}

/// Why a connection ended by itself.
pub(super) fn dead(shared: &Shared, error: &h2::Error) -> Dead {
    let failed = |kind, message| Dead {
        reason: CloseReason::Failed,
        error: Some(EventError::new(kind, message)),
    };
    if let Some(message) = not_http2(shared) {
        return failed(ErrorKind::Protocol, message);
    }
    if let Some(message) = excess_behind(shared, error) {
        return failed(ErrorKind::Limit, message.to_owned());
    }
    if let Some(io) = error.get_io() {
        let error = match shared.watch.alert() {
            Some(alert) => EventError::new(ErrorKind::Tls, alert_reason(alert)),
            None => EventError::io(io::Error::new(io.kind(), io.to_string())),
        };
        return Dead {
            reason: CloseReason::PeerClosed,
            error: Some(error),
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
