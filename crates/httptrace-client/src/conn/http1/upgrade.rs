//! `101 Switching Protocols`, or a `CONNECT` that went through: the connection leaves HTTP, and its stream goes to whoever
//! asks hyper for the upgrade.

use std::future::poll_fn;

use http::{HeaderMap, Response, StatusCode, header};
use httptrace::{ErrorKind, Phase};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;

use super::exchange::Stop;
use super::{Http1, says};
use crate::error::Error;

/// Lets the connection go, if HTTP ends on it with this response; any other response passes through.
///
/// The codec hands the stream over by itself, when the request is written to its end: before that the client must not
/// speak another protocol (RFC 9110 section 7.8), so a `101` that comes early waits here for the rest of the upload.
pub(super) async fn complete(
    http1: &mut Http1,
    mut response: Response<Incoming>,
) -> Result<Response<Incoming>, Stop> {
    if !is_upgrade(&response) {
        return Ok(response);
    }
    poll_fn(|cx| http1.poll_drive(cx))
        .await
        .map_err(|error| Stop::Codec(error, None))?;
    if !http1.watch.is_request_flushed() {
        // The codec has thrown away what it had not written yet.
        let message = "the server switched protocols before it had read the request to its end: send the request \
                       without a body, or with one that the server waits for";
        let error = Error::new(Phase::Send, ErrorKind::Protocol, message);
        return Err(Stop::Refused(error));
    }
    if response.status() == StatusCode::SWITCHING_PROTOCOLS && !is_switch(response.headers()) {
        // As in Go, nobody gets the stream of a `101` that does not say to what it switches.
        response.extensions_mut().remove::<OnUpgrade>();
    }
    Ok(response)
}

/// Whether HTTP ends on the connection with this response.
pub(super) fn is_upgrade(response: &Response<Incoming>) -> bool {
    response.extensions().get::<OnUpgrade>().is_some()
}

/// Whether a head asks to switch protocols, or agrees to: it names one, and says that this is about the connection.
pub(crate) fn is_switch(headers: &HeaderMap) -> bool {
    let names_one = headers
        .get(header::UPGRADE)
        .is_some_and(|protocol| !protocol.is_empty());
    names_one && says(headers, "upgrade")
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn switches(fields: &[(&'static str, &'static str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_static(value));
        }
        is_switch(&headers)
    }

    #[test]
    fn a_switch_names_a_protocol_and_says_so_in_connection() {
        assert!(switches(&[
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "websocket")
        ]));
        assert!(!switches(&[("upgrade", "websocket")]));
        assert!(!switches(&[("connection", "upgrade")]));
        assert!(!switches(&[("connection", "upgrade"), ("upgrade", "")]));
    }
}
