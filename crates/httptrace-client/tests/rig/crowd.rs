//! Many requests at once to one origin, each with a number, which the server gives back in a field, in the body and in
//! its length: whatever reaches the wrong request shows. The tests of interoperation use it, too.

use std::collections::BTreeSet;
use std::sync::Arc;

use http::{HeaderMap, Request};
use httptrace::info::{AttemptReason, WriteOutcome};
use httptrace::{Event, EventKind, EventName, RequestExt};
use httptrace_client::{Body, Client};
use httptrace_test::Checker;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

/// Whom the crowd asks.
#[derive(Clone, Debug)]
pub(crate) struct Crowd {
    /// `http://127.0.0.1:8080`; the pages are `/crowd/0` and so on.
    pub(crate) origin: String,
    /// How many requests there are.
    pub(crate) size: usize,
    /// Whether the server gives the field `X-Number` back.
    pub(crate) echoes: bool,
    /// Whether every other request is an upload.
    pub(crate) uploads: bool,
}

/// What the crowd as a whole was told.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// How many connections were made.
    pub(crate) connects: usize,
    /// The connections that carried requests.
    pub(crate) connections: BTreeSet<u64>,
    /// Each request's connection and stream.
    pub(crate) streams: BTreeSet<(u64, u32)>,
    /// How many requests waited for a stream.
    pub(crate) queued: usize,
    /// How often a request was sent again.
    pub(crate) retries: usize,
}

/// The page of this number.
pub(crate) fn page(number: usize) -> String {
    format!("{number}\n").repeat(100 + 37 * number)
}

impl Crowd {
    /// Sends all of them at once. The error is the first disagreement.
    pub(crate) async fn ask(&self, client: &Client) -> Result<Told, String> {
        let start = Arc::new(Barrier::new(self.size));
        let mut members = JoinSet::new();
        for number in 0..self.size {
            let (crowd, client, start) = (self.clone(), client.clone(), Arc::clone(&start));
            members.spawn(async move {
                start.wait().await;
                let told = crowd.one(&client, number).await;
                told.map_err(|why| format!("request {number}: {why}"))
            });
        }
        let mut told = Told::default();
        while let Some(member) = members.join_next().await {
            let events = member.map_err(|error| error.to_string())??;
            told.add(&events)?;
        }
        Ok(told)
    }

    /// How much this one uploads, if it does.
    fn upload(&self, number: usize) -> Option<usize> {
        (self.uploads && number % 2 == 1).then_some(1 + 300 * number)
    }

    async fn one(&self, client: &Client, number: usize) -> Result<Vec<Event>, String> {
        let checker = Checker::new();
        let upload = self.upload(number);
        let body = upload.map_or_else(Body::empty, |length| Body::from(vec![b'x'; length]));
        let request = Request::builder()
            .method(if upload.is_some() { "POST" } else { "GET" })
            .uri(format!("{}/crowd/{number}", self.origin))
            .header("x-number", number)
            .trace(checker.trace())
            .body(body)
            .map_err(|error| error.to_string())?;
        let response = client.send(request).await;
        let response = response.map_err(|error| format!("{error:?}"))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.into_body().text().await;
        let text = text.map_err(|error| format!("{error:?}"))?;
        equal("status", &status.as_u16(), &200)?;
        equal("body", &text.len(), &page(number).len())?;
        equal("body", &(text == page(number)), &true)?;
        self.fields(&headers, number)?;
        let events = checker.events();
        checker.finish().await;
        self.events(&events, number)?;
        Ok(events)
    }

    /// What the response says of the request.
    fn fields(&self, headers: &HeaderMap, number: usize) -> Result<(), String> {
        let told = |name: &str| {
            let value = headers.get(name)?.to_str().ok()?;
            value.parse::<usize>().ok()
        };
        if self.echoes {
            equal("number", &told("x-number"), &Some(number))?;
        }
        if let Some(length) = self.upload(number) {
            equal(
                "what the server received",
                &told("x-received"),
                &Some(length),
            )?;
        }
        if let Some(length) = told("content-length") {
            equal("content-length", &length, &page(number).len())?;
        }
        Ok(())
    }

    /// What the events of its last attempt say of it.
    fn events(&self, events: &[Event], number: usize) -> Result<(), String> {
        let last = events.iter().filter_map(|event| event.attempt).max();
        let events: Vec<_> = events
            .iter()
            .filter(|event| event.attempt == last)
            .collect();
        let (mut written, mut got, mut sent, mut paths) = (Vec::new(), 0, None, Vec::new());
        for event in &events {
            match &event.kind {
                EventKind::WroteHeaderField(field) => {
                    let values = field.values.iter().map(|value| value.as_bytes().to_vec());
                    match &*field.name {
                        "x-number" => written.extend(values),
                        ":path" => paths.extend(values),
                        _ => {}
                    }
                }
                EventKind::WroteRequest(info) if matches!(info.outcome, WriteOutcome::Sent) => {
                    sent = Some(info.body_bytes.unwrap_or_default());
                }
                EventKind::GotResponseHeaders(head) => {
                    self.fields(&head.headers.to_map(), number)?
                }
                EventKind::GotBody(piece) => got += piece.bytes,
                _ => {}
            }
        }
        equal(
            "fields written",
            &written,
            &vec![number.to_string().into_bytes()],
        )?;
        equal(
            "paths written",
            &paths,
            &vec![format!("/crowd/{number}").into_bytes()],
        )?;
        equal("bytes read", &got, &(page(number).len() as u64))?;
        let upload = self.upload(number).unwrap_or_default() as u64;
        equal("bytes sent", &sent, &Some(upload))?;
        for name in [
            EventName::GotResponseHeaders,
            EventName::StreamOpened,
            EventName::BodyDone,
        ] {
            let named = events.iter().filter(|event| event.name() == name);
            let count = named.count();
            equal(name.as_str(), &count, &1)?;
        }
        Ok(())
    }
}

impl Told {
    fn add(&mut self, events: &[Event]) -> Result<(), String> {
        for event in events {
            match &event.kind {
                EventKind::ConnectStart(_) => self.connects += 1,
                EventKind::AttemptStart(info) => {
                    self.retries += usize::from(matches!(info.reason, AttemptReason::Retry(_)));
                }
                EventKind::GotConn(info) => {
                    let waited = info.waited_for.map(|what| what.as_str());
                    self.queued += usize::from(waited == Some("stream"));
                    self.connections.extend(event.connection.map(|id| id.get()));
                }
                EventKind::StreamOpened(info) => {
                    let id = event.connection.ok_or("a stream without a connection")?;
                    if !self.streams.insert((id.get(), info.stream_id)) {
                        return Err(format!(
                            "two requests had stream {} of {id:?}",
                            info.stream_id
                        ));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn equal<T: PartialEq + std::fmt::Debug>(what: &str, seen: &T, expected: &T) -> Result<(), String> {
    if seen == expected {
        return Ok(());
    }
    Err(format!("{what}: {seen:?} instead of {expected:?}"))
}
