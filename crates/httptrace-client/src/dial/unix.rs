//! Unix sockets in the place of name lookup and TCP.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use httptrace::info::Address;
use httptrace::{Emitter, Phase};
use tokio::net::UnixStream;

use super::connect::{self, event_error, kind_of};
use super::deadline::Deadline;
use super::socket::SocketIo;
use super::{Dialed, Stream};
use crate::error::Error;

/// The socket that every connection leads to.
#[derive(Clone, Debug)]
pub(crate) struct UnixSocket {
    /// As tokio takes it: names of the abstract namespace begin with a null byte.
    path: PathBuf,
    /// As people write it: those begin with `@`.
    shown: Arc<Path>,
}

impl UnixSocket {
    pub(crate) fn at(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            shown: path.into(),
        }
    }

    /// One of the abstract namespace, which no file stands for.
    #[cfg(any(target_os = "android", target_os = "linux"))]
    pub(crate) fn abstract_named(name: &[u8]) -> Self {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;

        let with = |mark: &[u8]| PathBuf::from(OsStr::from_bytes(&[mark, name].concat()));
        Self {
            path: with(b"\0"),
            shown: with(b"@").into(),
        }
    }

    fn is_abstract(&self) -> bool {
        self.path != *self.shown
    }
}

/// Connects to the socket.
pub(super) async fn connect(
    socket: &UnixSocket,
    deadline: Deadline,
    emitter: &Emitter,
) -> Result<Dialed, Error> {
    let address = Address::Unix(Arc::clone(&socket.shown));
    let guard = connect::start(emitter, &address, 0);
    match deadline.bound(UnixStream::connect(&socket.path)).await {
        Ok(Ok(stream)) => {
            guard.done(|done| done);
            Ok(dialed(stream, address))
        }
        Ok(Err(error)) => {
            let error = Arc::new(error);
            guard.done(|done| done.with_error(event_error(&error)));
            Err(explain(socket, &error))
        }
        Err(_) => {
            let what = format!("connecting to the Unix socket {address}");
            let error = Error::timeout(Phase::Connect, &what, deadline.limit);
            guard.done(|done| done.with_error(error.to_event()));
            Err(error)
        }
    }
}

fn dialed(stream: UnixStream, address: Address) -> Dialed {
    // A client's end has no name, as a rule.
    let local = stream.local_addr().ok();
    let local = local.and_then(|local| local.as_pathname().map(|path| Address::Unix(path.into())));
    let (io, probe) = SocketIo::new(stream);
    Dialed {
        stream: Stream::Unix(io),
        probe: Some(probe),
        local,
        remote: Some(address),
        alpn: None,
    }
}

fn explain(socket: &UnixSocket, error: &Arc<io::Error>) -> Error {
    let reason = match error.kind() {
        io::ErrorKind::NotFound => {
            "there is no such socket; is the server running, and is this its path?".to_owned()
        }
        io::ErrorKind::ConnectionRefused if socket.is_abstract() => {
            "nobody listens on this name; is the server running?".to_owned()
        }
        io::ErrorKind::ConnectionRefused => {
            "nobody listens on it; is the server running? What stands there may be left from one that \
             has ended, or be no socket"
                .to_owned()
        }
        io::ErrorKind::PermissionDenied => {
            "permission denied; it takes the right to write to the socket, and to enter the folders above it"
                .to_owned()
        }
        io::ErrorKind::WouldBlock => {
            "the server's queue of connections is full; is it busy, or stuck?".to_owned()
        }
        io::ErrorKind::InvalidInput => {
            format!("{error}; systems take about a hundred bytes: a link to it may be shorter")
        }
        _ => error.to_string(),
    };
    let shown = socket.shown.display();
    let message = format!("could not connect to the Unix socket {shown}: {reason}");
    Error::new(Phase::Connect, kind_of(error), message).with_shared_source(Arc::clone(error) as _)
}

#[cfg(test)]
mod tests;
