//! The frames of one direction of an HTTP/2 connection, found in its bytes (RFC 9113 section 4.1).

/// The kinds of frames that mean something here (RFC 9113 section 6).
pub(super) mod kind {
    pub(in super::super) const DATA: u8 = 0;
    pub(in super::super) const HEADERS: u8 = 1;
    pub(in super::super) const RST_STREAM: u8 = 3;
    pub(in super::super) const SETTINGS: u8 = 4;
    pub(in super::super) const PING: u8 = 6;
    pub(in super::super) const GOAWAY: u8 = 7;
    pub(in super::super) const WINDOW_UPDATE: u8 = 8;
    pub(in super::super) const CONTINUATION: u8 = 9;
}

pub(super) const HEAD: usize = 9;
/// What a client sends before its first frame (RFC 9113 section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// How much of a payload is kept, where it is: all settings that there are, and enough of what GOAWAY says in words.
const KEPT: usize = 1024;

/// The nine bytes that every frame begins with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct FrameHead {
    pub(super) length: u32,
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
}

impl FrameHead {
    fn parse(bytes: [u8; HEAD]) -> Self {
        let [a, b, c, kind, flags, stream @ ..] = bytes;
        Self {
            length: u32::from_be_bytes([0, a, b, c]),
            kind,
            flags,
            stream: u32::from_be_bytes(stream) & 0x7fff_ffff,
        }
    }

    /// The last frame of its stream in this direction, where its kind has that flag.
    pub(super) fn ends_stream(self) -> bool {
        matches!(self.kind, kind::DATA | kind::HEADERS) && self.flags & 0x1 != 0
    }

    /// The last frame of a field block.
    pub(super) fn ends_headers(self) -> bool {
        matches!(self.kind, kind::HEADERS | kind::CONTINUATION) && self.flags & 0x4 != 0
    }

    /// An answer to SETTINGS or PING.
    pub(super) fn is_ack(self) -> bool {
        matches!(self.kind, kind::SETTINGS | kind::PING) && self.flags & 0x1 != 0
    }

    /// Whether a frame of this kind may be so long, and stand there. One that may not says nothing, and ends the connection.
    pub(super) fn is_sound(self) -> bool {
        let of_connection = self.stream == 0;
        match self.kind {
            kind::RST_STREAM => !of_connection && self.length == 4,
            kind::WINDOW_UPDATE => self.length == 4,
            kind::SETTINGS => of_connection && self.length % 6 == 0,
            kind::PING => of_connection && self.length == 8,
            kind::GOAWAY => of_connection && self.length >= 8,
            _ => true,
        }
    }

    fn is_kept(self) -> bool {
        matches!(
            self.kind,
            kind::RST_STREAM | kind::SETTINGS | kind::PING | kind::GOAWAY | kind::WINDOW_UPDATE
        )
    }
}

/// What the bytes say, in their order.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fact<'a> {
    /// A frame's head is complete.
    Head(FrameHead),
    /// So many bytes of a DATA frame's payload passed.
    Data(FrameHead, u32),
    /// A frame is complete. With its payload, as far as that is kept and of a kind that is.
    Done(FrameHead, &'a [u8]),
}

/// Follows the frames of one direction, however their bytes are split.
///
/// Sans-IO: [`feed`](Self::feed) takes the bytes that passed, and tells what they say.
#[derive(Debug, Default)]
pub(super) struct FrameDecoder {
    /// Bytes of the preface still to come.
    preface: usize,
    head: [u8; HEAD],
    /// Bytes of the head that have passed.
    have: usize,
    /// The frame whose payload is passing, and how many bytes of it are to come.
    passing: Option<(FrameHead, u32)>,
    kept: Vec<u8>,
}

impl FrameDecoder {
    /// For what a client sends.
    pub(super) fn of_client() -> Self {
        Self {
            preface: PREFACE.len(),
            ..Self::default()
        }
    }

    /// Whether a frame's head has begun and is not complete.
    pub(super) fn is_within_head(&self) -> bool {
        self.have > 0 && self.passing.is_none()
    }

    /// Whether a frame has begun and is not complete.
    pub(super) fn is_within_frame(&self) -> bool {
        self.have > 0
    }

    /// Takes bytes that passed.
    pub(super) fn feed(&mut self, mut bytes: &[u8], mut tell: impl FnMut(Fact<'_>)) {
        let skipped = self.preface.min(bytes.len());
        self.preface -= skipped;
        bytes = &bytes[skipped..];
        while !bytes.is_empty() {
            let taken = match self.passing {
                None => self.feed_head(bytes, &mut tell),
                Some((head, left)) => self.feed_payload(bytes, head, left, &mut tell),
            };
            bytes = &bytes[taken..];
        }
    }

    fn feed_head(&mut self, bytes: &[u8], tell: &mut impl FnMut(Fact<'_>)) -> usize {
        // As a rule it is all there.
        if let (0, Some(head)) = (self.have, bytes.first_chunk()) {
            self.have = HEAD;
            self.begin(FrameHead::parse(*head), tell);
            return HEAD;
        }
        let taken = bytes.len().min(HEAD - self.have);
        self.head[self.have..self.have + taken].copy_from_slice(&bytes[..taken]);
        self.have += taken;
        if self.have == HEAD {
            self.begin(FrameHead::parse(self.head), tell);
        }
        taken
    }

    fn begin(&mut self, head: FrameHead, tell: &mut impl FnMut(Fact<'_>)) {
        self.kept.clear();
        tell(Fact::Head(head));
        self.pass_on(head, head.length, tell);
    }

    fn feed_payload(
        &mut self,
        bytes: &[u8],
        head: FrameHead,
        left: u32,
        tell: &mut impl FnMut(Fact<'_>),
    ) -> usize {
        let here = u32::try_from(bytes.len()).unwrap_or(u32::MAX).min(left);
        let taken = here as usize;
        if head.kind == kind::DATA {
            tell(Fact::Data(head, here));
        } else if head.is_kept() {
            let room = KEPT.saturating_sub(self.kept.len());
            self.kept.extend_from_slice(&bytes[..taken.min(room)]);
        }
        self.pass_on(head, left - here, tell);
        taken
    }

    /// So many bytes of this frame are to come: it is complete if there are none.
    fn pass_on(&mut self, head: FrameHead, left: u32, tell: &mut impl FnMut(Fact<'_>)) {
        self.passing = (left > 0).then_some((head, left));
        if left == 0 {
            self.have = 0;
            tell(Fact::Done(head, &self.kept));
        }
    }
}

#[cfg(test)]
mod tests;
