//! Frames (RFC 9113 section 4) as they were read or written.

use std::time::Instant;

/// The bytes before a frame's payload.
pub(super) const HEAD: usize = 9;
/// What the client says first (RFC 9113 section 3.4).
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(super) const ACK: u8 = 0x1;
pub(super) const END_STREAM: u8 = 0x1;
pub(super) const END_HEADERS: u8 = 0x4;
pub(super) const PADDED: u8 = 0x8;
pub(super) const PRIORITY: u8 = 0x20;

/// A frame that was read or written.
#[derive(Clone, Debug)]
pub struct Frame {
    /// When its first byte was read, or just before it was written.
    pub begun: Instant,
    /// When its last byte had been read, or was flushed.
    pub at: Instant,
    /// Its type.
    pub kind: Kind,
    /// Its flags.
    pub flags: u8,
    /// Its stream; 0 is the connection.
    pub stream_id: u32,
    /// Its payload, padding included.
    pub payload: Vec<u8>,
}

/// The type of a frame (RFC 9113 section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // the names are those of the RFC
pub enum Kind {
    Data,
    Headers,
    Priority,
    RstStream,
    Settings,
    PushPromise,
    Ping,
    GoAway,
    WindowUpdate,
    Continuation,
    Other(u8),
}

const KINDS: [Kind; 10] = [
    Kind::Data,
    Kind::Headers,
    Kind::Priority,
    Kind::RstStream,
    Kind::Settings,
    Kind::PushPromise,
    Kind::Ping,
    Kind::GoAway,
    Kind::WindowUpdate,
    Kind::Continuation,
];

impl Kind {
    pub(super) fn of(byte: u8) -> Self {
        let known = KINDS.get(usize::from(byte)).copied();
        known.unwrap_or(Self::Other(byte))
    }

    pub(super) fn byte(self) -> u8 {
        match self {
            Self::Other(byte) => byte,
            known => {
                let place = KINDS.iter().position(|kind| *kind == known);
                place.map_or(0, |place| u8::try_from(place).unwrap_or(0))
            }
        }
    }
}

impl Frame {
    /// Whether it ends its stream's direction.
    pub fn ends_stream(&self) -> bool {
        matches!(self.kind, Kind::Data | Kind::Headers) && self.flags & END_STREAM != 0
    }

    /// Whether it ends a head or trailers.
    pub fn ends_headers(&self) -> bool {
        matches!(self.kind, Kind::Headers | Kind::Continuation) && self.flags & END_HEADERS != 0
    }

    /// Whether it acknowledges one of the other side's.
    pub fn is_ack(&self) -> bool {
        matches!(self.kind, Kind::Settings | Kind::Ping) && self.flags & ACK != 0
    }

    /// The code of a `RST_STREAM` or `GOAWAY`.
    pub fn code(&self) -> Option<u32> {
        match self.kind {
            Kind::RstStream => self.number(0),
            Kind::GoAway => self.number(4),
            _ => None,
        }
    }

    /// By how much a `WINDOW_UPDATE` widens the window.
    pub fn increment(&self) -> Option<u32> {
        match self.kind {
            Kind::WindowUpdate => self.number(0),
            _ => None,
        }
    }

    /// What a `SETTINGS` says of this setting (RFC 9113 section 6.5.2).
    pub fn setting(&self, id: u16) -> Option<u32> {
        let settings = self.payload.chunks_exact(6);
        let mut of_it = settings.filter(|entry| entry[..2] == id.to_be_bytes());
        let entry = of_it.next_back().filter(|_| self.kind == Kind::Settings)?;
        Some(u32::from_be_bytes([entry[2], entry[3], entry[4], entry[5]]))
    }

    /// All of it, as it is on the wire.
    pub fn bytes(&self) -> Vec<u8> {
        bytes(self.kind, self.flags, self.stream_id, &self.payload)
    }

    /// The payload without padding and priority; absent if they are longer than the frame.
    pub(super) fn content(&self) -> Option<&[u8]> {
        let mut content = &self.payload[..];
        let mut padding = 0;
        if matches!(self.kind, Kind::Data | Kind::Headers) && self.flags & PADDED != 0 {
            let (length, rest) = content.split_first()?;
            (padding, content) = (usize::from(*length), rest);
        }
        if self.kind == Kind::Headers && self.flags & PRIORITY != 0 {
            content = content.get(5..)?;
        }
        content.get(..content.len().checked_sub(padding)?)
    }

    fn number(&self, from: usize) -> Option<u32> {
        let bytes = self.payload.get(from..from + 4)?;
        Some(u32::from_be_bytes(bytes.try_into().ok()?))
    }
}

/// A frame that is yet to be written.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) kind: Kind,
    pub(super) flags: u8,
    pub(super) stream_id: u32,
    pub(super) payload: Vec<u8>,
}

impl Draft {
    pub(super) fn new(kind: Kind, flags: u8, stream_id: u32, payload: impl Into<Vec<u8>>) -> Self {
        Self {
            kind,
            flags,
            stream_id,
            payload: payload.into(),
        }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        bytes(self.kind, self.flags, self.stream_id, &self.payload)
    }

    pub(super) fn written(self, begun: Instant, at: Instant) -> Frame {
        Frame {
            begun,
            at,
            kind: self.kind,
            flags: self.flags,
            stream_id: self.stream_id,
            payload: self.payload,
        }
    }
}

fn bytes(kind: Kind, flags: u8, stream_id: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    let mut bytes = length.to_be_bytes()[1..].to_vec();
    bytes.extend([kind.byte(), flags]);
    bytes.extend(stream_id.to_be_bytes());
    bytes.extend(payload);
    bytes
}
