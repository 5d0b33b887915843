//! Timelines, written as JSON and read back.

use std::time::{Duration, UNIX_EPOCH};

use httptrace::Timeline;
use httptrace_export::{Redaction, timeline_from_json, timeline_json, timeline_json_pretty};

/// Panics unless a timeline is the same after it was written and read, in each of the forms there are.
pub fn assert_comes_back(mut timeline: Timeline) {
    // Dates are written to the microsecond.
    timeline.started = timeline
        .started
        .map(|date| match date.duration_since(UNIX_EPOCH) {
            Ok(after) => UNIX_EPOCH + Duration::from_nanos_u128(after.as_nanos() / 1_000 * 1_000),
            Err(before) => {
                let nanos = before.duration().as_nanos().div_ceil(1_000) * 1_000;
                UNIX_EPOCH - Duration::from_nanos_u128(nanos)
            }
        });
    let written = timeline_json(&timeline, Redaction::Off);
    let back = timeline_from_json(&written).expect("what was written is read");
    assert_eq!(format!("{back:?}"), format!("{timeline:?}"));
    assert_eq!(timeline_json(&back, Redaction::Off), written);
    let pretty = timeline_json_pretty(&timeline, Redaction::Off);
    let back = timeline_from_json(&pretty).expect("over many lines, too");
    assert_eq!(timeline_json(&back, Redaction::Off), written);
    let redacted = timeline_json(&timeline, Redaction::On);
    let back = timeline_from_json(&redacted).expect("without its secrets, too");
    assert_eq!(timeline_json(&back, Redaction::On), redacted);
}
