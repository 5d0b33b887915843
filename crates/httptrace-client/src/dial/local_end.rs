//! Our end of a TCP connection: its address, its network interface.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpSocket;

/// What our end of a TCP connection shall be. Nothing set: as the system chooses.
#[derive(Clone, Debug, Default)]
pub(crate) struct LocalEnd {
    pub(crate) address: Option<IpAddr>,
    /// A network interface, by its name: packets leave and enter by it, whatever the routes say.
    pub(crate) interface: Option<Arc<str>>,
}

impl LocalEnd {
    /// Binds a socket that shall connect to this address.
    pub(super) async fn bind(&self, socket: &TcpSocket, remote: SocketAddr) -> io::Result<()> {
        if let Some(name) = &self.interface {
            bind_to_interface(socket, name, remote)
                .await
                .map_err(|error| refused_interface(name, error))?;
        }
        let Some(local) = self.address else {
            return Ok(());
        };
        if local.is_ipv4() != remote.is_ipv4() {
            let message = format!("the local address {local} is of another IP family");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let bound = socket.bind(SocketAddr::new(local, 0));
        bound.map_err(|error| refused_address(local, error))
    }
}

/// The system takes the name. Before Linux 5.7 only with `CAP_NET_RAW`.
#[cfg(any(target_os = "android", target_os = "linux"))]
async fn bind_to_interface(socket: &TcpSocket, name: &str, _: SocketAddr) -> io::Result<()> {
    socket.bind_device(Some(name.as_bytes()))
}

/// The system takes the interface's number, in an option of each IP family.
#[cfg(any(target_os = "ios", target_os = "macos"))]
async fn bind_to_interface(socket: &TcpSocket, name: &str, remote: SocketAddr) -> io::Result<()> {
    let index = std::num::NonZeroU32::new(super::dns::scope_id(name).await?);
    let socket = socket2::SockRef::from(socket);
    match remote {
        SocketAddr::V4(_) => socket.bind_device_by_index_v4(index),
        SocketAddr::V6(_) => socket.bind_device_by_index_v6(index),
    }
}

/// Not reached: the builder has no method for it there.
#[cfg(not(any(
    target_os = "android",
    target_os = "ios",
    target_os = "linux",
    target_os = "macos"
)))]
async fn bind_to_interface(_: &TcpSocket, _: &str, _: SocketAddr) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

fn refused_interface(name: &str, error: io::Error) -> io::Error {
    let advice = match error.kind() {
        io::ErrorKind::PermissionDenied => "before Linux 5.7 it takes the capability CAP_NET_RAW",
        _ => "`ip link` or `ifconfig` lists what there is",
    };
    refused(
        format!("the network interface {name:?} cannot be used ({error}); {advice}"),
        error,
    )
}

fn refused_address(local: IpAddr, error: io::Error) -> io::Error {
    let what = match error.kind() {
        io::ErrorKind::AddrNotAvailable => {
            format!("the local address {local} is none of this machine's")
        }
        _ => format!("the local address {local} cannot be used ({error})"),
    };
    refused(what, error)
}

fn refused(message: String, source: io::Error) -> io::Error {
    io::Error::new(source.kind(), Refused { message, source })
}

/// The system did not take what was asked for our end.
#[derive(Debug)]
struct Refused {
    message: String,
    source: io::Error,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Refused {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.source)
    }
}
