//! HTTP/2 beside nghttp2's programs: the frames of the same exchange as `nghttp` shows them, and those of our own as
//! `nghttpd` has logged them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::frames::{self, Frame};
use crate::ours::{Ours, finish};
use crate::play::Wrong;
use crate::seen::{Field, Head};
use crate::streams::{self, Connection, Step, Stream};

/// What a case of HTTP/2 has beside.
#[derive(Clone, Debug, Default)]
pub(crate) struct Http2 {
    /// With what nghttp asks the same; absent if it cannot.
    pub(crate) nghttp: Option<Vec<String>>,
    /// How often nghttp asks, if not once for each URL.
    pub(crate) asks: Option<usize>,
    /// The codes with which the server resets streams, all together; without NO_ERROR, which says that it needs no more of
    /// an upload.
    pub(crate) resets: Vec<u64>,
    /// How many requests are sent again.
    pub(crate) retries: usize,
    /// Whether the server says that it takes no more requests.
    pub(crate) leaves: bool,
    /// Whether the server is asked for a sign of life meanwhile, and gives one.
    pub(crate) pings: bool,
    /// Trailers of each response.
    pub(crate) trailers: Vec<Field>,
    /// The window for whose sake the upload waits: `stream` or `connection`.
    pub(crate) window: Option<&'static str>,
    /// Whether curl may fail: 7.88 does at a connection's second request by prior knowledge, and where an upload is refused.
    pub(crate) curl_may_fail: bool,
    /// Where the server takes its time before it reads: an upload's wait lasts that long after its head.
    pub(crate) held: Option<Duration>,
}

/// What nghttp2's programs saw.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    /// nghttp's own exchange.
    nghttp: Option<Connection>,
    /// Our connections, as nghttpd has logged them.
    nghttpd: Option<Vec<Connection>>,
}

/// Asks nghttp for the same URLs, and looks into nghttpd's log.
pub(crate) fn look(
    case: &Http2,
    urls: &[String],
    agents: (&str, &str),
    ours: &Ours,
    nghttp: Option<&Path>,
    log: Option<&PathBuf>,
) -> Result<Shown, String> {
    let asked = nghttp.zip(case.nghttp.as_ref());
    let ask = |(program, arguments): (&Path, &Vec<String>)| {
        nghttp_asks(program, arguments, urls, agents.1, case.asks)
    };
    let view = |file: &PathBuf| {
        logged(
            file,
            agents.0,
            steps(streams::of_events(&ours.events).values()),
        )
    };
    Ok(Shown {
        nghttp: asked.map(ask).transpose()?,
        nghttpd: log.map(view).transpose()?,
    })
}

fn nghttp_asks(
    program: &Path,
    arguments: &[String],
    urls: &[String],
    agent: &str,
    asks: Option<usize>,
) -> Result<Connection, String> {
    let mut command = Command::new(program);
    command
        .args(["-nvy", "--no-dep", "--no-push", "--timeout=20s", "-H"])
        .arg(format!("user-agent: {agent}"))
        .args(["-H", "accept-encoding: identity"])
        .args(arguments);
    // It asks for the same URL once, unless it is told how often.
    if urls.iter().all(|url| *url == urls[0]) {
        let count = asks.unwrap_or(urls.len());
        command.arg(format!("-m{count}")).arg(&urls[0]);
    } else {
        command.args(urls);
    }
    let output = finish(command)?;
    let frames = frames::parse(&String::from_utf8_lossy(&output.stdout));
    Ok(streams::of_frames(&frames, true))
}

/// What the other tests rest on: nghttp and nghttpd, as they are read here, give the same account of an exchange.
pub(crate) fn both_programs_agree(
    program: &Path,
    port: u16,
    log: &Path,
    file: &str,
) -> Result<(), String> {
    let (agent, url) = ("agrees", format!("http://127.0.0.1:{port}/upload"));
    let nghttp = nghttp_asks(
        program,
        &["-d".into(), file.into()],
        &[url.clone(), url],
        agent,
        None,
    )?;
    let nghttp = [nghttp];
    let nghttpd = logged(log, agent, steps(&nghttp))?;
    let mut wrong = Wrong::default();
    wrong.unless_equal("steps", &steps(&nghttp), &8);
    for theirs in &nghttpd {
        own_exchange(&nghttp[0], theirs, &mut wrong);
    }
    wrong.unless_equal("connections", &nghttpd.len(), &1);
    wrong.result()
}

