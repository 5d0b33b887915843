//! The block of one round trip.

use std::time::Duration;

use anstyle::{AnsiColor, Style};
use http::StatusCode;
use httptrace::info::{
    AttemptReason, BodyEnd, CloseReason, GotConn, NotSentReason, NoticedBy, Protocol, RetryReason,
    WriteOutcome,
};
use httptrace::timeline::{AttemptTimeline, Breakdown, ClosedConnection};
use httptrace::{ConnectionId, Phase};

use super::bar::Stretch;
use super::canvas::Canvas;
use super::expect::Held;
use super::quantity::{bytes, count, millis};
use super::{BOLD, DIM, GREEN, RED, YELLOW, dial, http2};

/// Draws an attempt. The only one of its call needs no heading: the call's says the same.
pub(super) fn draw(canvas: &mut Canvas, attempt: &AttemptTimeline, is_alone: bool) {
    if !is_alone {
        heading(canvas, attempt);
    }
    canvas.facts(&connection_facts(canvas, attempt));
    for closed in &attempt.closed {
        if closed.connection.is_none() || closed.connection != attempt.connection {
            canvas.note(&other_connection(closed));
        }
    }
    let breakdown = attempt.breakdown();
    queue(canvas, attempt, &breakdown);
    for own in attempt.dials.iter().filter(|dial| !dial.background) {
        dial::draw(canvas, own, Some(&breakdown), style);
    }
    exchange(canvas, attempt, &breakdown);
    http2::ends(canvas, attempt);
    for background in attempt.dials.iter().filter(|dial| dial.background) {
        let number = number(background.connection);
        canvas.note(&format!("dial of connection{number}, in the background"));
        dial::draw(canvas, background, None, |_| DIM);
    }
    if let Some(redirect) = &attempt.redirect {
        let to = &redirect.info.to;
        canvas.note(&format!("{} {to}", canvas.arrow()));
    }
    failure(canvas, attempt);
}

fn heading(canvas: &mut Canvas, attempt: &AttemptTimeline) {
    let mut left = format!("#{}", attempt.index);
    let method = attempt.method.as_ref().map(ToString::to_string);
    let uri = attempt.uri.as_ref().map(ToString::to_string);
    for word in method.into_iter().chain(uri) {
        left.extend([" ", &word]);
    }
    let (start, end) = attempt.bounds();
    let mut right = Vec::new();
    right.extend(attempt.reason.and_then(reason));
    match attempt.status() {
        Some(status) => right.push(status.as_str().into()),
        None if attempt.error().is_some() => right.push(String::from("failed")),
        None => {}
    }
    right.push(millis(end - start));
    let style = match (attempt.error(), attempt.status()) {
        (Some(_), _) => RED,
        (None, Some(status)) if status.is_client_error() || status.is_server_error() => YELLOW,
        (None, _) => GREEN,
    };
    canvas.heading(BOLD, &left, style, &right);
}

fn reason(reason: AttemptReason) -> Option<String> {
    match reason {
        AttemptReason::Retry(why) => Some(match why {
            RetryReason::ConnectionLost => String::from("retry: connection lost"),
            RetryReason::NothingWritten => String::from("retry: nothing written"),
            RetryReason::Layer => String::from("retry: sent again"),
            RetryReason::StreamRefused => String::from("retry: the server refused the stream"),
            RetryReason::GoAway => String::from("retry: GOAWAY"),
            why => format!("retry: {}", words(why.as_str())),
        }),
        AttemptReason::Redirect => Some(String::from("redirected")),
        _ => None,
    }
}

fn connection_facts(canvas: &Canvas, attempt: &AttemptTimeline) -> Vec<String> {
    let mut facts = Vec::new();
    let Some(got) = &attempt.got_conn else {
        return facts;
    };
    let info = &got.info;
    let mut origin = String::from(match (info.reused, attempt.own_dial()) {
        (true, _) if http2::is_busy(info) => "shared",
        (true, _) => "reused",
        (false, Some(_)) => "new",
        (false, None) => "new, from another dial",
    });
    if info.was_idle {
        let time = info.idle_time.map(|time| format!(" {}", millis(time)));
        origin.extend([", idle", &time.unwrap_or_default()]);
    }
    facts.push(format!(
        "connection{} ({origin})",
        number(attempt.connection)
    ));
    facts.extend(proxy(attempt).map(|proxy| format!("via {proxy}")));
    let ends = (&info.local_addr, &info.remote_addr);
    match ends {
        (Some(local), Some(remote)) => facts.push(format!("{local} {} {remote}", canvas.arrow())),
        (_, Some(remote)) => facts.push(remote.to_string()),
        _ => {}
    }
    facts.extend(protocol(attempt, info));
    facts.extend(fate(attempt));
    facts
}

