//! What HTTP/2 adds to an attempt, there and back.

use httptrace::info::{
    FlowControlWaitDone, FlowWindow, GoAway, Http2Code, Pong, ResetBy, SettingsReceived,
    StreamOpened, StreamReset,
};
use httptrace::timeline::{AttemptTimeline, Span, Stamped};

use super::names::named;
use super::read::{self, Read, all, stamped};
use super::schema::{
    ErrorCodeObject, FlowControlWaitObject, GoAwayObject, Http2Object, PongObject, ResetObject,
    SettingsObject, StreamObject,
};
use super::write::Writer;
use crate::line::micros;

/// Writes what an attempt knows of its stream and connection.
pub(super) fn object(writer: &Writer, attempt: &AttemptTimeline) -> Http2Object {
    let waits = attempt.flow_control_waits.iter();
    let aways = attempt.go_aways.iter();
    Http2Object {
        stream: attempt.stream.as_ref().map(|stream| StreamObject {
            at_us: micros(stream.at),
            stream_id: stream.info.stream_id,
        }),
        resets: attempt.resets.iter().map(reset_object).collect(),
        flow_control_waits: waits.map(|wait| wait_object(writer, wait)).collect(),
        go_aways: aways.map(|away| away_object(writer, away)).collect(),
        settings: attempt.settings.iter().map(settings_object).collect(),
        pongs: attempt.pongs.iter().map(pong_object).collect(),
    }
}

fn reset_object(reset: &Stamped<StreamReset>) -> ResetObject {
    ResetObject {
        at_us: micros(reset.at),
        stream_id: reset.info.stream_id,
        by: reset.info.by.as_str().into(),
        code: code_object(reset.info.code),
    }
}

fn wait_object(writer: &Writer, wait: &Span<FlowControlWaitDone>) -> FlowControlWaitObject {
    FlowControlWaitObject {
        window: wait.info.window.as_str().into(),
        start_us: wait.start.map(micros),
        end_us: wait.end.map(micros),
        error: writer.error(wait.error()),
    }
}

fn away_object(writer: &Writer, away: &Stamped<GoAway>) -> GoAwayObject {
    let debug_data = away.info.debug_data.as_deref();
    GoAwayObject {
        at_us: micros(away.at),
        by: away.info.by.as_str().into(),
        last_stream_id: away.info.last_stream_id,
        code: code_object(away.info.code),
        debug_data: debug_data.map(|text| writer.text(text)),
    }
}

fn code_object(code: Http2Code) -> ErrorCodeObject {
    ErrorCodeObject {
        code: code.0,
        name: code.name().map(Into::into),
    }
}

fn settings_object(settings: &Stamped<SettingsReceived>) -> SettingsObject {
    let info = &settings.info;
    SettingsObject {
        at_us: micros(settings.at),
        max_concurrent_streams: info.max_concurrent_streams,
        initial_window_size: info.initial_window_size,
        max_frame_size: info.max_frame_size,
        max_header_list_size: info.max_header_list_size,
        header_table_size: info.header_table_size,
        enable_connect_protocol: info.enable_connect_protocol,
    }
}

fn pong_object(pong: &Stamped<Pong>) -> PongObject {
    PongObject {
        at_us: micros(pong.at),
        round_trip_us: micros(pong.info.round_trip),
    }
}

/// Reads it back into an attempt.
pub(super) fn read(attempt: &mut AttemptTimeline, object: Http2Object) -> Read<()> {
    if let Some(stream) = object.stream {
        attempt.stream = Some(stamped(stream.at_us, StreamOpened::new(stream.stream_id))?);
    }
    attempt.resets = all(object.resets, |reset| {
        let code = Http2Code(reset.code.code);
        let info = StreamReset::new(reset.stream_id, named::<ResetBy>(&reset.by)?, code);
        stamped(reset.at_us, info)
    })?;
    attempt.flow_control_waits = all(object.flow_control_waits, |wait| {
        let mut info = FlowControlWaitDone::new(named::<FlowWindow>(&wait.window)?);
        info.error = wait.error.map(read::error);
        read::span(wait.start_us, wait.end_us, info)
    })?;
    attempt.go_aways = all(object.go_aways, |away| {
        let code = Http2Code(away.code.code);
        let mut info = GoAway::new(named::<ResetBy>(&away.by)?, away.last_stream_id, code);
        info.debug_data = away.debug_data.map(Into::into);
        stamped(away.at_us, info)
    })?;
    attempt.settings = all(object.settings, settings)?;
    attempt.pongs = all(object.pongs, |pong| {
        stamped(pong.at_us, Pong::new(read::duration(pong.round_trip_us)?))
    })?;
    Ok(())
}

fn settings(object: SettingsObject) -> Read<Stamped<SettingsReceived>> {
    let mut info = SettingsReceived::new();
    info.max_concurrent_streams = object.max_concurrent_streams;
    info.initial_window_size = object.initial_window_size;
    info.max_frame_size = object.max_frame_size;
    info.max_header_list_size = object.max_header_list_size;
    info.header_table_size = object.header_table_size;
    info.enable_connect_protocol = object.enable_connect_protocol;
    stamped(object.at_us, info)
}
