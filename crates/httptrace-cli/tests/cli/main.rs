//! The built program against scripted peers.

mod body;
mod compressed;
mod demo;
mod events;
mod failures;
mod http2;
mod output;
mod program;
mod proxies;
mod request;
mod route;
mod tls;
mod usage;
