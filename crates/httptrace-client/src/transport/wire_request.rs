//! The request as it goes over the wire: where to, and with which head.

use std::sync::Arc;

use http::header::PROXY_AUTHORIZATION;
use http::uri::{PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version, header};
use http_body::Body as _;

use super::Inner;
use crate::client::Body;
use crate::conn::SendBody;
use crate::conn::http1::{is_switch, says};
use crate::dial::{Proxy, Via};
use crate::error::Error;
use crate::pool::Protocols;

/// Where a request goes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Destination {
    pub(super) https: bool,
    /// As written (case and a trailing dot are kept, as in Go), without brackets and userinfo.
    pub(super) host: Arc<str>,
    pub(super) port: u16,
    pub(super) via: Via,
    /// What may be spoken with it.
    pub(super) protocols: Protocols,
}

impl Destination {
    /// `protocols`: what may be spoken with it, if it can be.
    pub(super) fn of(uri: &Uri, proxy: &Proxy, protocols: Protocols) -> Result<Self, Error> {
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
        let host = uri.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err(Error::usage("the request's URI has no host"));
        }
        let port = uri.port_u16().unwrap_or(if https { 443 } else { 80 });
        Ok(match proxy.via(https, host, port)? {
            // The proxy itself, for all targets alike.
            Via::Forward(server) => {
                let hop = server.hop();
                Self {
                    https,
                    host: hop.host,
                    port: hop.port,
                    via: Via::Forward(server),
                    // As in Go: a proxy that forwards is spoken to in HTTP/1.1.
                    protocols: Protocols::Http1,
                }
            }
            via => Self {
                https,
                host: host.into(),
                port,
                via,
                protocols: match protocols {
                    // Without TLS there is nobody to ask.
                    Protocols::Http2OrHttp1 if !https => Protocols::Http1,
                    protocols => protocols,
                },
            },
        })
    }
}

/// Builds the request for the codec, and says where it goes: the target in origin-form, or in absolute-form if a proxy
/// forwards it (RFC 9112 section 3.2), and the fields in Go's order, `Host`, `User-Agent`, framing, then the user's own.
pub(super) fn build(
    inner: &Inner,
    head: &Request<()>,
    body: Body,
) -> Result<(Destination, Request<SendBody>), Error> {
    let own = head.headers();
    // What leaves HTTP leaves HTTP/1.1.
    let protocols = match is_switch(own) || *head.method() == Method::CONNECT {
        true => Protocols::Http1,
        false => inner.protocols,
    };
    let destination = Destination::of(head.uri(), &inner.proxy, protocols)?;
    let mut headers = HeaderMap::with_capacity(own.len() + 4);
    headers.insert(header::HOST, host(head.uri(), own)?);
    if let Some(agent) = own.get(header::USER_AGENT).or(inner.user_agent.as_ref()) {
        // An empty value means that none shall be sent (as in Go).
        if !agent.is_empty() {
            headers.insert(header::USER_AGENT, agent.clone());
        }
    }
    let length = frame(&mut headers, head.method(), own, &body)?;
    for (name, value) in own {
        if !is_placed(name) && !is_for_another(name, &destination.via) {
            headers.append(name.clone(), value.clone());
        }
    }
    // A connection that is to be upgraded is not used again anyhow (as in Go).
    if inner.pool.says_close() && !says(own, "close") && !is_switch(own) {
        headers.append(header::CONNECTION, HeaderValue::from_static("close"));
    }
    let uri = match &destination.via {
        Via::Forward(proxy) => {
            let authorization = match own.contains_key(PROXY_AUTHORIZATION) {
                true => None,
                false => proxy.authorization(),
            };
            if let Some(value) = authorization {
                headers.append(PROXY_AUTHORIZATION, value);
            }
            absolute_form(head.uri())?
        }
        Via::Direct | Via::Tunnel(_) => origin_form(head.uri()),
    };
    let mut request = Request::new(SendBody::new(body, length, trailer_names(own)));
    *request.method_mut() = head.method().clone();
    *request.uri_mut() = uri;
    *request.version_mut() = Version::HTTP_11;
    *request.headers_mut() = headers;
    Ok((destination, request))
}

