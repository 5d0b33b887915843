//! The proxies that the environment names (Go's `httpproxy.FromEnvironment`, and `ALL_PROXY` as curl knows it).

use std::sync::Arc;

use super::bypass::Bypass;
use super::server::ProxyServer;
use super::{Choice, Proxy};

/// Reads the variables. Upper case comes first, as in Go; a variable that is empty counts as absent.
pub(super) fn read(variable: impl Fn(&str) -> Option<String>) -> Proxy {
    let get = |name: &str| variable(name).filter(|value| !value.is_empty());
    let either = |upper: &'static str, lower: &'static str| {
        let found = [upper, lower].into_iter();
        found
            .filter_map(|name| Some((name, get(name)?)))
            .next()
            .map(|(name, value)| choice(name, &value))
    };
    let all = || either("ALL_PROXY", "all_proxy");
    // To a CGI program HTTP_PROXY is the request's field `Proxy`: anybody may have set it (https://httpoxy.org).
    let http = match (get("REQUEST_METHOD"), get("http_proxy"), get("HTTP_PROXY")) {
        (Some(_), Some(value), _) => Some(choice("http_proxy", &value)),
        (Some(_), None, Some(_)) => Some(Choice::Refused(
            "HTTP_PROXY is not heeded in a CGI program, where the peer may have set it; set http_proxy instead".into(),
        )),
        _ => either("HTTP_PROXY", "http_proxy"),
    };
    let list = get("NO_PROXY").or_else(|| get("no_proxy"));
    Proxy {
        http: http.or_else(all),
        https: either("HTTPS_PROXY", "https_proxy").or_else(all),
        bypass: Bypass::parse(&list.unwrap_or_default()).with_loopback(),
    }
}

/// A value that is no proxy is an error of the requests it concerns: to go without would send them where they should not.
fn choice(name: &str, value: &str) -> Choice {
    match ProxyServer::parse(value) {
        Ok(server) => Choice::Server(Arc::new(server)),
        Err(why) => Choice::Refused(format!("{name}: {why}").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Variables<'a> = &'a [(&'a str, &'a str)];

    /// The proxies for http and https to a host that is not bypassed, or why there is none.
    fn chosen(variables: Variables<'_>) -> [String; 2] {
        let proxy = read(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        });
        [false, true].map(|https| match proxy.server(https, "example.com", 80) {
            Ok(Some(server)) => server.to_string(),
            Ok(None) => "none".to_owned(),
            Err(error) => error.to_string(),
        })
    }

    #[test]
    fn each_scheme_has_its_variable_in_either_case() {
        let table: [(Variables<'_>, [&str; 2]); 9] = [
            (&[], ["none", "none"]),
            (&[("HTTP_PROXY", "a:1")], ["http://a:1", "none"]),
            (&[("http_proxy", "a:1")], ["http://a:1", "none"]),
            (&[("HTTPS_PROXY", "a:1")], ["none", "http://a:1"]),
            (&[("https_proxy", "https://a")], ["none", "https://a:443"]),
            (
                &[("HTTP_PROXY", "a:1"), ("http_proxy", "b:1")],
                ["http://a:1", "none"],
            ),
            (
                &[("HTTP_PROXY", ""), ("http_proxy", "b:1")],
                ["http://b:1", "none"],
            ),
            (
                &[("ALL_PROXY", "socks5://s"), ("https_proxy", "b:1")],
                ["socks5://s:1080", "http://b:1"],
            ),
            (
                &[("all_proxy", "a:1"), ("NO_PROXY", "example.com")],
                ["none", "none"],
            ),
        ];
        for (variables, expected) in table {
            assert_eq!(chosen(variables), expected, "{variables:?}");
        }
    }

    #[test]
    fn in_a_cgi_program_the_upper_case_is_refused_where_it_would_count() {
        let cgi = ("REQUEST_METHOD", "GET");
        let [http, https] = chosen(&[cgi, ("HTTP_PROXY", "evil:1"), ("HTTPS_PROXY", "a:1")]);
        assert!(http.contains("CGI"), "{http}");
        assert_eq!(https, "http://a:1");
        let [http, _] = chosen(&[cgi, ("HTTP_PROXY", "evil:1"), ("http_proxy", "b:1")]);
        assert_eq!(http, "http://b:1");
    }

    #[test]
    fn a_variable_that_names_no_proxy_is_named_by_the_error() {
        let [http, https] = chosen(&[("HTTP_PROXY", "socks4://u:secret@a")]);
        assert!(
            http.contains("HTTP_PROXY") && http.contains("socks5://"),
            "{http}"
        );
        assert!(!http.contains("secret"), "{http}");
        assert_eq!(https, "none");
    }

    #[test]
    fn this_machine_is_reached_without_a_proxy() {
        let proxy = read(|name| (name == "HTTP_PROXY").then(|| "a:1".to_owned()));
        for host in [
            "localhost",
            "127.0.0.1",
            "127.8.0.9",
            "::1",
            "::ffff:127.0.0.1",
        ] {
            assert_eq!(proxy.server(false, host, 80).unwrap(), None, "{host}");
        }
        assert!(
            proxy
                .server(false, "localhost.example", 80)
                .unwrap()
                .is_some()
        );
    }
}
