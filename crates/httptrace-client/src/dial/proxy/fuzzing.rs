//! What proxies are told and say, opened for the fuzz targets alone.

use http::StatusCode;

use super::bypass::Bypass;
use super::connect::{AnswerDecoder, BadAnswer};
use super::server::ProxyServer;
use super::socks5::{Socks5, SocksError};

/// A proxy's final answer to `CONNECT`.
#[derive(Debug, PartialEq, Eq)]
pub struct ConnectAnswer {
    /// Its status.
    pub status: StatusCode,
    /// Its reason, as it is shown.
    pub reason: String,
    /// What came behind it.
    pub rest: Vec<u8>,
}

/// Reads the answer to `CONNECT` from these pieces: none if it is incomplete, the message if it is bad.
pub fn connect_answer(pieces: &[&[u8]]) -> Result<Option<ConnectAnswer>, String> {
    let mut decoder = AnswerDecoder::default();
    let mut pieces = pieces.iter();
    while let Some(piece) = pieces.next() {
        let fed = decoder.feed(piece);
        if let Some(answer) = fed.map_err(|bad: BadAnswer| bad.to_string())? {
            let mut rest = answer.rest;
            pieces.for_each(|piece| rest.extend_from_slice(piece));
            return Ok(Some(ConnectAnswer {
                status: answer.status,
                reason: answer.reason,
                rest,
            }));
        }
    }
    Ok(None)
}

/// How it went to ask a SOCKS5 proxy for a tunnel.
#[derive(Debug, PartialEq, Eq)]
pub struct SocksTalk {
    /// What the proxy is sent, all together.
    pub sent: Vec<u8>,
    /// If the tunnel stands, what came behind the proxy's answer.
    pub open: Option<Vec<u8>>,
}

/// Asks for a tunnel to a host's port 443, given all that the proxy says in these pieces; the message if there is none.
pub fn socks5(
    host: &str,
    credentials: Option<(&[u8], &[u8])>,
    pieces: &[&[u8]],
) -> Result<SocksTalk, String> {
    let failed = |error: SocksError| error.to_string();
    let (mut socks, mut sent) = Socks5::begin(host, 443, credentials).map_err(failed)?;
    let mut pieces = pieces.iter();
    while let Some(piece) = pieces.next() {
        let next = socks.feed(piece).map_err(failed)?;
        sent.extend(next.send);
        if let Some(mut open) = next.open {
            pieces.for_each(|piece| open.extend_from_slice(piece));
            let open = Some(open);
            return Ok(SocksTalk { sent, open });
        }
    }
    Ok(SocksTalk { sent, open: None })
}

/// Whether a list as in `NO_PROXY` exempts a host and port.
pub fn bypasses(list: &str, host: &str, port: u16) -> bool {
    Bypass::parse(list).with_loopback().contains(host, port)
}

/// A proxy from its text, as it is shown: without credentials. The message if it is none.
pub fn proxy(text: &str) -> Result<String, String> {
    let server = ProxyServer::parse(text)?;
    let _ = server.authorization();
    Ok(server.to_string())
}
