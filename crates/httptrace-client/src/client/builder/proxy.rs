//! Settings of proxies.

use super::ClientBuilder;
use crate::dial::Proxy;

/// Proxies.
impl<L> ClientBuilder<L> {
    /// Which requests go through which proxy. Default: [`Proxy::from_env`], read when the client is built; none if all
    /// connections lead to a Unix socket.
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.proxy = Some(proxy);
        self
    }

    /// What has been said, or the default.
    pub(super) fn proxies(&self) -> Proxy {
        match &self.proxy {
            Some(proxy) => proxy.clone(),
            #[cfg(unix)]
            None if self.dial.unix_socket.is_some() => Proxy::none(),
            None => Proxy::from_env(),
        }
    }
}
