//! The second program of Go's article "Introducing HTTP Tracing", in Rust: a transport wrapped around the client's own
//! sees every hop of a redirect, and tells whether its connection had been used before.
//!
//! ```console
//! $ cargo run -p httptrace-client --example transport_hops -- http://example.com
//! ```
//!
//! Without a URL it follows the redirects of a small server of its own.
//!
//! Go's program keeps the request in progress in a variable that its hook reads. Here each hop gets a hook of its own,
//! which composes with whatever trace the request carries already, so that requests may run side by side.

#![allow(clippy::print_stdout)] // examples print

mod server;

use std::task::{Context, Poll};

use http::Request;
use httptrace::{BoxError, ClientTrace, RequestExt};
use httptrace_client::{Body, Client};
use tower_layer::layer_fn;
use tower_service::Service;

/// A transport that tells, hop by hop, whether the connection was reused. It wraps any other.
#[derive(Clone)]
struct TellingTransport<S> {
    inner: S,
}

impl<S: Service<Request<Body>>> Service<Request<Body>> for TellingTransport<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> S::Future {
        let uri = request.uri().clone();
        let trace = ClientTrace::new()
            .on_got_conn(move |info| println!("Connection reused for {uri}? {}", info.reused));
        self.inner.call(request.trace(trace))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let url = server::url_or_local("localhost", "/hops/4");
    let client = Client::builder()
        .layer(layer_fn(|inner| TellingTransport { inner }))
        .build();
    let request = http::Request::get(url).body(Body::empty())?;
    let response = client.send(request).await?;
    println!("{}", response.status());
    Ok(())
}
