//! Where a request goes: worked out once for each origin that is asked often, and kept.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use http::uri::{Authority, Scheme};
use http::{HeaderValue, Uri};
use tokio::runtime;

use super::wire_request::host_field;
use crate::dial::{Proxy, Via};
use crate::error::Error;
use crate::pool::{Key, Protocols, Wanted};

/// The way to an origin.
#[derive(Debug)]
pub(super) struct Route {
    authority: Authority,
    wish: Wish,
    /// What the pool knows it by.
    pub(super) key: Arc<Key>,
    pub(super) via: Via,
    /// The `Host` field's value; none if the URI's host cannot be one.
    pub(super) host: Option<HeaderValue>,
}

/// What besides the origin decides about the way to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) https: bool,
    pub(super) protocols: Protocols,
    pub(super) runtime: runtime::Id,
}

impl Route {
    fn new(
        authority: Authority,
        wish: Wish,
        proxy: &Proxy,
        key: impl FnOnce(Wanted<'_>) -> Arc<Key>,
    ) -> Result<Self, Error> {
        let destination = Destination::of(&authority, wish.https, proxy, wish.protocols)?;
        let (host, port) = destination.end();
        Ok(Self {
            host: HeaderValue::try_from(host_field(&authority)).ok(),
            key: key(Wanted {
                https: destination.https,
                host,
                port,
                via: &destination.via,
                protocols: destination.protocols,
                runtime: wish.runtime,
            }),
            via: destination.via,
            authority,
            wish,
        })
    }
}

/// The routes of one transport. A route is a function of what it is asked for, so that it does no harm to forget one.
pub(crate) struct Routes(Mutex<[Option<Arc<Route>>; Routes::PLACES]>);

impl Routes {
    /// Enough for those who ask a few dozen services again and again; others work it out each time.
    const PLACES: usize = 64;

    pub(crate) fn new() -> Self {
        Self(Mutex::new([const { None }; Self::PLACES]))
    }

    /// The way to the origin of a URI. `protocols` and `runtime` are the request's, `key` makes the pool's key.
    pub(super) fn find(
        &self,
        uri: &Uri,
        proxy: &Proxy,
        protocols: Protocols,
        runtime: runtime::Id,
        key: impl FnOnce(Wanted<'_>) -> Arc<Key>,
    ) -> Result<Arc<Route>, Error> {
        let (https, authority) = origin(uri)?;
        let wish = Wish {
            https,
            protocols,
            runtime,
        };
        let place = place(authority.as_str());
        let known = self.lock()[place].clone();
        // Letters as they are written: the `Host` field has them so.
        let known = known
            .filter(|known| known.wish == wish && known.authority.as_str() == authority.as_str());
        if let Some(known) = known {
            return Ok(known);
        }
        let route = Arc::new(Route::new(authority.clone(), wish, proxy, key)?);
        self.lock()[place] = Some(Arc::clone(&route));
        Ok(route)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, [Option<Arc<Route>>; Self::PLACES]> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Routes").finish_non_exhaustive()
    }
}

/// FNV-1a: who makes hosts collide makes them be worked out each time, and no more.
fn place(authority: &str) -> usize {
    let hash = authority
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    (hash >> 32) as usize % Routes::PLACES
}

/// Whether a URI is for https, and whose it is.
pub(super) fn origin(uri: &Uri) -> Result<(bool, &Authority), Error> {
    let https = match uri.scheme() {
        Some(scheme) if *scheme == Scheme::HTTPS => true,
        Some(scheme) if *scheme == Scheme::HTTP => false,
        Some(other) => {
            let message = format!("the scheme {other:?} is not supported: use http or https");
            return Err(Error::usage(message.replace('"', "`")));
        }
        None => {
            return Err(Error::usage(
                "the request's URI has no scheme: write it in full, as in http://host/path",
            ));
        }
    };
    match uri.authority() {
        Some(authority) => Ok((https, authority)),
        None => Err(no_host()),
    }
}

fn no_host() -> Error {
    Error::usage("the request's URI has no host")
}

/// Where a request goes.
#[derive(Debug, PartialEq, Eq)]
struct Destination<'a> {
    https: bool,
    /// The target's, as written (case and a trailing dot are kept, as in Go), without the brackets of an IPv6 address.
    host: &'a str,
    port: u16,
    via: Via,
    protocols: Protocols,
}

impl<'a> Destination<'a> {
    fn of(
        authority: &'a Authority,
        https: bool,
        proxy: &Proxy,
        protocols: Protocols,
    ) -> Result<Self, Error> {
        let host = authority.host();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err(no_host());
        }
        let port = authority.port_u16();
        let port = port.unwrap_or(if https { 443 } else { 80 });
        let via = proxy.via(https, host, port)?;
        let protocols = match (&via, protocols) {
            // As in Go: a proxy that forwards is spoken to in HTTP/1.1.
            (Via::Forward(_), _) => Protocols::Http1,
            // Without TLS there is nobody to ask.
            (_, Protocols::Http2OrHttp1) if !https => Protocols::Http1,
            (_, protocols) => protocols,
        };
        Ok(Self {
            https,
            host,
            port,
            via,
            protocols,
        })
    }

