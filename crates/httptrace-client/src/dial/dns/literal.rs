//! Hosts that are addresses already.

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6, ToSocketAddrs};

use httptrace::{ErrorKind, Phase};

use super::super::Target;
use crate::error::Error;

/// The address, if the host is one: IPv4, IPv6, or IPv6 with a zone (`fe80::1%eth0`, `fe80::1%2`, and in the URI's
/// form `fe80::1%25eth0`, RFC 6874).
pub(super) async fn parse(target: &Target) -> Result<Option<SocketAddr>, Error> {
    let host = &*target.host;
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(Some(SocketAddr::new(ip, target.port)));
    }
    let Some((ip, zone)) = split_zone(host) else {
        return Ok(None);
    };
    let scope_id = scope_id(zone).await.map_err(|error| {
        let message =
            format!("{host:?} names the zone {zone:?}, which is no network interface here");
        Error::new(Phase::Dns, ErrorKind::Dns, message).with_source(error)
    })?;
    let addr = SocketAddrV6::new(ip, target.port, 0, scope_id);
    Ok(Some(SocketAddr::V6(addr)))
}

/// The address of an IP literal without its zone; absent if the host is a name.
pub(in crate::dial) fn ip(host: &str) -> Option<IpAddr> {
    let zoned = || split_zone(host).map(|(ip, _)| IpAddr::V6(ip));
    host.parse().ok().or_else(zoned)
}

fn split_zone(host: &str) -> Option<(Ipv6Addr, &str)> {
    let (ip, zone) = host.split_once('%')?;
    let zone = match zone.strip_prefix("25") {
        Some(encoded) if !encoded.is_empty() => encoded,
        _ => zone,
    };
    let ip = ip.parse().ok()?;
    (!zone.is_empty()).then_some((ip, zone))
}

async fn scope_id(zone: &str) -> io::Result<u32> {
    if let Ok(number) = zone.parse() {
        return Ok(number);
    }
    // The system's parser of zoned addresses is the portable way to an interface's number. It knows interfaces by
    // name for link-local addresses alone, hence this one.
    let probe = format!("fe80::1%{zone}");
    let parse = move || (probe.as_str(), 0).to_socket_addrs();
    let mut addrs = tokio::task::spawn_blocking(parse)
        .await
        .map_err(io::Error::other)??;
    match addrs.next() {
        Some(SocketAddr::V6(addr)) if addr.scope_id() != 0 => Ok(addr.scope_id()),
        _ => Err(io::ErrorKind::NotFound.into()),
    }
}
