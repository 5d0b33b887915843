#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod call;
mod client_trace;
mod context;
mod emitter;
mod error;
mod event;
mod guard;
mod id;
pub mod info;
mod observer;
mod recorder;
pub mod timeline;

// The public interface is:
pub use call::{Attempt, Call};
pub use client_trace::ClientTrace;
pub use context::{RequestExt, Scope};
pub use emitter::{Emitter, Info};
pub use error::{BoxError, ErrorKind, EventError};
pub use event::{Event, EventKind, EventName, EventSet};
pub use guard::{Done, StartGuard};
pub use id::{CallId, ConnectionId};
pub use observer::Observer;
pub use recorder::Recorder;
pub use timeline::{Phase, Timeline};
