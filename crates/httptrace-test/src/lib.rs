#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod checker;
pub mod dns;
pub mod leaks;
pub mod peer;
pub mod tls;

pub use checker::{Checker, Side};
pub use dns::CannedDns;
pub use leaks::Leaks;
pub use peer::http2;
pub use peer::{ClientEnd, DuplexPeer, Peer, PeerReport, RefusingAddr, Script, StallingAddr};
pub use tls::{TestCa, TestServer};
