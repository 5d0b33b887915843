//! What the clients are given to do.

use clap::ValueEnum;

/// The body of a small answer.
pub(crate) const HELLO: &[u8] = b"Hello, world!";
/// The `date` of every answer, which no clock needs to be read for.
pub(crate) const DATE: &str = "Thu, 01 Jan 2026 00:00:00 GMT";
/// A large body: 1 GiB.
pub(crate) const LARGE: u64 = 1 << 30;

/// A load, by the name that reports give it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Load {
    /// HTTP/1.1, kept alive, a small GET at a time
    #[value(name = "h1_get_1")]
    H1Get1,
    /// HTTP/1.1, kept alive, 64 small GETs at a time
    #[value(name = "h1_get_64")]
    H1Get64,
    /// HTTP/1.1, kept alive, 1,000 small GETs at a time
    #[value(name = "h1_get_1000")]
    H1Get1000,
    /// HTTP/2, one connection, a small GET at a time
    #[value(name = "h2_get_1")]
    H2Get1,
    /// HTTP/2, one connection, 100 small GETs at a time
    #[value(name = "h2_get_100")]
    H2Get100,
    /// A connection for each small GET, 16 at a time
    #[value(name = "cold_tcp")]
    ColdTcp,
    /// The same with TLS 1.3, each time with a full handshake
    #[value(name = "cold_tls")]
    ColdTls,
    /// The same with TLS 1.3, where sessions are resumed
    #[value(name = "cold_tls_resumed")]
    ColdTlsResumed,
    /// HTTP/1.1, 1 GiB down and 1 GiB up
    #[value(name = "h1_body")]
    H1Body,
    /// HTTP/2, 1 GiB down and 1 GiB up
    #[value(name = "h2_body")]
    H2Body,
    /// 10,000 idle connections of HTTP/1.1
    #[value(name = "idle_10k")]
    Idle10k,
    /// 10,000 GETs of HTTP/1.1 that are all there before the first is answered
    #[value(name = "slow_10k")]
    Slow10k,
    /// HTTP/1.1 in memory, kept alive with 10 hosts, a small GET at a time
    #[value(name = "hosts_10")]
    Hosts10,
    /// HTTP/1.1 in memory, kept alive with 1,000 hosts, a small GET at a time
    #[value(name = "hosts_1000")]
    Hosts1000,
    /// HTTP/1.1 in memory, kept alive with 100,000 hosts, a small GET at a time
    #[value(name = "hosts_100000")]
    Hosts100000,
    /// The first half of h1_body
    #[value(name = "h1_body_download", hide = true)]
    H1BodyDownload,
    /// The second half of h1_body
    #[value(name = "h1_body_upload", hide = true)]
    H1BodyUpload,
    /// The first half of h2_body
    #[value(name = "h2_body_download", hide = true)]
    H2BodyDownload,
    /// The second half of h2_body
    #[value(name = "h2_body_upload", hide = true)]
    H2BodyUpload,
}

/// How the bytes on the wire are framed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

/// What keeps a connection secret.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Tls {
    /// Each connection makes a handshake of its own, since the server gives no tickets.
    Full,
    /// The server gives tickets.
    Resumed,
}

impl Load {
    /// All that reports show; the halves of those that have halves stand beside them.
    pub(crate) fn all() -> Vec<Self> {
        let all = Self::value_variants().iter();
        all.copied().filter(|load| !load.is_half()).collect()
    }

    pub(crate) fn name(self) -> String {
        // expect is ok because no load is skipped on the command line.
        let value = self.to_possible_value().expect("a load has a name");
        value.get_name().to_owned()
    }

    /// What is measured in its place, if it is the sum of two.
    pub(crate) fn halves(self) -> Option<[Self; 2]> {
        match self {
            Self::H1Body => Some([Self::H1BodyDownload, Self::H1BodyUpload]),
            Self::H2Body => Some([Self::H2BodyDownload, Self::H2BodyUpload]),
            _ => None,
        }
    }

    fn is_half(self) -> bool {
        self.download().is_some() || self.upload().is_some()
    }

    pub(crate) fn protocol(self) -> Protocol {
        match self {
            Self::H2Get1
            | Self::H2Get100
            | Self::H2Body
            | Self::H2BodyDownload
            | Self::H2BodyUpload => Protocol::Http2,
            _ => Protocol::Http1,
        }
    }

    pub(crate) fn tls(self) -> Option<Tls> {
        match self {
            Self::ColdTls => Some(Tls::Full),
            Self::ColdTlsResumed => Some(Tls::Resumed),
            _ => None,
        }
    }

    /// How many calls are in flight at a time.
    pub(crate) fn concurrency(self) -> usize {
        match self {
            Self::ColdTcp | Self::ColdTls | Self::ColdTlsResumed => 16,
            Self::H1Get64 => 64,
            Self::H2Get100 => 100,
            Self::H1Get1000 => 1_000,
            Self::Idle10k | Self::Slow10k => 10_000,
            _ => 1,
        }
    }

    /// Each call has a connection of its own.
    pub(crate) fn is_cold(self) -> bool {
        matches!(self, Self::ColdTcp | Self::ColdTls | Self::ColdTlsResumed)
    }

    /// Answers are held back until all requests are there. What is to be idle must have been in use at once, too.
    pub(crate) fn is_slow(self) -> bool {
        matches!(self, Self::Idle10k | Self::Slow10k)
    }

    /// How many hosts there are, if that is what it is about.
    pub(crate) fn hosts(self) -> Option<u64> {
        match self {
            Self::Hosts10 => Some(10),
            Self::Hosts1000 => Some(1_000),
            Self::Hosts100000 => Some(100_000),
            _ => None,
        }
    }

    /// The size of an answer, if it is large.
    pub(crate) fn download(self) -> Option<u64> {
        matches!(self, Self::H1BodyDownload | Self::H2BodyDownload).then_some(LARGE)
    }

    /// The size of what a request sends, if it sends anything.
    pub(crate) fn upload(self) -> Option<u64> {
        matches!(self, Self::H1BodyUpload | Self::H2BodyUpload).then_some(LARGE)
    }

    /// Calls of each lane before it is measured: connections are made, buffers have grown.
    pub(crate) fn warm_up(self) -> u64 {
        match self {
            // The connections are what is measured.
            Self::Idle10k => 0,
            _ if self.is_half() => 0,
            Self::Slow10k => 1,
            _ => 3,
        }
    }

    /// How many calls are made where they are counted: a short run and a long one, whose difference counts.
    pub(crate) fn counted_calls(self) -> (u64, u64) {
        match self {
            Self::H1Get64 => (320, 1_280),
            Self::H1Get1000 => (2_000, 4_000),
            Self::H2Get100 => (500, 1_500),
            Self::ColdTcp => (160, 480),
            Self::ColdTls | Self::ColdTlsResumed => (32, 96),
            Self::Idle10k | Self::Slow10k => (10_000, 20_000),
            _ if self.is_half() => (1, 2),
            // Many, since beside them all hosts have been visited once, and the sweep comes when it comes.
            _ if self.hosts().is_some() => (2_000, 22_000),
            _ => (200, 800),
        }
    }

    /// How many calls are made where they are timed.
    pub(crate) fn timed_calls(self) -> u64 {
        match self {
            Self::H1Get64 | Self::H1Get1000 | Self::H2Get100 => 20_000,
            Self::ColdTcp => 4_000,
            Self::ColdTls | Self::ColdTlsResumed => 800,
            Self::Idle10k => 10_000,
            Self::Slow10k => 20_000,
            _ if self.is_half() => 1,
            _ => 5_000,
        }
    }
}
