//! Tracing requests that somebody else's library makes: its functions take no trace, and need not.
//!
//! ```console
//! $ cargo run -p httptrace-client --example scope -- http://example.com
//! ```
//!
//! Without a URL the library asks a small server of this program's own.

#![allow(clippy::print_stdout)] // examples print

mod server;

use httptrace::{BoxError, ClientTrace};

/// A library that makes its own requests and knows nothing of tracing.
mod greetings {
    use httptrace::BoxError;
    use httptrace_client::{Body, Client};

    /// Asks a server for a greeting, twice over one client.
    pub(crate) struct Greeter {
        client: Client,
        url: String,
    }

    impl Greeter {
        pub(crate) fn new(url: String) -> Self {
            Self {
                client: Client::new(),
                url,
            }
        }

        pub(crate) async fn greet(&self) -> Result<String, BoxError> {
            let request = http::Request::get(&self.url).body(Body::empty())?;
            let response = self.client.send(request).await?;
            Ok(response.into_body().text().await?)
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let greeter = greetings::Greeter::new(server::url_or_local("localhost", "/"));
    let trace = ClientTrace::new()
        .on_get_conn(|info| println!("  a connection to {} is wanted", info.host_port))
        .on_got_conn(|info| println!("  got it, reused: {}", info.reused))
        .on_timeline(|timeline| println!("  done in {:?}", timeline.total()));

    println!("the first request is seen");
    trace.scope(greeter.greet()).await?;
    println!("the second is not");
    greeter.greet().await?;
    println!("the third is, on the connection of the others");
    trace.scope(greeter.greet()).await?;
    Ok(())
}
