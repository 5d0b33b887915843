//! Timelines as JSON, there and back.

mod http2;
mod names;
mod read;
mod schema;
mod write;

use std::error::Error;
use std::fmt;

use httptrace::Timeline;
use serde::Serialize;

use self::schema::TimelineObject;
use crate::redaction::Redaction;

/// The value of `schema` in every timeline.
pub const TIMELINE_SCHEMA: &str = "httptrace-timeline";

/// The value of `version` in every timeline written here. It goes up when a reader of the old version would misread the
/// new one; fields may be added without that.
pub const TIMELINE_VERSION: u32 = 1;

/// Writes a timeline as one JSON object on one line, without a line feed.
pub fn timeline_json(timeline: &Timeline, redaction: Redaction) -> String {
    text(&write::timeline(timeline, redaction), serde_json::to_string)
}

/// Writes a timeline as one JSON object over many lines, for people to read.
pub fn timeline_json_pretty(timeline: &Timeline, redaction: Redaction) -> String {
    text(
        &write::timeline(timeline, redaction),
        serde_json::to_string_pretty,
    )
}

/// Writes timelines as NDJSON: one JSON object a line, each with a line feed.
pub fn timelines_ndjson<'a>(
    timelines: impl IntoIterator<Item = &'a Timeline>,
    redaction: Redaction,
) -> String {
    let lines = timelines
        .into_iter()
        .map(|timeline| timeline_json(timeline, redaction) + "\n");
    lines.collect()
}

/// Reads a timeline that [`timeline_json`] wrote, also one with fields that this version does not know.
///
/// What redaction took out stays out, and an error has no `source()` any more. Everything else comes back as it was.
///
/// # Errors
///
/// If the text is no JSON, no timeline, or one of another version.
pub fn timeline_from_json(json: &str) -> Result<Timeline, ReadError> {
    let object: TimelineObject = serde_json::from_str(json).map_err(ReadError::syntax)?;
    if object.schema != TIMELINE_SCHEMA {
        return Err(ReadError::new(format!(
            "not a timeline: its schema is {:?}",
            object.schema
        )));
    }
    if object.version != TIMELINE_VERSION {
        let version = object.version;
        return Err(ReadError::new(format!(
            "a timeline of version {version}; this reads version {TIMELINE_VERSION}"
        )));
    }
    read::timeline(object)
}

/// Reads the timelines of an NDJSON text, one a line. Empty lines are skipped.
///
/// # Errors
///
/// At the first line that is no timeline; the error tells its number.
pub fn timelines_from_ndjson(text: &str) -> Result<Vec<Timeline>, ReadError> {
    let lines = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty());
    let timelines = lines
        .map(|(index, line)| timeline_from_json(line).map_err(|error| error.in_line(index + 1)));
    timelines.collect()
}

/// A text that is not a timeline.
#[derive(Debug)]
pub struct ReadError {
    message: String,
    source: Option<serde_json::Error>,
}

impl ReadError {
    fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            source: None,
        }
    }

    fn syntax(error: serde_json::Error) -> Self {
        Self {
            message: format!("not a timeline: {error}"),
            source: Some(error),
        }
    }

    fn in_line(mut self, number: usize) -> Self {
        self.message = format!("line {number}: {}", self.message);
        self
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for ReadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}

fn text<T: Serialize>(value: &T, write: fn(&T) -> serde_json::Result<String>) -> String {
    // Never taken: only maps with odd keys and failing `Serialize` impls fail, and there are none here.
    write(value).unwrap_or_default()
}
