//! What the tap of HTTP/2 tells beyond what both protocols have.

use std::sync::Arc;
use std::time::{Duration, Instant};

use httptrace::info::{
    FlowControlWaitDone, FlowControlWaitStart, FlowWindow, GoAway, Http2Code, Pong, ResetBy,
    SettingsReceived, StreamReset,
};
use httptrace::{Emitter, EventError};

use crate::wire::told;

/// Something to be told when the ledger's lock is gone.
pub(super) struct Telling {
    pub(super) emitter: Emitter,
    pub(super) at: Instant,
    pub(super) what: What,
}

/// One fact.
#[derive(Clone)]
pub(super) enum What {
    FirstByte,
    Reset(StreamReset),
    WaitStart(FlowWindow),
    WaitDone(FlowWindow, Option<EventError>),
    GoAway(Said),
    Settings(SettingsReceived),
    Pong(Duration),
}

/// What a GOAWAY says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(super) by: ResetBy,
    pub(crate) last_stream_id: u32,
    pub(crate) code: Http2Code,
    /// In words, if it says anything so.
    pub(crate) debug_data: Option<Arc<str>>,
}

impl Telling {
    pub(super) fn tell(self) {
        let Self { emitter, at, what } = self;
        match what {
            What::FirstByte => told::first_byte(&emitter, at),
            What::Reset(reset) => emitter.emit_at(at, || reset),
            What::WaitStart(window) => emitter.emit_at(at, || FlowControlWaitStart::new(window)),
            What::WaitDone(window, error) => emitter.emit_at(at, || {
                let mut done = FlowControlWaitDone::new(window);
                done.error = error;
                done
            }),
            What::GoAway(said) => emitter.emit_at(at, || {
                let mut info = GoAway::new(said.by, said.last_stream_id, said.code);
                info.debug_data = said.debug_data;
                info
            }),
            What::Settings(settings) => emitter.emit_at(at, || settings),
            What::Pong(round_trip) => emitter.emit_at(at, || Pong::new(round_trip)),
        }
    }
}