/// What is spoken, as the response says it if there is one.
fn protocol(attempt: &AttemptTimeline, info: &GotConn) -> Option<String> {
    if info.protocol == Some(Protocol::Http2) {
        return Some(http2::protocol(attempt));
    }
    let version = attempt
        .response
        .as_ref()
        .map(|head| format!("{:?}", head.info.version));
    version.or_else(|| Some(info.protocol?.as_str().to_uppercase()))
}

/// Who is asked in place of the URI's host.
fn proxy(attempt: &AttemptTimeline) -> Option<&str> {
    let uri = attempt.uri.as_ref()?;
    let default_port = match uri.scheme_str()? {
        "https" => 443,
        _ => 80,
    };
    let target = format!("{}:{}", uri.host()?, uri.port_u16().unwrap_or(default_port));
    let asked = &*attempt.get_conn.as_ref()?.info.host_port;
    // Whoever fires the hooks may leave out the port.
    let is_whole = asked
        .rsplit_once(':')
        .is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    (is_whole && !asked.eq_ignore_ascii_case(&target)).then_some(asked)
}

/// What became of the connection.
fn fate(attempt: &AttemptTimeline) -> Option<String> {
    let mut closed = attempt.closed.iter();
    let is_own = |closed: &&ClosedConnection| {
        closed.connection.is_some() && closed.connection == attempt.connection
    };
    if let Some(closed) = closed.find(is_own) {
        return Some(match closed.info.reason {
            // Why is told where the failure is.
            CloseReason::Failed => String::from("closed"),
            reason => format!("closed: {}", close_reason(reason)),
        });
    }
    match attempt.put_idle.as_ref()?.info.error {
        Some(error) => Some(format!("not kept: {}", words(error.as_str()))),
        None => Some(String::from("kept")),
    }
}

fn close_reason(reason: CloseReason) -> String {
    match reason {
        CloseReason::BodyDropped => String::from("body dropped"),
        CloseReason::BodyUntilEof => String::from("the end of the body"),
        CloseReason::GoAway => String::from("GOAWAY"),
        CloseReason::Http10 => String::from("HTTP/1.0"),
        CloseReason::PeerClosed => String::from("the peer closed it"),
        CloseReason::PingTimeout => String::from("no answer to a PING"),
        CloseReason::RequestSaidClose => String::from("the request said so"),
        CloseReason::ResponseSaidClose => String::from("the response said so"),
        reason => words(reason.as_str()),
    }
}

/// A connection that did not serve the attempt, and was closed on the way.
fn other_connection(closed: &ClosedConnection) -> String {
    let number = number(closed.connection);
    let reason = close_reason(closed.info.reason);
    match closed.info.noticed {
        Some(NoticedBy::Checkout) => format!("connection{number} not taken: {reason}"),
        _ => format!("connection{number} closed: {reason}"),
    }
}

/// The wait for the connection. Beside an own dial it is but the gaps between its stages, and shown only if they matter.
fn queue(canvas: &mut Canvas, attempt: &AttemptTimeline, breakdown: &Breakdown) {
    let Some(time) = breakdown.get(Phase::Queue) else {
        return;
    };
    let (start, end) = attempt.bounds();
    let had = attempt.got_conn.as_ref().map_or(end, |got| got.at);
    let whole = Stretch { start, end: had };
    let own = attempt.dials.iter().filter(|dial| !dial.background);
    let stages: Vec<Stretch> = own.flat_map(dial::stretches).collect();
    if stages.is_empty() {
        let host = attempt
            .get_conn
            .as_ref()
            .map(|get| get.info.host_port.to_string());
        let mut notes: Vec<String> = host.into_iter().collect();
        notes.extend(attempt.got_conn.as_ref().and_then(http2::waited_for));
        canvas.row("queue", style(Phase::Queue), Some(time), &[whole], &notes);
    } else if canvas.matters(time) {
        let gaps: Vec<Stretch> = gaps(whole, stages)
            .into_iter()
            .filter(|gap| canvas.matters(gap.end - gap.start))
            .collect();
        let notes = [String::from("around the dial's stages")];
        canvas.row("queue", style(Phase::Queue), Some(time), &gaps, &notes);
    }
}

/// What of the whole no part covers.
fn gaps(whole: Stretch, mut parts: Vec<Stretch>) -> Vec<Stretch> {
    parts.sort_unstable_by_key(|part| part.start);
    let after = Stretch {
        start: whole.end,
        end: whole.end,
    };
    let mut gaps = Vec::new();
    let mut covered = whole.start;
    for part in parts.into_iter().chain([after]) {
        let end = part.start.min(whole.end);
        if end > covered {
            gaps.push(Stretch {
                start: covered,
                end,
            });
        }
        covered = covered.max(part.end);
    }
    gaps
}

