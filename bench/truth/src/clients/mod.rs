//! The clients whose events are looked at, and the plan of requests that each of them follows.

mod bare;
mod claim;
mod go;
mod http_stat;
mod ours;

use std::fmt;

pub(crate) use bare::bare;
pub(crate) use claim::{Claim, Place};
pub(crate) use go::{Go, build as build_go};
pub(crate) use http_stat::{HttpStat, build as build_http_stat};
pub(crate) use ours::ours;

/// Who tells of moments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Client {
    Ours,
    Go,
    HttpStat,
    /// No client at all: what a program can know that makes system calls and reads the clock, and nothing else.
    BareSocket,
}

impl Client {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ours => "httptrace",
            Self::Go => "Go's httptrace",
            Self::HttpStat => "http-stat",
            Self::BareSocket => "bare socket",
        }
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Bytes of a body that is sent. A TLS record holds it, and an HTTP/2 frame.
pub(crate) const BODY: usize = 8 * 1_024;

/// What is sent: pairs of requests, each on a connection of its own. The second says that it is the last. One of the two has a
/// body, by turns the first and the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) has_body: bool,
    pub(crate) is_last: bool,
}

/// The plan for so many requests.
pub(crate) fn plan(requests: usize) -> impl Iterator<Item = Step> {
    (0..requests.next_multiple_of(2)).map(|number| Step {
        has_body: matches!(number % 4, 1 | 2),
        is_last: number % 2 == 1,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_connection_has_two_requests_of_which_one_has_a_body() {
        let steps: Vec<Step> = plan(5).collect();
        assert_eq!(steps.len(), 6);
        for pair in steps.chunks(2) {
            assert_ne!(pair[0].has_body, pair[1].has_body);
            assert!(!pair[0].is_last && pair[1].is_last);
        }
        assert_ne!(steps[0], steps[2]);
    }
}
