//! What is said about a call that failed: what happened, where, and what to do next.

mod http2;
mod proxy;

use std::error::Error as _;
use std::fmt::Write;
use std::io;
use std::time::Duration;

use http::{Method, Uri};
use httptrace::info::{Address, TlsLeg};
use httptrace::timeline::{AttemptTimeline, Timeline};
use httptrace::{ErrorKind, Phase};
use httptrace_client::Error;
use rustls::{AlertDescription, CertificateError};

use crate::exit::Exit;
use crate::options::UsageError;

/// A message for stderr, and the exit code that goes with it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    message: String,
    place: Option<String>,
    hint: Option<String>,
}

impl Failure {
    /// A call failed. The timeline tells which of its round trips.
    pub(crate) fn of_call(error: &Error, uri: &Uri, timeline: Option<&Timeline>) -> Self {
        let attempt = timeline.and_then(|timeline| timeline.attempts.last());
        // Those of the timeline are without userinfo.
        let known = timeline.and_then(|timeline| timeline.uri.as_ref());
        let uri = attempt
            .and_then(|a| a.uri.as_ref())
            .or(known)
            .unwrap_or(uri);
        let place = timeline.map(|timeline| {
            let method = attempt.and_then(|a| a.method.as_ref());
            let number = timeline.attempts.len();
            place(method, uri, number, error.phase(), timeline.total())
        });
        let hint = match special_hint(error, attempt) {
            Some(special) => Some(special.to_owned()),
            None if error.is_proxy() || ended_with_proxy(error, attempt) => {
                Some(proxy::hint(error))
            }
            None => {
                let origin = Origin::of(uri);
                attempt
                    .and_then(|attempt| http2::hint(error, attempt, origin.https))
                    .map(ToOwned::to_owned)
                    .or_else(|| hint(error.phase(), error.kind(), &origin))
            }
        };
        Self {
            exit: Exit::of(error),
            message: chain(error),
            place,
            hint,
        }
    }

    /// A body arrived but could not be written where it should go.
    pub(crate) fn of_output(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Failed,
            message: message.into(),
            place: None,
            hint: Some("is the disk full, or the file gone?".to_owned()),
        }
    }

    /// The program could not get what it needs of the system.
    pub(crate) fn of_start(error: &dyn std::error::Error) -> Self {
        Self {
            exit: Exit::Failed,
            message: format!("could not start: {error}"),
            place: None,
            hint: Some("the system may be out of threads, memory or files".to_owned()),
        }
    }

    /// A signal ended it, which is how it exits.
    pub(crate) fn by_signal(exit: Exit) -> Self {
        let message = match exit {
            Exit::Interrupted => "interrupted",
            _ => "terminated",
        };
        Self {
            exit,
            message: message.to_owned(),
            place: None,
            hint: None,
        }
    }

    /// The text, `httptrace:` in red where there is color.
    pub(crate) fn render(&self) -> String {
        let name = anstyle::AnsiColor::Red.on_default().bold();
        let label = anstyle::Style::new().dimmed();
        let mut text = format!("{name}httptrace:{name:#} {}\n", self.message);
        let details = [("in", &self.place), ("hint", &self.hint)];
        for (title, detail) in details {
            if let Some(detail) = detail {
                let _ = writeln!(text, "  {label}{title}:{label:#} {detail}");
            }
        }
        text
    }
}

impl From<UsageError> for Failure {
    fn from(error: UsageError) -> Self {
        Self {
            exit: Exit::Usage,
            message: error.message,
            place: None,
            hint: Some(error.hint),
        }
    }
}

