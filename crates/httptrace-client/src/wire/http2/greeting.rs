//! What the peer says first, from which can be told whether it speaks HTTP/2 at all.

use super::frames::{HEAD, kind};

/// What HTTP/1 begins a response with.
const HTTP1: &[u8] = b"HTTP/";

/// The first bytes that were read: of HTTP/2 the head of a SETTINGS frame (RFC 9113 section 3.4).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Beginning {
    bytes: [u8; HEAD],
    have: usize,
}

/// What these bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Greeting {
    /// Nothing was said.
    None,
    /// As far as it goes, HTTP/2.
    Http2,
    /// HTTP/1.
    Http1,
    /// Neither.
    Other,
}

impl Beginning {
    pub(super) fn read(&mut self, bytes: &[u8]) {
        let taken = bytes.len().min(HEAD - self.have);
        self.bytes[self.have..self.have + taken].copy_from_slice(&bytes[..taken]);
        self.have += taken;
    }

    pub(super) fn greeting(self) -> Greeting {
        let said = &self.bytes[..self.have];
        if said.is_empty() {
            Greeting::None
        } else if said.starts_with(HTTP1) {
            Greeting::Http1
        } else if said[0] != 0 || said.get(3).is_some_and(|kind| *kind > kind::CONTINUATION) {
            // A frame larger than any at this time, or of no kind that may come first. That it is to be SETTINGS is for
            // the codec to insist on.
            Greeting::Other
        } else {
            Greeting::Http2
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn greeting(pieces: &[&[u8]]) -> Greeting {
        let mut beginning = Beginning::default();
        pieces.iter().for_each(|piece| beginning.read(piece));
        beginning.greeting()
    }

    #[test]
    fn the_first_bytes_tell_what_is_spoken() {
        assert_eq!(greeting(&[]), Greeting::None);
        assert_eq!(
            greeting(&[b"\0\0\x06\x04\0", b"\0\0\0\0\0\x03"]),
            Greeting::Http2
        );
        assert_eq!(
            greeting(&[b"H", b"TTP/1.1 400 Bad Request"]),
            Greeting::Http1
        );
        assert_eq!(greeting(&[b"SSH-2.0-", b"any"]), Greeting::Other);
        assert_eq!(greeting(&[b"\0\0\x08\xfa"]), Greeting::Other);
        assert_eq!(greeting(&[b"\0\0\x08\x07"]), Greeting::Http2);
        assert_eq!(greeting(&[b"\0\0"]), Greeting::Http2);
    }
}
