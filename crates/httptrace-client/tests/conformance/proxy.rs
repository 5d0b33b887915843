//! What only a peer that is a proxy does.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};

use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;

use crate::events::text;
use crate::recording::{Line, line};
use crate::wire::{Wire, exactly};

/// Connects to a port and passes bytes on, both ways, until both directions have ended.
pub(crate) async fn tunnel(wire: Wire, port: u16) {
    let mut wire = wire.expect("a scenario makes a tunnel of a closed connection");
    let dialed = TcpStream::connect(("127.0.0.1", port)).await;
    let mut dialed = dialed.expect("a tunnel leads to a peer that serves");
    // Who ends it, and how, both sides record for themselves.
    let _ = copy_bidirectional(&mut wire, &mut dialed).await;
}

/// Reads the methods that the client offers (RFC 1928, section 3).
pub(crate) async fn socks_greeting(wire: &mut Wire) -> io::Result<Line> {
    exactly(wire, 1).await?;
    let methods = counted(wire).await?;
    Ok(line!("socks_greeting", "methods": methods))
}

/// Reads a name and a password (RFC 1929).
pub(crate) async fn socks_login(wire: &mut Wire) -> io::Result<Line> {
    exactly(wire, 1).await?;
    let name = text(&counted(wire).await?);
    let password = text(&counted(wire).await?);
    Ok(line!("socks_login", "name": name, "password": password))
}

/// Reads a command and its address (RFC 1928, section 4).
pub(crate) async fn socks_request(wire: &mut Wire) -> io::Result<Line> {
    let head = exactly(wire, 4).await?;
    let (command, kind) = (head[1], head[3]);
    let host = match kind {
        1 => {
            let address: [u8; 4] = exactly(wire, 4).await?.try_into().expect("four bytes");
            Ipv4Addr::from(address).to_string()
        }
        4 => {
            let address: [u8; 16] = exactly(wire, 16).await?.try_into().expect("sixteen bytes");
            format!("[{}]", Ipv6Addr::from(address))
        }
        3 => text(&counted(wire).await?),
        _ => String::new(),
    };
    let port = exactly(wire, 2).await?;
    let port = u16::from_be_bytes([port[0], port[1]]);
    let address = format!("{host}:{port}");
    Ok(line!("socks_request", "command": command, "kind": kind, "address": address))
}

/// Reads a length of one byte, and as many bytes as it says.
async fn counted(wire: &mut Wire) -> io::Result<Vec<u8>> {
    let length = exactly(wire, 1).await?[0];
    exactly(wire, length.into()).await
}