const PATIENCE: Duration = Duration::from_secs(10);

/// The connections of this user agent, as soon as so many steps have been logged. Fewer, if no more comes.
fn logged(file: &Path, agent: &str, expected: usize) -> Result<Vec<Connection>, String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let text =
            fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let found = of_agent(&frames::parse(whole), agent);
        if steps(&found) >= expected || Instant::now() > deadline {
            return Ok(found);
        }
        sleep(Duration::from_millis(10));
    }
}

fn steps<'a>(connections: impl IntoIterator<Item = &'a Connection>) -> usize {
    let streams = connections.into_iter().flat_map(|one| one.streams.values());
    streams.map(|stream| stream.order.len()).sum()
}

/// The connections of this user agent, by nghttpd's frames.
pub(crate) fn of_agent(frames: &[Frame], agent: &str) -> Vec<Connection> {
    let is_ours = |frame: &&Frame| {
        let mut fields = frame.fields.iter();
        fields.any(|(name, value)| name == "user-agent" && value == agent)
    };
    let mut ids: Vec<u64> = frames
        .iter()
        .filter(is_ours)
        .map(|frame| frame.connection)
        .collect();
    ids.sort_unstable();
    ids.dedup();
    ids.iter()
        .map(|id| streams::of_frames(frames.iter().filter(|frame| frame.connection == *id), false))
        .collect()
}

/// Everything in which we and nghttp2 do not agree, and what the case says of itself.
pub(crate) fn disagreements(case: &Http2, ours: &Ours, shown: &Shown, wrong: &mut Wrong) {
    let connections: Vec<Connection> = streams::of_events(&ours.events).into_values().collect();
    expectations(case, ours, &connections, wrong);
    if let Some(nghttp) = &shown.nghttp {
        match connections.first() {
            Some(first) => same_exchange(case, first, nghttp, wrong),
            None => wrong.0.push("we tell of no stream".to_owned()),
        }
    }
    if let Some(logged) = &shown.nghttpd {
        let count = logged.len();
        wrong.unless_equal("logged connections", &connections.len(), &count);
        for (ours, theirs) in connections.iter().zip(logged) {
            own_exchange(ours, theirs, wrong);
        }
    }
}

/// Another client's exchange, of the same requests.
fn same_exchange(case: &Http2, ours: &Connection, nghttp: &Connection, wrong: &mut Wrong) {
    wrong.unless_equal("settings", &ours.settings, &nghttp.settings);
    if case.leaves {
        wrong.unless_equal("GOAWAY", &ours.leaving, &nghttp.leaving);
    }
    let ids = |connection: &Connection| connection.streams.keys().copied().collect::<Vec<_>>();
    wrong.unless_equal("streams", &ids(ours), &ids(nghttp));
    for (id, ours) in &ours.streams {
        let Some(theirs) = nghttp.streams.get(id) else {
            continue;
        };
        // The tap tells of a reset when it comes, and the head's reader of the head: of both at once in either order.
        let received = |stream: &Stream| {
            let steps = stream.order.iter().copied();
            let mut steps: Vec<_> = steps.filter(|step| step.is_received()).collect();
            steps.sort_by_key(|step| matches!(step, Step::GotReset(_)));
            steps
        };
        let what = |what: &str| format!("{what} of stream {id}");
        wrong.unless_equal(&what("frames"), &received(ours), &received(theirs));
        responses(ours, theirs, &what, wrong);
    }
}

/// Our own exchange, as the server has seen it.
fn own_exchange(ours: &Connection, theirs: &Connection, wrong: &mut Wrong) {
    wrong.unless_equal("logged settings", &ours.settings, &theirs.settings);
    wrong.unless_equal("logged GOAWAY", &ours.leaving, &theirs.leaving);
    let ids = |connection: &Connection| connection.streams.keys().copied().collect::<Vec<_>>();
    wrong.unless_equal("logged streams", &ids(ours), &ids(theirs));
    for (id, ours) in &ours.streams {
        let Some(theirs) = theirs.streams.get(id) else {
            continue;
        };
        let what = |what: &str| format!("logged {what} of stream {id}");
        wrong.unless_equal(&what("order"), &ours.order, &theirs.order);
        wrong.unless_equal(&what("request"), &ours.request, &theirs.request);
        wrong.unless_equal(&what("bytes sent"), &ours.sent, &theirs.sent);
        responses(ours, theirs, &what, wrong);
    }
}

