//! One case against one server: both clients ask the same, then all who were there are heard.

use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::curl::{self, Curl};
use crate::http2::{self, Http2, Shown};
use crate::log::Log;
use crate::ours::{self, Ours};
use crate::seen::{Call, Entry, Head, RoundTrip};

/// What is asked, and what is expected of it beside agreement.
#[derive(Clone, Debug, Default)]
pub(crate) struct Case {
    /// A sentence.
    pub(crate) name: &'static str,
    pub(crate) urls: Vec<String>,
    /// Arguments that mean the same to both programs.
    pub(crate) arguments: Vec<String>,
    /// For ours alone.
    pub(crate) ours: Vec<&'static str>,
    /// For curl alone.
    pub(crate) curl: Vec<&'static str>,
    /// The final status of each URL.
    pub(crate) statuses: Vec<u64>,
    /// How many connections are made for all URLs together.
    pub(crate) connections: u64,
    pub(crate) delay: Option<Delay>,
    /// The response's body, if it is known.
    pub(crate) body: Option<u64>,
    /// The response's body after decompression. Before, it is shorter.
    pub(crate) decompressed: Option<u64>,
    /// The request's body.
    pub(crate) upload: Option<u64>,
    /// Statuses of informational responses that come first.
    pub(crate) informational: Vec<u64>,
    /// Whom each handshake is with, over all URLs: `proxy` or `target`. Compared where there is a proxy.
    pub(crate) legs: Vec<&'static str>,
    /// What a proxy says to each tunnel, over all URLs: a status, where it says something of the kind.
    pub(crate) tunnels: Vec<Option<u64>>,
    /// The exit codes: ours, and curl's. Of a failure no more is compared than that, and what the tunnels were told.
    pub(crate) codes: (i32, i32),
    /// The version of TLS, and which handshakes are resumed.
    pub(crate) tls: Option<(&'static str, Vec<bool>)>,
    /// The server may answer without reading what is uploaded: how much of it is sent is then for each client to find out.
    pub(crate) is_early: bool,
    /// What there is beside, if it is a case of HTTP/2.
    pub(crate) http2: Option<Http2>,
}

/// Where the server takes its time.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Delay {
    BeforeHead(Duration),
    WithinBody(Duration),
}

/// Who is asked, and with what.
#[derive(Clone, Debug)]
pub(crate) struct Stage {
    pub(crate) curl: PathBuf,
    pub(crate) authority: PathBuf,
    pub(crate) scratch: PathBuf,
    /// The server's own view, where it has one in our format.
    pub(crate) log: Option<Log>,
    /// A client that shows frames of HTTP/2.
    pub(crate) nghttp: Option<PathBuf>,
    /// The frames of HTTP/2 that the server saw, where it is nghttpd.
    pub(crate) frames: Option<PathBuf>,
}

/// Times agree roughly, and not each time on a machine that has more to do.
const TRIES: usize = 5;

/// Everything that was seen.
struct Play {
    ours: Ours,
    curl: Curl,
    /// The server's view of our requests, and of curl's.
    logged: Option<(Vec<Entry>, Vec<Entry>)>,
    /// What nghttp2's programs saw.
    shown: Shown,
}

impl Play {
    /// What there is to see when something is wrong.
    fn shown(&self) -> String {
        let lines = |values: &[Value]| {
            values
                .iter()
                .map(|value| format!("{value}\n"))
                .collect::<String>()
        };
        format!(
            "our events:\n{}{}curl:\n{}{}the server's log, of our requests and of curl's:\n{:#?}\nnghttp2:\n{:#?}",
            lines(&self.ours.events),
            self.ours.stderr,
            lines(&self.curl.told),
            self.curl.stderr,
            self.logged,
            self.shown,
        )
    }
}

/// Plays the case. The error names every disagreement, and shows what was seen.
pub(crate) fn play(case: &Case, stage: &Stage) -> Result<(), String> {
    for tries_left in (0..TRIES).rev() {
        let play = perform(case, stage)?;
        let wrong = disagreements(case, &play);
        if !wrong.is_empty() {
            return Err(format!("{}\n{}", wrong.join("\n"), play.shown()));
        }
        let Some(far) = far_apart(case, &play) else {
            return Ok(());
        };
        if tries_left == 0 {
            return Err(format!("{far}, {TRIES} times\n{}", play.shown()));
        }
    }
    Ok(())
}

