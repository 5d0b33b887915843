//! The built-in server of `httptrace demo`, and what the tour shows of it.

mod authority;
mod http2;
mod script;
mod server;
mod tour;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use authority::Authority;
use httptrace_client::{Client, Proxy};
use server::Server;

pub(crate) use tour::{FAREWELL, Order, SCENES, WELCOME};

/// The server's name; names under `.test` exist nowhere (RFC 6761).
const HOST: &str = "demo.test";

/// The same server, under a name that has another address as well, at which nobody answers.
const RACE_HOST: &str = "race.demo.test";

/// The same server, under the name by which it speaks HTTP/2 as well.
const HTTP2_HOST: &str = "h2.demo.test";

/// A server that runs, and a client that knows its names and trusts its certificate.
pub(crate) struct Stage {
    pub(crate) client: Client,
    pub(crate) http_port: u16,
    pub(crate) https_port: u16,
}

impl Stage {
    /// Starts the server on the current runtime. Ports are the system's choice, and nothing leaves this machine.
    pub(crate) fn set() -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let authority = Authority::throw_away(&[HOST, RACE_HOST, HTTP2_HOST])?;
        let server = Server::bind(authority.server)?;
        let (http_port, https_port) = server.ports()?;
        tokio::spawn(server.run());

        let v4 = IpAddr::from(Ipv4Addr::LOCALHOST);
        let v6 = IpAddr::from(Ipv6Addr::LOCALHOST);
        let client = Client::builder()
            .proxy(Proxy::none())
            .tls_config(authority.client)
            .resolve(HOST, None, vec![v4])
            .resolve(HTTP2_HOST, None, vec![v4])
            .resolve(RACE_HOST, None, vec![v6, v4])
            .build();
        Ok(Self {
            client,
            http_port,
            https_port,
        })
    }
}
