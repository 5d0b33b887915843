//! Test kit of the httptrace workspace: scripted peers, throw-away CA, canned DNS, event checks.
#![forbid(unsafe_code)]

pub mod checker;
pub mod peer;

pub use checker::{Checker, Side};
pub use peer::{ClientEnd, DuplexPeer, Peer, PeerReport, RefusingAddr, Script, StallingAddr};