fn perform(case: &Case, stage: &Stage) -> Result<Play, String> {
    let run = RUNS.fetch_add(1, Ordering::Relaxed);
    let common = |agent: &str| {
        let authority = stage.authority.display().to_string();
        let options = ["-A", agent, "--cacert", &authority].map(str::to_owned);
        [&options[..], &case.arguments].concat()
    };
    let agent = |who: &str| format!("{who}-{run}");

    let mut arguments = common(&agent("ours"));
    arguments.extend(case.ours.iter().map(ToString::to_string));
    arguments.extend(case.urls.iter().cloned());
    let ours = ours::run(&arguments)?;

    let mut arguments = common(&agent("curl"));
    let authority = stage.authority.display().to_string();
    let proxied = ["--suppress-connect-headers", "--proxy-cacert", &authority];
    arguments.extend(proxied.map(str::to_owned));
    arguments.extend(case.curl.iter().map(ToString::to_string));
    for url in &case.urls {
        arguments.extend(["-o", "/dev/null", url].map(str::to_owned));
    }
    let dump = stage.scratch.join(format!("heads-{run}"));
    let curl = curl::run(&stage.curl, &arguments, &dump)?;

    let expected = ours.round_trips.len();
    let view = |log: &Log| {
        let own = log.entries(&agent("ours"), expected)?;
        let curls = log.entries(&agent("curl"), expected)?;
        Ok::<_, String>((own, curls))
    };
    let logged = stage.log.as_ref().map(view).transpose()?;
    let agents = (agent("ours"), agent("nghttp"));
    let look = |http2: &Http2| {
        let agents = (agents.0.as_str(), agents.1.as_str());
        let (nghttp, frames) = (stage.nghttp.as_deref(), stage.frames.as_ref());
        http2::look(http2, &case.urls, agents, &ours, nghttp, frames)
    };
    let shown = case.http2.as_ref().map(look).transpose()?;
    Ok(Play {
        shown: shown.unwrap_or_default(),
        ours,
        curl,
        logged,
    })
}

/// Makes a user agent's name the only one of its kind.
static RUNS: AtomicU32 = AtomicU32::new(0);

/// Collects what is not equal.
#[derive(Default)]
pub(crate) struct Wrong(pub(crate) Vec<String>);

impl Wrong {
    pub(crate) fn result(self) -> Result<(), String> {
        match self.0.is_empty() {
            true => Ok(()),
            false => Err(self.0.join("\n")),
        }
    }

    pub(crate) fn unless_equal<T: PartialEq + Debug>(&mut self, what: &str, ours: &T, theirs: &T) {
        if ours != theirs {
            self.0
                .push(format!("{what}: ours {ours:?}, theirs {theirs:?}"));
        }
    }
}

fn disagreements(case: &Case, play: &Play) -> Vec<String> {
    let mut wrong = Wrong::default();
    let (ours, curls) = case.codes;
    wrong.unless_equal("exit code", &play.ours.code, &Some(ours));
    let may_fail = case.http2.as_ref().is_some_and(|http2| http2.curl_may_fail);
    if !case.is_early && !may_fail {
        wrong.unless_equal("exit code of curl", &play.curl.code, &Some(curls));
    }
    tunnels(case, play, &mut wrong);
    secrets(&play.ours, &mut wrong);
    if let Some(http2) = &case.http2 {
        http2::disagreements(http2, &play.ours, &play.shown, &mut wrong);
    }
    if ours != 0 {
        return wrong.0;
    }
    expectations(case, &play.ours, &mut wrong);
    wrong.unless_equal("URLs", &play.ours.calls.len(), &play.curl.calls.len());
    // curl may see the reset before the answer, and then has nothing to tell.
    let is_lost = (case.is_early || may_fail) && play.curl.code != Some(0);
    let calls = play.ours.calls.iter().zip(&play.curl.calls);
    for (ours, curl) in calls.filter(|_| !is_lost) {
        clients(case, ours, curl, &mut wrong);
        if let Some((least, ours, _)) = times(case, ours, curl)
            && ours + CLOCK_GRAIN < least
        {
            wrong.0.push(format!(
                "we measured {ours:?} where the server waits {least:?}"
            ));
        }
    }
    if let Some((own, curls)) = &play.logged {
        wrong.unless_equal(
            "requests in the log",
            &play.ours.round_trips.len(),
            &own.len(),
        );
        let curls = if is_lost && may_fail { own } else { curls };
        wrong.unless_equal("requests of curl in the log", &own.len(), &curls.len());
        let statuses = |entries: &[Entry]| {
            let mut all: Vec<u64> = entries.iter().map(|entry| entry.status).collect();
            all.sort_unstable();
            all
        };
        wrong.unless_equal("statuses in the log", &statuses(own), &statuses(curls));
        for (at, trip) in play.ours.round_trips.iter().enumerate() {
            // Early and informational responses stand in curl's dump, but not in every server's count.
            let line = play.curl.status_lines.get(at).copied();
            server(case, trip, own, line, &mut wrong);
        }
    }
    wrong.0
}

