//! The frames of RFC 9113, as far as the server and the floor need them.

use crate::Error;

/// Octets of a frame's head, section 4.1.
pub(crate) const HEAD: usize = 9;

/// What a client says first, section 3.4.
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(crate) const DATA: u8 = 0x0;
pub(crate) const HEADERS: u8 = 0x1;
pub(crate) const SETTINGS: u8 = 0x4;
pub(crate) const PING: u8 = 0x6;
pub(crate) const WINDOW_UPDATE: u8 = 0x8;

pub(crate) const ACK: u8 = 0x1;
pub(crate) const END_STREAM: u8 = 0x1;
pub(crate) const END_HEADERS: u8 = 0x4;

pub(crate) const MAX_CONCURRENT_STREAMS: u16 = 0x3;
pub(crate) const INITIAL_WINDOW_SIZE: u16 = 0x4;
pub(crate) const MAX_FRAME_SIZE: u16 = 0x5;

/// The window of a connection, and that of a stream unless a setting says otherwise; section 6.9.2.
pub(crate) const DEFAULT_WINDOW: i64 = 65_535;
/// Section 6.5.2.
pub(crate) const DEFAULT_MAX_FRAME: usize = 16_384;

/// A frame that has come.
#[derive(Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: &'a [u8],
}

impl<'a> Frame<'a> {
    /// The frame at the beginning, if all of it has come, and how many octets it is.
    pub(crate) fn first(bytes: &'a [u8]) -> Option<(Self, usize)> {
        let head = bytes.first_chunk::<HEAD>()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]) & 0x7fff_ffff;
        let payload = bytes.get(HEAD..HEAD + length)?;
        let frame = Self {
            kind: head[3],
            flags: head[4],
            stream,
            payload,
        };
        Some((frame, HEAD + length))
    }

    pub(crate) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// The settings of a SETTINGS frame.
    pub(crate) fn settings(&self) -> impl Iterator<Item = (u16, u32)> {
        self.payload.chunks_exact(6).map(|pair| {
            let name = u16::from_be_bytes([pair[0], pair[1]]);
            let value = u32::from_be_bytes([pair[2], pair[3], pair[4], pair[5]]);
            (name, value)
        })
    }

    /// The increment of a WINDOW_UPDATE frame.
    pub(crate) fn increment(&self) -> Result<u32, Error> {
        let octets = self.payload.try_into()?;
        Ok(u32::from_be_bytes(octets) & 0x7fff_ffff)
    }
}

/// Appends the head of a frame.
pub(crate) fn put_head(out: &mut Vec<u8>, length: usize, kind: u8, flags: u8, stream: u32) {
    let length = (length as u32).to_be_bytes();
    out.extend_from_slice(&[length[1], length[2], length[3], kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
}

/// Appends a frame.
pub(crate) fn put(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    put_head(out, payload.len(), kind, flags, stream);
    out.extend_from_slice(payload);
}

/// Appends a SETTINGS frame.
pub(crate) fn put_settings(out: &mut Vec<u8>, settings: &[(u16, u32)]) {
    put_head(out, settings.len() * 6, SETTINGS, 0, 0);
    for (name, value) in settings {
        out.extend_from_slice(&name.to_be_bytes());
        out.extend_from_slice(&value.to_be_bytes());
    }
}

/// Appends a WINDOW_UPDATE frame.
pub(crate) fn put_window_update(out: &mut Vec<u8>, stream: u32, increment: u32) {
    put(out, WINDOW_UPDATE, 0, stream, &increment.to_be_bytes());
}

/// Appends a header field to a block: a literal without indexing, whose name is in HPACK's static table (RFC 7541,
/// 6.2.2) at 15 or above, and whose value is shorter than 127 octets.
pub(crate) fn put_field(block: &mut Vec<u8>, name: u8, value: &[u8]) {
    block.extend_from_slice(&[0x0f, name - 15, value.len() as u8]);
    block.extend_from_slice(value);
}
