//! An HTTP client that fires every httptrace hook truthfully.

mod clock;
mod error;

pub use error::Error;
