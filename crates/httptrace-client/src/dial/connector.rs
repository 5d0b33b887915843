//! Connections that the user makes: over Unix sockets, in memory, through anything.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use httptrace::info::Address;
use httptrace::{Emitter, Phase};
use tokio::io::{AsyncRead, AsyncWrite};

use super::connect::kind_of;
use super::deadline::Deadline;
use super::stream::Io;
use super::{Dialed, Stream, Target};
use crate::error::Error;

/// Makes connections instead of the client: replaces name lookup and TCP. For https the client's TLS goes on top. Where a
/// request goes by way of a proxy, the proxy is the target, and the tunnel goes through what is made.
///
/// It is called once per dial, on the dial's task. Dropping the future it returns must give the connection up; that
/// happens when the connect timeout passes and when the client is dropped. Its error fails the dial, with the error
/// as the `source()`.
pub trait Connect: Send + Sync + 'static {
    /// Makes one connection.
    ///
    /// `emitter` belongs to the request that started the dial. Nothing is emitted unless the connector does, with
    /// [`Emitter::connect_start`] and the like; keep the guards inside the future, so that they end with it.
    fn connect(&self, target: &ConnectTarget<'_>, emitter: &Emitter) -> Connecting;
}

/// What [`Connect::connect`] returns.
pub type Connecting = Pin<Box<dyn Future<Output = io::Result<Connected>> + Send>>;

/// Where a connection shall lead.
#[derive(Clone, Copy, Debug)]
pub struct ConnectTarget<'a> {
    host: &'a str,
    port: u16,
    https: bool,
}

impl<'a> ConnectTarget<'a> {
    /// The host: names in punycode, IPv6 addresses without brackets.
    pub fn host(&self) -> &'a str {
        self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether the client will speak TLS with the target. Not so for an http proxy, though TLS may go through its tunnel.
    pub fn https(&self) -> bool {
        self.https
    }
}

/// A connection made by a [`Connect`].
pub struct Connected {
    io: Box<dyn Io>,
    local: Option<Address>,
    remote: Option<Address>,
}

impl Connected {
    /// A connection whose ends are not known.
    pub fn new(io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        Self {
            io: Box::new(io),
            local: None,
            remote: None,
        }
    }

    /// Sets our end.
    #[must_use]
    pub fn with_local(mut self, local: impl Into<Address>) -> Self {
        self.local = Some(local.into());
        self
    }

    /// Sets the peer's end.
    #[must_use]
    pub fn with_remote(mut self, remote: impl Into<Address>) -> Self {
        self.remote = Some(remote.into());
        self
    }
}

impl fmt::Debug for Connected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            io: _,
            local,
            remote,
        } = self;
        f.debug_struct("Connected")
            .field("local", local)
            .field("remote", remote)
            .finish_non_exhaustive()
    }
}

/// Has the user's connector make the connection.
pub(super) async fn connect(
    connector: &dyn Connect,
    target: &Target,
    deadline: Deadline,
    emitter: &Emitter,
) -> Result<Dialed, Error> {
    let asked = ConnectTarget {
        host: &target.host,
        port: target.port,
        https: target.https,
    };
    let connecting = connector.connect(&asked, emitter);
    let connected = match deadline.bound(connecting).await {
        Ok(connected) => connected.map_err(|error| {
            let message = format!("the connector could not connect to {target}: {error}");
            Error::new(Phase::Connect, kind_of(&error), message).with_shared_source(Arc::new(error))
        })?,
        Err(_) => {
            let what = format!("connecting to {target}");
            return Err(Error::timeout(Phase::Connect, &what, deadline.limit));
        }
    };
    Ok(Dialed {
        stream: Stream::Custom(connected.io),
        probe: None,
        local: connected.local,
        remote: connected.remote,
        alpn: None,
    })
}

#[cfg(test)]
mod tests;
