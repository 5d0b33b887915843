//! Plays a scenario with our client, and records what happened.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use httptrace_client::{Client, ClientBuilder, Proxy, RedirectPolicy};
use httptrace_test::Checker;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::authority::Certificates;
use crate::peer::{self, Stage};
use crate::recording::{Recorder, Recording};
use crate::request::Call;
use crate::resolver::Table;
use crate::scenario::{ClientSpec, Http2, RequestSpec, Scenario, Step};
use crate::signals::Signals;

/// For what must happen. Reaching it is a fault.
const PATIENCE: Duration = Duration::from_secs(8);

/// How long events may still come after the last step before the recording is closed.
const SETTLING: Duration = Duration::from_millis(150);

/// What one run of one scenario needs.
struct World {
    recorder: Recorder,
    signals: Signals,
    client: Client,
    checker: Checker,
    calls: HashMap<String, Running>,
}

/// A request that was started.
struct Running {
    cancel: watch::Sender<bool>,
    /// Becomes true when it has ended.
    ended: watch::Receiver<bool>,
    task: JoinHandle<()>,
}

/// Plays a scenario once. The error tells which step could not be done, with what was recorded until then.
///
/// # Panics
/// If the events break a rule of the [`Checker`].
pub(crate) async fn play(scenario: &Scenario) -> (Recording, Result<(), String>) {
    let recorder = Recorder::default();
    let signals = Signals::default();
    let stage = Stage {
        recorder: recorder.clone(),
        signals: signals.clone(),
        certificates: Arc::new(Certificates::new(scenario.dns.keys())),
    };
    for (name, spec) in &scenario.peers {
        if let Err(error) = peer::serve(name, spec, &stage) {
            return (recorder.freeze(), Err(format!("peer {name}: {error}")));
        }
    }
    let checker = Checker::new();
    let mut world = World {
        client: client(scenario, &stage, &checker),
        recorder,
        signals,
        checker,
        calls: HashMap::new(),
    };
    let played = world.steps(scenario).await;
    sleep(SETTLING).await;
    let recording = world.recorder.freeze();
    world.end(played.is_ok()).await;
    (recording, played)
}

fn client(scenario: &Scenario, stage: &Stage, checker: &Checker) -> Client {
    let spec = &scenario.client;
    let table = Table::new(scenario.dns.clone(), stage.signals.clone());
    let mut builder = settings(spec)
        .resolver(table)
        .proxy(proxy(spec, &stage.recorder));
    builder = builder
        .add_root_certificates_pem(stage.certificates.trusted_pem())
        .expect("the throw-away authority has a certificate");
    // What happens to idle connections is told to the client's own trace alone; but that would trace every request.
    if scenario.requests().all(|request| !request.untraced) {
        builder = builder.trace(checker.trace());
    }
    builder.build()
}

/// What the scenario says of proxies; the environment of the test says nothing.
fn proxy(spec: &ClientSpec, recorder: &Recorder) -> Proxy {
    match &spec.proxy {
        Some(url) => Proxy::all(&recorder.filled(url)).expect("the URL of a proxy"),
        None => Proxy::from_vars(|name| Some(recorder.filled(spec.proxy_env.get(name)?))),
    }
}

/// A limit or timeout of 0 is none.
fn settings(spec: &ClientSpec) -> ClientBuilder {
    let limit = |ms: u64| (ms > 0).then(|| Duration::from_millis(ms));
    let max_idle_per_host = match spec.max_idle_per_host {
        0 => 2,
        limit => usize::try_from(limit).unwrap_or(0),
    };
    let redirects = match spec.redirects {
        Some(false) => RedirectPolicy::none(),
        _ => RedirectPolicy::default(),
    };
    let builder = match spec.max_response_head_bytes {
        Some(bytes) => Client::builder().max_response_header_bytes(bytes),
        None => Client::builder(),
    };
    http2(spec, builder)
        .max_idle(if spec.max_idle == 0 {
            usize::MAX
        } else {
            spec.max_idle
        })
        .max_idle_per_host(max_idle_per_host)
        .max_conns_per_host((spec.max_conns_per_host > 0).then_some(spec.max_conns_per_host))
        .idle_timeout(limit(spec.idle_timeout_ms))
        .keep_alives(spec.keep_alive != Some(false))
        .redirect(redirects)
        .connect_timeout(None)
        .response_head_timeout(limit(spec.response_head_timeout_ms))
        .expect_continue_timeout(limit(spec.expect_timeout_ms))
        .decompress(spec.compression)
        .tls_handshake_timeout(limit(spec.tls_handshake_timeout_ms))
}

