//! The rows of a dial: lookup, connects, tunnel, TLS.

use std::time::Duration;

use anstyle::Style;
use httptrace::info::{
    ConnectDone, DnsDone, ProxyTunnelDone, TlsHandshakeDone, TlsLeg, TunnelKind,
};
use httptrace::timeline::{Breakdown, Dial, Outcome, Span};
use httptrace::{ErrorKind, EventError, Phase};

use super::bar::Stretch;
use super::canvas::Canvas;
use super::quantity::count;

/// Draws a dial. `breakdown` has the exclusive times of the attempt that it served; without it (a background dial, a
/// failed one) every stage has the time it took.
pub(super) fn draw(
    canvas: &mut Canvas,
    dial: &Dial,
    breakdown: Option<&Breakdown>,
    styles: fn(Phase) -> Style,
) {
    let exclusive = |phase| breakdown.and_then(|breakdown| breakdown.get(phase));
    // What failed here is told at the end of the attempt; a background dial's failure is told nowhere else.
    let in_full = breakdown.is_none();
    for span in &dial.lookups {
        let time = exclusive(Phase::Dns).filter(|_| dial.lookups.len() == 1);
        let mut notes = lookup_notes(canvas, span);
        notes.extend(ending(span.outcome(), span.error(), in_full));
        stage(canvas, "dns", styles(Phase::Dns), time, span, &notes);
    }
    connects(
        canvas,
        dial,
        exclusive(Phase::Connect),
        styles(Phase::Connect),
    );
    let leg = |leg: TlsLeg| {
        dial.handshakes
            .iter()
            .filter(move |span| span.info.leg == leg)
    };
    let tls = |canvas: &mut Canvas, span: &Span<TlsHandshakeDone>| {
        let mut notes = tls_notes(span);
        notes.extend(ending(span.outcome(), span.error(), in_full));
        stage(canvas, "tls", styles(Phase::Tls), None, span, &notes);
    };
    leg(TlsLeg::Proxy).for_each(|span| tls(canvas, span));
    for span in &dial.tunnels {
        let mut notes = tunnel_notes(canvas, span);
        notes.extend(ending(span.outcome(), span.error(), in_full));
        stage(canvas, "proxy", styles(Phase::Proxy), None, span, &notes);
    }
    leg(TlsLeg::Target).for_each(|span| tls(canvas, span));
}

/// Where the bars of a dial are.
pub(super) fn stretches(dial: &Dial) -> impl Iterator<Item = Stretch> {
    let lookups = dial.lookups.iter().filter_map(stretch);
    let connects = dial.connects.iter().filter_map(stretch);
    let tunnels = dial.tunnels.iter().filter_map(stretch);
    let handshakes = dial.handshakes.iter().filter_map(stretch);
    lookups.chain(connects).chain(tunnels).chain(handshakes)
}

/// One connect is one row; several have a row each below their common time.
fn connects(canvas: &mut Canvas, dial: &Dial, time: Option<Duration>, style: Style) {
    let [first, rest @ ..] = &dial.connects[..] else {
        return;
    };
    if rest.is_empty() {
        return stage(
            canvas,
            "connect",
            style,
            time,
            first,
            &connect_notes(first, false),
        );
    }
    let stretches: Vec<Stretch> = dial.connects.iter().filter_map(stretch).collect();
    let start = stretches.iter().map(|stretch| stretch.start).min();
    let end = stretches.iter().map(|stretch| stretch.end).max();
    let whole = end
        .zip(start)
        .and_then(|(end, start)| end.checked_sub(start));
    let tried = count(dial.connects.len(), "address tried", "addresses tried");
    canvas.row("connect", style, time.or(whole), &stretches, &[tried]);
    for span in &dial.connects {
        stage(
            canvas,
            "",
            style.dimmed(),
            None,
            span,
            &connect_notes(span, true),
        );
    }
}

/// A row for one act.
fn stage<T>(
    canvas: &mut Canvas,
    label: &str,
    style: Style,
    time: Option<Duration>,
    span: &Span<T>,
    notes: &[String],
) {
    let stretches: Vec<Stretch> = stretch(span).into_iter().collect();
    canvas.row(label, style, time.or(span.duration()), &stretches, notes);
}

/// Where the bar of an act is. One that did not end goes on to the end of the line.
fn stretch<T>(span: &Span<T>) -> Option<Stretch> {
    let start = span.start?;
    let end = span.end.unwrap_or(Duration::MAX);
    Some(Stretch { start, end })
}

fn lookup_notes(canvas: &Canvas, span: &Span<DnsDone>) -> Vec<String> {
    let info = &span.info;
    let mut found = info.host.to_string();
    match info.addrs.as_deref() {
        Some([addr]) => found.extend([" ", canvas.arrow(), " ", &addr.to_string()]),
        Some(addrs) => {
            let number = count(addrs.len(), "address", "addresses");
            found.extend([" ", canvas.arrow(), " ", &number]);
        }
        None => {}
    }
    let mut notes = vec![found];
    if info.coalesced == Some(true) {
        notes.push(String::from("shared lookup"));
    }
    notes.extend(info.ttl.map(|ttl| format!("ttl {} s", ttl.as_secs())));
    notes
}

fn connect_notes(span: &Span<ConnectDone>, is_one_of_several: bool) -> Vec<String> {
    let mut notes = vec![span.info.addr.to_string()];
    if is_one_of_several && span.outcome() == Outcome::Succeeded {
        notes.push(String::from("connected"));
    }
    notes.extend(match (span.outcome(), span.error()) {
        // The message of these says no more than their class.
        (Outcome::Failed, Some(error)) if is_plain(error.kind()) => {
            Some(error.kind().as_str().into())
        }
        (outcome, error) => ending(outcome, error, true),
    });
    notes
}

fn is_plain(kind: ErrorKind) -> bool {
    use ErrorKind::{Refused, Reset, Timeout, Unreachable};
    matches!(kind, Refused | Reset | Timeout | Unreachable)
}

fn tunnel_notes(canvas: &Canvas, span: &Span<ProxyTunnelDone>) -> Vec<String> {
    let info = &span.info;
    let verb = match info.kind {
        TunnelKind::Connect => "CONNECT",
        TunnelKind::Socks5 => "SOCKS5",
        kind => kind.as_str(),
    };
    let mut asked = format!("{verb} {}", info.target);
    if let Some(status) = info.status {
        asked.extend([" ", canvas.arrow(), " ", status.as_str()]);
    }
    vec![asked]
}

fn tls_notes(span: &Span<TlsHandshakeDone>) -> Vec<String> {
    let info = &span.info;
    let mut notes = Vec::new();
    if info.leg == TlsLeg::Proxy {
        notes.push(String::from("with the proxy"));
    }
    notes.extend(info.version.as_ref().map(ToString::to_string));
    notes.extend(info.alpn.as_deref().map(Into::into));
    if info.resumed == Some(true) {
        notes.push(String::from("resumed"));
    }
    notes.extend(info.cipher_suite.as_ref().map(ToString::to_string));
    notes.extend(info.key_exchange_group.as_ref().map(ToString::to_string));
    notes
}

/// How an act ended, if not well; with the whole message if that is wanted.
fn ending(outcome: Outcome, error: Option<&EventError>, in_full: bool) -> Option<String> {
    match outcome {
        Outcome::Open => Some(String::from("not over")),
        Outcome::Canceled => Some(String::from("canceled")),
        Outcome::Failed if in_full => error.map(ToString::to_string),
        Outcome::Failed => Some(String::from("failed")),
        _ => None,
    }
}
