#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod basic_auth;
mod client;
mod clock;
mod conn;
mod dial;
mod error;
#[cfg(fuzzing)]
pub mod fuzzing;
mod pool;
mod transport;
mod wire;

// The public interface is:
pub use client::{
    Body, CallTimeout, Client, ClientBuilder, DecodeError, RedirectAction, RedirectPolicy,
    RedirectStep, ReplayBody, Uncompressed, parse_uri,
};
#[cfg(feature = "hickory")]
pub use dial::HickoryResolver;
pub use dial::{
    Connect, ConnectTarget, Connected, Connecting, IpFamily, Proxy, Resolve, Resolved, Resolving,
    TlsVersion,
};
pub use error::Error;
pub use transport::Transport;