/// The names in the `Trailer` field (RFC 9110 section 6.6.2).
fn trailer_names(own: &HeaderMap) -> Vec<HeaderName> {
    let lists = own.get_all(header::TRAILER).iter();
    let names = lists.flat_map(|list| list.to_str().unwrap_or_default().split(','));
    names.filter_map(|name| name.trim().parse().ok()).collect()
}

/// Fields that have a place of their own in the head.
fn is_placed(name: &HeaderName) -> bool {
    matches!(
        *name,
        header::HOST | header::USER_AGENT | header::CONTENT_LENGTH | header::TRANSFER_ENCODING
    )
}

/// Whether the target of a tunnel has no business with a field that is meant for the proxy.
fn is_for_another(name: &HeaderName, via: &Via) -> bool {
    *name == PROXY_AUTHORIZATION && matches!(via, Via::Tunnel(_))
}

/// The `Host` field: the user's own, or the URI's authority without userinfo and zone.
fn host(uri: &Uri, own: &HeaderMap) -> Result<HeaderValue, Error> {
    if let Some(host) = own.get(header::HOST) {
        return Ok(host.clone());
    }
    HeaderValue::try_from(authority(uri)).map_err(|_| no_host())
}

/// The URI's authority without userinfo and zone.
fn authority(uri: &Uri) -> String {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    match host.split_once('%') {
        Some((address, zone)) => {
            let port = zone.split_once(']').map_or("", |(_, port)| port);
            format!("{address}]{port}")
        }
        None => host.to_owned(),
    }
}

fn no_host() -> Error {
    Error::usage("the request's host is not valid in a Host header")
}

