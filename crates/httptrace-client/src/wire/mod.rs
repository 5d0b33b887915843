//! The wire tap: a transparent stream between the codec and TLS that watches the bytes.
//!
//! hyper and h2 hide the moments that matter, so the taps see them for themselves. For https it sits above TLS, whose flush completes only
//! when the session has nothing left to write.

mod broken;
mod fields;
pub(crate) mod http1;
pub(crate) mod http2;
mod told;

#[cfg(fuzzing)]
pub(crate) use fields::fields_by_name;
pub(crate) use told::Field;
