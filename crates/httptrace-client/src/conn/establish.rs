//! What a dial ends in: a connection that speaks one of the two protocols.

use std::sync::{Arc, Weak};

use httptrace::{ConnectionId, Emitter, ErrorKind, Phase};

use super::http2::{self, Http2};
use super::{Connection, HeadLimits};
use crate::dial::Dialed;
use crate::error::Error;
use crate::pool::{Key, Pool, Protocols};

/// A connection to use.
pub(crate) enum Established {
    Http1(Box<Connection>),
    Http2(Http2),
}

/// How connections are spoken on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Speech {
    pub(crate) head_limits: HeadLimits,
    pub(crate) http2: http2::Settings,
}

impl Established {
    /// Puts the codec on what was dialed, as the handshake settled or as is known before.
    ///
    /// `own`: the client's own trace. `dial`: the emitter of the dial, with the connection's id.
    pub(crate) async fn new(
        id: ConnectionId,
        key: Arc<Key>,
        dialed: Dialed,
        speech: Speech,
        own: &Emitter,
        dial: Emitter,
        pool: Weak<Pool>,
    ) -> Result<Self, Error> {
        let is_h2 = dialed.alpn.as_deref() == Some("h2");
        match key.protocols {
            Protocols::Http1 if is_h2 => {
                let message = "the server and the TLS configuration settled on h2, which this request cannot be sent \
                               over: it asks for HTTP/1.1";
                Err(Error::new(Phase::Tls, ErrorKind::Protocol, message))
            }
            Protocols::Http2 if key.https && !is_h2 => {
                let message = "the server does not take HTTP/2, which alone was offered: offer HTTP/1.1 as well";
                Err(Error::new(Phase::Tls, ErrorKind::Protocol, message))
            }
            Protocols::Http2OrHttp1 | Protocols::Http1 if !is_h2 => {
                let conn = Connection::new(id, key, dialed, speech.head_limits).await?;
                Ok(Self::Http1(Box::new(conn)))
            }
            _ => Ok(Self::Http2(
                Http2::handshake(id, key, dialed, speech, own.clone(), dial, pool).await?,
            )),
        }
    }
}
