//! What makes two connections interchangeable.

use std::sync::Arc;

use tokio::runtime;

/// Connections with equal keys may serve each other's requests.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) https: bool,
    /// The host as the request writes it, in punycode, without brackets.
    pub(crate) host: Arc<str>,
    pub(crate) port: u16,
    /// A socket is driven by the runtime it was made on: on another one it would hang.
    pub(crate) runtime: runtime::Id,
}

impl Key {
    /// `host:port` as `GetConn` names it: IPv6 in brackets.
    pub(crate) fn host_port(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }
}
