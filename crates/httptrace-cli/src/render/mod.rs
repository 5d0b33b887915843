//! The waterfall: one call as text, its bars to scale. Pure: `&Timeline` in, text out.

mod attempt;
mod bar;
mod canvas;
mod dial;
mod expect;
mod http2;
mod quantity;
#[cfg(test)]
mod tests;

use anstyle::{AnsiColor, Style};
use httptrace::timeline::Timeline;

use self::canvas::Canvas;
use self::quantity::{bytes, millis};

/// How the waterfall is to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RenderOptions {
    /// Columns there are. Less than [`MIN_WIDTH`](Self::MIN_WIDTH) is taken for that.
    pub(crate) width: usize,
    /// Whether to use colour (ANSI escape sequences).
    pub(crate) color: bool,
    /// Whether to draw with characters beyond ASCII.
    pub(crate) unicode: bool,
}

impl RenderOptions {
    /// The columns without which nothing of the bars is left.
    pub(crate) const MIN_WIDTH: usize = 60;
}

impl Default for RenderOptions {
    /// For a pipe: 80 columns, no colour.
    fn default() -> Self {
        Self {
            width: 80,
            color: false,
            unicode: true,
        }
    }
}

/// Draws a call: a heading, a block for each attempt with a line for each phase, what went wrong, and the total. Ends with
/// a line feed. What is not known is not there.
pub(crate) fn waterfall(timeline: &Timeline, options: &RenderOptions) -> String {
    let mut canvas = Canvas::new(*options, timeline.total());
    heading(&mut canvas, timeline);
    let is_alone = timeline.attempts.len() == 1;
    for attempt in &timeline.attempts {
        attempt::draw(&mut canvas, attempt, is_alone);
    }
    footing(&mut canvas, timeline);
    canvas.finish()
}

fn heading(canvas: &mut Canvas, timeline: &Timeline) {
    let last = timeline.attempts.last();
    let method = timeline
        .method
        .as_ref()
        .or(last.and_then(|a| a.method.as_ref()));
    let uri = timeline.uri.as_ref().or(last.and_then(|a| a.uri.as_ref()));
    let method = method.map(ToString::to_string);
    let left: Vec<String> = method
        .into_iter()
        .chain(uri.map(ToString::to_string))
        .collect();
    let mut right = Vec::new();
    match timeline.status() {
        Some(status) => right.push(status.to_string()),
        None if timeline.error().is_some() => right.push(String::from("failed")),
        None => {}
    }
    let received = timeline.end.as_ref().and_then(|end| end.info.bytes);
    right.extend(received.map(bytes));
    right.push(millis(timeline.total()));
    let style = match (timeline.error(), timeline.status()) {
        (Some(_), _) => RED,
        (None, Some(status)) if status.is_client_error() || status.is_server_error() => YELLOW,
        (None, _) => GREEN,
    };
    canvas.heading(BOLD, &left.join(" "), style.bold(), &right);
}

/// What concerns the whole call: the time between attempts, the total, what the recorder or a hook has to tell.
fn footing(canvas: &mut Canvas, timeline: &Timeline) {
    let breakdown = timeline.breakdown();
    if let Some(other) = breakdown.other().filter(|other| canvas.matters(*other)) {
        let why = match timeline.attempts.len() {
            0 | 1 => "outside the round trip",
            _ => "between and around attempts",
        };
        canvas.row("other", DIM, Some(other), &[], &[why.into()]);
    }
    let total = timeline.total();
    let mut notes = Vec::new();
    if timeline.end.is_none() {
        notes.push(String::from("so far"));
    }
    if timeline.attempts.len() > 1 {
        notes.push(format!("{} attempts", timeline.attempts.len()));
    }
    canvas.total(total, &notes);
    if let Some(error) = timeline.error() {
        // The attempt that failed has told already.
        if timeline.attempts.last().and_then(|a| a.error()).is_none() {
            canvas.failure(&format!("failed: {error}"));
        }
    }
    for panic in &timeline.hook_panics {
        let message = panic.info.message.as_deref();
        let message = message.map(|text| format!(": {text}")).unwrap_or_default();
        canvas.failure(&format!(
            "the hook for {} panicked{message}",
            panic.info.event
        ));
    }
    if timeline.dropped > 0 {
        canvas.note(&format!(
            "{} events were too many to be kept",
            timeline.dropped
        ));
    }
}

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GREEN: Style = AnsiColor::Green.on_default();
const RED: Style = AnsiColor::Red.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();
