//! The reader of timelines: whatever it accepts is equal when it was written and read again.
#![no_main]

use httptrace_export::{Redaction, timeline_from_json, timelines_from_ndjson, timelines_ndjson};
use httptrace_fuzz::assert_comes_back;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(timeline) = timeline_from_json(text) {
        assert_comes_back(timeline);
    }
    if let Ok(timelines) = timelines_from_ndjson(text) {
        let written = timelines_ndjson(&timelines, Redaction::Off);
        let again = timelines_from_ndjson(&written).expect("what was written is read");
        assert_eq!(again.len(), timelines.len());
        assert_eq!(timelines_ndjson(&again, Redaction::Off), written);
    }
});
