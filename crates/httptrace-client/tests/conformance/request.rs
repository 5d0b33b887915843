//! A request of a scenario: how it is made, sent, and read.

use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{Buf, Bytes};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri, header};
use http_body_util::BodyExt;
use httptrace::{ClientTrace, Event, EventError, EventKind, EventName, EventSet, RequestExt};
use httptrace_client::{Body, CallTimeout, Client, Error, ReplayBody, parse_uri};
use serde_json::Value;
use tokio::sync::watch;

use crate::events::{RequestObserver, chain, class, fields};
use crate::peer::content;
use crate::recording::{Line, Recorder, line};
use crate::scenario::{
    BodySpec, RequestSpec, ThenKeyed, ThenOp, ThenWord, UpgradedOp, UpgradedWord,
};
use crate::signals::Signals;
use crate::stream::ScriptedBody;
use crate::upgraded;

/// One request on its way.
pub(crate) struct Call {
    pub(crate) client: Client,
    pub(crate) spec: RequestSpec,
    pub(crate) recorder: Recorder,
    pub(crate) signals: Signals,
    /// True once the scenario cancels it.
    pub(crate) canceled: watch::Receiver<bool>,
}

/// What of a response is known so far.
#[derive(Default)]
struct Got {
    body: Vec<u8>,
    trailers: Option<HeaderMap>,
    /// Came in the latest frame, but was not asked for yet.
    unread: Bytes,
    dropped: bool,
}

impl Call {
    /// Sends the request, follows its `then`, and records how it ended.
    pub(crate) async fn run(mut self, checker: ClientTrace) {
        let hops = Arc::new(Mutex::new(None));
        let line = match self.request(checker, &hops) {
            Ok(request) => self.outcome(request, &hops).await,
            Err(why) => line!("outcome", "ended": "head", "error": "usage", "text": why),
        };
        self.recorder.add(&self.spec.label, "outcome", line);
    }