/// Each tunnel that a proxy dug: what it said to us, to curl, and what the case expects.
fn tunnels(case: &Case, play: &Play, wrong: &mut Wrong) {
    let told = |calls: &[Call]| -> Vec<Option<u64>> {
        let all = calls.iter().flat_map(|call| call.tunnels.iter());
        all.copied().collect()
    };
    let ours = told(&play.ours.calls);
    wrong.unless_equal("tunnels", &ours, &case.tunnels);
    let is_proxied = case.arguments.iter().any(|argument| argument == "-x");
    if is_proxied {
        let legs: Vec<&str> = play.ours.legs.iter().map(String::as_str).collect();
        wrong.unless_equal("legs", &legs, &case.legs);
    }
    // Of SOCKS curl tells nothing of the kind, and of a tunnel's later uses it tells its status again.
    let (ours, curls) = (ours.iter().flatten(), told(&play.curl.calls));
    let first_of_curl: Vec<&u64> = curls.iter().flatten().take(1).collect();
    wrong.unless_equal("status of the tunnel", &ours.collect(), &first_of_curl);
}

/// Passwords do not show, neither as they are nor as they are sent.
fn secrets(ours: &Ours, wrong: &mut Wrong) {
    let told: String = ours.events.iter().map(Value::to_string).collect();
    for secret in ["secret", "dGVzdGVyOnNlY3JldA"] {
        if told.contains(secret) || ours.stderr.contains(secret) {
            wrong.0.push(format!("we tell {secret:?}"));
        }
    }
}

/// What the case says of itself.
fn expectations(case: &Case, ours: &Ours, wrong: &mut Wrong) {
    let calls = &ours.calls;
    let statuses: Vec<u64> = calls.iter().filter_map(|call| call.status).collect();
    wrong.unless_equal("statuses", &statuses, &case.statuses);
    let connections = calls.iter().map(|call| call.new_connections).sum::<u64>();
    wrong.unless_equal("connections", &connections, &case.connections);
    for call in calls {
        wrong.unless_equal("failure", &call.error, &None);
        let finals = |head: &&Head| head.status < 200;
        let informational: Vec<u64> = call
            .heads
            .iter()
            .filter(finals)
            .map(|head| head.status)
            .collect();
        wrong.unless_equal(
            "informational responses",
            &informational,
            &case.informational,
        );
        if let Some(body) = case.body {
            wrong.unless_equal("body", &call.downloaded, &body);
        }
        if let Some(decompressed) = case.decompressed {
            wrong.unless_equal("decompressed", &call.decompressed, &Some(decompressed));
            wrong.unless_equal("compressed", &(call.downloaded < decompressed), &true);
        }
        if let Some(upload) = case.upload {
            wrong.unless_equal("upload", &call.uploaded, &upload);
        }
    }
    if let Some((version, resumed)) = &case.tls {
        let of_connections = ours.round_trips.iter().filter(|trip| trip.nth == 1);
        let handshakes: Vec<_> = of_connections
            .filter_map(|trip| trip.tls.as_ref())
            .collect();
        let are_resumed: Vec<bool> = handshakes.iter().map(|tls| tls.is_resumed).collect();
        wrong.unless_equal("resumed handshakes", &are_resumed, resumed);
        for tls in handshakes {
            wrong.unless_equal("version of TLS", &tls.version.as_str(), version);
        }
    }
}

/// Our view against curl's.
fn clients(case: &Case, ours: &Call, curl: &Call, wrong: &mut Wrong) {
    wrong.unless_equal("status", &ours.status, &curl.status);
    wrong.unless_equal("version", &ours.version, &curl.version);
    // What was refused on a stream, curl sends again on a new connection.
    if case.http2.as_ref().is_none_or(|http2| http2.retries == 0) {
        wrong.unless_equal(
            "new connections",
            &ours.new_connections,
            &curl.new_connections,
        );
    }
    wrong.unless_equal("redirects", &ours.redirects, &curl.redirects);
    wrong.unless_equal("bytes downloaded", &ours.downloaded, &curl.downloaded);
    // curl counts the chunks' heads before version 8.7.
    let is_chunked = case.ours.contains(&"--chunked");
    if !case.is_early && !is_chunked {
        wrong.unless_equal("bytes uploaded", &ours.uploaded, &curl.uploaded);
    }
    if curl.remote.is_some() {
        wrong.unless_equal("remote address", &ours.remote, &curl.remote);
    }
    wrong.unless_equal(
        "heads",
        &without_dates(&ours.heads),
        &without_dates(&curl.heads),
    );
}

