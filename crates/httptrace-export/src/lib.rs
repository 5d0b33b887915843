//! Events and timelines of [`httptrace`] as JSON and NDJSON. Pure functions: where the text goes is the caller's affair.
//!
//! * [`event_json`] writes one event as one line, in Go's words in snake case.
//! * [`timeline_json`] and [`timelines_ndjson`] write folded timelines, [`timeline_from_json`] and
//!   [`timelines_from_ndjson`] read them back.
//!
//! Secrets are taken out by default; see [`Redaction`].
//!
//! ```
//! use httptrace::{Recorder, RequestExt};
//! use httptrace_export::{Redaction, timeline_from_json, timeline_json};
//!
//! let recorder = Recorder::new();
//! let request = http::Request::get("http://example.com/").trace(recorder.trace()).body(())?;
//! // … send it …
//! # let mut request = request;
//! # httptrace::Call::start(&mut request).done(|end| end);
//! let timeline = recorder.timeline().expect("the call was recorded");
//! let text = timeline_json(&timeline, Redaction::On);
//! assert_eq!(timeline_from_json(&text)?.total(), timeline.total());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
#![doc = include_str!("../SCHEMA.md")]
#![forbid(unsafe_code)]

mod event;
mod line;
mod redaction;
mod rfc3339;
mod timeline;

// The public interface is:
pub use event::event_json;
pub use redaction::Redaction;
pub use timeline::{
    ReadError, TIMELINE_SCHEMA, TIMELINE_VERSION, timeline_from_json, timeline_json,
    timeline_json_pretty, timelines_from_ndjson, timelines_ndjson,
};
