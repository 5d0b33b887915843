//! The steps of a script.

use std::fmt;
use std::time::Duration;

use super::frame::Draft;

/// A step, and what a failure calls it.
#[derive(Clone)]
pub(super) struct Step {
    pub(super) name: String,
    pub(super) act: Act,
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[derive(Clone)]
pub(super) enum Act {
    Await(Awaited),
    /// These frames, with no other between them.
    Send(Vec<Draft>),
    Raw(Vec<u8>),
    /// The answer to the last `PING`.
    Pong,
    /// From here on the client's bytes are read, or are left where they are.
    Read(bool),
    /// From here on writes have so many bytes, and such a pause between them.
    Pieces(usize, Duration),
    Delay(Duration),
    WaitFor(String),
    Raise(String),
    HalfClose,
    End(End),
}

/// What a script waits for, unless it has come already. Streams are given as the number of their request.
#[derive(Clone, Copy)]
pub(super) enum Awaited {
    Settings,
    SettingsAck,
    Request(usize),
    Body(usize, usize),
    EndStream(usize),
    Reset(usize, u32),
    GoAway(u32),
    Ping,
    Pong,
    Widened(usize, u64),
    Eof,
}

/// How a script ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::peer) enum End {
    Close,
    Cut,
    Reset,
}
