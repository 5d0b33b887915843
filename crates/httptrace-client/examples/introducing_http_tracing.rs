//! The first program of Go's article "Introducing HTTP Tracing", in Rust: hooks on one request tell what the name
//! lookup answered and which connection the request got.
//!
//! ```console
//! $ cargo run -p httptrace-client --example introducing_http_tracing -- http://example.com
//! ```
//!
//! Without a URL it asks a small server of its own.

#![allow(clippy::print_stdout)] // examples print

mod server;

use httptrace::{BoxError, ClientTrace, RequestExt};
use httptrace_client::{Body, Client};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let url = server::url_or_local("localhost", "/");
    let trace = ClientTrace::new()
        .on_got_conn(|info| println!("Got Conn: {info:?}"))
        .on_dns_done(|info| println!("DNS Info: {info:?}"));
    let request = http::Request::get(url).trace(trace).body(Body::empty())?;
    Client::new().send(request).await?;
    Ok(())
}
