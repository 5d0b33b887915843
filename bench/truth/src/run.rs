//! The runs: each client over each protocol, under capture.

use std::path::Path;
use std::time::Duration;

use httptrace::BoxError;

use crate::capture::Tcpdump;
use crate::cli::Cli;
use crate::clients::{self, Client, Go, HttpStat};
use crate::compare::{Compared, Row, Told, compare};
use crate::cores;
use crate::protocol::Protocol;
use crate::server::Server;
use crate::table::Setting;
use crate::wire;

/// What came of all runs.
#[derive(Debug, Default)]
pub(crate) struct Results {
    /// By event, protocol and client.
    pub(crate) rows: Vec<Row>,
    pub(crate) setting: Setting,
    /// What a reader of the table must know beside it.
    pub(crate) notes: Vec<String>,
}

/// Requests that nobody looks at: the first ones of a program are slow.
const WARM_UP: usize = 20;

/// The other clients' programs, as far as they are had.
#[derive(Debug, Default)]
struct Programs {
    go: Option<Go>,
    http_stat: Option<HttpStat>,
}

/// Runs everybody there is.
pub(crate) fn all(cli: &Cli) -> Result<Results, BoxError> {
    let mut results = Results::default();
    results.setting.requests = cli.requests;
    results.setting.pause = cli.pause;
    let programs = build(cli, &mut results)?;
    let server = Server::start(Duration::from_micros(cli.pause))?;
    cores::run_as_client();
    let mut clients = vec![Client::Ours, Client::BareSocket];
    clients.extend(programs.go.as_ref().map(|_| Client::Go));
    clients.extend(programs.http_stat.as_ref().map(|_| Client::HttpStat));
    for client in clients {
        let protocols = match client {
            Client::BareSocket => &Protocol::ALL[..1],
            Client::Ours | Client::Go | Client::HttpStat => &Protocol::ALL,
        };
        under_capture(
            client,
            protocols,
            &server,
            &mut results,
            |protocol, requests| one(client, protocol, requests, &server, &programs),
        )?;
    }
    results
        .rows
        .sort_by_key(|row| (row.moment, row.protocol, row.client));
    Ok(results)
}

/// One client over one protocol.
fn one(
    client: Client,
    protocol: Protocol,
    requests: usize,
    server: &Server,
    programs: &Programs,
) -> Result<Told, BoxError> {
    let missing = || format!("there is no program of {client}");
    match client {
        Client::Ours => clients::ours(server, protocol, requests),
        Client::BareSocket => Ok(clients::bare(server.address(protocol), requests)?),
        Client::Go => {
            let go = programs.go.as_ref().ok_or_else(missing)?;
            Ok(go.run(server, protocol, requests)?)
        }
        Client::HttpStat => {
            let http_stat = programs.http_stat.as_ref().ok_or_else(missing)?;
            Ok(http_stat.run(server, protocol, requests)?)
        }
    }
}

/// Runs one client over these protocols, and holds what it tells against the packets.
fn under_capture(
    client: Client,
    protocols: &[Protocol],
    server: &Server,
    results: &mut Results,
    run: impl Fn(Protocol, usize) -> Result<Told, BoxError>,
) -> Result<(), BoxError> {
    let addresses: Vec<_> = protocols
        .iter()
        .map(|protocol| server.address(*protocol))
        .collect();
    let tcpdump = Tcpdump::start(&addresses)?;
    let mut told = Vec::new();
    for protocol in protocols {
        run(*protocol, WARM_UP)?;
        told.push((*protocol, run(*protocol, requests_of(results))?));
    }
    let capture = tcpdump.end()?;
    if capture.dropped > 0 {
        let dropped = capture.dropped;
        results.notes.push(format!(
            "{client}: {dropped} packets were dropped by the kernel"
        ));
    }
    let ports: Vec<_> = protocols
        .iter()
        .map(|protocol| (server.address(*protocol).port(), *protocol))
        .collect();
    let connections = wire::connections(capture.packets()?, &ports);
    for (protocol, told) in told {
        let resolution = capture.resolution()?;
        let Compared { rows, lost } = compare(client, protocol, &told, &connections, resolution);
        if lost > 0 {
            let all = told.claims.len();
            let name = protocol.name();
            results.notes.push(format!(
                "{client}, {name}: {lost} of {all} events have no packet"
            ));
        }
        let tolerance = told.uncertainty + resolution;
        results.setting.tolerance = results.setting.tolerance.max(tolerance);
        results.rows.extend(rows);
    }
    Ok(())
}

fn requests_of(results: &Results) -> usize {
    results.setting.requests
}

/// Builds the programs of the others, where that is possible and asked for. Before the clients are put on their cores.
fn build(cli: &Cli, results: &mut Results) -> Result<Programs, BoxError> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/bench-truth");
    std::fs::create_dir_all(&folder)?;
    let mut programs = Programs::default();
    match clients::build_go(&folder)? {
        Some(go) => {
            results.setting.versions.push(go.version.clone());
            programs.go = Some(go);
        }
        None => results
            .notes
            .push("skipped: there is no Go at hand".to_owned()),
    }
    if cli.http_stat {
        programs.http_stat = Some(clients::build_http_stat(&folder)?);
    }
    Ok(programs)
}