/// What to do next, where more is known than phase and class.
fn special_hint(error: &Error, attempt: Option<&AttemptTimeline>) -> Option<&'static str> {
    if leads_nowhere(error) {
        return Some("without -L the redirect itself is traced");
    }
    if error.is_client_certificate_required() {
        return Some("show one with --cert FILE and --key FILE");
    }
    let connecting = error.phase() == Some(Phase::Connect);
    if let Some(hint) = connect_hint(attempt).filter(|_| connecting) {
        return Some(hint);
    }
    match tls_error(error) {
        Some(rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol)) => Some(
            "what is offered is limited by --http1.1 and --http2-prior-knowledge: leave them out",
        ),
        // An answer that only who speaks TLS gives.
        Some(rustls::Error::AlertReceived(_) | rustls::Error::PeerIncompatible(_)) => {
            Some("what is offered is limited by --tlsv1.3 and --tls-max, and added to by --cert")
        }
        Some(rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        )) => Some(
            "no authority helps: ask by a name that the certificate has (--resolve leads it to any address); -k accepts any certificate",
        ),
        _ => None,
    }
}

/// Whether it was a handshake with the proxy that was going on when the whole call's time was up.
fn ended_with_proxy(error: &Error, attempt: Option<&AttemptTimeline>) -> bool {
    let dial = attempt.and_then(|attempt| attempt.dials.last());
    let handshake = dial.and_then(|dial| dial.handshakes.last());
    error.phase() == Some(Phase::Tls)
        && handshake.is_some_and(|handshake| handshake.info.leg == TlsLeg::Proxy)
}

/// What to do about the last connect, if it was of an uncommon kind.
fn connect_hint(attempt: Option<&AttemptTimeline>) -> Option<&'static str> {
    let connect = attempt?.dials.last()?.connects.last()?;
    match &connect.info.addr {
        Address::Unix(path) if path.to_string_lossy().starts_with('@') => {
            Some("is it the name of the socket that the server listens on?")
        }
        Address::Unix(_) => Some("is it the path of the socket that the server listens on?"),
        _ => None,
    }
}

/// What the TLS library said.
fn tls_error(error: &Error) -> Option<&rustls::Error> {
    let io = error.source()?.downcast_ref::<io::Error>()?;
    io.get_ref()?.downcast_ref()
}

/// Whether a redirect cannot be followed because of its `Location`, however many are allowed.
fn leads_nowhere(error: &Error) -> bool {
    // Behind the error of too many redirects is the policy's own.
    error.is_redirect() && error.source().is_none()
}

/// The error and those behind it, without saying anything twice.
fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let message = error.to_string();
        if !text.contains(&message) {
            let _ = write!(text, ": {message}");
        }
        source = error.source();
    }
    text
}

fn place(
    method: Option<&Method>,
    uri: &Uri,
    number: usize,
    phase: Option<Phase>,
    after: Duration,
) -> String {
    let mut text = match method {
        Some(method) => format!("{method} {uri}"),
        None => uri.to_string(),
    };
    if number > 1 {
        let _ = write!(text, " (round trip {number})");
    }
    if let Some(phase) = phase {
        let _ = write!(text, ", phase {phase}");
    }
    let _ = write!(text, ", after {:.1} ms", after.as_secs_f64() * 1e3);
    text
}

/// Where a round trip went.
struct Origin {
    https: bool,
    host: String,
    port: u16,
}

impl Origin {
    fn of(uri: &Uri) -> Self {
        let https = uri.scheme_str() == Some("https");
        Self {
            https,
            host: uri.host().unwrap_or_default().to_owned(),
            port: uri.port_u16().unwrap_or(if https { 443 } else { 80 }),
        }
    }
}

