//! What is spoken on a connection.

/// The protocols under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Protocol {
    Http1,
    Http1OverTls,
    /// By prior knowledge, in plain text: its frames can be read from the packets.
    Http2,
}

impl Protocol {
    pub(crate) const ALL: [Self; 3] = [Self::Http1, Self::Http1OverTls, Self::Http2];

    /// Its name in the table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Http1 => "HTTP/1.1",
            Self::Http1OverTls => "HTTP/1.1, TLS",
            Self::Http2 => "HTTP/2",
        }
    }

    /// Its name as an argument of the other clients' programs.
    pub(crate) fn argument(self) -> &'static str {
        match self {
            Self::Http1 => "http1",
            Self::Http1OverTls => "tls",
            Self::Http2 => "http2",
        }
    }

    pub(crate) fn scheme(self) -> &'static str {
        match self {
            Self::Http1OverTls => "https",
            Self::Http1 | Self::Http2 => "http",
        }
    }
}
