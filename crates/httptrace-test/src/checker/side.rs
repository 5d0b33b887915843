//! The sides of an attempt: who does what, and in which order Go does it.

use httptrace::EventName;

/// One of the parties that work on an attempt. Order is promised within a side, not between sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The call itself: attempts begin and end, a connection is looked for and had.
    Caller,
    /// The dial: name lookup, connects, proxy tunnel, TLS. Each connection id has a dial side of its own.
    Dial,
    /// The writing of the request.
    Write,
    /// The reading of the response, until the connection is given back or closed.
    Read,
}

impl Side {
    /// The side an event belongs to; absent for what concerns no single side (`Redirect`, `HookPanicked`, resets of a
    /// stream) or no single attempt (what an HTTP/2 connection tells all who share it).
    pub fn of(name: EventName) -> Option<Self> {
        use EventName as N;
        match name {
            N::CallStart
            | N::CallEnd
            | N::AttemptStart
            | N::AttemptEnd
            | N::GetConn
            | N::GotConn => Some(Self::Caller),
            N::DnsStart
            | N::DnsDone
            | N::ConnectStart
            | N::ConnectDone
            | N::ProxyTunnelStart
            | N::ProxyTunnelDone
            | N::TlsHandshakeStart
            | N::TlsHandshakeDone => Some(Self::Dial),
            N::StreamOpened
            | N::WroteHeaderField
            | N::WroteHeaders
            | N::Wait100Continue
            | N::WroteBody
            | N::FlowControlWaitStart
            | N::FlowControlWaitDone
            | N::WroteRequest => Some(Self::Write),
            N::GotFirstResponseByte
            | N::Got100Continue
            | N::Got1xxResponse
            | N::GotResponseHeaders
            | N::GotBody
            | N::BodyDone
            | N::PutIdleConn
            | N::ConnClosed => Some(Self::Read),
            _ => None,
        }
    }

    /// The events of the caller, write and read sides in the order that an attempt must keep; those that share a
    /// stage may alternate. The dial side forks (parallel connects) and has rules of its own.
    pub(crate) fn stages(self) -> &'static [&'static [EventName]] {
        use EventName as N;
        match self {
            Self::Caller => &[
                &[N::AttemptStart],
                &[N::GetConn],
                &[N::GotConn],
                &[N::AttemptEnd],
            ],
            Self::Write => &[
                &[N::GotConn],
                &[N::StreamOpened, N::WroteHeaderField],
                &[N::WroteHeaders],
                &[N::Wait100Continue],
                &[
                    N::WroteBody,
                    N::FlowControlWaitStart,
                    N::FlowControlWaitDone,
                ],
                &[N::WroteRequest],
            ],
            Self::Read => &[
                &[N::GotConn],
                &[N::GotFirstResponseByte],
                &[N::Got100Continue, N::Got1xxResponse],
                &[N::GotResponseHeaders],
                &[N::GotBody],
                &[N::BodyDone],
                &[N::PutIdleConn, N::ConnClosed],
            ],
            Self::Dial => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_of_one_party_has_a_side() {
        let without: Vec<_> = EventName::ALL
            .iter()
            .filter(|name| Side::of(**name).is_none())
            .collect();
        let expected = [
            &EventName::Redirect,
            &EventName::StreamReset,
            &EventName::GoAway,
            &EventName::SettingsReceived,
            &EventName::Pong,
            &EventName::HookPanicked,
        ];
        assert_eq!(without, expected);
    }
}
