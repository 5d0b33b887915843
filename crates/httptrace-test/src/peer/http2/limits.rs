//! What the client must keep to: the peer's settings and windows. A breach fails the script.

use super::frame::{Frame, Kind};
use super::record::Report;

const MAX_CONCURRENT_STREAMS: u16 = 3;
const INITIAL_WINDOW_SIZE: u16 = 4;
const MAX_FRAME_SIZE: u16 = 5;

/// What is wrong about a frame of the client's; `report` holds what was before it.
pub(super) fn breach(report: &Report, frame: &Frame) -> Option<String> {
    let length = i64::try_from(frame.payload.len()).ok()?;
    let largest = limit(report, MAX_FRAME_SIZE).unwrap_or(16 * 1024);
    if length > largest {
        return Some(format!("a frame of {length} bytes, of at most {largest}"));
    }
    match frame.kind {
        Kind::Data => {
            let of_stream = window(report, frame.stream_id);
            let of_connection = window(report, 0);
            (length > of_stream.min(of_connection)).then(|| {
                format!(
                    "{length} bytes of DATA, where stream {} takes {of_stream} and the connection {of_connection}",
                    frame.stream_id
                )
            })
        }
        Kind::Headers => new_stream(report, frame.stream_id),
        _ => None,
    }
}

fn new_stream(report: &Report, stream_id: u32) -> Option<String> {
    let mut requests = report.requests.iter();
    if requests.any(|request| request.stream_id == stream_id) {
        return None;
    }
    let expected = report.requests.last().map_or(1, |last| last.stream_id + 2);
    if stream_id != expected {
        return Some(format!("a request on stream {stream_id}, not {expected}"));
    }
    let limit = limit(report, MAX_CONCURRENT_STREAMS)?;
    let open = open(report);
    let too_many = i64::try_from(open).is_ok_and(|open| open >= limit);
    too_many.then(|| format!("a request beside {open} others, where {limit} may be open"))
}

/// How many requests neither came to their end both ways nor were reset.
fn open(report: &Report) -> usize {
    let open = report.requests.iter().filter(|request| {
        let of_it = |frame: &&Frame| frame.stream_id == request.stream_id;
        let mut sent = report.sent.iter().filter(of_it);
        let is_reset = |frame: &Frame| frame.kind == Kind::RstStream;
        let ended = request.ended_at.is_some() && sent.clone().any(Frame::ends_stream);
        !(ended || request.reset.is_some() || sent.any(is_reset))
    });
    open.count()
}

/// How many bytes of `DATA` the peer takes now: on a stream, or for 0 on the connection.
fn window(report: &Report, stream_id: u32) -> i64 {
    let initial = match stream_id {
        0 => None,
        _ => limit(report, INITIAL_WINDOW_SIZE),
    };
    let of_it = |frame: &&Frame| stream_id == frame.stream_id;
    let widened = report.sent.iter().filter(of_it);
    let widened: i64 = widened.filter_map(Frame::increment).map(i64::from).sum();
    let data = report.received.iter();
    let data = data.filter(|frame| frame.kind == Kind::Data);
    let used = data.filter(|frame| stream_id == 0 || frame.stream_id == stream_id);
    let used: usize = used.map(|frame| frame.payload.len()).sum();
    initial.unwrap_or(65_535) + widened - i64::try_from(used).unwrap_or(i64::MAX)
}

/// The value of a setting that binds the client: the last that it has acknowledged, or a larger one on its way. Absent
/// while it knows of none.
fn limit(report: &Report, id: u16) -> Option<i64> {
    let sent = report.sent_of(Kind::Settings);
    let sent = sent.into_iter().filter(|frame| !frame.is_ack());
    let received = report.received_of(Kind::Settings);
    let acknowledged = received.iter().filter(|frame| frame.is_ack()).count();
    let values: Vec<_> = sent.map(|frame| frame.setting(id)).collect();
    let (known, on_their_way) = values.split_at(acknowledged.min(values.len()));
    let known = known.iter().rev().find_map(|value| *value)?;
    let largest = on_their_way
        .iter()
        .flatten()
        .fold(known, |all, value| all.max(*value));
    Some(i64::from(largest))
}
