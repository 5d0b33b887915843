//! URIs from text that people write.

use http::Uri;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::error::Error;

/// What `http::Uri` takes nowhere: blanks, and what frames a URI in running text.
const ILLEGAL: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'`');

/// Parses a URI as people write it, which `http::Uri` alone refuses: a host outside ASCII becomes punycode (IDNA, as
/// in Go's client), and what is not allowed in path and query is percent-encoded. All else stays as it is written.
///
/// # Errors
/// If the text is not an absolute `http` or `https` URI; the message says what is wrong.
///
/// ```
/// let uri = httptrace_client::parse_uri("http://bücher.example/ä b").unwrap();
/// assert_eq!(uri.to_string(), "http://xn--bcher-kva.example/%C3%A4%20b");
/// ```
pub fn parse_uri(text: &str) -> Result<Uri, Error> {
    let text = text.trim();
    let failed =
        |why: &dyn std::fmt::Display| Error::usage(format!("{text:?} is not a URL: {why}"));
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err(failed(
            &"it has no scheme; write it in full, as in http://host/path",
        ));
    };
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return Err(failed(&format_args!(
            "the scheme `{scheme}` is not supported; use http or https"
        )));
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, target) = rest.split_at(end);
    let (userinfo, host_port) = match authority.rsplit_once('@') {
        Some((userinfo, host_port)) => (format!("{}@", encode(userinfo)), host_port),
        None => (String::new(), authority),
    };
    let host_port = in_ascii(host_port).map_err(|why| failed(&why))?;
    let scheme = scheme.to_ascii_lowercase();
    let uri = format!("{scheme}://{userinfo}{host_port}{}", encode(target));
    let uri: Uri = uri.parse().map_err(|error| failed(&error))?;
    match uri.host() {
        None | Some("") => Err(failed(&"it has no host")),
        Some(_) => Ok(uri),
    }
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, ILLEGAL).to_string()
}

/// A host and port in ASCII.
fn in_ascii(host_port: &str) -> Result<String, String> {
    if host_port.is_ascii() {
        return Ok(host_port.to_owned());
    }
    let (host, port) = match host_port.rsplit_once(':') {
        Some((host, port)) => (host, format!(":{port}")),
        None => (host_port, String::new()),
    };
    match url::Host::parse(host) {
        Ok(host) => Ok(format!("{host}{port}")),
        Err(error) => Err(format!(
            "the host {host:?} cannot be written in ASCII: {error}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_that_needs_no_change_stays_as_it_is_written() {
        for text in [
            "http://Example.com./a/../b?q=%41",
            "https://u:p@[::1]:8443/",
            "http://h?q",
        ] {
            let uri = parse_uri(text).unwrap();
            assert_eq!(uri, text.parse::<Uri>().unwrap());
        }
    }

    #[test]
    fn a_host_outside_ascii_becomes_punycode_and_keeps_its_port() {
        let uri = parse_uri("http://bücher.example:81/").unwrap();
        assert_eq!(uri.authority().unwrap(), "xn--bcher-kva.example:81");
    }

    #[test]
    fn what_is_wrong_is_said() {
        let message = |text| parse_uri(text).unwrap_err().to_string();
        assert!(message("example.com").contains("no scheme"));
        assert!(message("ftp://h/").contains("use http or https"));
        assert!(
            message("http:///path").contains("no host")
                || message("http:///path").contains("invalid")
        );
    }
}
