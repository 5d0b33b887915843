//! What to do next when a proxy is to blame.

use httptrace::{ErrorKind, Phase};
use httptrace_client::Error;

/// By what the proxy said, or how the way to it failed.
pub(super) fn hint(error: &Error) -> String {
    let status = error.proxy_status().map(|status| status.as_u16());
    advice(error.phase(), error.kind(), status).to_owned()
}

fn advice(phase: Option<Phase>, kind: ErrorKind, status: Option<u16>) -> &'static str {
    match (phase, kind, status) {
        (.., Some(407)) => {
            "the proxy wants to know who you are: --proxy-user USER:PASSWORD tells it; if you did, it does not accept that"
        }
        (.., Some(401)) => {
            "the proxy does not accept who you are: are --proxy-user or the user and password of its URL right?"
        }
        (.., Some(..=400 | 404 | 405)) => {
            "is it a proxy? It answers as a server does that is asked for a page"
        }
        (.., Some(500..)) => {
            "the proxy could not get there itself: is the host right? If it is near, --noproxy HOST goes without the proxy"
        }
        (.., Some(_)) => "the proxy does not let you there; --noproxy HOST goes without it",
        (Some(Phase::Proxy), ErrorKind::Timeout, _) => {
            "the proxy does not answer, or cannot get there itself; to wait longer raise --connect-timeout or --max-time"
        }
        (Some(Phase::Proxy), ErrorKind::Refused | ErrorKind::Unreachable, _) => {
            "the proxy says so: check the host, and --proxy-user if it wants one; --noproxy HOST goes without it"
        }
        (Some(Phase::Proxy), ..) => {
            "is it a proxy of this kind? There are http://, https:// and socks5://"
        }
        (Some(Phase::Tls), ErrorKind::Certificate, _) => {
            "the certificate is the proxy's: if its authority is your own, trust it with --cacert FILE; -k accepts any"
        }
        (Some(Phase::Tls), ..) => {
            "does the proxy speak TLS? If not, write it with http:// instead of https://"
        }
        _ => {
            "the proxy cannot be reached: check --proxy or HTTP_PROXY, HTTPS_PROXY and ALL_PROXY; --noproxy '*' goes without it"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_to_fail_at_a_proxy_has_its_own_advice() {
        let tunnel = Some(Phase::Proxy);
        let table = [
            (tunnel, ErrorKind::Refused, Some(407), "--proxy-user"),
            (tunnel, ErrorKind::Refused, Some(401), "does not accept"),
            (tunnel, ErrorKind::Refused, Some(403), "does not let you"),
            (tunnel, ErrorKind::Refused, Some(302), "is it a proxy?"),
            (
                tunnel,
                ErrorKind::Refused,
                Some(504),
                "could not get there itself",
            ),
            (tunnel, ErrorKind::Refused, None, "the proxy says so"),
            (tunnel, ErrorKind::Timeout, None, "--connect-timeout"),
            (tunnel, ErrorKind::Protocol, None, "of this kind"),
            (tunnel, ErrorKind::Closed, None, "of this kind"),
            (Some(Phase::Dns), ErrorKind::Dns, None, "check --proxy"),
            (
                Some(Phase::Connect),
                ErrorKind::Refused,
                None,
                "check --proxy",
            ),
            (Some(Phase::Tls), ErrorKind::Certificate, None, "--cacert"),
            (
                Some(Phase::Tls),
                ErrorKind::Tls,
                None,
                "instead of https://",
            ),
        ];
        for (phase, kind, status, expected) in table {
            let advice = advice(phase, kind, status);
            assert!(
                advice.contains(expected),
                "{phase:?} {kind:?} {status:?}: {advice}"
            );
        }
    }
}
