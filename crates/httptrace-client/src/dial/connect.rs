//! What is told of a connect, over TCP or a Unix socket.

use std::io;
use std::sync::Arc;

use httptrace::info::{Address, ConnectDone};
use httptrace::{Emitter, ErrorKind, EventError, StartGuard};

/// A connect begins. It is the `number`th of its dial, counted from 0.
pub(super) fn start(emitter: &Emitter, addr: &Address, number: u32) -> StartGuard<ConnectDone> {
    emitter.connect_start(addr, number)
}

/// An I/O error as events carry it, where it is shared.
pub(super) fn event_error(error: &Arc<io::Error>) -> EventError {
    EventError::new(kind_of(error), error.to_string()).with_shared_source(Arc::clone(error) as _)
}

/// The class of an I/O error, as the vocabulary classes them.
pub(super) fn kind_of(error: &io::Error) -> ErrorKind {
    EventError::io(error.kind().into()).kind()
}
