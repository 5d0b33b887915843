//! URLs as people type them.

use std::borrow::Cow;

use http::Uri;
use url::Url;

use super::UsageError;

/// Reads a URL. Without a scheme it is http, as in curl; the fragment, which never goes over the wire, is dropped. All
/// else goes over the wire as it is typed, as in Go: capitals in the host, dots in the path, a default port.
pub(super) fn parse(text: &str) -> Result<Uri, UsageError> {
    let shown = without_userinfo(text);
    let is_none = |why: &str| {
        UsageError::new(
            format!("'{shown}' is not a URL: {why}"),
            "a URL looks like https://example.com:8443/path?query",
        )
    };
    if let Some(why) = slip(text) {
        return Err(is_none(why));
    }
    let with_scheme = match has_scheme(text) {
        true => text.to_owned(),
        false => format!("http://{}", text.strip_prefix("//").unwrap_or(text)),
    };
    let url =
        Url::parse(&without_zone(&with_scheme)).map_err(|error| is_none(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(UsageError::new(
            format!("'{shown}': the scheme '{}' is not supported", url.scheme()),
            "httptrace speaks http:// and https://",
        ));
    }
    httptrace_client::parse_uri(&with_scheme).map_err(|_| {
        UsageError::new(
            format!("'{shown}' cannot be requested"),
            "percent-encode what is not allowed in a URL, for example %20 for a blank",
        )
    })
}

/// A URL without the zone of its IPv6 address (RFC 6874), which the `url` crate does not know.
fn without_zone(url: &str) -> Cow<'_, str> {
    let authority = url.find("://").map_or(0, |at| at + 3);
    let zone = url[authority..].split_once(']').and_then(|(host, _)| {
        let address = host.find('[')?;
        let zone = host[address..].find('%')?;
        Some(authority + address + zone..authority + host.len())
    });
    match zone {
        Some(zone) => format!("{}{}", &url[..zone.start], &url[zone.end..]).into(),
        None => url.into(),
    }
}

/// What is wrong with a URL that would be read in spite of it, as another than was meant: parsers as in browsers skip
/// missing hosts and control characters.
fn slip(text: &str) -> Option<&'static str> {
    let begins_with = |scheme: &str| {
        let head = text.get(..scheme.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(scheme))
    };
    if text.chars().any(char::is_control) {
        Some("it holds a control character")
    } else if has_scheme(text) {
        let (_, rest) = text.split_once("://")?;
        let has_host = !rest.starts_with(['/', '\\']) || begins_with("file:");
        (!has_host).then_some("empty host")
    } else if begins_with("http:/") || begins_with("https:/") {
        Some("a slash is missing after the scheme")
    } else {
        let rest = text.strip_prefix("//").unwrap_or(text);
        rest.starts_with(['/', '\\']).then_some("empty host")
    }
}

/// A URL as messages show it, which end up in logs: however broken it is, what may be a password is left out.
fn without_userinfo(text: &str) -> Cow<'_, str> {
    let start = text.find("://").map_or(0, |at| at + 3);
    let authority = &text[start..];
    let end = authority.find(['/', '?', '#']).unwrap_or(authority.len());
    match authority[..end].rfind('@') {
        Some(at) => format!("{}…{}", &text[..start], &authority[at..]).into(),
        None => text.into(),
    }
}

/// Whether it begins with `scheme://`. A bare colon is no sign: `localhost:8080` has one too.
fn has_scheme(text: &str) -> bool {
    let Some((scheme, _)) = text.split_once("://") else {
        return false;
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_as_people_type_them() {
        let table = [
            ("example.com", "http://example.com/"),
            ("localhost:8080/a", "http://localhost:8080/a"),
            ("[::1]:8080", "http://[::1]:8080/"),
            ("https://example.com/a?b=c#d", "https://example.com/a?b=c"),
            ("//example.com/a", "http://example.com/a"),
            ("http:8080", "http://http:8080/"),
            ("HTTPS://EXAMPLE.com", "https://EXAMPLE.com/"),
            ("http://a:80/b/../c", "http://a:80/b/../c"),
            ("http://[fe80::1%25eth0]:81/", "http://[fe80::1%25eth0]:81/"),
            ("http://a/x y", "http://a/x%20y"),
            (
                "https://bücher.example/ü",
                "https://xn--bcher-kva.example/%C3%BC",
            ),
            ("http://u:p@a/", "http://u:p@a/"),
            ("a/?next=http://b/", "http://a/?next=http://b/"),
        ];
        for (typed, uri) in table {
            match parse(typed) {
                Ok(parsed) => assert_eq!(parsed.to_string(), uri, "{typed}"),
                Err(error) => panic!("{typed}: {error:?}"),
            }
        }
    }

    #[test]
    fn what_is_no_http_url_is_refused_with_the_reason() {
        let table = [
            ("", "not a URL"),
            ("http://", "not a URL"),
            ("http://a:99999/", "not a URL: invalid port number"),
            ("http://[::1/", "not a URL"),
            ("http:///path", "empty host"),
            ("/path", "empty host"),
            ("http:/example.com", "a slash is missing"),
            ("http://a/\u{1}b", "control character"),
            ("http://a/b\nc", "control character"),
            ("ftp://example.com/", "scheme 'ftp'"),
            ("file:///etc/passwd", "scheme 'file'"),
        ];
        for (typed, reason) in table {
            let error = parse(typed).expect_err(typed);
            assert!(error.message.contains(reason), "{typed}: {}", error.message);
        }
    }

    #[test]
    fn messages_about_urls_leave_passwords_out() {
        for typed in [
            "http://u:secret@[::1/",
            "u:secret@a:99999",
            "ftp://u:sec@ret@a/@",
        ] {
            let error = parse(typed).expect_err(typed);
            assert!(error.message.contains("…@"), "{}", error.message);
            assert!(!error.message.contains("sec"), "{}", error.message);
        }
        let error = parse("http://a:x/@b").expect_err("no port");
        assert!(error.message.contains("http://a:x/@b"), "{}", error.message);
    }
}
