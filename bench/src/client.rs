//! Who is measured.

use clap::ValueEnum;

use crate::load::{Load, Protocol};

/// A client, by the name that reports give it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Client {
    /// Ours, without a trace
    OursNone,
    /// Ours, with a trace that nobody listens to
    OursEmpty,
    /// Ours, with a fresh recorder for each call, whose events are folded at its end
    OursRecorded,
    /// Bare connections of hyper
    Hyper,
    /// hyper-util's legacy client
    HyperUtil,
    /// reqwest
    Reqwest,
    /// openwire, with a listener
    Openwire,
    /// A loop over a socket: the floor
    Raw,
    /// Go's net/http, with all sixteen hooks
    GoHooks,
    /// Go's net/http, without any
    GoNone,
}

impl Client {
    pub(crate) fn all() -> Vec<Self> {
        Self::value_variants().to_vec()
    }

    pub(crate) fn name(self) -> String {
        // expect is ok because no client is skipped on the command line.
        let value = self.to_possible_value().expect("a client has a name");
        value.get_name().to_owned()
    }

    pub(crate) fn is_go(self) -> bool {
        matches!(self, Self::GoHooks | Self::GoNone)
    }

    /// Whether it can do this at all, or would be no measure of it.
    pub(crate) fn can_do(self, load: Load) -> bool {
        match self {
            // In memory, by a connector of ours: only that its own cost stays the same is of interest.
            _ if load.hosts().is_some() => self == Self::OursNone,
            Self::Raw => load.protocol() == Protocol::Http1 && load.tls().is_none(),
            // It speaks HTTP/2 only where TLS agrees on it, and with 10,000 connections it did not end within minutes.
            Self::Openwire => load.protocol() == Protocol::Http1 && load != Load::Slow10k,
            _ => true,
        }
    }

    /// What it does with a call, and what it is built with.
    pub(crate) fn features(self) -> &'static str {
        match self {
            Self::OursNone => {
                "pool, redirects, proxies by the environment, deadlines, retries as Go makes them; no trace"
            }
            Self::OursEmpty => "the same; a trace without hooks",
            Self::OursRecorded => {
                "the same; a fresh recorder for each call keeps every event, and the timeline is folded"
            }
            Self::Hyper => {
                "no pool, no redirects: HTTP/1.1 with a connection for each task, driven by it; HTTP/2 with one for all; no trace"
            }
            Self::HyperUtil => {
                "pool; no redirects, no proxies, no deadlines; no trace; TLS by hyper-rustls"
            }
            Self::Reqwest => {
                "pool, redirects, proxies by the environment; default features; no trace"
            }
            Self::Openwire => {
                "pool, redirects, retries; feature tls-rustls alone; a listener for each call keeps what it hears and when; uploads in chunks; not measured with HTTP/2, which it speaks by ALPN alone, and slow_10k, which it does not end within minutes"
            }
            Self::Raw => {
                "a socket for each task, a request made beforehand, as many bytes read as an answer has; no TLS, no HTTP/2"
            }
            Self::GoHooks => {
                "Transport with default settings, Client with redirects; all sixteen hooks keep an instant; collection included"
            }
            Self::GoNone => "the same; no hooks",
        }
    }
}
