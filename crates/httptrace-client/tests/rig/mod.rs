//! What the tests of this crate have in common: requests to a peer, under a checker.

#![allow(dead_code)] // each test binary uses a part of it

use http::Request;
use httptrace::RequestExt;
use httptrace_client::Body;
use httptrace_test::{Checker, Peer};

/// A GET to a peer, traced by a checker.
pub(crate) fn get(peer: &Peer, path: &str, checker: &Checker) -> Request<Body> {
    request("GET", peer, path, checker, Body::empty())
}

/// A request to a peer, traced by a checker.
pub(crate) fn request(
    method: &str,
    peer: &Peer,
    path: &str,
    checker: &Checker,
    body: impl Into<Body>,
) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(peer.url(path))
        .trace(checker.trace())
        .body(body.into())
        .expect("the test's request is valid")
}

/// The names of all events so far, in order.
pub(crate) fn words(checker: &Checker) -> String {
    checker.names().join(" ")
}
