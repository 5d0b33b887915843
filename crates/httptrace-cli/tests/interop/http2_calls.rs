//! What the program has no arguments for, by the client's own interface: trailers of a request, and bodies that are
//! given up.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderValue, Request};
use http_body_util::{BodyExt, Full};
use httptrace::{EventKind, RequestExt};
use httptrace_client::{Body, Client, Proxy};
use httptrace_test::Checker;
use tokio::runtime::Builder;
use tokio::time::timeout;

use crate::http2::of_agent;
use crate::origin::LARGE;
use crate::play::Wrong;
use crate::streams::Step;
use crate::{frames, origin};

const PATIENCE: Duration = Duration::from_secs(20);

/// As often as all their rest together is more than the window of any connection.
const GIVEN_UP: usize = 20;

/// An upload with trailers, of which the server tells what it got.
pub(crate) fn trailers(port: u16) -> Result<(), String> {
    soon(async {
        let checker = Checker::new();
        let mut fields = HeaderMap::new();
        fields.insert("x-digest", HeaderValue::from_static("of all"));
        let upload = origin::text(origin::MEDIUM);
        let body = Full::new(bytes::Bytes::from(upload)).with_trailers(async { Some(Ok(fields)) });
        let request = Request::post(format!("http://127.0.0.1:{port}/upload"))
            .header("trailer", "x-digest")
            .trace(checker.trace())
            .body(Body::wrap(body))
            .map_err(|error| error.to_string())?;
        let response = client().send(request).await;
        let response = response.map_err(|error| format!("{error:?}"))?;
        let told = response.headers().get("x-digest").cloned();
        let text = response.into_body().text().await;
        let text = text.map_err(|error| format!("{error:?}"))?;
        checker.finish().await;
        let mut wrong = Wrong::default();
        wrong.unless_equal("trailer", &told, &Some(HeaderValue::from_static("of all")));
        wrong.unless_equal("answer", &text, &format!("{} bytes\n", origin::MEDIUM));
        wrong.result()
    })
}

/// Large bodies that are given up, after which the connection can still carry one; by nghttpd's log.
pub(crate) fn bodies_that_are_given_up(port: u16, log: &Path) -> Result<(), String> {
    let agent = "gives-up";
    soon(async {
        let client = client();
        for _ in 0..GIVEN_UP {
            let checker = Checker::new();
            let response = client.send(large(port, agent, &checker)).await;
            drop(response.map_err(|error| format!("{error:?}"))?);
            checker.finish().await;
        }
        let checker = Checker::new();
        let response = client.send(large(port, agent, &checker)).await;
        let body = response.map_err(|error| format!("{error:?}"))?.into_body();
        let body = body.text().await.map_err(|error| format!("{error:?}"))?;
        let reused = checker.pick(|kind| match kind {
            EventKind::GotConn(info) => Some(info.reused),
            _ => None,
        });
        checker.finish().await;
        let mut wrong = Wrong::default();
        wrong.unless_equal("body", &body.len(), &LARGE);
        wrong.unless_equal("whether the connection is the same", &reused, &vec![true]);
        wrong.result()
    })?;
    let mut steps = Vec::new();
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        let text = fs::read_to_string(log).map_err(|error| error.to_string())?;
        let connections = of_agent(&frames::parse(&text), agent);
        let streams = connections.iter().flat_map(|one| one.streams.values());
        steps = streams.map(|stream| stream.order.clone()).collect();
        if steps
            .last()
            .is_some_and(|last| last.contains(&Step::GotEnd))
        {
            break;
        }
        sleep(Duration::from_millis(10));
    }
    let begun = vec![Step::SentHead, Step::SentEnd, Step::GotHead(200)];
    let given_up = [begun.clone(), vec![Step::SentReset(8)]].concat();
    let mut expected = vec![given_up; GIVEN_UP];
    expected.push([begun, vec![Step::GotEnd]].concat());
    let mut wrong = Wrong::default();
    wrong.unless_equal("streams", &expected, &steps);
    wrong.result()
}

fn large(port: u16, agent: &str, checker: &Checker) -> Request<Body> {
    Request::get(format!("http://127.0.0.1:{port}/large"))
        .header("user-agent", agent)
        .trace(checker.trace())
        .body(Body::empty())
        .expect("the request is valid")
}

fn client() -> Client {
    let builder = Client::builder().proxy(Proxy::none());
    builder.http2_prior_knowledge().build()
}

fn soon(work: impl Future<Output = Result<(), String>>) -> Result<(), String> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    runtime
        .block_on(async { timeout(PATIENCE, work).await })
        .unwrap_or_else(|_| Err("it hangs".to_owned()))
}
