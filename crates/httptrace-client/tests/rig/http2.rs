//! Requests over HTTP/2 to a peer in memory, and what was told of them beside what the peer saw.

use std::sync::Arc;
use std::time::Instant;

use http::Request;
use httptrace::{CallId, Event, EventKind, EventName};
use httptrace_client::{Body, Client, ClientBuilder};
use httptrace_test::http2::{Frame, Report, Script};
use httptrace_test::{Checker, DuplexPeer, Leaks, PeerReport};

use super::{fetch, in_memory, soon};

/// A peer with one connection, which speaks HTTP/2.
pub(crate) fn peer(script: impl FnOnce(Script) -> Script) -> DuplexPeer {
    DuplexPeer::new().conn(|c| c.http2(script))
}

/// A request without a body.
pub(crate) fn get(path: &str) -> Request<Body> {
    with_body("GET", path, Body::empty())
}

/// A request with a body.
pub(crate) fn post(path: &str, body: impl Into<Body>) -> Request<Body> {
    with_body("POST", path, body)
}

fn with_body(method: &str, path: &str, body: impl Into<Body>) -> Request<Body> {
    let uri = format!("http://example.com{path}");
    let request = Request::builder().method(method).uri(uri);
    // Trailers must be announced, whether they come or not.
    let request = request.header("trailer", "x-sum");
    request
        .body(body.into())
        .expect("the test's request is valid")
}

/// All that was told, of calls and of connections, and all that the peer saw.
pub(crate) struct Told {
    pub(crate) events: Vec<Event>,
    pub(crate) report: PeerReport,
}

/// Has a client speak HTTP/2 with a peer, under a checker, and looks for what is left when it is gone.
pub(crate) async fn told(
    peer: DuplexPeer,
    build: impl FnOnce(ClientBuilder) -> ClientBuilder,
    play: impl AsyncFnOnce(&Client, &DuplexPeer),
) -> Told {
    let peer = Arc::new(peer);
    let checker = Checker::new();
    let leaks = Leaks::watch(&*peer);
    let client = in_memory(&peer).http2_prior_knowledge();
    let client = build(client.trace(checker.trace())).build();
    soon(play(&client, &peer)).await;
    drop(client);
    leaks.assert_none().await;
    let events = checker.finish().await;
    let peer = Arc::into_inner(peer).expect("nobody else has the peer");
    let report = peer.finish().await;
    Told { events, report }
}

/// Has a client fetch one thing.
pub(crate) async fn told_of_one(
    peer: DuplexPeer,
    request: Request<Body>,
) -> (Told, Result<String, String>) {
    let mut text = None;
    let told = told(
        peer,
        |client| client,
        async |client, _| {
            let fetched = super::fetch(client, request).await;
            text = Some(fetched.map_err(|error| error.to_string()));
        },
    );
    let told = told.await;
    (told, text.expect("it was fetched"))
}

impl Told {
    /// What the peer saw on its first connection.
    pub(crate) fn h2(&self) -> &Report {
        &self.report.conn(0).http2
    }

    /// The instants of the events of a name, in milliseconds since the first event.
    pub(crate) fn all(&self, name: EventName) -> Vec<u128> {
        let events = self.events.iter();
        let named = events.filter(|event| event.name() == name);
        named.map(|event| self.ms(event.at)).collect()
    }

    /// The instant of the only event of a name, in milliseconds since the first event.
    #[track_caller]
    pub(crate) fn at(&self, name: EventName) -> u128 {
        match self.all(name)[..] {
            [at] => at,
            ref all => panic!("{name} at {all:?}, among {:?}", self.names()),
        }
    }

    /// An instant in milliseconds since the first event.
    pub(crate) fn ms(&self, at: Instant) -> u128 {
        at.saturating_duration_since(self.events[0].at).as_millis()
    }

    /// When a frame had gone or come, in milliseconds since the first event.
    pub(crate) fn of(&self, frame: &Frame) -> u128 {
        self.ms(frame.at)
    }

    pub(crate) fn count(&self, name: EventName) -> usize {
        self.all(name).len()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let events = self.events.iter();
        events.map(|event| event.name().to_string()).collect()
    }

    pub(crate) fn pick<T>(&self, pick: impl Fn(&EventKind) -> Option<T>) -> Vec<T> {
        let events = self.events.iter();
        events.filter_map(|event| pick(&event.kind)).collect()
    }

    /// The events of one call, counted from 0 in the order in which they began.
    pub(crate) fn call(&self, index: usize) -> Self {
        let mut calls: Vec<CallId> = Vec::new();
        for call in self.events.iter().filter_map(|event| event.call) {
            if !calls.contains(&call) {
                calls.push(call);
            }
        }
        let events = self.events.iter();
        let of_it = events.filter(|event| event.call == Some(calls[index]));
        Self {
            events: of_it.cloned().collect(),
            report: self.report.clone(),
        }
    }
}

/// What `BodyDone` tells: how it ended, the bytes on the wire, and what they were decoded to.
pub(crate) fn bodies(told: &Told) -> Vec<(&'static str, Option<u64>, Option<u64>)> {
    told.pick(|kind| match kind {
        EventKind::BodyDone(info) => Some((info.end.as_str(), info.wire_bytes, info.decoded_bytes)),
        _ => None,
    })
}

/// A second request, on the same connection.
pub(crate) fn next(script: Script) -> Script {
    script.expect_request(2).respond(2, 200, "next")
}

/// Makes it, and has its answer.
pub(crate) async fn fetch_next(client: &Client) {
    assert_eq!(fetch(client, get("/next")).await.unwrap(), "next");
}
