//! Settings of name lookup and sockets.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::ClientBuilder;
#[cfg(unix)]
use crate::dial::UnixSocket;
use crate::dial::{Connect, IpFamily, Resolve, TableEntry};

/// Making connections.
impl<L> ClientBuilder<L> {
    /// Answers lookups of a host with these addresses, for one port or for any; `*` is every host (curl's `--resolve`).
    /// A dot at the end of a name makes no difference.
    pub fn resolve(
        mut self,
        host: &str,
        port: impl Into<Option<u16>>,
        addrs: impl IntoIterator<Item = IpAddr>,
    ) -> Self {
        let entry = TableEntry {
            host: host.into(),
            port: port.into(),
            addrs: addrs.into_iter().collect(),
        };
        self.dial.table.push(entry);
        self
    }

    /// Answers lookups instead of the operating system.
    pub fn resolver(mut self, resolver: impl Resolve) -> Self {
        self.dial.resolver = Some(Arc::new(resolver));
        self
    }

    /// Makes connections instead of name lookup and TCP; TLS goes on top.
    pub fn connector(mut self, connector: impl Connect) -> Self {
        self.dial.connector = Some(Arc::new(connector));
        self
    }

    /// Which addresses are connected to. Default: IPv4 and IPv6.
    pub fn ip_family(mut self, family: IpFamily) -> Self {
        self.dial.family = family;
        self
    }

    /// Our end's address of every TCP connection (curl's `--interface ADDRESS`). Addresses of the other IP family cannot
    /// be connected to then; one that is not this machine's fails the connects. Default: as the system chooses.
    pub fn local_address(mut self, address: IpAddr) -> Self {
        self.dial.local_end.address = Some(address);
        self
    }

    /// The network interface, by its name, that every TCP connection goes through, whatever the routes say (curl's
    /// `--interface NAME`, `SO_BINDTODEVICE`). One that does not exist fails the connects, and so does Linux before 5.7
    /// without `CAP_NET_RAW`. Name lookups go their own ways. Default: as the routes say. Only where the system can do it.
    #[cfg(any(
        target_os = "android",
        target_os = "ios",
        target_os = "linux",
        target_os = "macos"
    ))]
    pub fn interface(mut self, name: &str) -> Self {
        self.dial.local_end.interface = Some(name.into());
        self
    }

    /// Connects to this Unix socket, whatever the URL's host (curl's `--unix-socket`): no name is looked up, and what is
    /// said of addresses and TCP here has no effect. The host goes into the `Host` field as ever, and for https the TLS
    /// of the URL's host goes on top. The proxies of the environment do not count then; one that is set with
    /// [`proxy`](Self::proxy) is taken to be what listens on the socket. A [`connector`](Self::connector) comes first.
    /// Default: none.
    #[cfg(unix)]
    pub fn unix_socket(mut self, path: impl AsRef<std::path::Path>) -> Self {
        self.dial.unix_socket = Some(UnixSocket::at(path.as_ref()));
        self
    }

    /// The same with a name of Linux's abstract namespace, without the null byte before it (curl's
    /// `--abstract-unix-socket`). Events show it as `@name`.
    #[cfg(any(target_os = "android", target_os = "linux"))]
    pub fn abstract_unix_socket(mut self, name: impl AsRef<[u8]>) -> Self {
        self.dial.unix_socket = Some(UnixSocket::abstract_named(name.as_ref()));
        self
    }

    /// Whether `TCP_NODELAY` is set. Default: yes.
    pub fn tcp_nodelay(mut self, nodelay: bool) -> Self {
        self.dial.nodelay = nodelay;
        self
    }

    /// Idle time before a TCP keep-alive probe, and between probes. Default: 15 s.
    pub fn tcp_keepalive(mut self, interval: impl Into<Option<Duration>>) -> Self {
        self.dial.keepalive = interval.into();
        self
    }
}
