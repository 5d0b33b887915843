//! Each claim held against its packet.

use std::collections::BTreeMap;

use crate::clients::{Claim, Client, Place};
use crate::moment::Moment;
use crate::protocol::Protocol;
use crate::wire::Connection;

/// What a client has told in one run.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) claims: Vec<Claim>,
    /// How far off the claims' instants may be, in nanoseconds, because of the clock that they were read from.
    pub(crate) uncertainty: i64,
}

/// All claims of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) moment: Moment,
    pub(crate) protocol: Protocol,
    pub(crate) client: Client,
    /// How far each is on the right side of its packet, in nanoseconds, the least first.
    pub(crate) distances: Vec<i64>,
    /// Below this a distance is on the wrong side.
    pub(crate) tolerance: i64,
}

/// The rows of one run, and how many claims are about a connection or an exchange that was not captured.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Compared {
    pub(crate) rows: Vec<Row>,
    pub(crate) lost: usize,
}

/// Compares a run with its packets, whose stamps are so many nanoseconds apart at least.
pub(crate) fn compare(
    client: Client,
    protocol: Protocol,
    told: &Told,
    connections: &[Connection],
    resolution: i64,
) -> Compared {
    let mut distances: BTreeMap<Moment, Vec<i64>> = BTreeMap::new();
    let mut lost = 0;
    for claim in &told.claims {
        let Some(connection) = find(connections, protocol, claim) else {
            lost += 1;
            continue;
        };
        match claim.moment.passed(connection, claim.exchange) {
            Some(packet) => {
                let distance = claim.moment.side().distance(claim.at, packet);
                distances.entry(claim.moment).or_default().push(distance);
            }
            None if is_hidden(protocol, claim.moment) => {}
            None => lost += 1,
        }
    }
    let rows = distances.into_iter().map(|(moment, mut distances)| {
        distances.sort_unstable();
        Row {
            moment,
            protocol,
            client,
            distances,
            tolerance: told.uncertainty + resolution,
        }
    });
    Compared {
        rows: rows.collect(),
        lost,
    }
}

/// Under TLS it is not seen where the head of a request ends that has a body.
fn is_hidden(protocol: Protocol, moment: Moment) -> bool {
    protocol == Protocol::Http1OverTls && moment == Moment::WroteHeaders
}

fn find<'a>(
    connections: &'a [Connection],
    protocol: Protocol,
    claim: &Claim,
) -> Option<&'a Connection> {
    let mut all = connections
        .iter()
        .filter(|found| found.protocol == Some(protocol));
    match claim.place {
        // The kernel gives a port again after a while; the times are far apart then.
        Place::Port(port) => all
            .filter(|found| found.port == port)
            .min_by_key(|found| found.syn.abs_diff(claim.at)),
        Place::Between(from, to) => all.find(|found| (from..=to).contains(&found.syn)),
    }
}

impl Row {
    /// The value that so many of a thousand distances do not exceed.
    pub(crate) fn quantile(&self, of_a_thousand: usize) -> i64 {
        let rank = (self.distances.len() * of_a_thousand).div_ceil(1_000);
        self.distances
            .get(rank.saturating_sub(1))
            .copied()
            .unwrap_or_default()
    }

    /// The largest distance on the right side.
    pub(crate) fn worst(&self) -> i64 {
        self.distances.last().copied().unwrap_or_default()
    }

    /// How many are on the wrong side by more than the clocks can tell.
    pub(crate) fn wrong(&self) -> usize {
        self.distances
            .partition_point(|distance| *distance < -self.tolerance)
    }

    /// How far on the wrong side the worst of those is.
    pub(crate) fn worst_wrong(&self) -> Option<i64> {
        let least = self.distances.first()?;
        (self.wrong() > 0).then_some(-least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Exchange;

    fn connection(port: u16, syn: i64) -> Connection {
        Connection {
            port,
            protocol: Some(Protocol::Http1),
            syn,
            syn_ack: Some(syn + 10),
            exchanges: vec![Exchange {
                head_end: None,
                request_end: Some(syn + 20),
                response_begin: Some(syn + 30),
            }],
            ..Connection::default()
        }
    }

    fn claim(place: Place, moment: Moment, at: i64) -> Claim {
        Claim {
            place,
            exchange: 0,
            moment,
            at,
        }
    }

    fn compared(claims: Vec<Claim>) -> Compared {
        let connections = [
            connection(1, 100),
            connection(2, 1_000),
            connection(1, 5_000),
        ];
        let told = Told {
            claims,
            uncertainty: 2,
        };
        compare(Client::Ours, Protocol::Http1, &told, &connections, 1)
    }

    #[test]
    fn claims_meet_the_packets_of_their_connection() {
        let compared = compared(vec![
            claim(Place::Port(1), Moment::ConnectStart, 93),
            claim(Place::Port(1), Moment::ConnectStart, 4_999),
            claim(Place::Between(900, 1_100), Moment::WroteRequest, 1_025),
        ]);
        let distances = |at: usize| compared.rows[at].distances.clone();
        assert_eq!((compared.rows.len(), compared.lost), (2, 0));
        assert_eq!((distances(0), distances(1)), (vec![1, 7], vec![5]));
    }

    #[test]
    fn what_has_no_packet_is_counted() {
        let mut second = claim(Place::Port(2), Moment::WroteRequest, 1_000);
        second.exchange = 1;
        let compared = compared(vec![
            claim(Place::Port(3), Moment::ConnectStart, 93),
            claim(Place::Between(0, 50), Moment::ConnectStart, 93),
            claim(Place::Port(2), Moment::ConnClosed, 1_100),
            second,
        ]);
        assert_eq!(compared.lost, 4);
    }

    #[test]
    fn only_what_the_clocks_can_tell_is_on_the_wrong_side() {
        let done = |at: i64| claim(Place::Port(2), Moment::ConnectDone, 1_010 + at);
        let compared = compared(vec![done(-3), done(0), done(-4), done(9)]);
        let row = &compared.rows[0];
        assert_eq!((row.wrong(), row.worst_wrong()), (1, Some(4)));
        assert_eq!((row.worst(), row.quantile(500)), (9, -3));
    }

    #[test]
    fn quantiles_are_values_that_were_seen() {
        let mut row = compared(vec![claim(Place::Port(2), Moment::ConnectDone, 1_011)])
            .rows
            .remove(0);
        assert_eq!((row.quantile(500), row.quantile(990)), (1, 1));
        row.distances = (1..=200).collect();
        assert_eq!((row.quantile(500), row.quantile(990)), (100, 198));
        assert_eq!((row.wrong(), row.worst_wrong()), (0, None));
    }
}
