//! What a peer saw and sent on an HTTP/2 connection.

use std::time::Instant;

use super::frame::{Frame, Kind};

/// Everything of HTTP/2 on one connection.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The client's requests, in order.
    pub requests: Vec<Request>,
    /// The client's frames, in order.
    pub received: Vec<Frame>,
    /// The peer's frames, in order.
    pub sent: Vec<Frame>,
}

impl Report {
    /// A request, counted from 1.
    ///
    /// # Panics
    ///
    /// If there were fewer.
    pub fn request(&self, number: usize) -> &Request {
        let count = self.requests.len();
        let found = self.requests.get(number.wrapping_sub(1));
        found
            .unwrap_or_else(|| panic!("no request {number} on this connection: there were {count}"))
    }

    /// The client's frames of a kind.
    pub fn received_of(&self, kind: Kind) -> Vec<&Frame> {
        let frames = self.received.iter();
        frames.filter(|frame| frame.kind == kind).collect()
    }

    /// The peer's frames of a kind.
    pub fn sent_of(&self, kind: Kind) -> Vec<&Frame> {
        let frames = self.sent.iter();
        frames.filter(|frame| frame.kind == kind).collect()
    }

    /// The peer's frames of a kind on the stream of a request.
    pub fn sent_to(&self, number: usize, kind: Kind) -> Vec<&Frame> {
        let mut frames = self.sent_of(kind);
        frames.retain(|frame| frame.stream_id == stream_id(number));
        frames
    }

    /// By how much the client has widened its window for a request's response so far; for 0 that of the connection.
    pub fn widened(&self, number: usize) -> u64 {
        let frames = self.received_of(Kind::WindowUpdate).into_iter();
        let of_it = frames.filter(|frame| frame.stream_id == stream_id(number));
        of_it.filter_map(Frame::increment).map(u64::from).sum()
    }
}

/// A request as it was read.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its stream.
    pub stream_id: u32,
    /// When the first byte of its `HEADERS` had been read.
    pub begun: Instant,
    /// When the frame with END_HEADERS had been read.
    pub at: Instant,
    /// Its fields, pseudo-headers included, in order.
    pub fields: Vec<(String, String)>,
    /// What has come of its body.
    pub body: Vec<u8>,
    /// Its trailers, if there were any.
    pub trailers: Vec<(String, String)>,
    /// When the frame with END_STREAM had been read.
    pub ended_at: Option<Instant>,
    /// When the client reset it, if it did, and with which code.
    pub reset: Option<(Instant, u32)>,
}

impl Request {
    /// The value of the first field of this name, for example `:path`.
    pub fn field(&self, name: &str) -> Option<&str> {
        value(&self.fields, name)
    }

    /// The value of the first trailer of this name.
    pub fn trailer(&self, name: &str) -> Option<&str> {
        value(&self.trailers, name)
    }

    /// Method and path, for example `GET /`.
    pub fn line(&self) -> String {
        let of = |name| self.field(name).unwrap_or_default();
        format!("{} {}", of(":method"), of(":path"))
    }
}

fn value<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = fields.iter().find(|(field, _)| field == name);
    found.map(|(_, value)| value.as_str())
}

/// The stream of the n-th request; for 0, the connection.
pub(super) fn stream_id(number: usize) -> u32 {
    u32::try_from((2 * number).saturating_sub(1)).unwrap_or(u32::MAX)
}