fn responses(ours: &Stream, theirs: &Stream, what: &impl Fn(&str) -> String, wrong: &mut Wrong) {
    let heads = |heads: &[Head]| {
        let of = |head: &Head| {
            let fields = head.fields.iter().filter(|(name, _)| name != "date");
            (head.status, fields.cloned().collect::<Vec<_>>())
        };
        heads.iter().map(of).collect::<Vec<_>>()
    };
    wrong.unless_equal(&what("heads"), &heads(&ours.heads), &heads(&theirs.heads));
    wrong.unless_equal(&what("body"), &ours.received, &theirs.received);
    wrong.unless_equal(&what("trailers"), &ours.trailers, &theirs.trailers);
}

/// What the case says of itself.
fn expectations(case: &Http2, ours: &Ours, connections: &[Connection], wrong: &mut Wrong) {
    let streams = || connections.iter().flat_map(|one| one.streams.values());
    let reset = |step: &Step| match step {
        Step::GotReset(code) if *code != 0 => Some(*code),
        _ => None,
    };
    let resets: Vec<u64> = streams()
        .flat_map(|stream| stream.order.iter().filter_map(reset))
        .collect();
    wrong.unless_equal("codes of resets", &resets, &case.resets);
    let leaves = connections.iter().any(|one| !one.leaving.is_empty());
    if case.leaves {
        wrong.unless_equal("whether the server leaves", &leaves, &true);
    }
    let retried = |event: &&serde_json::Value| {
        event["event"] == "attempt_start" && event["reason"] == "retry"
    };
    let retries = ours.events.iter().filter(retried).count();
    wrong.unless_equal("retries", &retries, &case.retries);
    wrong.unless_equal("streams", &streams().count(), &(ours.calls.len() + retries));
    let pongs = ours.events.iter().filter(|event| event["event"] == "pong");
    let is_answered = pongs.count() > 0;
    wrong.unless_equal("whether a PING is answered", &is_answered, &case.pings);
    if !case.trailers.is_empty() {
        for stream in streams() {
            wrong.unless_equal("trailers", &stream.trailers, &case.trailers);
        }
    }
    for connection in connections {
        let ids: Vec<u64> = connection.streams.keys().copied().collect();
        let odd: Vec<u64> = (0..ids.len() as u64).map(|n| 2 * n + 1).collect();
        wrong.unless_equal("numbers of streams", &ids, &odd);
    }
    waits(case, ours, wrong);
}

/// The waits for a window: each has an end, and the first lasts until the server reads.
fn waits(case: &Http2, ours: &Ours, wrong: &mut Wrong) {
    let at = |event: &serde_json::Value| event["at_us"].as_f64().unwrap_or_default();
    let named = |name: &'static str| {
        ours.events
            .iter()
            .filter(move |event| event["event"] == name)
    };
    let starts = named("flow_control_wait_start").count();
    wrong.unless_equal(
        "ends of waits",
        &named("flow_control_wait_done").count(),
        &starts,
    );
    let Some(window) = case.window else { return };
    // Until the server's settings come there are the protocol's own windows, which may be waited for before.
    let settled = named("settings_received").next().map_or(0.0, at);
    let mut waits = named("flow_control_wait_start").zip(named("flow_control_wait_done"));
    let Some((start, done)) = waits.find(|(_, done)| at(done) > settled) else {
        return wrong
            .0
            .push(format!("no wait for the window of the {window}"));
    };
    wrong.unless_equal("window", &start["window"].as_str(), &Some(window));
    let head = named("wrote_headers").next().map(at);
    if let (Some(held), Some(head)) = (case.held, head) {
        let waited = Duration::from_secs_f64((at(done) - head).max(0.0) / 1e6);
        if waited + SLACK < held {
            wrong.0.push(format!(
                "the window was wider after {waited:?}, and the server read after {held:?}"
            ));
        }
    }
}

/// Between the frame's leaving and our reading the clock.
const SLACK: Duration = Duration::from_millis(50);
