//! Frames as they go over the wire, and the numbers that RFC 9113 gives to what is in them.

use std::mem;

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PING: u8 = 6;
pub(super) const GOAWAY: u8 = 7;
pub(super) const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;

/// Of the stream.
pub(super) const END: u8 = 0x1;
pub(super) const ACK: u8 = 0x1;
pub(super) const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;

pub(super) const INITIAL_WINDOW_SIZE: u16 = 4;
pub(super) const MAX_FRAME_SIZE: u16 = 5;

pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const SETTING_NAMES: [(&str, u16); 7] = [
    ("header_table_size", 1),
    ("enable_push", 2),
    ("max_concurrent_streams", 3),
    ("initial_window_size", INITIAL_WINDOW_SIZE),
    ("max_frame_size", MAX_FRAME_SIZE),
    ("max_header_list_size", 6),
    ("enable_connect_protocol", 8),
];

/// By number.
const CODES: [&str; 14] = [
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED",
];

pub(super) fn setting(name: &str) -> u16 {
    let known = SETTING_NAMES.iter().find(|(known, _)| *known == name);
    known.expect("a scenario names a setting that exists").1
}

pub(super) fn code_name(code: u32) -> String {
    let known = CODES.get(code as usize);
    known.map_or_else(|| code.to_string(), ToString::to_string)
}

pub(super) fn code(name: &str) -> u32 {
    let known = CODES.iter().position(|known| *known == name);
    let known = known.and_then(|at| u32::try_from(at).ok());
    known.unwrap_or_else(|| name.parse().expect("an error code, or its number"))
}

/// The stream of the n-th request on a connection; 0 is the connection itself.
pub(super) fn stream_of(request: u32) -> u32 {
    (2 * request).saturating_sub(1)
}

#[derive(Default)]
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
    pub(super) payload: Vec<u8>,
}

impl Frame {
    /// Takes a frame off the front of what was read, if it is whole.
    pub(super) fn taken_from(read: &mut Vec<u8>) -> Option<Self> {
        let length = usize::try_from(u32::from_be_bytes([
            0,
            *read.first()?,
            *read.get(1)?,
            *read.get(2)?,
        ]))
        .ok()?;
        if read.len() < 9 + length {
            return None;
        }
        let rest = read.split_off(9 + length);
        let head = mem::replace(read, rest);
        Some(Self {
            kind: head[3],
            flags: head[4],
            stream: number(&head, 5) & (u32::MAX >> 1),
            payload: head[9..].to_vec(),
        })
    }

    pub(super) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// The payload without padding and priority.
    pub(super) fn content(&self) -> &[u8] {
        let mut content = &self.payload[..];
        if self.has(PADDED) {
            let padding = usize::from(content[0]);
            content = &content[1..content.len() - padding];
        }
        if self.kind == HEADERS && self.has(PRIORITY) {
            content = &content[5..];
        }
        content
    }

    /// The number at that place of the payload.
    pub(super) fn number(&self, at: usize) -> u32 {
        number(&self.payload, at)
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let length = u32::try_from(self.payload.len()).expect("a payload is not that long");
        let mut bytes = length.to_be_bytes()[1..].to_vec();
        bytes.extend([self.kind, self.flags]);
        bytes.extend(self.stream.to_be_bytes());
        bytes.extend(&self.payload);
        bytes
    }
}

fn number(bytes: &[u8], at: usize) -> u32 {
    let four = bytes[at..at + 4].try_into();
    u32::from_be_bytes(four.expect("four bytes"))
}

/// A header block without a table and without Huffman's code (RFC 7541, section 6.2.2): what a script says is what goes
/// over the wire, however wrong it is.
pub(super) fn block(fields: &[(String, String)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            push_length(&mut block, text.len());
            block.extend(text.as_bytes());
        }
    }
    block
}

/// A number in seven bits, and in further bytes where they are too few (RFC 7541, section 5.1).
fn push_length(block: &mut Vec<u8>, length: usize) {
    let Some(mut rest) = length.checked_sub(127) else {
        block.push(length as u8);
        return;
    };
    block.push(127);
    while rest >= 128 {
        block.push((rest % 128) as u8 | 128);
        rest /= 128;
    }
    block.push(rest as u8);
}
