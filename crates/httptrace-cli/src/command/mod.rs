//! What the program can be asked to do.

mod body;
mod call;
mod client;
mod demo;
mod export;
mod picture;
mod request;
mod trace;

pub(crate) use demo::demo;
pub(crate) use trace::trace;