    /// Whom connections lead to: a proxy that forwards is the same one for all targets.
    fn end(&self) -> (&str, u16) {
        match &self.via {
            Via::Forward(server) => (server.host(), server.port()),
            Via::Direct | Via::Tunnel(_) => (self.host, self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<(bool, String, u16), Error> {
        let uri = text.parse().unwrap();
        let (https, authority) = origin(&uri)?;
        let protocols = Protocols::Http2OrHttp1;
        let destination = Destination::of(authority, https, &Proxy::none(), protocols)?;
        let (host, port) = destination.end();
        Ok((https, host.to_owned(), port))
    }

    fn key(wanted: Wanted<'_>) -> Arc<Key> {
        Arc::new(Key::new(wanted, &std::hash::RandomState::new()))
    }

    #[test]
    fn the_destination_has_a_port_in_any_case() {
        assert_eq!(
            of("http://Example.com/").unwrap(),
            (false, "Example.com".into(), 80)
        );
        assert_eq!(of("https://u:p@[::1]/").unwrap(), (true, "::1".into(), 443));
        assert_eq!(of("http://h:8080").unwrap(), (false, "h".into(), 8080));
    }

    #[test]
    fn a_uri_that_leads_nowhere_is_refused_with_what_to_do() {
        let message = |text| of(text).unwrap_err().to_string();
        assert!(message("/path").contains("write it in full"));
        assert!(message("ftp://h/").contains("use http or https"));
    }

    #[tokio::test]
    async fn a_route_is_found_again_and_never_another_ones() {
        let routes = Routes::new();
        let runtime = runtime::Handle::current().id();
        let find = |uri: String, protocols| {
            let uri = uri.parse().unwrap();
            routes
                .find(&uri, &Proxy::none(), protocols, runtime, key)
                .unwrap()
        };
        let wish = Protocols::Http2OrHttp1;
        let first = find("http://h/a".into(), wish);
        assert!(Arc::ptr_eq(&first, &find("http://h/b".into(), wish)));
        assert!(find("https://h/".into(), wish).key.https);
        let other = find("https://h/".into(), Protocols::Http1);
        assert_eq!(other.key.protocols, Protocols::Http1);
        // More than there are places for.
        for port in 1..2_000 {
            let route = find(format!("http://h:{port}/"), wish);
            assert_eq!(&**route.key.host_port(), format!("h:{port}"));
            assert_eq!(route.host.as_ref().unwrap(), &format!("h:{port}"));
        }
    }

    #[tokio::test]
    async fn the_host_field_is_written_as_in_the_uri() {
        let routes = Routes::new();
        let runtime = runtime::Handle::current().id();
        for host in ["Example.test", "example.test", "EXAMPLE.test:80"] {
            let uri = format!("http://{host}/").parse().unwrap();
            let route = routes.find(&uri, &Proxy::none(), Protocols::Http1, runtime, key);
            assert_eq!(route.unwrap().host.as_ref().unwrap(), host);
        }
    }
}
