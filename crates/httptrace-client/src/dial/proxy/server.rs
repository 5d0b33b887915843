//! A proxy: where it is, how it is spoken to, and with which credentials.

use std::fmt;
use std::sync::Arc;

use http::HeaderValue;
use httptrace::info::{TlsLeg, TunnelKind};
use percent_encoding::percent_decode_str;

use super::host::in_ascii;
use crate::basic_auth;
use crate::dial::{Target, Via};
use crate::pool::Protocols;

/// A proxy. Its texts hold no credentials.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct ProxyServer {
    kind: ProxyKind,
    /// As written, without brackets, names in punycode.
    host: Arc<str>,
    port: u16,
    credentials: Option<Credentials>,
}

/// How a proxy is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum ProxyKind {
    Http,
    /// HTTP inside TLS.
    Https,
    Socks5,
}

/// Who the client is to a proxy (RFC 7617, RFC 1929).
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Credentials {
    pub(super) user: Arc<[u8]>,
    pub(super) password: Arc<[u8]>,
}

impl ProxyServer {
    /// Reads `[scheme://][user[:password]@]host[:port]`; without a scheme it is an http proxy. What follows the port is
    /// ignored, as in Go. The error says what is wrong, without credentials.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let failed = |why: &str| {
            let shown = without_userinfo(text);
            Err(format!("{shown:?} is not a proxy: {why}"))
        };
        let (scheme, rest) = match split_scheme(text) {
            Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest),
            None => ("http".to_owned(), text),
        };
        let (kind, default_port) = match &*scheme {
            "http" => (ProxyKind::Http, 80),
            "https" => (ProxyKind::Https, 443),
            // Names are resolved by the proxy in either case, as in Go.
            "socks5" | "socks5h" => (ProxyKind::Socks5, 1080),
            "socks" | "socks4" | "socks4a" => {
                return failed("SOCKS version 4 is not supported; use socks5://");
            }
            _ => {
                let why =
                    format!("the scheme `{scheme}` is not supported; use http, https or socks5");
                return failed(&why);
            }
        };
        let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
        let (userinfo, host_port) = match authority.rsplit_once('@') {
            Some((userinfo, host_port)) => (Some(userinfo), host_port),
            None => (None, authority),
        };
        let (host, port) = match split_port(host_port) {
            Ok(split) => split,
            Err(why) => return failed(why),
        };
        let host = match in_ascii(host) {
            Ok(host) => host,
            Err(why) => return failed(&why),
        };
        Ok(Self {
            kind,
            host: host.into(),
            port: port.unwrap_or(default_port),
            credentials: userinfo.map(Credentials::decode),
        })
    }

    /// The same proxy with other credentials.
    pub(super) fn with_credentials(&self, credentials: Credentials) -> Self {
        Self {
            credentials: Some(credentials),
            ..self.clone()
        }
    }

    pub(super) fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref()
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// How a connection gets to a target by way of this proxy. An http proxy forwards requests for http one by one.
    pub(super) fn via(self: &Arc<Self>, https: bool) -> Via {
        match self.kind {
            ProxyKind::Http | ProxyKind::Https if !https => Via::Forward(Arc::clone(self)),
            _ => Via::Tunnel(Arc::clone(self)),
        }
    }

    /// How it is asked for a tunnel.
    pub(super) fn tunnel_kind(&self) -> TunnelKind {
        match self.kind {
            ProxyKind::Http | ProxyKind::Https => TunnelKind::Connect,
            ProxyKind::Socks5 => TunnelKind::Socks5,
        }
    }

    /// The way to the proxy itself.
    pub(crate) fn hop(&self) -> Target {
        Target {
            https: self.kind == ProxyKind::Https,
            host: Arc::clone(&self.host),
            port: self.port,
            leg: TlsLeg::Proxy,
            // Whatever is offered to targets.
            protocols: Protocols::Http1,
            via: Via::Direct,
        }
    }

    /// The value of `Proxy-Authorization`, where there are credentials.
    pub(crate) fn authorization(&self) -> Option<HeaderValue> {
        let Credentials { user, password } = self.credentials.as_ref()?;
        let pair = [user, &b":"[..], password].concat();
        Some(basic_auth::header_value(&pair))
    }
}

impl Credentials {
    pub(super) fn new(user: &str, password: &str) -> Self {
        Self {
            user: user.as_bytes().into(),
            password: password.as_bytes().into(),
        }
    }

    /// From the userinfo of a URL.
    fn decode(userinfo: &str) -> Self {
        let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
        let decoded = |text| percent_decode_str(text).collect();
        Self {
            user: decoded(user),
            password: decoded(password),
        }
    }
}

/// A scheme (RFC 3986 section 3.1), if the text begins with one, and what follows it. Without one, `://` may be part of a
/// password.
fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    let may_be_in_it = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    scheme.chars().all(may_be_in_it).then_some((scheme, rest))
}

