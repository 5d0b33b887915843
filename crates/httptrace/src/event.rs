//! An event: one fact of a request's life, stamped with the instant it happened.

use std::fmt;
use std::time::Instant;

use crate::emitter::{Info, sealed::Sealed};
use crate::id::{CallId, ConnectionId};
use crate::info::{
    AttemptEnd, AttemptStart, BodyDone, CallEnd, CallStart, ConnClosed, ConnectDone, ConnectStart,
    DnsDone, DnsStart, FlowControlWaitDone, FlowControlWaitStart, GetConn, GoAway, Got1xxResponse,
    Got100Continue, GotBody, GotConn, GotFirstResponseByte, GotResponseHeaders, HookPanicked, Pong,
    ProxyTunnelDone, ProxyTunnelStart, PutIdleConn, Redirect, SettingsReceived, StreamOpened,
    StreamReset, TlsHandshakeDone, TlsHandshakeStart, Wait100Continue, WroteBody, WroteHeaderField,
    WroteHeaders, WroteRequest,
};
use crate::recorder::FoldedCall;

/// One fact, stamped with the instant it happened and the identities it belongs to.
///
/// Owned and cheap to clone: its parts are reference-counted.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Event {
    /// When it happened, on the monotonic clock.
    pub at: Instant,
    /// The call it belongs to; absent for what happens to an idle connection.
    pub call: Option<CallId>,
    /// The attempt within the call, counted from 0; absent for what concerns the whole call.
    pub attempt: Option<u32>,
    /// The connection it concerns; absent before one is dialed or chosen.
    pub connection: Option<ConnectionId>,
    /// What happened.
    pub kind: EventKind,
}

impl Event {
    /// An event with no identities yet.
    pub fn new(at: Instant, kind: impl Into<EventKind>) -> Self {
        Self {
            at,
            call: None,
            attempt: None,
            connection: None,
            kind: kind.into(),
        }
    }

    /// Sets the call.
    #[must_use]
    pub fn with_call(mut self, call: CallId) -> Self {
        self.call = Some(call);
        self
    }

    /// Sets the attempt's number.
    #[must_use]
    pub fn with_attempt(mut self, attempt: u32) -> Self {
        self.attempt = Some(attempt);
        self
    }

    /// Sets the connection.
    #[must_use]
    pub fn with_connection(mut self, connection: ConnectionId) -> Self {
        self.connection = Some(connection);
        self
    }

    /// The event's name, without its payload.
    pub fn name(&self) -> EventName {
        self.kind.name()
    }

    /// What it has beside its payload.
    pub(crate) fn stamp(&self) -> Stamp {
        Stamp {
            at: self.at,
            call: self.call,
            attempt: self.attempt,
            connection: self.connection,
        }
    }
}

/// What an event has beside its payload.
#[derive(Clone, Copy, Debug)]
pub struct Stamp {
    pub(crate) at: Instant,
    pub(crate) call: Option<CallId>,
    pub(crate) attempt: Option<u32>,
    pub(crate) connection: Option<ConnectionId>,
}

impl Stamp {
    #[inline]
    pub(crate) fn event(self, kind: impl Into<EventKind>) -> Event {
        Event {
            at: self.at,
            call: self.call,
            attempt: self.attempt,
            connection: self.connection,
            kind: kind.into(),
        }
    }
}

