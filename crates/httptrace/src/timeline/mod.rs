//! The recorded events of a call, folded into attempts and spans.

mod phase;

pub use phase::Phase;
