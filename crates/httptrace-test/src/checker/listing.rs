//! Violations and events, for people.

use std::fmt::Write;

use httptrace::Event;

use super::rules::Violation;

/// What is wrong, followed by all events; absent if nothing is.
pub(super) fn complaint(violations: &[Violation], events: &[Event]) -> Option<String> {
    if violations.is_empty() {
        return None;
    }
    let mut text = String::from("the promises about events are broken:\n");
    for Violation {
        rule,
        event,
        message,
    } in violations
    {
        let place = event.map(|place| format!(" (event #{place})"));
        let place = place.unwrap_or_default();
        // Writing to a String cannot fail; the same below.
        let _ = writeln!(text, "  - {rule}: {message}{place}");
    }
    text.push_str(&of(events));
    Some(text)
}

/// One line an event: its number, milliseconds since the first, identities, payload.
pub(super) fn of(events: &[Event]) -> String {
    let mut text = format!("{} events:\n", events.len());
    let Some(first) = events.iter().map(|event| event.at).min() else {
        return text;
    };
    for (place, event) in events.iter().enumerate() {
        let millis = (event.at - first).as_secs_f64() * 1000.0;
        let id = |id: Option<u64>| id.map_or_else(|| "-".to_owned(), |id| id.to_string());
        let call = id(event.call.map(httptrace::CallId::get));
        let attempt = id(event.attempt.map(u64::from));
        let connection = id(event.connection.map(httptrace::ConnectionId::get));
        let _ = writeln!(
            text,
            "  #{place:<3} {millis:>9.3} ms  call {call} attempt {attempt} conn {connection}  {:?}",
            event.kind
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use httptrace::ConnectionId;
    use httptrace::info::{DnsStart, GetConn};
    use std::time::{Duration, Instant};

    #[test]
    fn a_complaint_names_the_rule_the_event_and_all_events() {
        let at = Instant::now();
        let later = at + Duration::from_millis(2);
        let dns = Event::new(later, DnsStart::new("example.com"));
        let events = [
            Event::new(at, GetConn::new("example.com:80")),
            dns.with_connection(ConnectionId::from_u64(7).unwrap()),
        ];
        let violation = Violation {
            rule: "every start has exactly one done",
            event: Some(1),
            message: "dns_start has no done".into(),
        };
        let text = complaint(&[violation], &events).unwrap();
        let expected = "the promises about events are broken:
  - every start has exactly one done: dns_start has no done (event #1)
2 events:
  #0       0.000 ms  call - attempt - conn -  GetConn(GetConn { host_port: \"example.com:80\" })
  #1       2.000 ms  call - attempt - conn 7  DnsStart(DnsStart { host: \"example.com\" })
";
        assert_eq!(text, expected);
    }

    #[test]
    fn without_violations_there_is_no_complaint() {
        assert_eq!(complaint(&[], &[]), None);
    }
}
