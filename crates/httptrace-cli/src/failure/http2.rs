//! What to do next where HTTP/2 is to blame, or would have been the right choice.

use httptrace::info::{Http2Code, Protocol, ResetBy};
use httptrace::timeline::AttemptTimeline;
use httptrace::{ErrorKind, Phase};
use httptrace_client::Error;

/// By what the peer made known before it failed; absent if that says nothing about the version of HTTP.
pub(super) fn hint(error: &Error, attempt: &AttemptTimeline, https: bool) -> Option<&'static str> {
    let asked = matches!(error.phase(), Some(Phase::Send | Phase::Wait));
    let got = attempt.got_conn.as_ref().map(|got| &got.info)?;
    let facts = Facts {
        protocol: got.protocol?,
        https,
        kind: error.kind(),
        is_known: got.reused || !attempt.settings.is_empty() || attempt.first_byte.is_some(),
        reset: reset(attempt),
        is_leaving: is_leaving(attempt),
    };
    asked.then(|| facts.advice()).flatten()
}

/// The code with which the peer reset the stream, if it did.
fn reset(attempt: &AttemptTimeline) -> Option<Http2Code> {
    let mut resets = attempt.resets.iter().map(|reset| &reset.info);
    let peers = resets.find(|reset| reset.by == ResetBy::Peer)?;
    Some(peers.code)
}

/// Whether the peer said that something is wrong with the connection as a whole.
fn is_leaving(attempt: &AttemptTimeline) -> bool {
    let mut said = attempt.go_aways.iter().map(|said| &said.info);
    said.any(|said| said.by == ResetBy::Peer && said.code != Http2Code::NO_ERROR)
}

struct Facts {
    protocol: Protocol,
    https: bool,
    kind: ErrorKind,
    /// The peer was heard to speak the protocol.
    is_known: bool,
    reset: Option<Http2Code>,
    is_leaving: bool,
}

impl Facts {
    fn advice(&self) -> Option<&'static str> {
        match (self.protocol, self.reset, self.kind) {
            (_, Some(HTTP_1_1_REQUIRED), _) => {
                Some("the server wants HTTP/1.1 for this: ask with --http1.1")
            }
            (_, Some(_), _) => Some("the server gave up this request alone: its log may say why"),
            (Protocol::Http2, ..) if self.is_leaving => {
                Some("the server has done with this connection (GOAWAY): its log may say why")
            }
            (Protocol::Http2, ..) if !self.is_known && !self.https => Some(
                "does the server speak HTTP/2 without TLS? If not, ask without --http2-prior-knowledge",
            ),
            (Protocol::Http2, _, ErrorKind::Protocol) => Some(
                "what answers there breaks the rules of HTTP/2: its log may say more; --http1.1 goes without",
            ),
            (Protocol::Http1, _, ErrorKind::Protocol) if self.https => Some(
                "what answers there breaks the rules of HTTP/1.1: is it the right port? If it speaks HTTP/2 alone, use --http2-prior-knowledge",
            ),
            (Protocol::Http1, _, ErrorKind::Protocol) => Some(
                "it spoke no HTTP/1.1: if it speaks TLS, ask with https://; if HTTP/2 alone, with --http2-prior-knowledge",
            ),
            _ => None,
        }
    }
}

const HTTP_1_1_REQUIRED: Http2Code = Http2Code(13);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_not_to_get_along_has_its_own_advice() {
        let (one, two) = (Protocol::Http1, Protocol::Http2);
        let refused = Some(Http2Code::INTERNAL_ERROR);
        let table = [
            (two, false, ErrorKind::Protocol, false, None, "without TLS"),
            (two, false, ErrorKind::Closed, false, None, "without TLS"),
            (
                two,
                false,
                ErrorKind::Protocol,
                true,
                None,
                "rules of HTTP/2",
            ),
            (
                two,
                true,
                ErrorKind::Protocol,
                false,
                None,
                "rules of HTTP/2",
            ),
            (
                two,
                true,
                ErrorKind::Reset,
                true,
                refused,
                "this request alone",
            ),
            (
                two,
                true,
                ErrorKind::Reset,
                true,
                Some(HTTP_1_1_REQUIRED),
                "--http1.1",
            ),
            (one, true, ErrorKind::Protocol, false, None, "HTTP/2 alone"),
            (one, false, ErrorKind::Protocol, false, None, "https://"),
        ];
        for (protocol, https, kind, is_known, reset, expected) in table {
            let facts = Facts {
                protocol,
                https,
                kind,
                is_known,
                reset,
                is_leaving: false,
            };
            let advice = facts.advice().unwrap();
            assert!(advice.contains(expected), "{expected}: {advice}");
        }
        let lost = Facts {
            protocol: two,
            https: true,
            kind: ErrorKind::Closed,
            is_known: true,
            reset: None,
            is_leaving: false,
        };
        assert_eq!(lost.advice(), None);
        let left = Facts {
            kind: ErrorKind::Timeout,
            is_leaving: true,
            ..lost
        };
        assert!(left.advice().unwrap().contains("GOAWAY"));
    }
}
