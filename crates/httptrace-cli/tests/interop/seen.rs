//! What was seen of an exchange: by us, by curl, and by the server.

use std::time::Duration;

/// A header field: its name in lower case, and its value.
pub(crate) type Field = (String, String);

/// One URL, redirects and all, as a client tells of it.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) status: Option<u64>,
    /// `HTTP/1.1`
    pub(crate) version: Option<String>,
    pub(crate) new_connections: u64,
    pub(crate) redirects: u64,
    /// Bytes of the last response's body, as they came.
    pub(crate) downloaded: u64,
    /// Bytes of the last response's body after decompression, which curl does not tell.
    pub(crate) decompressed: Option<u64>,
    /// Bytes of the last request's body.
    pub(crate) uploaded: u64,
    /// The address that answered the last request, the proxy's if there was one.
    pub(crate) remote: Option<String>,
    /// Every response head on the way: informational ones, redirects, and the last.
    pub(crate) heads: Vec<Head>,
    /// What a proxy said to each tunnel, if it says anything with a status.
    pub(crate) tunnels: Vec<Option<u64>>,
    /// From the end of the request (curl: from its beginning) to the first byte of the last response.
    pub(crate) waited: Option<Duration>,
    /// The whole.
    pub(crate) total: Duration,
    /// The message of the failure, if it failed.
    pub(crate) error: Option<String>,
}

/// A response's head.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) status: u64,
    /// In order of their names: the order across different names says nothing.
    pub(crate) fields: Vec<Field>,
}

impl Head {
    pub(crate) fn new(status: u64, mut fields: Vec<Field>) -> Self {
        fields.sort();
        Self { status, fields }
    }
}

/// A round trip of ours, which a server's log has a line for.
#[derive(Debug, Default)]
pub(crate) struct RoundTrip {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) status: u64,
    /// `HTTP/1.1`
    pub(crate) version: String,
    pub(crate) port: u64,
    /// Its stream, over HTTP/2.
    pub(crate) stream: Option<u64>,
    /// The fields of its head.
    pub(crate) sent: Vec<Field>,
    /// Which request of its connection it is, from 1.
    pub(crate) nth: u64,
    /// Bytes of the request, head and body; unknown if the body was chunked, a field's value is a secret, or the head
    /// was compressed (HTTP/2).
    pub(crate) request: Option<u64>,
    /// Bytes of the header fields of the final response.
    pub(crate) fields: u64,
    /// Bytes of the response's body on the wire, without chunks' heads.
    pub(crate) body: u64,
    pub(crate) is_chunked: bool,
    pub(crate) tls: Option<Tls>,
}

/// What a handshake came to.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    pub(crate) version: String,
    pub(crate) cipher: String,
    pub(crate) is_resumed: bool,
}

/// A line of a server's log. What a server does not log is absent.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) status: u64,
    pub(crate) port: u64,
    /// Which request of its connection it is, from 1.
    pub(crate) nth: Option<u64>,
    /// `HTTP/2.0`
    pub(crate) version: Option<String>,
    /// Its stream, over HTTP/2.
    pub(crate) stream: Option<u64>,
    /// The fields of its head, in order.
    pub(crate) fields: Option<Vec<Field>>,
    /// All bytes of the request, as received.
    pub(crate) received: Option<u64>,
    /// Whether a byte at which the server peeked, to see whether there is another request, may be counted twice.
    pub(crate) peeks: bool,
    /// All bytes of the response, as sent.
    pub(crate) sent: Option<u64>,
    /// How long it took the server, all in all; zero, if it does not say.
    pub(crate) took: Duration,
    pub(crate) tls: Option<Tls>,
}
