//! Whether a request that failed may be sent again (Go's rule, go-semantics 1.16).

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use http::{HeaderMap, Method, Request};
use httptrace::info::RetryReason;

use crate::client::{Body, ReplayBody};
use crate::conn::Failed;

/// Decides about another try. Only a connection that others had before is given the benefit of the doubt: the peer
/// may have closed it just as the request set out.
pub(super) fn decide(
    method: &Method,
    headers: &HeaderMap,
    pooled: bool,
    failed: &Failed,
) -> Option<RetryReason> {
    if failed.not_processed.is_some() {
        failed.not_processed
    } else if !pooled || !failed.connection_lost {
        None
    } else if failed.unsent.is_some() || !failed.request_begun {
        Some(RetryReason::NothingWritten)
    } else if !failed.response_begun && is_repeatable(method, headers) {
        Some(RetryReason::ConnectionLost)
    } else {
        None
    }
}

/// Whether sending it twice does no more than sending it once, as far as the request tells.
fn is_repeatable(method: &Method, headers: &HeaderMap) -> bool {
    const KEYS: [&str; 2] = ["idempotency-key", "x-idempotency-key"];
    matches!(
        *method,
        Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE
    ) || KEYS.iter().any(|key| headers.contains_key(*key))
}

/// How long to wait before a request that the peer did not process is sent again (as in Go): not at all the first time,
/// then longer and longer, and seven times at most. Other retries are bounded by the connections there are.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    /// Retries so far.
    tries: u32,
}

/// As many as Go makes.
const MAX_RETRIES: u32 = 7;

impl Backoff {
    /// Counts a retry. Absent when there have been enough.
    pub(super) fn next(&mut self, reason: RetryReason) -> Option<Duration> {
        if !matches!(reason, RetryReason::StreamRefused | RetryReason::GoAway) {
            return Some(Duration::ZERO);
        }
        let before = self.tries;
        if before == MAX_RETRIES {
            return None;
        }
        self.tries += 1;
        Some(match before {
            0 => Duration::ZERO,
            n => jittered(Duration::from_secs(1 << (n - 1))),
        })
    }
}

/// Up to a tenth longer, so that those who were refused together do not come again together.
fn jittered(wait: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish();
    let tenth = wait.as_millis() as u64 / 10;
    wait + Duration::from_millis(random % (tenth + 1))
}

/// Waits before a retry.
pub(super) async fn pause(wait: Duration) {
    if !wait.is_zero() {
        tokio::time::sleep(wait).await;
    }
}

/// The body for another try.
pub(super) enum Spare {
    Copy(Body),
    Replay(ReplayBody),
    None,
}

impl Spare {
    pub(super) fn of(head: &Request<()>, body: &Body) -> Self {
        match (body.try_clone(), head.extensions().get::<ReplayBody>()) {
            (Some(copy), _) => Self::Copy(copy),
            (None, Some(replay)) => Self::Replay(replay.clone()),
            (None, None) => Self::None,
        }
    }
}

/// The body to send again: the one that was never taken, or a spare one.
pub(super) fn recover(unsent: Option<Body>, spare: Spare) -> Option<Body> {
    match (unsent, spare) {
        (Some(body), _) => Some(body),
        (None, Spare::Copy(body)) => Some(body),
        (None, Spare::Replay(replay)) => Some(replay.make()),
        (None, Spare::None) => None,
    }
}

#[cfg(test)]
mod tests {
    use httptrace::{ErrorKind, Phase};

    use super::*;
    use crate::error::Error;

    /// A failure on which everything speaks for another try; each test takes one thing away.
    fn lost() -> Failed {
        Failed {
            error: Error::new(Phase::Wait, ErrorKind::Closed, "closed"),
            unsent: None,
            not_processed: None,
            request_begun: true,
            response_begun: false,
            connection_lost: true,
        }
    }

    fn decide_for(method: Method, failed: &Failed) -> Option<RetryReason> {
        decide(&method, &HeaderMap::new(), true, failed)
    }

    #[test]
    fn a_get_on_a_lost_pooled_connection_is_sent_again() {
        assert_eq!(
            decide_for(Method::GET, &lost()),
            Some(RetryReason::ConnectionLost)
        );
    }

    #[test]
    fn a_post_that_may_have_arrived_is_not_sent_again() {
        assert_eq!(decide_for(Method::POST, &lost()), None);
        assert_eq!(decide_for(Method::PUT, &lost()), None);
    }

    #[test]
    fn a_post_of_which_nothing_was_written_is_sent_again() {
        let failed = Failed {
            request_begun: false,
            ..lost()
        };
        assert_eq!(
            decide_for(Method::POST, &failed),
            Some(RetryReason::NothingWritten)
        );
    }

    #[test]
    fn a_post_with_an_idempotency_key_is_sent_again() {
        let mut headers = HeaderMap::new();
        headers.insert("x-idempotency-key", http::HeaderValue::from_static("1"));
        let reason = decide(&Method::POST, &headers, true, &lost());
        assert_eq!(reason, Some(RetryReason::ConnectionLost));
    }

    #[test]
    fn nothing_is_sent_again_on_a_fresh_connection() {
        assert_eq!(
            decide(&Method::GET, &HeaderMap::new(), false, &lost()),
            None
        );
    }

    #[test]
    fn nothing_is_sent_again_once_the_response_has_begun() {
        let failed = Failed {
            response_begun: true,
            ..lost()
        };
        assert_eq!(decide_for(Method::GET, &failed), None);
    }

    #[test]
    fn nothing_is_sent_again_when_the_connection_was_not_to_blame() {
        let failed = Failed {
            connection_lost: false,
            ..lost()
        };
        assert_eq!(decide_for(Method::GET, &failed), None);
    }
}
