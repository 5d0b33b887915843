//! The moments that events tell of, the packet of each, and on which side of it the event must be.

use crate::wire::Connection;

/// An event that has a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Moment {
    ConnectStart,
    ConnectDone,
    TlsHandshakeStart,
    TlsHandshakeDone,
    WroteHeaders,
    WroteRequest,
    GotFirstResponseByte,
    ConnClosed,
}

/// Where an event that tells the truth is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// What begins is told before it shows.
    Before,
    /// What has happened is told after it has.
    After,
}

impl Moment {
    pub(crate) const ALL: [Self; 8] = [
        Self::ConnectStart,
        Self::ConnectDone,
        Self::TlsHandshakeStart,
        Self::TlsHandshakeDone,
        Self::WroteHeaders,
        Self::WroteRequest,
        Self::GotFirstResponseByte,
        Self::ConnClosed,
    ];

    /// The event's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ConnectStart => "ConnectStart",
            Self::ConnectDone => "ConnectDone",
            Self::TlsHandshakeStart => "TlsHandshakeStart",
            Self::TlsHandshakeDone => "TlsHandshakeDone",
            Self::WroteHeaders => "WroteHeaders",
            Self::WroteRequest => "WroteRequest",
            Self::GotFirstResponseByte => "GotFirstResponseByte",
            Self::ConnClosed => "ConnClosed",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|moment| moment.name() == name)
    }

    /// The packet that it is held against.
    pub(crate) fn packet(self) -> &'static str {
        match self {
            Self::ConnectStart => "our SYN",
            Self::ConnectDone => "the SYN-ACK",
            Self::TlsHandshakeStart => "our ClientHello",
            // The client of TLS 1.3 has the last word in the handshake, and a handshake is done when it was written.
            Self::TlsHandshakeDone => "our Finished",
            Self::WroteHeaders => "last byte of the head",
            Self::WroteRequest => "last byte of the request",
            Self::GotFirstResponseByte => "first byte of the response",
            // Whoever closed first: to us a connection is closed when we have closed it.
            Self::ConnClosed => "our FIN",
        }
    }

    pub(crate) fn side(self) -> Side {
        match self {
            Self::ConnectStart | Self::TlsHandshakeStart => Side::Before,
            Self::ConnectDone
            | Self::TlsHandshakeDone
            | Self::WroteHeaders
            | Self::WroteRequest
            | Self::GotFirstResponseByte
            | Self::ConnClosed => Side::After,
        }
    }

    /// When its packet passed, if there was one.
    pub(crate) fn passed(self, connection: &Connection, exchange: usize) -> Option<i64> {
        let exchange = connection.exchanges.get(exchange);
        match self {
            Self::ConnectStart => Some(connection.syn),
            Self::ConnectDone => connection.syn_ack,
            Self::TlsHandshakeStart => connection.client_hello,
            Self::TlsHandshakeDone => connection.client_finished,
            Self::WroteHeaders => exchange?.head_end,
            Self::WroteRequest => exchange?.request_end,
            Self::GotFirstResponseByte => exchange?.response_begin,
            Self::ConnClosed => connection.client_end,
        }
    }
}

impl Side {
    /// How far an event is on the right side of its packet, in nanoseconds; below 0 it is on the wrong one.
    pub(crate) fn distance(self, event: i64, packet: i64) -> i64 {
        match self {
            Self::Before => packet - event,
            Self::After => event - packet,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::After => "after",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_must_not_be_after_its_packet_nor_an_end_before() {
        assert_eq!(Moment::ConnectStart.side().distance(10, 15), 5);
        assert_eq!(Moment::ConnectStart.side().distance(15, 10), -5);
        assert_eq!(Moment::WroteRequest.side().distance(15, 10), 5);
        assert_eq!(Moment::WroteRequest.side().distance(10, 15), -5);
    }

    #[test]
    fn moments_are_found_by_their_names() {
        for moment in Moment::ALL {
            assert_eq!(Moment::named(moment.name()), Some(moment));
        }
        assert_eq!(Moment::named("GotConn"), None);
    }
}
