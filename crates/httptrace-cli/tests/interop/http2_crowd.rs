//! Many requests at once on one connection to servers that others wrote: each response, and each event, is its own
//! request's.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use httptrace_client::{Client, ClientBuilder, Proxy};
use tokio::runtime::Builder;
use tokio::time::timeout;

use crate::crowd::{Crowd, Told};
use crate::play::Wrong;

/// How many ask at once.
pub(crate) const SIZE: usize = 100;
/// How many where only two may.
const FEW: usize = 12;

/// Longer than any crowd takes, also where each of them is turned away for some seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server, and who asks it.
#[derive(Clone, Debug)]
pub(crate) struct Gathering {
    pub(crate) name: &'static str,
    pub(crate) crowd: Crowd,
    /// How often, on a connection of its own each time.
    pub(crate) runs: usize,
    pub(crate) kind: Kind,
    /// Of the server's authority.
    pub(crate) authority: PathBuf,
}

/// What is to be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// All of them on one connection.
    One,
    /// Two at a time on one connection, as the server allows.
    InTurn,
    /// Two at a time, on as many connections as it takes.
    Spread,
}

/// Whom a server can be asked for by a crowd.
pub(crate) struct Doors {
    pub(crate) plain: Option<u16>,
    pub(crate) secure: Option<u16>,
    pub(crate) narrow: Option<u16>,
}

/// Everything that is asked of a server.
pub(crate) fn gatherings(
    server: &'static str,
    doors: &Doors,
    authority: PathBuf,
) -> Vec<Gathering> {
    let is_alive = matches!(server, "go" | "node");
    let gathering = |name, scheme: &str, port: u16, kind| Gathering {
        name,
        crowd: Crowd {
            origin: format!("{scheme}://127.0.0.1:{port}"),
            size: if kind == Kind::One { SIZE } else { FEW },
            echoes: !server.starts_with("nghttpd"),
            uploads: is_alive,
        },
        // The hundred, of the server that is quickest.
        runs: match (server, scheme, kind) {
            ("go", "http", Kind::One) => 100,
            (_, _, Kind::One) => 10,
            _ => 2,
        },
        kind,
        authority: authority.clone(),
    };
    let plain = doors.plain.map(|port| {
        gathering(
            "a_hundred_requests_at_once_share_a_connection",
            "http",
            port,
            Kind::One,
        )
    });
    let secure = doors.secure.map(|port| {
        gathering(
            "a_hundred_requests_at_once_share_a_connection_over_tls",
            "https",
            port,
            Kind::One,
        )
    });
    let narrow = doors.narrow.into_iter().flat_map(|port| {
        [
            gathering(
                "two_streams_at_once_and_the_others_wait_their_turn",
                "http",
                port,
                Kind::InTurn,
            ),
            gathering(
                "two_streams_at_once_and_the_others_go_elsewhere",
                "http",
                port,
                Kind::Spread,
            ),
        ]
    });
    plain.into_iter().chain(secure).chain(narrow).collect()
}

impl Gathering {
    /// Has them ask, as often as it takes.
    pub(crate) fn hold(&self) -> Result<(), String> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|error| error.to_string())?;
        for run in 0..self.runs {
            let once = runtime.block_on(async { timeout(PATIENCE, self.once()).await });
            let once = once.unwrap_or_else(|_| Err("it hangs".to_owned()));
            once.map_err(|why| format!("run {run}: {why}"))?;
        }
        Ok(())
    }

    async fn once(&self) -> Result<(), String> {
        let client = self.client()?;
        let mut before = Told::default();
        if self.kind != Kind::One {
            // So that it is known how many streams the server allows.
            let one = Crowd {
                size: 1,
                ..self.crowd.clone()
            };
            before = one.ask(&client).await?;
        }
        let told = self.crowd.ask(&client).await?;
        let mut wrong = Wrong::default();
        let streams = self.crowd.size + told.retries;
        wrong.unless_equal("streams", &told.streams.len(), &streams);
        let connects = before.connects + told.connects;
        // A new connection is trusted with more than two streams, until its server has said otherwise.
        if self.kind != Kind::Spread {
            wrong.unless_equal("retries", &told.retries, &0);
            wrong.unless_equal("connections made", &connects, &1);
            wrong.unless_equal("connections used", &told.connections.len(), &1);
        }
        match self.kind {
            Kind::One => {
                let ids: Vec<u32> = told.streams.iter().map(|(_, id)| *id).collect();
                let odd: Vec<u32> = (0..).step_by(2).map(|n| n + 1).take(SIZE).collect();
                wrong.unless_equal("numbers of streams", &ids, &odd);
            }
            Kind::InTurn => wrong.unless_equal("whether any waited", &(told.queued > 0), &true),
            Kind::Spread => wrong.unless_equal("whether more was dialed", &(connects > 1), &true),
        }
        wrong.result().map_err(|why| format!("{why}\n{told:?}"))
    }

    fn client(&self) -> Result<Client, String> {
        let pem = fs::read(&self.authority).map_err(|error| error.to_string())?;
        let builder: ClientBuilder = Client::builder().proxy(Proxy::none());
        let builder = builder.add_root_certificates_pem(&pem);
        let mut builder = builder.map_err(|error| error.to_string())?;
        if self.crowd.origin.starts_with("http:") {
            builder = builder.http2_prior_knowledge();
        }
        let is_strict = self.kind == Kind::InTurn;
        Ok(builder
            .http2_strict_max_concurrent_requests(is_strict)
            .build())
    }
}
