//! Proxies: which one a request goes through, and how it is asked for a tunnel.

mod bypass;
mod connect;
mod environment;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod host;
mod server;
mod socks5;
mod tunnel;

use std::fmt;
use std::sync::Arc;

use super::Via;
use crate::error::Error;
use bypass::Bypass;
use server::Credentials;

pub(crate) use server::ProxyServer;
pub(super) use tunnel::open;

/// Which requests go through which proxy: for [`ClientBuilder::proxy`](crate::ClientBuilder::proxy).
///
/// A proxy is written `scheme://user:password@host:port`. The schemes are `http` (which may be left out), `https`, and
/// `socks5` or `socks5h`, which are the same; the ports, if absent, 80, 443 and 1080; user and password are percent-decoded.
///
/// Requests for http go to an http or https proxy in absolute form, one connection for all targets, as in Go. For https
/// the proxy is asked for a tunnel with `CONNECT` (RFC 9110 section 9.3.6), and TLS with the target goes through it. A
/// SOCKS5 proxy (RFC 1928) is asked for a tunnel in either case, and resolves the target's name. Credentials go to the
/// proxy alone: as `Proxy-Authorization`, or as RFC 1929 says.
///
/// ```
/// use httptrace_client::{Client, Proxy};
///
/// # fn run() -> Result<(), httptrace_client::Error> {
/// let proxy = Proxy::all("http://proxy.example:3128")?
///     .https("socks5://127.0.0.1:9050")?
///     .bypass("localhost, .internal.example, 10.0.0.0/8");
/// let client = Client::builder().proxy(proxy).build();
/// # Ok(()) }
/// # run().unwrap();
/// ```
#[derive(Clone)]
pub struct Proxy {
    http: Option<Choice>,
    https: Option<Choice>,
    bypass: Bypass,
}

/// What has been said about a scheme.
#[derive(Clone)]
enum Choice {
    Server(Arc<ProxyServer>),
    /// What was said makes no sense; the text says why.
    Refused(Arc<str>),
}

impl Proxy {
    /// No proxy.
    pub fn none() -> Self {
        Self {
            http: None,
            https: None,
            bypass: Bypass::default(),
        }
    }

    /// The proxies that the environment names now, by Go's rules: `HTTP_PROXY` and `HTTPS_PROXY`, `ALL_PROXY` for the one that
    /// is absent, without those that `NO_PROXY` lists (see [`bypass`](Self::bypass)), without `localhost` and loopback
    /// addresses; each name also in lower case.
    ///
    /// In a CGI program, where `HTTP_PROXY` may come from the peer, `http_proxy` alone counts. Requests that would go through
    /// a proxy that cannot be understood fail, with an error that names the variable.
    pub fn from_env() -> Self {
        Self::from_vars(|name| {
            let value = std::env::var_os(name)?;
            Some(value.to_string_lossy().into_owned())
        })
    }

    /// As [`from_env`](Self::from_env), of variables that come from elsewhere: a configuration file, or a test.
    ///
    /// ```
    /// use httptrace_client::Proxy;
    ///
    /// let settings = [("http_proxy", "proxy.example:3128"), ("no_proxy", ".internal.example")];
    /// let proxy = Proxy::from_vars(|name| {
    ///     let found = settings.iter().find(|(known, _)| *known == name);
    ///     found.map(|(_, value)| value.to_string())
    /// });
    /// # let _ = proxy;
    /// ```
    pub fn from_vars(variable: impl Fn(&str) -> Option<String>) -> Self {
        environment::read(variable)
    }

    /// One proxy for everything.
    ///
    /// # Errors
    /// If the text is not that of a proxy; the message says what is wrong, without credentials.
    pub fn all(url: &str) -> Result<Self, Error> {
        let choice = Choice::parse(url)?;
        Ok(Self {
            http: Some(choice.clone()),
            https: Some(choice),
            bypass: Bypass::default(),
        })
    }

    /// Sets the proxy of requests for http.
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub fn http(self, url: &str) -> Result<Self, Error> {
        Ok(Self {
            http: Some(Choice::parse(url)?),
            ..self
        })
    }

    /// Sets the proxy of requests for https.
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub fn https(self, url: &str) -> Result<Self, Error> {
        Ok(Self {
            https: Some(Choice::parse(url)?),
            ..self
        })
    }

    /// Sets the hosts that are reached without a proxy, as `NO_PROXY` lists them, separated by commas: `example.com` and what
    /// is below it, `.example.com` only what is below it, `192.0.2.7`, `10.0.0.0/8`, `*` for all. A port may follow a host or
    /// an address: `example.com:8443`. What cannot be understood is skipped, as in Go.
    ///
    /// The list counts instead of an earlier one, and instead of `NO_PROXY`; that this machine is reached without the
    /// environment's proxies remains.
    #[must_use]
    pub fn bypass(self, list: &str) -> Self {
        let bypass = self.bypass.with_list(list);
        Self { bypass, ..self }
    }

    /// Sets user and password for the proxies that have been set so far, instead of those in their URLs.
    #[must_use]
    pub fn basic_auth(self, user: &str, password: &str) -> Self {
        let credentials = Credentials::new(user, password);
        let with_credentials = |choice: Option<Choice>| match choice? {
            Choice::Server(server) => {
                let server = server.with_credentials(credentials.clone());
                Some(Choice::Server(Arc::new(server)))
            }
            refused => Some(refused),
        };
        Self {
            http: with_credentials(self.http),
            https: with_credentials(self.https),
            bypass: self.bypass,
        }
    }

    /// How a target is reached.
    pub(crate) fn via(&self, https: bool, host: &str, port: u16) -> Result<Via, Error> {
        let server = self.server(https, host, port)?;
        Ok(server.map_or(Via::Direct, |server| server.via(https)))
    }

    fn server(
        &self,
        https: bool,
        host: &str,
        port: u16,
    ) -> Result<Option<&Arc<ProxyServer>>, Error> {
        let choice = if https { &self.https } else { &self.http };
        match choice {
            Some(_) if self.bypass.contains(host, port) => Ok(None),
            Some(Choice::Server(server)) => Ok(Some(server)),
            Some(Choice::Refused(why)) => Err(Error::usage(Arc::clone(why))),
            None => Ok(None),
        }
    }
}

impl Choice {
    fn parse(url: &str) -> Result<Self, Error> {
        let server = ProxyServer::parse(url).map_err(Error::usage)?;
        Ok(Self::Server(Arc::new(server)))
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            http,
            https,
            bypass,
        } = self;
        f.debug_struct("Proxy")
            .field("http", http)
            .field("https", https)
            .field("bypass", bypass)
            .finish()
    }
}

impl fmt::Debug for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(server) => server.fmt(f),
            Self::Refused(why) => f.write_str(why),
        }
    }
}

#[cfg(test)]
mod tests;
