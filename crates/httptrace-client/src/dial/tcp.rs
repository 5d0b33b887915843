//! One TCP connection.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpSocket, TcpStream};

use super::DialConfig;
use super::local_end::LocalEnd;

/// The socket options of a connect.
#[derive(Clone)]
pub(super) struct Options {
    local_end: LocalEnd,
    nodelay: bool,
    keepalive: Option<Duration>,
}

impl Options {
    pub(super) fn of(config: &DialConfig) -> Self {
        Self {
            local_end: config.local_end.clone(),
            nodelay: config.nodelay,
            keepalive: config.keepalive,
        }
    }

    /// Sets on a connection what can wait until it is told of.
    pub(super) fn set_on(&self, stream: &TcpStream) {
        // A connection without these options still works, and some sandboxes refuse them: not worth failing for.
        let _ = stream.set_nodelay(self.nodelay);
        if let Some(time) = self.keepalive {
            let keepalive = TcpKeepalive::new().with_time(time).with_interval(time);
            let _ = SockRef::from(stream).set_tcp_keepalive(&keepalive);
        }
    }
}

/// Connects to one address, from the local end that the options name.
pub(super) async fn connect(addr: SocketAddr, options: Options) -> io::Result<TcpStream> {
    let socket = match addr {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    options.local_end.bind(&socket, addr).await?;
    socket.connect(addr).await
}

#[cfg(test)]
mod tests;
