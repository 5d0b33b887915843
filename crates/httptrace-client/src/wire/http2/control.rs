//! What frames that concern the whole connection say (RFC 9113 sections 6.4 to 6.9).

use std::sync::Arc;

use httptrace::info::{Http2Code, ResetBy, SettingsReceived};

use super::tell::Said;

/// The number in the first four bytes, as RST_STREAM and WINDOW_UPDATE have it.
pub(super) fn number(payload: &[u8]) -> Option<u32> {
    let (number, _) = payload.split_first_chunk()?;
    Some(u32::from_be_bytes(*number))
}

/// The increment of a WINDOW_UPDATE.
pub(super) fn increment(payload: &[u8]) -> Option<u32> {
    Some(number(payload)? & 0x7fff_ffff)
}

/// What a GOAWAY says.
pub(super) fn go_away(payload: &[u8], by: ResetBy) -> Option<Said> {
    let (last, rest) = payload.split_first_chunk()?;
    let (code, debug_data) = rest.split_first_chunk()?;
    let text = String::from_utf8_lossy(debug_data);
    Some(Said {
        by,
        last_stream_id: u32::from_be_bytes(*last) & 0x7fff_ffff,
        code: Http2Code(u32::from_be_bytes(*code)),
        debug_data: (!text.is_empty()).then(|| Arc::from(text)),
    })
}

/// What a SETTINGS says; of a setting that it names twice, the last counts (section 6.5.3).
pub(super) fn settings(payload: &[u8]) -> SettingsReceived {
    let mut settings = SettingsReceived::new();
    for entry in payload.chunks_exact(6) {
        let Ok([a, b, value @ ..]) = <[u8; 6]>::try_from(entry) else {
            continue;
        };
        let value = u32::from_be_bytes(value);
        match u16::from_be_bytes([a, b]) {
            0x1 => settings.header_table_size = Some(value),
            0x3 => settings.max_concurrent_streams = Some(value),
            0x4 => settings.initial_window_size = Some(value),
            0x5 => settings.max_frame_size = Some(value),
            0x6 => settings.max_header_list_size = Some(value),
            0x8 => settings.enable_connect_protocol = Some(value == 1),
            _ => {}
        }
    }
    settings
}
