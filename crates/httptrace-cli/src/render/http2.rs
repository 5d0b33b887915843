//! What HTTP/2 adds: streams, the waits for a share of a connection and for the peer's windows, resets, `GOAWAY`.

use std::time::Duration;

use anstyle::Style;
use httptrace::Phase;
use httptrace::info::{
    FlowControlWaitDone, FlowWindow, GoAway, GotConn, Http2Code, Protocol, ResetBy, StreamReset,
    WaitedFor,
};
use httptrace::timeline::{AttemptTimeline, Span, Stamped};

use super::attempt::{style, words};
use super::bar::Stretch;
use super::canvas::Canvas;
use super::quantity::count;
use super::{DIM, YELLOW};

/// The protocol, and the request's stream if it came to one.
pub(super) fn protocol(attempt: &AttemptTimeline) -> String {
    match &attempt.stream {
        Some(stream) => format!("HTTP/2 stream {}", stream.info.stream_id),
        None => String::from("HTTP/2"),
    }
}

/// Whether the connection carried other requests when it was had.
pub(super) fn is_busy(got: &GotConn) -> bool {
    got.protocol == Some(Protocol::Http2) && got.reused && !got.was_idle
}

/// What the request waited for in the queue.
pub(super) fn waited_for(got: &Stamped<GotConn>) -> Option<String> {
    Some(match got.info.waited_for? {
        WaitedFor::Dial => String::from("waited for another request's dial"),
        WaitedFor::Stream => String::from("waited for a stream"),
        other => format!("waited for {}", words(other.as_str())),
    })
}

/// Draws the waits for the peer's windows, which are a part of sending: a row for each window.
pub(super) fn waits(canvas: &mut Canvas, attempt: &AttemptTimeline) {
    let mut windows: Vec<FlowWindow> = Vec::new();
    for wait in &attempt.flow_control_waits {
        if !windows.contains(&wait.info.window) {
            windows.push(wait.info.window);
        }
    }
    for window in windows {
        let waits = attempt.flow_control_waits.iter();
        let waits: Vec<_> = waits.filter(|wait| wait.info.window == window).collect();
        let stretches: Vec<Stretch> = waits.iter().filter_map(|wait| stretch(wait)).collect();
        let times: Vec<Duration> = waits.iter().filter_map(|wait| wait.duration()).collect();
        let time = (!times.is_empty()).then(|| times.iter().sum());
        let mut notes = vec![format!("held by the {}'s window", words(window.as_str()))];
        if waits.len() > 1 {
            notes.push(count(waits.len(), "wait", "waits"));
        }
        notes.extend(fate(&waits));
        // Without a label, as each address under `connect`: it is a part of the row above.
        canvas.row("", style(Phase::Send).dimmed(), time, &stretches, &notes);
    }
}

/// Where the bar of a wait is. One that did not end goes on to the end of the line.
fn stretch(wait: &Span<FlowControlWaitDone>) -> Option<Stretch> {
    let start = wait.start?;
    let end = wait.end.unwrap_or(Duration::MAX);
    Some(Stretch { start, end })
}

/// What became of the last wait, if not that the body went on.
fn fate(waits: &[&Span<FlowControlWaitDone>]) -> Option<String> {
    let last = waits.last()?;
    match (last.end, last.error()) {
        (None, _) => Some(String::from("not over")),
        (Some(_), Some(_)) => Some(String::from("to the end")),
        (Some(_), None) => None,
    }
}

/// Draws what ended the stream or the connection before its time.
pub(super) fn ends(canvas: &mut Canvas, attempt: &AttemptTimeline) {
    for reset in &attempt.resets {
        let notes = [reset_by(&reset.info), reset.info.code.to_string()];
        canvas.instant("reset", tone(reset.info.code), reset.at, &notes);
    }
    for away in &attempt.go_aways {
        let notes = away_notes(canvas, &away.info);
        canvas.instant("goaway", tone(away.info.code), away.at, &notes);
    }
}

fn reset_by(reset: &StreamReset) -> String {
    format!("stream {} by {}", reset.stream_id, end(reset.by))
}

/// No stream has a larger number.
const LARGEST_STREAM_ID: u32 = 0x7fff_ffff;

fn away_notes(canvas: &Canvas, away: &GoAway) -> Vec<String> {
    let mut notes = vec![
        format!("by {}", end(away.by)),
        match away.last_stream_id {
            // A server that has yet to make up its mind says so (RFC 9113 section 6.8).
            LARGEST_STREAM_ID => "soon".to_owned(),
            last => format!("last stream {last}"),
        },
        away.code.to_string(),
    ];
    let said = away.debug_data.as_deref();
    notes.extend(said.map(|text| canvas.quoted(text)));
    notes
}

fn end(by: ResetBy) -> &'static str {
    match by {
        ResetBy::Peer => "the peer",
        ResetBy::Local => "us",
        other => other.as_str(),
    }
}

fn tone(code: Http2Code) -> Style {
    match code {
        Http2Code::NO_ERROR => DIM,
        _ => YELLOW,
    }
}