/// Declares the events once: the payload enum, the name enum, the names on the wire.
macro_rules! events {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)+) => {
        /// What happened, with what is known about it. One variant per event.
        #[derive(Clone, Debug)]
        #[non_exhaustive]
        pub enum EventKind {
            $($(#[$doc])* $name($name),)+
        }

        /// The name of an event, without its payload.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum EventName {
            $($(#[$doc])* $name,)+
        }

        impl EventKind {
            /// The event's name.
            pub fn name(&self) -> EventName {
                match self {
                    $(Self::$name(_) => EventName::$name,)+
                }
            }

            /// Takes its place in a call that is folded as it goes on; given back if it has none there.
            #[allow(clippy::result_large_err)] // what is given back is what was given
            pub(crate) fn fold_into(self, call: &mut FoldedCall, stamp: &Stamp) -> Result<(), Self> {
                match self {
                    $(Self::$name(info) => info.fold_into(call, stamp).map_err(Self::$name),)+
                }
            }
        }

        impl EventName {
            /// Every event there is, in declaration order.
            pub const ALL: &'static [EventName] = &[$(EventName::$name,)+];

            /// The name in snake case, as Go's hooks are called: `get_conn`, `got_1xx_response`.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }

        $(impl From<$name> for EventKind {
            fn from(info: $name) -> Self {
                Self::$name(info)
            }
        }

        impl Info for $name {
            const NAME: EventName = EventName::$name;
        })+
    };
}

events! {
    /// A call began: `send` was called.
    CallStart = "call_start",
    /// A call is over: its body was read to the end, or it failed, or it was dropped.
    CallEnd = "call_end",
    /// One round trip of the call began.
    AttemptStart = "attempt_start",
    /// One round trip of the call is over.
    AttemptEnd = "attempt_end",
    /// A response is followed to another location.
    Redirect = "redirect",
    /// A connection is about to be looked for (Go's `GetConn`).
    GetConn = "get_conn",
    /// A connection was had (Go's `GotConn`).
    GotConn = "got_conn",
    /// The connection was offered back to the pool (Go's `PutIdleConn`).
    PutIdleConn = "put_idle_conn",
    /// A connection was closed.
    ConnClosed = "conn_closed",
    /// A host name lookup began (Go's `DNSStart`).
    DnsStart = "dns_start",
    /// A host name lookup ended (Go's `DNSDone`).
    DnsDone = "dns_done",
    /// Connecting to one address began (Go's `ConnectStart`).
    ConnectStart = "connect_start",
    /// Connecting to one address ended (Go's `ConnectDone`).
    ConnectDone = "connect_done",
    /// Asking a proxy for a tunnel began.
    ProxyTunnelStart = "proxy_tunnel_start",
    /// The proxy answered, or the attempt failed.
    ProxyTunnelDone = "proxy_tunnel_done",
    /// A TLS handshake began (Go's `TLSHandshakeStart`).
    TlsHandshakeStart = "tls_handshake_start",
    /// A TLS handshake ended (Go's `TLSHandshakeDone`).
    TlsHandshakeDone = "tls_handshake_done",
    /// One header field of the request was written (Go's `WroteHeaderField`).
    WroteHeaderField = "wrote_header_field",
    /// The request's head was written (Go's `WroteHeaders`).
    WroteHeaders = "wrote_headers",
    /// The body waits for `100 Continue` (Go's `Wait100Continue`).
    Wait100Continue = "wait_100_continue",
    /// Progress of the request's body.
    WroteBody = "wrote_body",
    /// The request was written, or will not be (Go's `WroteRequest`).
    WroteRequest = "wrote_request",
    /// The first byte of the response arrived (Go's `GotFirstResponseByte`).
    GotFirstResponseByte = "got_first_response_byte",
    /// The `100 Continue` that was asked for arrived (Go's `Got100Continue`).
    Got100Continue = "got_100_continue",
    /// An informational response arrived (Go's `Got1xxResponse`).
    Got1xxResponse = "got_1xx_response",
    /// The head of the final response arrived.
    GotResponseHeaders = "got_response_headers",
    /// Progress of the response's body.
    GotBody = "got_body",
    /// The response's body is over.
    BodyDone = "body_done",
    /// The request's HTTP/2 stream was opened.
    StreamOpened = "stream_opened",
    /// The request's HTTP/2 stream was reset.
    StreamReset = "stream_reset",
    /// An HTTP/2 connection takes no more requests.
    GoAway = "go_away",
    /// The settings of an HTTP/2 peer came.
    SettingsReceived = "settings_received",
    /// The request's body began to wait for an HTTP/2 peer's window.
    FlowControlWaitStart = "flow_control_wait_start",
    /// The request's body waits no more.
    FlowControlWaitDone = "flow_control_wait_done",
    /// An HTTP/2 peer answered our `PING`.
    Pong = "pong",
    /// A hook panicked and is off for the rest of the call.
    HookPanicked = "hook_panicked",
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of event names, for [`Observer::wants`](crate::Observer::wants).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct EventSet(u64);

impl EventSet {
    /// No event.
    pub const NONE: Self = Self(0);
    /// Every event, those of later versions included.
    pub const ALL: Self = Self(u64::MAX);

    /// The set of one event.
    pub const fn only(name: EventName) -> Self {
        Self(1 << name as u64)
    }

    /// This set and one event more.
    #[must_use]
    pub const fn with(self, name: EventName) -> Self {
        Self(self.0 | 1 << name as u64)
    }

    /// This set without one event.
    #[must_use]
    pub const fn without(self, name: EventName) -> Self {
        Self(self.0 & !(1 << name as u64))
    }

    /// Both sets together.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether an event is in the set.
    pub const fn contains(self, name: EventName) -> bool {
        self.0 & (1 << name as u64) != 0
    }

    /// Whether the set is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl FromIterator<EventName> for EventSet {
    fn from_iter<I: IntoIterator<Item = EventName>>(names: I) -> Self {
        names.into_iter().fold(Self::NONE, Self::with)
    }
}

impl fmt::Debug for EventSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = EventName::ALL.iter().filter(|name| self.contains(**name));
        f.debug_set().entries(names).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_fits_in_an_event_set_and_is_alone_in_its_bit() {
        assert!(EventName::ALL.len() <= 64);
        for name in EventName::ALL {
            let set = EventSet::only(*name);
            let members = EventName::ALL.iter().filter(|n| set.contains(**n)).count();
            assert_eq!(members, 1, "{name}");
        }
    }

    #[test]
    fn names_are_the_words_of_go_in_snake_case() {
        let table = [
            (EventName::GetConn, "get_conn"),
            (EventName::GotConn, "got_conn"),
            (EventName::PutIdleConn, "put_idle_conn"),
            (EventName::GotFirstResponseByte, "got_first_response_byte"),
            (EventName::Got100Continue, "got_100_continue"),
            (EventName::Got1xxResponse, "got_1xx_response"),
            (EventName::DnsStart, "dns_start"),
            (EventName::DnsDone, "dns_done"),
            (EventName::ConnectStart, "connect_start"),
            (EventName::ConnectDone, "connect_done"),
            (EventName::TlsHandshakeStart, "tls_handshake_start"),
            (EventName::TlsHandshakeDone, "tls_handshake_done"),
            (EventName::WroteHeaderField, "wrote_header_field"),
            (EventName::WroteHeaders, "wrote_headers"),
            (EventName::Wait100Continue, "wait_100_continue"),
            (EventName::WroteRequest, "wrote_request"),
        ];
        for (name, text) in table {
            assert_eq!(name.as_str(), text);
        }
    }
}
