//! What a peer saw and did, with the instants at which it did.

use std::time::Instant;

use super::http2;

/// Everything a peer saw, connection by connection in the order in which they were accepted.
#[derive(Clone, Debug)]
pub struct PeerReport {
    /// The connections.
    pub conns: Vec<ConnReport>,
}

impl PeerReport {
    /// How many connections were accepted.
    pub fn accepted(&self) -> usize {
        self.conns.len()
    }

    /// A connection, counted from 0.
    ///
    /// # Panics
    ///
    /// If there were fewer.
    pub fn conn(&self, index: usize) -> &ConnReport {
        let accepted = self.accepted();
        let conn = self.conns.get(index);
        conn.unwrap_or_else(|| panic!("no connection {index}: {accepted} were accepted"))
    }

    /// Every request head of all connections, as text.
    pub fn heads(&self) -> Vec<&str> {
        let heads = self.conns.iter().flat_map(|conn| &conn.heads);
        heads.map(|head| head.text.as_str()).collect()
    }
}

/// What a peer saw and did on one connection.
#[derive(Clone, Debug)]
pub struct ConnReport {
    /// When it was accepted.
    pub accepted_at: Instant,
    /// The request heads, in order.
    pub heads: Vec<Head>,
    /// The request bodies, in order, without chunk framing.
    pub bodies: Vec<Vec<u8>>,
    /// Every read that brought bytes: `at` is when it returned.
    pub reads: Vec<Io>,
    /// Every write: `begun` is just before it, `at` when the bytes were flushed.
    pub writes: Vec<Io>,
    /// When the TLS handshakes were done, in order.
    pub tls: Vec<TlsReport>,
    /// When and how the client ended it, if it was seen to.
    pub client_end: Option<(Instant, ClientEnd)>,
    /// When the script closed or reset it, if it did.
    pub closed_at: Option<Instant>,
    /// Everything of HTTP/2, where the script goes over to it.
    pub http2: http2::Report,
}

impl ConnReport {
    pub(super) fn new(accepted_at: Instant) -> Self {
        Self {
            accepted_at,
            heads: Vec::new(),
            bodies: Vec::new(),
            reads: Vec::new(),
            writes: Vec::new(),
            tls: Vec::new(),
            client_end: None,
            closed_at: None,
            http2: http2::Report::default(),
        }
    }

    /// A request head, counted from 0.
    ///
    /// # Panics
    ///
    /// If there were fewer.
    pub fn head(&self, index: usize) -> &Head {
        let count = self.heads.len();
        let head = self.heads.get(index);
        head.unwrap_or_else(|| panic!("no request {index} on this connection: there were {count}"))
    }

    /// All bytes read, joined.
    pub fn read_bytes(&self) -> Vec<u8> {
        self.reads.iter().flat_map(|io| io.bytes.clone()).collect()
    }

    /// All bytes written, joined.
    pub fn written_bytes(&self) -> Vec<u8> {
        self.writes.iter().flat_map(|io| io.bytes.clone()).collect()
    }
}

/// One read or write.
#[derive(Clone, Debug)]
pub struct Io {
    /// When it was begun.
    pub begun: Instant,
    /// When it had succeeded.
    pub at: Instant,
    /// Its bytes (inside TLS, where there is TLS).
    pub bytes: Vec<u8>,
}

/// A TLS handshake, as the server saw it.
#[derive(Clone, Debug)]
pub struct TlsReport {
    /// When the first byte of it was waited for.
    pub begun: Instant,
    /// When it was done.
    pub at: Instant,
    /// The server name asked for (SNI), if any.
    pub server_name: Option<String>,
    /// The protocol that ALPN settled on, if any.
    pub alpn: Option<String>,
    /// How many certificates the client showed, its own first.
    pub client_certificates: usize,
}

/// How a client ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientEnd {
    /// An orderly end: FIN, or in TLS `close_notify`.
    Fin,
    /// A reset, or in TLS an end without `close_notify`.
    Reset,
}

/// A request head as it was read.
#[derive(Clone, Debug)]
pub struct Head {
    /// When its last byte had been read.
    pub at: Instant,
    /// All of it, the empty line included. Bytes that are no UTF-8 are shown as U+FFFD.
    pub text: String,
}

impl Head {
    /// The request line, for example `GET / HTTP/1.1`.
    pub fn line(&self) -> &str {
        self.text.lines().next().unwrap_or_default()
    }

    /// The value of the first field of this name, in any case of letters.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields().find_map(|(field, value)| {
            let same = field.eq_ignore_ascii_case(name);
            same.then_some(value)
        })
    }

    /// Every field, name and value, in the order of the wire.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        let lines = self.text.lines().skip(1);
        lines.filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            Some((name, value.trim()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_tells_its_line_and_its_fields() {
        let text = "GET /a HTTP/1.1\r\nHost: example.com:80\r\nX-Two:  b \r\n\r\n";
        let head = Head {
            at: Instant::now(),
            text: text.to_owned(),
        };
        assert_eq!(head.line(), "GET /a HTTP/1.1");
        assert_eq!(head.field("host"), Some("example.com:80"));
        assert_eq!(head.field("x-two"), Some("b"));
        assert_eq!(head.field("absent"), None);
        assert_eq!(head.fields().count(), 2);
    }
}
