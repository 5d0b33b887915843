//! What the packets say: when each thing that an event tells of was on the wire.

mod http1;
mod http2;
mod stream;
mod tls;

use std::collections::HashMap;

use crate::capture::{Flags, Packet};
use crate::protocol::Protocol;
use stream::Segments;

/// A connection, by its packets. Instants are nanoseconds of the wall clock; what was not seen is absent.
#[derive(Debug, Default)]
pub(crate) struct Connection {
    /// The client's port.
    pub(crate) port: u16,
    pub(crate) protocol: Option<Protocol>,
    pub(crate) syn: i64,
    pub(crate) syn_ack: Option<i64>,
    /// The first byte of the ClientHello.
    pub(crate) client_hello: Option<i64>,
    /// The client's Finished: in TLS 1.3 the last record of the handshake, and in its last packet.
    pub(crate) client_finished: Option<i64>,
    pub(crate) exchanges: Vec<Exchange>,
    /// The client's FIN, or its RST if that came first.
    pub(crate) client_end: Option<i64>,
}

/// A request and its response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Exchange {
    /// The last byte of the request's head.
    pub(crate) head_end: Option<i64>,
    /// The last byte of the request.
    pub(crate) request_end: Option<i64>,
    /// The first byte of the response.
    pub(crate) response_begin: Option<i64>,
}

/// The connections among these packets to the ports of our servers, in the order in which they began.
pub(crate) fn connections<'a>(
    packets: impl Iterator<Item = Packet<'a>>,
    servers: &[(u16, Protocol)],
) -> Vec<Connection> {
    let mut seen: Vec<Seen> = Vec::new();
    let mut latest: HashMap<(u16, u16), usize> = HashMap::new();
    for packet in packets {
        let serves = |port| servers.iter().find(|(server, _)| *server == port);
        let (server, is_ours) = match (serves(packet.destination), serves(packet.source)) {
            (Some(server), _) => (server, true),
            (None, Some(server)) => (server, false),
            (None, None) => continue,
        };
        let client = if is_ours {
            packet.source
        } else {
            packet.destination
        };
        let key = (client, server.0);
        let opens = is_ours && packet.flags.any(Flags::SYN);
        if opens {
            // A port that is used again is another connection; a SYN that is sent again is not.
            let again = latest
                .get(&key)
                .is_some_and(|at| seen[*at].is_same_syn(&packet));
            if !again {
                latest.insert(key, seen.len());
                seen.push(Seen::new(client, server.1, &packet));
            }
        } else if let Some(at) = latest.get(&key) {
            seen[*at].take(&packet, is_ours);
        }
    }
    seen.into_iter().map(Seen::read).collect()
}

/// A connection while its packets are looked through.
struct Seen {
    syn: u32,
    connection: Connection,
    protocol: Protocol,
    ours: Segments,
    theirs: Segments,
}

impl Seen {
    fn new(port: u16, protocol: Protocol, syn: &Packet<'_>) -> Self {
        let mut ours = Segments::default();
        ours.begin(syn.sequence);
        Self {
            syn: syn.sequence,
            connection: Connection {
                port,
                protocol: Some(protocol),
                syn: syn.at,
                ..Connection::default()
            },
            protocol,
            ours,
            theirs: Segments::default(),
        }
    }

    fn is_same_syn(&self, packet: &Packet<'_>) -> bool {
        self.syn == packet.sequence
    }

    fn take(&mut self, packet: &Packet<'_>, is_ours: bool) {
        let Packet { at, sequence, .. } = *packet;
        if is_ours {
            self.ours.add(sequence, at, packet.payload);
            if packet.flags.any(Flags::FIN | Flags::RST) {
                self.connection.client_end.get_or_insert(at);
            }
        } else {
            if packet.flags.any(Flags::SYN) {
                self.theirs.begin(sequence);
                self.connection.syn_ack.get_or_insert(at);
            }
            self.theirs.add(sequence, at, packet.payload);
        }
    }

    fn read(self) -> Connection {
        let (ours, theirs) = (self.ours.assemble(), self.theirs.assemble());
        let mut connection = self.connection;
        match self.protocol {
            Protocol::Http1 => connection.exchanges = http1::exchanges(&ours, &theirs),
            Protocol::Http2 => connection.exchanges = http2::exchanges(&ours, &theirs),
            Protocol::Http1OverTls => {
                let session = tls::Session::read(&ours, &theirs);
                connection.client_hello = ours.at(0);
                connection.client_finished = session.client_finished;
                connection.exchanges = session.exchanges;
            }
        }
        connection
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(at: i64, from: u16, to: u16, sequence: u32, flags: u8, payload: &[u8]) -> Packet<'_> {
        Packet {
            at,
            source: from,
            destination: to,
            sequence,
            flags: Flags(flags),
            payload,
        }
    }

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\n\r\n";
    const RESPONSE: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\n";

    #[test]
    fn a_connection_is_told_from_its_packets() {
        let packets = [
            packet(10, 5000, 80, 99, Flags::SYN, b""),
            packet(11, 80, 5000, 7, Flags::SYN | Flags::ACK, b""),
            packet(12, 5000, 80, 100, Flags::ACK, REQUEST),
            packet(13, 80, 5000, 8, Flags::ACK, RESPONSE),
            packet(14, 80, 5000, 35, Flags::FIN | Flags::ACK, b""),
            packet(15, 5000, 80, 118, Flags::FIN | Flags::ACK, b""),
            packet(16, 5000, 80, 119, Flags::RST, b""),
        ];
        let found = connections(packets.into_iter(), &[(80, Protocol::Http1)]);
        assert_eq!(found.len(), 1);
        let found = &found[0];
        assert_eq!((found.port, found.syn), (5000, 10));
        assert_eq!((found.syn_ack, found.client_end), (Some(11), Some(15)));
        let exchange = Exchange {
            head_end: Some(12),
            request_end: Some(12),
            response_begin: Some(13),
        };
        assert_eq!(found.exchanges, [exchange]);
    }

    #[test]
    fn a_port_that_is_used_again_is_another_connection_and_a_syn_sent_again_is_not() {
        let packets = [
            packet(10, 5000, 80, 99, Flags::SYN, b""),
            packet(20, 5000, 80, 99, Flags::SYN, b""),
            packet(30, 5000, 80, 12, Flags::SYN, b""),
            packet(40, 5000, 81, 13, Flags::SYN, b""),
        ];
        let found = connections(packets.into_iter(), &[(80, Protocol::Http1)]);
        let syns: Vec<_> = found.iter().map(|connection| connection.syn).collect();
        assert_eq!(syns, [10, 30]);
    }
}