/// The second may have gone by between two requests.
fn without_dates(heads: &[Head]) -> Vec<(u64, Vec<(&str, &str)>)> {
    let each = heads.iter().map(|head| {
        let fields = head.fields.iter().filter(|(name, _)| name != "date");
        let fields = fields.map(|(name, value)| (name.as_str(), value.as_str()));
        (head.status, fields.collect())
    });
    each.collect()
}

/// Our view of a round trip against the server's. They must agree on the connection, and on the place in it.
fn server(
    case: &Case,
    trip: &RoundTrip,
    log: &[Entry],
    status_line: Option<usize>,
    wrong: &mut Wrong,
) {
    // Apache numbers no requests over HTTP/2, but mostly the streams.
    let same = |entry: &&Entry| {
        let nth = entry.nth.or(entry.stream.map(|id| id.div_ceil(2)));
        entry.port == trip.port && nth.is_none_or(|nth| nth == trip.nth)
    };
    let Some(entry) = log.iter().find(same) else {
        let place = (trip.port, trip.nth);
        wrong.0.push(format!(
            "the server has no request at (port, number) {place:?}"
        ));
        return;
    };
    if let Some(version) = &entry.version {
        wrong.unless_equal("logged version", &trip.version, version);
    }
    if let Some(stream) = entry.stream {
        wrong.unless_equal("logged stream", &trip.stream, &Some(stream));
    }
    if let Some(fields) = &entry.fields {
        wrong.unless_equal("logged fields", &trip.sent, fields);
    }
    wrong.unless_equal("logged status", &trip.status, &entry.status);
    wrong.unless_equal("logged method", &trip.method, &entry.method);
    wrong.unless_equal("logged target", &trip.target, &entry.target);
    if let (Some(request), Some(received), false) = (trip.request, entry.received, case.is_early) {
        let twice = u64::from(entry.peeks && received > request);
        wrong.unless_equal("bytes the server received", &request, &(received - twice));
    }
    if let (Some(sent), Some(line), false) = (entry.sent, status_line, trip.is_chunked)
        && case.informational.is_empty()
    {
        let head = trip.fields + line as u64 + "\r\n".len() as u64;
        wrong.unless_equal("bytes the server sent", &(head + trip.body), &sent);
    }
    let versions = [&trip.tls, &entry.tls].map(|tls| tls.as_ref().map(|tls| tls.version.as_str()));
    wrong.unless_equal("logged version of TLS", &versions[0], &versions[1]);
    if let (Some(ours), Some(theirs)) = (&trip.tls, &entry.tls) {
        wrong.unless_equal("logged resumption", &ours.is_resumed, &theirs.is_resumed);
        if !cipher_letters(&ours.cipher).starts_with(&cipher_letters(&theirs.cipher)) {
            wrong.unless_equal("logged cipher", &ours.cipher, &theirs.cipher);
        }
    }
    if let Some(Delay::BeforeHead(delay) | Delay::WithinBody(delay)) = case.delay
        && !entry.took.is_zero()
        && entry.took + CLOCK_GRAIN < delay
    {
        wrong.0.push(format!(
            "the server took {:?}, less than {delay:?}",
            entry.took
        ));
    }
}

/// rustls, the registry and OpenSSL spell a cipher suite in three ways; the letters and digits of its parts are the same,
/// but for a hash at the end.
fn cipher_letters(name: &str) -> String {
    let name = name
        .replace("TLS13_", "")
        .replace("TLS_", "")
        .replace("_WITH_", "_");
    name.chars().filter(char::is_ascii_alphanumeric).collect()
}

/// Servers log milliseconds, cut off.
const CLOCK_GRAIN: Duration = Duration::from_millis(5);

/// Whether the times that both clients tell are too far from each other.
fn far_apart(case: &Case, play: &Play) -> Option<String> {
    let calls = play.ours.calls.iter().zip(&play.curl.calls);
    let times = calls.filter_map(|(ours, curl)| times(case, ours, curl));
    let mut far = times.filter(|(least, ours, curl)| ours.abs_diff(*curl) > *least / 4 + SLACK);
    let (_, ours, curl) = far.next()?;
    Some(format!("we measured {ours:?}, curl {curl:?}"))
}

/// The server's delay, and what we and curl measured of it.
fn times(case: &Case, ours: &Call, curl: &Call) -> Option<(Duration, Duration, Duration)> {
    match case.delay? {
        Delay::BeforeHead(least) => Some((least, ours.waited?, curl.waited?)),
        Delay::WithinBody(least) => Some((least, ours.total, curl.total)),
    }
}

const SLACK: Duration = Duration::from_millis(50);