    fn request(
        &self,
        checker: ClientTrace,
        latest: &Arc<Mutex<Option<Uri>>>,
    ) -> Result<Request<Body>, String> {
        let spec = &self.spec;
        let mut request = Request::new(Body::empty());
        *request.method_mut() =
            Method::from_bytes(spec.method.as_bytes()).map_err(|error| error.to_string())?;
        let url = self.recorder.filled(&spec.url);
        *request.uri_mut() = parse_uri(&url).map_err(|error| error.to_string())?;
        let headers = request.headers_mut();
        headers.insert(header::USER_AGENT, HeaderValue::from_static("conformance"));
        for (name, value) in &spec.headers {
            headers.append(name_of(name)?, value_of(value)?);
        }
        if spec.close {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        if let Some(body) = &spec.body {
            self.attach(&mut request, body)?;
        }
        if let Some(ms) = spec.deadline_ms {
            let limit = CallTimeout(Duration::from_millis(ms));
            request.extensions_mut().insert(limit);
        }
        if spec.untraced {
            return Ok(request);
        }
        let latest = latest.clone();
        let watch_hops = move |event: &Event| {
            if let EventKind::AttemptStart(info) = &event.kind {
                *latest.lock().expect("not poisoned") = Some(info.uri.clone());
            }
        };
        let observer = RequestObserver {
            label: spec.label.clone(),
            recorder: self.recorder.clone(),
            fail_at_1xx: spec.fail_at_1xx,
            informational: AtomicUsize::new(0),
        };
        let trace = ClientTrace::new()
            .observe(observer)
            .on_events(EventSet::only(EventName::AttemptStart), watch_hops);
        Ok(request.trace(trace.compose(&checker)))
    }

    fn attach(&self, request: &mut Request<Body>, spec: &BodySpec) -> Result<(), String> {
        let Some(ops) = &spec.stream else {
            let text = spec.text.repeat(spec.times.unwrap_or(1));
            *request.body_mut() = text.into();
            return Ok(());
        };
        let mut trailers = HeaderMap::new();
        let mut pairs = spec.trailers.clone();
        pairs.sort(); // as Go sends them
        for (name, value) in &pairs {
            trailers.append(name_of(name)?, value_of(value)?);
        }
        if !pairs.is_empty() {
            let names: Vec<_> = pairs.iter().map(|(name, _)| name.as_str()).collect();
            let announced = value_of(&names.join(", "))?;
            request.headers_mut().insert(header::TRAILER, announced);
        }
        let (ops, length, signals) = (ops.clone(), spec.length, self.signals.clone());
        let fresh =
            move || ScriptedBody::new(ops.clone(), length, trailers.clone(), signals.clone());
        *request.body_mut() = Body::wrap(fresh());
        if spec.replayable {
            let again = ReplayBody::new(move || Body::wrap(fresh()));
            request.extensions_mut().insert(again);
        }
        Ok(())
    }

    async fn outcome(&mut self, request: Request<Body>, latest: &Mutex<Option<Uri>>) -> Line {
        let client = self.client.clone();
        let sent = self.unless_canceled(client.send(request)).await;
        let response = match sent {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return failed(line!("outcome", "ended": "head"), &error.into()),
            Err(Canceled) => return canceled(line!("outcome", "ended": "head")),
        };
        let url = latest
            .lock()
            .expect("not poisoned")
            .as_ref()
            .map(Uri::to_string);
        let mut line = line!(
            "outcome",
            "status": response.status().as_u16(),
            "version": format!("{:?}", response.version()),
            "url": url,
        );
        let mut got = Got::default();
        let ended = self.follow(response, &mut got).await;
        let ended_how = if got.dropped { "dropped" } else { "body" };
        line.insert("ended".to_owned(), ended_how.into());
        line.extend(content(&got.body));
        if let Some(trailers) = &got.trailers {
            let trailers = fields(trailers).into_iter();
            let trailers = trailers.map(|(name, values)| format!("{name}: {}", values.join(", ")));
            line.insert("trailers".to_owned(), trailers.collect::<Vec<_>>().into());
        }
        match ended {
            Ok(Ok(())) => succeeded(line),
            Ok(Err(failure)) => failed(line, &failure),
            Err(Canceled) => canceled(line),
        }
    }

    /// Does what `then` says with the response.
    async fn follow(
        &mut self,
        response: Response<Body>,
        got: &mut Got,
    ) -> Result<Result<(), Failure>, Canceled> {
        let mut response = Some(response);
        got.dropped = true;
        for op in self.spec.then.clone() {
            let done = match op {
                ThenOp::Word(ThenWord::Drop) => {
                    response = None;
                    continue;
                }
                ThenOp::Keyed(ThenKeyed::Wait(signal)) => {
                    self.signals.wait(&signal).await;
                    continue;
                }
                ThenOp::Keyed(ThenKeyed::Set(signal)) => {
                    self.signals.set(&signal);
                    continue;
                }
                ThenOp::Keyed(ThenKeyed::Upgrade(script)) => {
                    let response = response.take().expect("a response is upgraded once");
                    got.dropped =
                        !matches!(script.last(), Some(UpgradedOp::Word(UpgradedWord::Read)));
                    let signals = self.signals.clone();
                    let doing = upgraded::follow(response, &script, &signals, &mut got.body);
                    let done = self.unless_canceled(doing).await;
                    done.map(|done| done.map_err(Failure::from))
                }
                ThenOp::Word(ThenWord::Read) => {
                    got.dropped = false;
                    self.read(&mut response, usize::MAX, got).await
                }
                ThenOp::Keyed(ThenKeyed::Read(count)) => self.read(&mut response, count, got).await,
            };
            if !matches!(done, Ok(Ok(()))) {
                got.dropped = false;
                return done;
            }
        }
        Ok(Ok(()))
    }

    async fn read(
        &mut self,
        response: &mut Option<Response<Body>>,
        wanted: usize,
        got: &mut Got,
    ) -> Result<Result<(), Failure>, Canceled> {
        let response = response.as_mut();
        let response = response.expect("a scenario reads a body it has dropped");
        let read = self.unless_canceled(read(response.body_mut(), wanted, got));
        Ok(read.await?.map_err(Failure::from))
    }

    async fn unless_canceled<F: Future>(&mut self, doing: F) -> Result<F::Output, Canceled> {
        tokio::select! {
            biased;
            // An error would mean that nobody can cancel any more.
            Ok(_) = self.canceled.wait_for(|canceled| *canceled) => Err(Canceled),
            done = doing => Ok(done),
        }
    }
}

/// The scenario gave the request up.
struct Canceled;

/// Reads so many bytes, or to the end.
async fn read(body: &mut Body, wanted: usize, got: &mut Got) -> Result<(), Error> {
    let mut missing = wanted;
    loop {
        let part = got.unread.len().min(missing);
        got.body.extend_from_slice(&got.unread[..part]);
        got.unread.advance(part);
        missing -= part;
        if missing == 0 {
            return Ok(());
        }
        match body.frame().await.transpose()? {
            None => return Ok(()),
            Some(frame) => match frame.into_data() {
                Ok(data) => got.unread = data,
                Err(other) => got.trailers = other.into_trailers().ok(),
            },
        }
    }
}

/// How a request failed: the class, and a text for readers.
struct Failure {
    class: &'static str,
    text: String,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self {
            class: class(error.kind(), &error),
            text: chain(&error),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        let error = EventError::io(error);
        Self {
            class: class(error.kind(), &error),
            text: chain(&error),
        }
    }
}

fn succeeded(mut line: Line) -> Line {
    line.insert("error".to_owned(), Value::Null);
    line
}

fn failed(mut line: Line, failure: &Failure) -> Line {
    line.insert("error".to_owned(), failure.class.into());
    line.insert("text".to_owned(), failure.text.as_str().into());
    line
}

fn canceled(mut line: Line) -> Line {
    line.insert("error".to_owned(), "canceled".into());
    line
}

fn name_of(name: &str) -> Result<HeaderName, String> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|error| format!("{name:?}: {error}"))
}

fn value_of(value: &str) -> Result<HeaderValue, String> {
    HeaderValue::from_str(value).map_err(|error| format!("{value:?}: {error}"))
}