/// What the scenario says of protocols; nothing said, HTTP/1.1 is all there is.
fn http2(spec: &ClientSpec, builder: ClientBuilder) -> ClientBuilder {
    let limit = |ms: u64| (ms > 0).then(|| Duration::from_millis(ms));
    let builder = match spec.http2 {
        None => builder.http1_only(),
        Some(Http2::Tls) => builder,
        Some(Http2::PriorKnowledge) => builder.http2_prior_knowledge(),
    };
    let builder = builder
        .http2_strict_max_concurrent_requests(spec.strict_max_concurrent_requests)
        .http2_keep_alive_interval(limit(spec.ping_after_ms));
    match limit(spec.ping_timeout_ms) {
        Some(timeout) => builder.http2_keep_alive_timeout(timeout),
        None => builder,
    }
}

impl World {
    async fn steps(&mut self, scenario: &Scenario) -> Result<(), String> {
        for (at, step) in scenario.steps.iter().enumerate() {
            let done = self.step(step);
            done.await
                .map_err(|why| format!("step {}, {step:?}: {why}", at + 1))?;
        }
        for request in scenario.requests() {
            self.wait_for_end(&request.label).await?;
        }
        Ok(())
    }

    async fn step(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Start(request) => {
                self.start(request);
                Ok(())
            }
            Step::Await(wanted) => {
                let (label, event) = (&wanted.label, &wanted.event);
                in_time(self.recorder.wait_for(label, event, wanted.count)).await
            }
            Step::End(label) => self.wait_for_end(label).await,
            Step::Cancel(label) => {
                self.calls[label].cancel.send_replace(true);
                Ok(())
            }
            Step::CloseIdle => {
                self.client.close_idle_connections();
                Ok(())
            }
            Step::Wait(signal) => in_time(self.signals.wait(signal)).await,
            Step::Set(signal) => {
                self.signals.set(signal);
                Ok(())
            }
            Step::DelayMs(ms) => {
                sleep(Duration::from_millis(*ms)).await;
                Ok(())
            }
        }
    }

    fn start(&mut self, spec: &RequestSpec) {
        self.recorder.started(&spec.label);
        let (cancel, canceled) = watch::channel(false);
        let (has_ended, ended) = watch::channel(false);
        let call = Call {
            client: self.client.clone(),
            spec: spec.clone(),
            recorder: self.recorder.clone(),
            signals: self.signals.clone(),
            canceled,
        };
        let trace = self.checker.trace();
        let task = tokio::spawn(async move {
            call.run(trace).await;
            has_ended.send_replace(true);
        });
        let running = Running {
            cancel,
            ended,
            task,
        };
        self.calls.insert(spec.label.clone(), running);
    }

    async fn wait_for_end(&mut self, label: &str) -> Result<(), String> {
        let call = self.calls.get_mut(label);
        let ended = &mut call.ok_or_else(|| format!("no request {label:?}"))?.ended;
        let ended = in_time(ended.wait_for(|ended| *ended)).await;
        match ended {
            Ok(_) => Ok(()),
            Err(why) => Err(format!("request {label:?} has not ended: {why}")),
        }
    }

    /// Lets go of everything, and has the checker look at what happened.
    async fn end(self, complete: bool) {
        self.signals.end();
        for running in self.calls.into_values() {
            if !complete {
                running.task.abort();
            }
            if let Err(error) = running.task.await {
                if let Ok(panic) = error.try_into_panic() {
                    std::panic::resume_unwind(panic);
                }
            }
        }
        drop(self.client);
        self.checker.finish().await;
    }
}

async fn in_time<F: Future>(waiting: F) -> Result<(), String> {
    match timeout(PATIENCE, waiting).await {
        Ok(_) => Ok(()),
        Err(_) => Err(format!("it did not happen within {PATIENCE:?}")),
    }
}
