//! Asking a proxy for a tunnel, over a connection to it.

use std::fmt;
use std::io;
use std::time::Duration;

use http::{HeaderValue, StatusCode};
use httptrace::info::TunnelKind;
use httptrace::{Emitter, ErrorKind, Phase};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::ProxyServer;
use super::connect::{self, AnswerDecoder};
use super::server::Credentials;
use super::socks5::{Socks5, SocksError};
use crate::dial::connect::kind_of;
use crate::dial::deadline::Deadline;
use crate::dial::{Dialed, Stream, Target};
use crate::error::Error;

/// A tunnel must be open by then, whatever the connect timeout is (as in Go).
const LIMIT: Duration = Duration::from_secs(60);

/// Has the proxy at the other end open a tunnel to the target. What is read from the result afterwards is the target's.
pub(in crate::dial) async fn open(
    mut proxied: Dialed,
    proxy: &ProxyServer,
    target: &Target,
    user_agent: Option<&HeaderValue>,
    deadline: Deadline,
    emitter: &Emitter,
) -> Result<Dialed, Error> {
    let kind = proxy.tunnel_kind();
    let name = target.without_zone().host_port();
    let guard = emitter.proxy_tunnel_start(kind, &name);
    let mut tunnel = Tunnel {
        stream: &mut proxied.stream,
        proxy,
        name: &name,
        answer: None,
    };
    let own = Deadline::start(Some(LIMIT));
    let deadline = if own.is_before(deadline) {
        own
    } else {
        deadline
    };
    let asking = async {
        match kind {
            TunnelKind::Socks5 => tunnel.socks5(&target.without_zone()).await,
            _ => tunnel.connect(user_agent).await,
        }
    };
    let asked = match deadline.bound(asking).await {
        Ok(asked) => asked,
        Err(_) => {
            let what = format!("asking the proxy {proxy} for a tunnel to {name}");
            Err(Error::timeout(Phase::Proxy, &what, deadline.limit))
        }
    };
    let answer = tunnel.answer.take();
    guard.done(|mut done| {
        if let Some((status, reason)) = answer {
            done.status = status;
            done.reason = (!reason.is_empty()).then(|| reason.into());
        }
        match &asked {
            Ok(_) => done,
            Err(error) => done.with_error(error.to_event()),
        }
    });
    let early = asked?;
    Ok(Dialed {
        stream: proxied.stream.after(early),
        alpn: None,
        ..proxied
    })
}

/// A tunnel in the making.
struct Tunnel<'a> {
    stream: &'a mut Stream,
    proxy: &'a ProxyServer,
    /// `host:port` of the target.
    name: &'a str,
    /// The proxy's answer, once there is one: status, if its protocol has any, and reason.
    answer: Option<(Option<StatusCode>, String)>,
}

impl Tunnel<'_> {
    /// By `CONNECT`. Returns what came with the answer.
    async fn connect(&mut self, user_agent: Option<&HeaderValue>) -> Result<Vec<u8>, Error> {
        let authorization = self.proxy.authorization();
        let question = connect::question(self.name, user_agent, authorization.as_ref());
        self.send(&question).await?;
        let mut decoder = AnswerDecoder::default();
        let answer = loop {
            let bytes = self.receive(decoder.is_untouched()).await?;
            let fed = decoder.feed(&bytes);
            let fed = fed.map_err(|bad| self.failed(ErrorKind::Protocol, &bad).with_source(bad))?;
            if let Some(answer) = fed {
                break answer;
            }
        };
        let (status, reason) = (answer.status, answer.reason);
        let refusal = match &*reason {
            "" => status.as_str().to_owned(),
            reason => format!("{} {reason}", status.as_str()),
        };
        self.answer = Some((Some(status), reason));
        if status.is_success() {
            return Ok(answer.rest);
        }
        let Self { proxy, name, .. } = self;
        let message = format!("the proxy {proxy} refused a tunnel to {name}: {refusal}");
        let error = Error::new(Phase::Proxy, ErrorKind::Refused, message);
        Err(error.with_proxy_status(status))
    }

    /// By SOCKS5. Returns what came with the answer.
    async fn socks5(&mut self, target: &Target) -> Result<Vec<u8>, Error> {
        let credentials = self.proxy.credentials().map(Credentials::pair);
        let begun = Socks5::begin(&target.host, target.port, credentials);
        let (mut socks, greeting) = begun.map_err(|error| self.socks_failed(error))?;
        self.send(&greeting).await?;
        loop {
            let bytes = self.receive(socks.is_untouched()).await?;
            let fed = socks.feed(&bytes);
            let next = fed.map_err(|error| self.socks_failed(error))?;
            self.send(&next.send).await?;
            if let Some(early) = next.open {
                return Ok(early);
            }
        }
    }

    async fn send(&mut self, message: &[u8]) -> Result<(), Error> {
        if message.is_empty() {
            return Ok(());
        }
        let sent = async {
            self.stream.write_all(message).await?;
            self.stream.flush().await
        };
        sent.await.map_err(|error| self.broken(error))
    }

    /// Some bytes; `untouched` says whether none have come before.
    async fn receive(&mut self, untouched: bool) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::with_capacity(4096);
        match self.stream.read_buf(&mut bytes).await {
            Ok(0) if untouched => Err(self.failed(
                ErrorKind::Closed,
                &"it closed the connection without an answer",
            )),
            Ok(0) => {
                let what = "it closed the connection within its answer";
                Err(self.failed(ErrorKind::Closed, &what))
            }
            Ok(_) => Ok(bytes),
            Err(error) => Err(self.broken(error)),
        }
    }

    fn broken(&self, error: io::Error) -> Error {
        self.failed(kind_of(&error), &error).with_source(error)
    }

    fn socks_failed(&mut self, error: SocksError) -> Error {
        if let Some(reason) = error.reason() {
            self.answer = Some((None, reason.to_owned()));
        }
        self.failed(error.kind(), &error).with_source(error)
    }

    fn failed(&self, kind: ErrorKind, why: &dyn fmt::Display) -> Error {
        let Self { proxy, name, .. } = self;
        let message = format!("the proxy {proxy} opened no tunnel to {name}: {why}");
        Error::new(Phase::Proxy, kind, message)
    }
}
