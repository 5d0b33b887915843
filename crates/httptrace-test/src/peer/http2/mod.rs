//! HTTP/2, frame by frame: a server that sends exactly the frames that the test says, when it says so, and records those
//! of the client with the instants at which they came.
//!
//! [`Script::http2`](super::Script::http2) goes over to it on a connection of any kind. The requests of a connection are
//! counted from 1, in the order in which they come.
//!
//! ```
//! use httptrace_test::Peer;
//! use httptrace_test::http2::Head;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let peer = Peer::loopback().conn(|c| c.http2(|h| {
//!     h.handshake_with(|settings| settings.max_concurrent_streams(1))
//!         .expect_request(1)
//!         .delay(30)
//!         .send_head(1, Head::status(103).field("link", "</a.css>"))
//!         .send_head(1, 200)
//!         .send_last_data(1, "hello")
//! }));
//! # let _ = peer;
//! # }
//! ```

mod frame;
mod limits;
mod reader;
mod record;
mod script;
mod send;
mod serve;
mod session;
mod settings;
mod step;
mod writer;

pub use frame::{Frame, Kind};
pub use record::{Report, Request};
pub use script::Script;
pub use send::{Data, Head};
pub use serve::{Response, Service};
pub use settings::Settings;

pub(super) use serve::serve;
pub(super) use session::play;
pub(super) use step::End;

#[cfg(test)]
mod tests;
