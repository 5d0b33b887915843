#![doc = include_str!("../README.md")]
#![doc = include_str!("../SCHEMA.md")]
#![forbid(unsafe_code)]

mod address;
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
