//! An HTTP client that fires every httptrace hook truthfully.

mod clock;
mod dial;
mod error;

pub use dial::{
    Connect, ConnectTarget, Connected, Connecting, IpFamily, Resolve, Resolved, Resolving,
};
pub use error::Error;
