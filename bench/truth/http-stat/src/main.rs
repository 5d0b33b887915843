//! http-stat's side: the same requests, each on a connection of its own.
//!
//! http-stat tells how long each phase took, and no instants. Its waterfall lays them end to end, and so does this: from the
//! instant at which it was called. Each sum is a claim, a line in the form that `clients/claim.rs` of bench-truth reads.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use http_stat::{HttpRequest, HttpStat, request};

/// As long as the other clients' bodies.
const BODY: usize = 8 * 1_024;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let told = match &arguments[..] {
        [protocol, address, requests] => run(protocol, address, requests),
        _ => Err("usage: bench-truth-http-stat PROTOCOL ADDRESS REQUESTS".into()),
    };
    match told.and_then(|lines| Ok(io::stdout().write_all(lines.as_bytes())?)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to be told if this fails.
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(
    protocol: &str,
    address: &str,
    requests: &str,
) -> Result<String, Box<dyn std::error::Error>> {
    let requests: usize = requests.parse()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut lines = String::new();
    for number in 0..requests {
        let wanted = wanted(protocol, address, number)?;
        let from = now()?;
        let stat = runtime.block_on(request(wanted));
        let to = now()?;
        if let Some(error) = stat.error {
            return Err(error.into());
        }
        for (event, after) in claims(&stat) {
            let at = from + after.as_nanos();
            lines.push_str(&format!("between {from} {to} 0 {event} {at}\n"));
        }
    }
    Ok(lines)
}

fn wanted(protocol: &str, address: &str, number: usize) -> http_stat::Result<HttpRequest> {
    let scheme = if protocol == "tls" { "https" } else { "http" };
    let mut wanted = HttpRequest::try_from(format!("{scheme}://{address}/").as_str())?;
    if protocol == "tls" {
        wanted.alpn_protocols = vec!["http/1.1".to_owned()];
    }
    wanted.h2_prior_knowledge = protocol == "http2";
    // The authority is thrown away after the run, and none that the machine knows.
    wanted.skip_verify = true;
    wanted.discard_body = true;
    if number % 2 == 1 {
        wanted.method = Some("POST".to_owned());
        wanted.body = Some(vec![b'x'; BODY].into());
    }
    Ok(wanted)
}

/// The ends of its phases, after its start. What it does not tell has no end.
fn claims(stat: &HttpStat) -> Vec<(&'static str, Duration)> {
    let mut claims = Vec::new();
    let mut end = stat.dns_lookup.unwrap_or_default();
    if let Some(tcp) = stat.tcp_connect {
        claims.push(("ConnectStart", end));
        end += tcp;
        claims.push(("ConnectDone", end));
    }
    if let Some(tls) = stat.tls_handshake {
        claims.push(("TlsHandshakeStart", end));
        end += tls;
        claims.push(("TlsHandshakeDone", end));
    }
    if let Some(send) = stat.request_send {
        end += send;
        claims.push(("WroteRequest", end));
    }
    if let Some(processing) = stat.server_processing {
        end += processing;
        claims.push(("GotFirstResponseByte", end));
    }
    claims
}

fn now() -> Result<u128, std::time::SystemTimeError> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    Ok(since.as_nanos())
}
