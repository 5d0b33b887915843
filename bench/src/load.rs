//! What the clients are given to do.

use clap::ValueEnum;

/// The body of a small answer.
pub(crate) const HELLO: &[u8] = b"Hello, world!";
/// The `date` of every answer, which no clock needs to be read for.
pub(crate) const DATE: &str = "Thu, 01 Jan 2026 00:00:00 GMT";

/// A load, by the name that reports give it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Load {
    /// HTTP/1.1, kept alive, a small GET at a time.
    #[value(name = "h1_get_1")]
    H1Get1,
    /// HTTP/1.1, kept alive, 64 small GETs at a time.
    #[value(name = "h1_get_64")]
    H1Get64,
    /// HTTP/1.1, kept alive, 1,000 small GETs at a time.
    #[value(name = "h1_get_1000")]
    H1Get1000,
    /// HTTP/2, one connection, a small GET at a time.
    #[value(name = "h2_get_1")]
    H2Get1,
    /// HTTP/2, one connection, 100 small GETs at a time.
    #[value(name = "h2_get_100")]
    H2Get100,
}

/// How the bytes on the wire are framed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

impl Load {
    pub(crate) fn name(self) -> String {
        // expect is ok because no load is hidden from the command line.
        let value = self.to_possible_value().expect("a load has a name");
        value.get_name().to_owned()
    }

    pub(crate) fn protocol(self) -> Protocol {
        match self {
            Self::H1Get1 | Self::H1Get64 | Self::H1Get1000 => Protocol::Http1,
            Self::H2Get1 | Self::H2Get100 => Protocol::Http2,
        }
    }

    /// How many calls are in flight at a time.
    pub(crate) fn concurrency(self) -> usize {
        match self {
            Self::H1Get1 | Self::H2Get1 => 1,
            Self::H1Get64 => 64,
            Self::H1Get1000 => 1_000,
            Self::H2Get100 => 100,
        }
    }

    /// How many calls are made where calls are counted: a short run and a long one, whose difference counts.
    pub(crate) fn counted_calls(self) -> (u64, u64) {
        match self {
            Self::H1Get1 | Self::H2Get1 => (200, 1_000),
            Self::H1Get64 => (640, 1_920),
            Self::H1Get1000 => (2_000, 4_000),
            Self::H2Get100 => (1_000, 3_000),
        }
    }

    /// How many calls are made where they are timed.
    pub(crate) fn timed_calls(self) -> u64 {
        match self {
            Self::H1Get1 | Self::H2Get1 => 5_000,
            _ => 20_000,
        }
    }

    /// Each call has a connection of its own.
    pub(crate) fn is_cold(self) -> bool {
        false
    }

    /// Answers are held back until all requests are there.
    pub(crate) fn is_slow(self) -> bool {
        false
    }

    /// The size of an answer, if it is large.
    pub(crate) fn download(self) -> Option<u64> {
        None
    }

    /// The size of what a request sends, if it sends anything.
    pub(crate) fn upload(self) -> Option<u64> {
        None
    }

    /// What the server reads at a time from one HTTP/1.1 connection.
    pub(crate) fn server_buffer(self) -> usize {
        match self.upload() {
            Some(_) => 256 * 1024,
            None => 4 * 1024,
        }
    }
}