/// Sets the framing fields (RFC 9112 section 6) and returns the body's announced length.
fn frame(
    headers: &mut HeaderMap,
    method: &Method,
    own: &HeaderMap,
    body: &Body,
) -> Result<Option<u64>, Error> {
    let says_chunked = own.contains_key(header::TRANSFER_ENCODING);
    let announced = own.get(header::CONTENT_LENGTH).map(|value| {
        let number = value.to_str().ok().and_then(|text| text.parse().ok());
        number.ok_or_else(|| Error::usage(format!("Content-Length {value:?} is not a number")))
    });
    // Only chunks can have trailers after them.
    let has_trailers = own.contains_key(header::TRAILER) && !body.is_end_stream();
    let length = match announced.transpose()? {
        Some(length) => Some(possible(length, body)?),
        None if says_chunked || has_trailers => None,
        None => body.size_hint().exact(),
    };
    let expects_body = matches!(*method, Method::POST | Method::PUT | Method::PATCH);
    match length {
        Some(0) if !expects_body => {}
        Some(length) => {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        None => {
            let chunked = HeaderValue::from_static("chunked");
            headers.insert(header::TRANSFER_ENCODING, chunked);
        }
    }
    Ok(length)
}

/// An announced length, if the body can have it as far as it says beforehand.
fn possible(announced: u64, body: &Body) -> Result<u64, Error> {
    let hint = body.size_hint();
    let is_too_long = announced < hint.lower() || (announced == 0 && !body.is_end_stream());
    let is_too_short = hint.upper().is_some_and(|upper| announced > upper);
    match is_too_long || is_too_short {
        false => Ok(announced),
        true => Err(Error::usage(match hint.exact() {
            Some(exact) => format!(
                "the request's Content-Length is {announced}, but its body has {exact} bytes: leave the field out"
            ),
            None => format!(
                "the request's Content-Length is {announced}, but its body is longer or shorter: leave the field out"
            ),
        })),
    }
}

fn origin_form(uri: &Uri) -> Uri {
    let path = uri.path_and_query().cloned();
    let path = path.filter(|path| !path.as_str().is_empty());
    let mut path = path.unwrap_or_else(|| PathAndQuery::from_static("/"));
    if path.as_str().starts_with('?') {
        // Its text has the slash that the value lacks. unwrap_or is not taken: it stays valid.
        path = path.to_string().parse().unwrap_or(path);
    }
    Uri::from(path)
}

/// Where the URI leads, whatever the `Host` field says.
fn absolute_form(uri: &Uri) -> Result<Uri, Error> {
    let mut parts = origin_form(uri).into_parts();
    parts.scheme = uri.scheme().cloned();
    parts.authority = Some(authority(uri).parse().map_err(|_| no_host())?);
    Uri::from_parts(parts).map_err(|_| no_host())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri {
        // unwrap is ok in tests: the tables hold valid URIs.
        text.parse().unwrap()
    }

    #[test]
    fn the_destination_has_a_port_in_any_case() {
        let of = |text| {
            Destination::of(&uri(text), &Proxy::none(), Protocols::Http2OrHttp1)
                .map(|d| (d.https, d.host.to_string(), d.port))
        };
        assert_eq!(
            of("http://Example.com/").unwrap(),
            (false, "Example.com".into(), 80)
        );
        assert_eq!(of("https://u:p@[::1]/").unwrap(), (true, "::1".into(), 443));
        assert_eq!(of("http://h:8080").unwrap(), (false, "h".into(), 8080));
    }

    #[test]
    fn a_uri_that_leads_nowhere_is_refused_with_what_to_do() {
        let message = |text| {
            Destination::of(&uri(text), &Proxy::none(), Protocols::Http2OrHttp1)
                .unwrap_err()
                .to_string()
        };
        assert!(message("/path").contains("write it in full"));
        assert!(message("ftp://h/").contains("use http or https"));
    }

    #[test]
    fn the_host_field_has_no_userinfo() {
        let host = |text| host(&uri(text), &HeaderMap::new()).unwrap();
        assert_eq!(host("http://u:p@h:81/x"), "h:81");
        assert_eq!(host("http://[::1]:81/x"), "[::1]:81");
    }

    #[test]
    fn the_target_is_in_origin_form() {
        assert_eq!(origin_form(&uri("http://h/a?b")), "/a?b");
        assert_eq!(origin_form(&uri("http://h")), "/");
        assert_eq!(origin_form(&uri("http://h?q")), "/?q");
    }

    fn framed(own: &[(HeaderName, &'static str)], body: &Body) -> Result<Option<u64>, Error> {
        let own = own.iter().cloned();
        let own = own.map(|(name, value)| (name, HeaderValue::from_static(value)));
        frame(&mut HeaderMap::new(), &Method::PUT, &own.collect(), body)
    }

    #[test]
    fn a_length_that_the_body_cannot_have_is_refused_before_anything_is_sent() {
        let length = |value| [(header::CONTENT_LENGTH, value)];
        assert_eq!(framed(&length("3"), &Body::from("abc")).unwrap(), Some(3));
        for (announced, body) in [("2", "abc"), ("4", "abc"), ("0", "abc"), ("1", "")] {
            let error = framed(&length(announced), &Body::from(body)).unwrap_err();
            let message = format!("is {announced}, but its body has {} bytes", body.len());
            assert!(error.to_string().contains(&message), "{error}");
        }
    }

    #[test]
    fn a_body_with_trailers_is_chunked_although_its_length_is_known() {
        let trailer = [(header::TRAILER, "x-sum")];
        assert_eq!(framed(&trailer, &Body::from("abc")).unwrap(), None);
        assert_eq!(framed(&trailer, &Body::empty()).unwrap(), Some(0));
    }

    #[test]
    fn what_a_proxy_forwards_is_in_absolute_form() {
        let absolute = |text| absolute_form(&uri(text)).unwrap().to_string();
        assert_eq!(
            absolute("http://u:p@H.example:81/a?b"),
            "http://H.example:81/a?b"
        );
        assert_eq!(absolute("http://h"), "http://h/");
        assert_eq!(absolute("http://[::1]:81?q"), "http://[::1]:81/?q");
    }

    #[test]
    fn a_body_of_unknown_length_is_chunked_and_an_empty_post_says_so() {
        let mut headers = HeaderMap::new();
        frame(
            &mut headers,
            &Method::POST,
            &HeaderMap::new(),
            &Body::empty(),
        )
        .unwrap();
        assert_eq!(headers[header::CONTENT_LENGTH], "0");
        let mut headers = HeaderMap::new();
        frame(
            &mut headers,
            &Method::GET,
            &HeaderMap::new(),
            &Body::empty(),
        )
        .unwrap();
        assert!(headers.is_empty());
    }
}
