//! Settings of name lookup and sockets.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::ClientBuilder;
use crate::dial::{Connect, IpFamily, Resolve, TableEntry};

/// Making connections.
impl<L> ClientBuilder<L> {
    /// Answers lookups of a host with these addresses, for one port or for any; `*` is every host (curl's `--resolve`).
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

    /// Our end of every connection. Default: as the system chooses.
    pub fn local_address(mut self, address: IpAddr) -> Self {
        self.dial.local_address = Some(address);
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