/// The phases after the connection was had, one after the other until the attempt's end.
fn exchange(canvas: &mut Canvas, attempt: &AttemptTimeline, breakdown: &Breakdown) {
    let (_, end) = attempt.bounds();
    let [send, wait, receive] =
        [Phase::Send, Phase::Wait, Phase::Receive].map(|phase| breakdown.get(phase));
    let received = end - receive.unwrap_or_default();
    let waited = received - wait.unwrap_or_default();
    let began = waited - send.unwrap_or_default();
    let phase = |canvas: &mut Canvas, phase: Phase, start: Duration, time, notes: Vec<String>| {
        if let Some(time) = time {
            let end = start + time;
            let stretch = Stretch { start, end };
            canvas.row(phase.as_str(), style(phase), Some(time), &[stretch], &notes);
        }
    };
    phase(canvas, Phase::Send, began, send, send_notes(attempt));
    let held = Held::of(attempt);
    if let Some(held) = &held {
        held.draw(canvas);
    }
    http2::waits(canvas, attempt);
    phase(canvas, Phase::Wait, waited, wait, Vec::new());
    let mut told = held.is_some_and(|held| held.ended_with_100());
    for response in &attempt.informational {
        if told && response.info.status == StatusCode::CONTINUE {
            told = false;
            continue;
        }
        let status = response.info.status.as_str();
        let names = response.info.headers.by_name();
        let mut notes: Vec<String> = response
            .info
            .status
            .canonical_reason()
            .map(Into::into)
            .into_iter()
            .collect();
        notes.extend(names.map(|(name, _)| name.to_string()));
        canvas.instant(status, style(Phase::Wait), response.at, &notes);
    }
    phase(
        canvas,
        Phase::Receive,
        received,
        receive,
        receive_notes(attempt),
    );
}

fn send_notes(attempt: &AttemptTimeline) -> Vec<String> {
    let mut notes = Vec::new();
    let wrote = attempt.wrote_request.as_ref();
    let sent = wrote.and_then(|wrote| wrote.info.body_bytes);
    let sent = sent.or(attempt.upload.map(|upload| upload.bytes));
    notes.extend(
        sent.filter(|sent| *sent > 0)
            .map(|sent| format!("{} body", bytes(sent))),
    );
    match wrote.map(|wrote| &wrote.info.outcome) {
        Some(WriteOutcome::NotSent(NotSentReason::FinalResponseFirst)) => {
            notes.push(String::from("body not sent: answered before"));
        }
        Some(WriteOutcome::NotSent(why)) => {
            notes.push(format!("body not sent: {}", words(why.as_str())));
        }
        Some(WriteOutcome::Failed(error)) => notes.push(format!("write failed: {error}")),
        _ => {}
    }
    notes
}

fn receive_notes(attempt: &AttemptTimeline) -> Vec<String> {
    let mut notes = Vec::new();
    let done = attempt.body_done.as_ref().map(|done| &done.info);
    let wire = done.and_then(|done| done.wire_bytes);
    let wire = wire.or(attempt.download.map(|download| download.bytes));
    notes.extend(wire.map(|wire| match wire {
        0 => String::from("no body"),
        wire => format!("{} body", bytes(wire)),
    }));
    let Some(done) = done else {
        return notes;
    };
    notes.extend(
        done.decoded_bytes
            .map(|decoded| format!("{} decoded", bytes(decoded))),
    );
    if let Some(trailers) = &done.trailers {
        notes.push(count(trailers.len(), "trailer field", "trailer fields"));
    }
    match &done.end {
        BodyEnd::Dropped => notes.push(String::from("dropped before its end")),
        BodyEnd::Error(_) => notes.push(String::from("broken off")),
        _ => {}
    }
    notes
}

fn failure(canvas: &mut Canvas, attempt: &AttemptTimeline) {
    if let Some(error) = attempt.error() {
        let phase = attempt.failed_in().map(|phase| format!(" in {phase}"));
        canvas.failure(&format!("failed{}: {error}", phase.unwrap_or_default()));
    }
}

/// The number of a connection after the word, if it is known.
fn number(connection: Option<ConnectionId>) -> String {
    connection.map(|id| format!(" {id}")).unwrap_or_default()
}

/// A name in snake case as words.
pub(super) fn words(name: &str) -> String {
    name.replace('_', " ")
}

pub(super) fn style(phase: Phase) -> Style {
    match phase {
        Phase::Dns => AnsiColor::Cyan.on_default(),
        Phase::Connect => AnsiColor::Yellow.on_default(),
        Phase::Proxy => AnsiColor::BrightYellow.on_default(),
        Phase::Tls => AnsiColor::Magenta.on_default(),
        Phase::Send => AnsiColor::BrightCyan.on_default(),
        Phase::Wait => AnsiColor::Green.on_default(),
        Phase::Receive => AnsiColor::Blue.on_default(),
        _ => DIM,
    }
}