/// A host without brackets, and the port if there is one.
fn split_port(host_port: &str) -> Result<(&str, Option<u16>), &'static str> {
    let (host, port) = match host_port.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest
                .split_once(']')
                .ok_or("the bracket around the IPv6 address is not closed")?;
            match after.strip_prefix(':') {
                Some(port) => (host, port),
                None if after.is_empty() => (host, ""),
                None => return Err("only a port may follow the host"),
            }
        }
        None => host_port.split_once(':').unwrap_or((host_port, "")),
    };
    if port.contains(':') {
        return Err("write an IPv6 address in brackets, as in [::1]:3128");
    }
    if host.is_empty() {
        return Err("it has no host");
    }
    match port {
        "" => Ok((host, None)),
        port => match port.parse() {
            Ok(0) | Err(_) => Err("the port is not a number from 1 to 65535"),
            Ok(number) => Ok((host, Some(number))),
        },
    }
}

/// The text as messages may show it.
fn without_userinfo(text: &str) -> String {
    let start = split_scheme(text).map_or(0, |(_, rest)| text.len() - rest.len());
    // Whatever comes before the last @ may be part of a password, however broken the text is.
    match text.rfind('@') {
        Some(at) if at >= start => format!("{}…{}", &text[..start], &text[at..]),
        _ => text.to_owned(),
    }
}

impl fmt::Display for ProxyServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.kind {
            ProxyKind::Http => "http",
            ProxyKind::Https => "https",
            ProxyKind::Socks5 => "socks5",
        };
        write!(f, "{scheme}://{}", self.hop().host_port())
    }
}

impl fmt::Debug for ProxyServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.credentials {
            Some(_) => write!(f, "{self} (with credentials)"),
            None => write!(f, "{self}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_read_as_people_write_it() {
        let table = [
            ("proxy.example", "http://proxy.example:80"),
            ("proxy.example:3128", "http://proxy.example:3128"),
            ("http://PROXY.example", "http://PROXY.example:80"),
            ("HTTPS://proxy.example/", "https://proxy.example:443"),
            ("https://proxy.example:80", "https://proxy.example:80"),
            ("socks5://127.0.0.1", "socks5://127.0.0.1:1080"),
            ("socks5h://[::1]:9050", "socks5://[::1]:9050"),
            ("http://[::1]", "http://[::1]:80"),
            (
                "http://bücher.example:8080",
                "http://xn--bcher-kva.example:8080",
            ),
            (" http://a:1/path?query#x ", "http://a:1"),
            ("u:p@a:1", "http://a:1"),
        ];
        for (text, expected) in table {
            let server = ProxyServer::parse(text).unwrap_or_else(|why| panic!("{text}: {why}"));
            assert_eq!(server.to_string(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_proxy_is_refused_with_the_reason() {
        let table = [
            ("", "no host"),
            ("http://", "no host"),
            ("http://:80", "no host"),
            ("socks4://a", "use socks5://"),
            ("socks4a://a", "use socks5://"),
            ("ftp://a", "use http, https or socks5"),
            ("http://a:0", "from 1 to 65535"),
            ("http://a:99999", "from 1 to 65535"),
            ("a:b:c", "in brackets"),
            ("::1", "in brackets"),
            ("http://[::1", "not closed"),
            ("http://[::1]x", "only a port"),
            ("http://a b", "a b"),
            ("http://a%20b", "a%20b"),
        ];
        for (text, expected) in table {
            let why = ProxyServer::parse(text).unwrap_err();
            assert!(why.contains(expected), "{text}: {why}");
        }
    }

    #[test]
    fn credentials_are_decoded_and_shown_nowhere() {
        let server = ProxyServer::parse("http://us%65r:s%3Acret%C3%A4@a").unwrap();
        let credentials = server.credentials().unwrap();
        assert_eq!(&*credentials.user, b"user");
        assert_eq!(&*credentials.password, "s:cretä".as_bytes());
        let value = server.authorization().unwrap();
        assert!(value.is_sensitive());
        assert_eq!(value, "Basic dXNlcjpzOmNyZXTDpA==");
        let alone = ProxyServer::parse("user@a").unwrap();
        assert_eq!(alone.authorization().unwrap(), "Basic dXNlcjo=");
        for text in [format!("{server:?}"), server.to_string()] {
            assert!(!text.contains("cret") && !text.contains("user"), "{text}");
        }
        for broken in [
            "http://user:sec@ret@a:b",
            "user:secret/@[",
            "x://user:secret@a",
            "user:sec://ret@a:b",
        ] {
            let why = ProxyServer::parse(broken).unwrap_err();
            assert!(!why.contains("sec") && !why.contains("user"), "{why}");
        }
    }
}
