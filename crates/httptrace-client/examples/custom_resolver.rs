//! A resolver of one's own: it answers from a table with a moment's delay, and the hooks tell what it said.
//!
//! ```console
//! $ cargo run -p httptrace-client --example custom_resolver -- http://www.example.com
//! ```
//!
//! Without a URL it asks a small server of its own, under a name that exists nowhere else. With one, names that end in
//! `.example` lead to this machine and all others are left to the operating system.

#![allow(clippy::print_stdout)] // examples print

mod server;

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use httptrace::{BoxError, ClientTrace};
use httptrace_client::{Body, Client, Resolve, Resolved, Resolving};

/// Sends `*.example` to this machine, and asks the operating system about all other names.
struct ExampleResolver;

impl Resolve for ExampleResolver {
    fn resolve(&self, host: &str) -> Resolving {
        let host = host.to_owned();
        Box::pin(async move {
            if host.ends_with(".example") {
                // Stands for a question to a name server.
                tokio::time::sleep(Duration::from_millis(5)).await;
                let here: Resolved = [IpAddr::V4(Ipv4Addr::LOCALHOST)].into_iter().collect();
                return Ok(here.with_ttl(Duration::from_secs(60)));
            }
            let addrs: Vec<_> = tokio::net::lookup_host((host, 0)).await?.collect();
            match addrs.is_empty() {
                true => Err(io::Error::new(io::ErrorKind::NotFound, "no such host")),
                false => Ok(Resolved::new(addrs)),
            }
        })
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let url = server::url_or_local("hello.example", "/");
    let trace = ClientTrace::new()
        .on_dns_start(|info| println!("looking up {}", info.host))
        .on_dns_done(|info| {
            println!(
                "source {:?}, addresses {:?}, good for {:?}",
                info.source, info.addrs, info.ttl
            );
        })
        .on_connect_done(|info| {
            println!(
                "connect {} to {}, error {:?}",
                info.number, info.addr, info.error
            )
        });
    let client = Client::builder()
        .resolver(ExampleResolver)
        .trace(trace)
        .build();
    let request = http::Request::get(url).body(Body::empty())?;
    let response = client.send(request).await?;
    println!("{}", response.into_body().text().await?.trim_end());
    Ok(())
}
