//! The client of this project.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{Method, Request};
use httptrace::info::{Address, WriteOutcome};
use httptrace::{BoxError, ClientTrace, ConnectionId, Event, EventKind};
use httptrace_client::{Body, Client};

use super::{BODY, Claim, Place, Step, plan};
use crate::clock::Clocks;
use crate::compare::Told;
use crate::moment::Moment;
use crate::protocol::Protocol;
use crate::server::Server;

/// What is still going on when the last answer was read has so long to end.
const LAST_WORDS: Duration = Duration::from_millis(20);

/// Follows the plan, one request after the other, in one thread.
pub(crate) fn ours(server: &Server, protocol: Protocol, requests: usize) -> Result<Told, BoxError> {
    let events = Arc::new(Mutex::new(Vec::with_capacity(requests * 32)));
    let kept = Arc::clone(&events);
    let trace = ClientTrace::new().on_event(move |event| {
        kept.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(event.clone());
    });
    let builder = Client::builder().trace(trace);
    let client = match protocol {
        Protocol::Http1 => builder.build(),
        Protocol::Http1OverTls => builder
            .only_root_certificates_pem(server.authority.as_bytes())?
            .build(),
        Protocol::Http2 => builder.http2_prior_knowledge().build(),
    };
    let url = format!("{}://{}/", protocol.scheme(), server.address(protocol));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let running = Clocks::start();
    runtime.block_on(async {
        for step in plan(requests) {
            let response = client.send(request(&url, step)?).await?;
            response.into_body().bytes().await?;
        }
        tokio::time::sleep(LAST_WORDS).await;
        Ok::<_, BoxError>(())
    })?;
    let clocks = running.end();
    let events = events.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(Told {
        claims: claims(&events, &clocks),
        uncertainty: clocks.uncertainty(),
    })
}

fn request(url: &str, step: Step) -> Result<Request<Body>, http::Error> {
    let mut request = Request::builder().uri(url);
    if step.is_last {
        request = request.header(http::header::CONNECTION, "close");
    }
    match step.has_body {
        true => request
            .method(Method::POST)
            .body(Body::from(vec![b'x'; BODY])),
        false => request.body(Body::empty()),
    }
}

/// What the events claim of their connections, which are known by their ports once they were had.
fn claims(events: &[Event], clocks: &Clocks) -> Vec<Claim> {
    let mut ports: HashMap<ConnectionId, u16> = HashMap::new();
    for event in events {
        if let (Some(id), Some(port)) = (event.connection, port(event)) {
            ports.insert(id, port);
        }
    }
    let mut had: HashMap<ConnectionId, usize> = HashMap::new();
    let mut claims = Vec::new();
    for event in events {
        let Some(id) = event.connection else { continue };
        if matches!(event.kind, EventKind::GotConn(_)) {
            *had.entry(id).or_default() += 1;
        }
        if let (Some(moment), Some(port)) = (moment(&event.kind), ports.get(&id)) {
            claims.push(Claim {
                place: Place::Port(*port),
                exchange: had.get(&id).map_or(0, |count| count - 1),
                moment,
                at: clocks.wall(event.at),
            });
        }
    }
    claims
}

fn port(event: &Event) -> Option<u16> {
    match &event.kind {
        EventKind::GotConn(got) => match got.local_addr {
            Some(Address::Tcp(local)) => Some(local.port()),
            _ => None,
        },
        _ => None,
    }
}

/// The moment that an event claims; none if it tells of a failure.
fn moment(kind: &EventKind) -> Option<Moment> {
    match kind {
        EventKind::ConnectStart(_) => Some(Moment::ConnectStart),
        EventKind::ConnectDone(done) if done.error.is_none() => Some(Moment::ConnectDone),
        EventKind::TlsHandshakeStart(_) => Some(Moment::TlsHandshakeStart),
        EventKind::TlsHandshakeDone(done) if done.error.is_none() => Some(Moment::TlsHandshakeDone),
        EventKind::WroteHeaders(_) => Some(Moment::WroteHeaders),
        EventKind::WroteRequest(wrote) => {
            matches!(wrote.outcome, WriteOutcome::Sent).then_some(Moment::WroteRequest)
        }
        EventKind::GotFirstResponseByte(_) => Some(Moment::GotFirstResponseByte),
        EventKind::ConnClosed(_) => Some(Moment::ConnClosed),
        _ => None,
    }
}