/// What to do next, by where it failed and how.
fn hint(phase: Option<Phase>, kind: ErrorKind, origin: &Origin) -> Option<String> {
    let Origin { https, host, port } = origin;
    let connecting = phase.is_some_and(|phase| phase <= Phase::Tls);
    let hint = match (phase, kind) {
        (Some(Phase::Dns), ErrorKind::Timeout) => {
            return Some(format!(
                "the name server is slow or silent; to go without it use --resolve {host}:{port}:ADDRESS"
            ));
        }
        (Some(Phase::Tls), ErrorKind::Timeout) => {
            return Some(format!(
                "it connected, but nobody answers the handshake: does port {port} speak TLS? If not, ask with http://"
            ));
        }
        (_, ErrorKind::Timeout) if connecting => {
            "a firewall may drop the packets; to wait longer raise --connect-timeout or --max-time"
        }
        (_, ErrorKind::Timeout) => "the server is slow; to wait longer raise --max-time",
        (_, ErrorKind::Redirect) => "to follow more redirects raise --max-redirs, -1 is no limit",
        (Some(Phase::Dns), _) => {
            return Some(format!(
                "to go without DNS use --resolve {host}:{port}:ADDRESS"
            ));
        }
        (Some(Phase::Connect), ErrorKind::Refused) => {
            return Some(format!(
                "nothing listens there: is the server running, and on port {port}?"
            ));
        }
        (Some(Phase::Connect), ErrorKind::Unreachable) => {
            "there is no route: check the network; -4 or -6 tries one family of addresses only"
        }
        (Some(Phase::Connect | Phase::Queue), _) => {
            "check host, port and network, and --interface if it is given"
        }
        (Some(Phase::Tls), ErrorKind::Certificate) => {
            "if its authority is your own, trust it with --cacert FILE; -k accepts any certificate"
        }
        (Some(Phase::Tls), _) => {
            return Some(format!(
                "does port {port} speak TLS? If not, ask with http:// instead of https://"
            ));
        }
        (Some(Phase::Send | Phase::Wait | Phase::Receive), ErrorKind::Limit) => {
            "no client takes that much: the server's log may say why it sends so much"
        }
        (Some(Phase::Send | Phase::Wait), _) if !https => {
            "the server hung up; if it speaks TLS, ask with https://"
        }
        (Some(Phase::Send | Phase::Wait), _) => "the server's log may say why it hung up",
        (_, ErrorKind::Decode) => {
            "without --compressed the server is asked for the body as it is, and nothing is decoded"
        }
        (Some(Phase::Receive), _) => "what arrived is incomplete; the server's log may say why",
        _ => return None,
    };
    Some(hint.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_in_a_phase_has_a_hint_for_what_to_do_next() {
        let origin = Origin::of(&Uri::from_static("https://a/"));
        let kinds = [
            ErrorKind::Certificate,
            ErrorKind::Closed,
            ErrorKind::Dns,
            ErrorKind::Io,
            ErrorKind::Refused,
            ErrorKind::Timeout,
            ErrorKind::Unreachable,
        ];
        for phase in Phase::ALL {
            // It has its own.
            if phase == Phase::Proxy {
                continue;
            }
            for kind in kinds {
                assert!(
                    hint(Some(phase), kind, &origin).is_some(),
                    "{phase} {kind:?}"
                );
            }
        }
    }

    #[test]
    fn hints_name_the_port_and_host_that_were_tried() {
        let table = [
            ("http://a/", Phase::Connect, "on port 80?"),
            ("https://a/", Phase::Connect, "on port 443?"),
            ("http://a:8080/", Phase::Connect, "on port 8080?"),
            ("https://a.b/", Phase::Dns, "--resolve a.b:443:ADDRESS"),
        ];
        for (uri, phase, expected) in table {
            let origin = Origin::of(&uri.parse().unwrap());
            let hint = hint(Some(phase), ErrorKind::Refused, &origin).unwrap();
            assert!(hint.contains(expected), "{uri}: {hint}");
        }
    }

    #[test]
    fn usage_errors_say_what_is_wrong_and_what_to_do() {
        let failure = Failure::from(UsageError::new("no", "yes"));
        assert_eq!(failure.exit, Exit::Usage);
        let plain = anstream::adapter::strip_str(&failure.render()).to_string();
        assert_eq!(plain, "httptrace: no\n  hint: yes\n");
    }

    #[test]
    fn the_place_names_request_round_trip_phase_and_time() {
        let uri = Uri::from_static("http://a/b");
        let after = Duration::from_micros(1250);
        let text = place(Some(&Method::GET), &uri, 2, Some(Phase::Wait), after);
        assert_eq!(
            text,
            "GET http://a/b (round trip 2), phase wait, after 1.2 ms"
        );
        let text = place(None, &uri, 1, None, after);
        assert_eq!(text, "http://a/b, after 1.2 ms");
    }
}
