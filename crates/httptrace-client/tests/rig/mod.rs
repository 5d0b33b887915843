//! What the tests of this crate have in common: requests to a peer, under a checker.

#![allow(dead_code)] // each test binary uses a part of it

pub(crate) mod http2;
mod pieces;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use http_body_util::BodyExt;
use httptrace::{Emitter, Event, EventKind, EventName, RequestExt};
use httptrace_client::{
    Body, Client, ClientBuilder, Connect, ConnectTarget, Connected, Connecting, Error, Proxy,
    Resolve, Resolved, Resolving,
};
use httptrace_test::{CannedDns, Checker, DuplexPeer, Peer, TestCa};

#[allow(unused_imports)] // each test binary uses a part of it
pub(crate) use pieces::{Pieces, pieces};

/// A response with a body of five bytes, after which the connection can be used again.
pub(crate) const HELLO: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/// A response without a body.
pub(crate) const NO_CONTENT: &str = "HTTP/1.1 204 No Content\r\n\r\n";

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
    request_to(method, &peer.url(path), checker, body)
}

/// A request to any URL, traced by a checker.
pub(crate) fn request_to(
    method: &str,
    url: &str,
    checker: &Checker,
    body: impl Into<Body>,
) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(url)
        .trace(checker.trace())
        .body(body.into())
        .expect("the test's request is valid")
}

/// A GET to any URL, traced by a checker.
pub(crate) fn get_url(url: &str, checker: &Checker) -> Request<Body> {
    request_to("GET", url, checker, Body::empty())
}

/// Sends a request and reads its response to the end.
pub(crate) async fn fetch(client: &Client, request: Request<Body>) -> Result<String, Error> {
    client.send(request).await?.into_body().text().await
}

/// The names of all events so far, in order.
pub(crate) fn words(checker: &Checker) -> String {
    checker.names().join(" ")
}

/// The first event of a name.
pub(crate) fn first(events: &[Event], name: EventName) -> &Event {
    let found = events.iter().find(|event| event.name() == name);
    found.unwrap_or_else(|| panic!("there is no {name} among {} events", events.len()))
}

/// Whether each connection had carried a request before, in the order of `GotConn`.
pub(crate) fn reuses(checker: &Checker) -> Vec<bool> {
    checker.pick(|kind| match kind {
        EventKind::GotConn(info) => Some(info.reused),
        _ => None,
    })
}

/// Why connections were closed, as far as the checker was told, with the occasion where there was one.
pub(crate) fn closings(checker: &Checker) -> Vec<(&'static str, Option<&'static str>)> {
    checker.pick(|kind| match kind {
        EventKind::ConnClosed(info) => {
            let noticed = info.noticed.map(|noticed| noticed.as_str());
            Some((info.reason.as_str(), noticed))
        }
        _ => None,
    })
}

/// The error that ended the call, with its class.
pub(crate) fn call_error(checker: &Checker) -> Option<(&'static str, String)> {
    let ends = checker.pick(|kind| match kind {
        EventKind::CallEnd(end) => Some(end.error.clone()),
        _ => None,
    });
    let error = ends.into_iter().next().flatten()?;
    Some((error.kind().as_str(), error.message().to_owned()))
}

/// A future that must end soon: a test that hangs fails instead.
pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    match tokio::time::timeout(Duration::from_secs(20), future).await {
        Ok(output) => output,
        Err(_) => panic!("it hangs"),
    }
}

/// A connector that leads every connection to a peer in memory.
pub(crate) struct InMemory(pub(crate) Arc<DuplexPeer>);

impl Connect for InMemory {
    fn connect(&self, target: &ConnectTarget<'_>, emitter: &Emitter) -> Connecting {
        let address = httptrace::info::Address::Other(target.host().into());
        let guard = emitter.connect_start(&address, 0);
        let peer = Arc::clone(&self.0);
        Box::pin(async move {
            // As with a socket, it takes a moment.
            tokio::task::yield_now().await;
            guard.done(|done| done);
            Ok(Connected::new(peer.connect()).with_remote(address))
        })
    }
}

/// A client without proxies, whatever the environment says of them (peers on loopback are reached without one anyway).
pub(crate) fn direct() -> ClientBuilder {
    Client::builder().proxy(Proxy::none())
}

/// A client whose connections all lead to a peer in memory.
pub(crate) fn in_memory(peer: &Arc<DuplexPeer>) -> ClientBuilder {
    direct().connector(InMemory(Arc::clone(peer)))
}

/// A client that trusts a throw-away authority.
pub(crate) fn trusting(ca: &TestCa) -> ClientBuilder {
    let builder = direct().add_root_certificates_pem(ca.pem().as_bytes());
    builder.expect("the authority's certificate is PEM")
}

/// Canned DNS as a client's resolver.
pub(crate) struct Canned(pub(crate) CannedDns);

impl Resolve for Canned {
    fn resolve(&self, host: &str) -> Resolving {
        let (dns, host) = (self.0.clone(), host.to_owned());
        Box::pin(async move { dns.lookup(&host).await.map(Resolved::new) })
    }
}

/// Polls a future so many times, each time when it is woken, and drops it if it has not ended by then.
pub(crate) struct AtMost<F> {
    future: Option<Pin<Box<F>>>,
    polls: usize,
}

impl<F: Future> AtMost<F> {
    pub(crate) fn polls(polls: usize, future: F) -> Self {
        let future = Some(Box::pin(future));
        Self { future, polls }
    }
}

impl<F: Future> Future for AtMost<F> {
    /// Absent if it was dropped before its end.
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.polls == 0 {
            self.future = None;
        }
        let Some(future) = &mut self.future else {
            return Poll::Ready(None);
        };
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            self.future = None;
            return Poll::Ready(Some(output));
        }
        self.polls -= 1;
        match self.polls {
            0 => {
                self.future = None;
                Poll::Ready(None)
            }
            _ => Poll::Pending,
        }
    }
}

/// Reads one frame of a response's body, as text.
pub(crate) async fn next_text(response: &mut Response<Body>) -> Option<String> {
    let frame = response.body_mut().frame().await?;
    let data = frame.expect("the body goes on").into_data();
    data.ok()
        .map(|data| String::from_utf8_lossy(&data).into_owned())
}
