//! The request as it goes over the wire: where to, and with which head.

use http::header::PROXY_AUTHORIZATION;
use http::uri::{Authority, PathAndQuery};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version, header};
use http_body::Body as _;

use super::Inner;
use super::route::Route;
use crate::client::Body;
use crate::conn::SendBody;
use crate::conn::http1::{is_switch, says};
use crate::dial::Via;
use crate::error::Error;
use crate::pool::Protocols;

/// The fields of a request of the user's own that it depends on how it is written: found in one pass.
#[derive(Default)]
pub(super) struct Own<'a> {
    host: Option<&'a HeaderValue>,
    user_agent: Option<&'a HeaderValue>,
    content_length: Option<&'a HeaderValue>,
    says_chunked: bool,
    has_trailer: bool,
    has_connection: bool,
    has_upgrade: bool,
    has_proxy_authorization: bool,
}

impl<'a> Own<'a> {
    /// Of several fields of a name the first counts.
    pub(super) fn of(headers: &'a HeaderMap) -> Self {
        let mut own = Self::default();
        for (name, value) in headers {
            match *name {
                header::HOST => own.host = own.host.or(Some(value)),
                header::USER_AGENT => own.user_agent = own.user_agent.or(Some(value)),
                header::CONTENT_LENGTH => own.content_length = own.content_length.or(Some(value)),
                header::TRANSFER_ENCODING => own.says_chunked = true,
                header::TRAILER => own.has_trailer = true,
                header::CONNECTION => own.has_connection = true,
                header::UPGRADE => own.has_upgrade = true,
                PROXY_AUTHORIZATION => own.has_proxy_authorization = true,
                _ => {}
            }
        }
        own
    }

    /// Whether the request says that its connection is to be closed after it; `headers` are those it was found in.
    pub(super) fn says_close(&self, headers: &HeaderMap) -> bool {
        self.has_connection && says(headers, "close")
    }
}

/// The protocols that a request may be sent over, of those that the client speaks.
pub(super) fn protocols(inner: &Inner, head: &Request<()>, own: &Own<'_>) -> Protocols {
    // What leaves HTTP leaves HTTP/1.1.
    let switches = own.has_upgrade && is_switch(head.headers());
    match *head.method() == Method::CONNECT || switches {
        true => Protocols::Http1,
        false => inner.protocols,
    }
}

/// Builds the request for the codec, and says where it goes: the target in origin-form, or in absolute-form if a proxy
/// forwards it (RFC 9112 section 3.2), and the fields in Go's order, `Host`, `User-Agent`, framing, then the user's own.
pub(super) fn build(
    inner: &Inner,
    head: &Request<()>,
    own: &Own<'_>,
    body: Body,
    route: &Route,
) -> Result<Box<Request<SendBody>>, Error> {
    let fields = head.headers();
    let via = &route.via;
    let mut headers = HeaderMap::with_capacity(fields.len() + 4);
    let host = own.host.or(route.host.as_ref()).ok_or_else(no_host)?;
    headers.insert(header::HOST, host.clone());
    if let Some(agent) = own.user_agent.or(inner.user_agent.as_ref()) {
        // An empty value means that none shall be sent (as in Go).
        if !agent.is_empty() {
            headers.insert(header::USER_AGENT, agent.clone());
        }
    }
    let length = frame(&mut headers, head.method(), own, &body)?;
    for (name, value) in fields {
        if !is_placed(name) && !is_for_another(name, via) {
            headers.append(name.clone(), value.clone());
        }
    }
    // A connection that is to be upgraded is not used again anyhow (as in Go).
    if inner.pool.says_close() && !own.says_close(fields) && !is_switch(fields) {
        headers.append(header::CONNECTION, HeaderValue::from_static("close"));
    }
    let uri = match via {
        Via::Forward(proxy) => {
            let authorization = match own.has_proxy_authorization {
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
    let trailers = match own.has_trailer {
        true => trailer_names(fields),
        false => Vec::new(),
    };
    let mut request = Box::new(Request::new(SendBody::new(body, length, trailers)));
    *request.method_mut() = head.method().clone();
    *request.uri_mut() = uri;
    *request.version_mut() = Version::HTTP_11;
    *request.headers_mut() = headers;
    Ok(request)
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

/// The URI's authority without userinfo and zone.
pub(super) fn host_field(authority: &Authority) -> String {
    let authority = authority.as_str();
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
    own: &Own<'_>,
    body: &Body,
) -> Result<Option<u64>, Error> {
    let announced = own.content_length.map(|value| {
        let number = value.to_str().ok().and_then(|text| text.parse().ok());
        number.ok_or_else(|| Error::usage(format!("Content-Length {value:?} is not a number")))
    });
    // Only chunks can have trailers after them.
    let has_trailers = own.has_trailer && !body.is_end_stream();
    let length = match announced.transpose()? {
        Some(length) => Some(possible(length, body)?),
        None if own.says_chunked || has_trailers => None,
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
    let authority = uri.authority().map(host_field).unwrap_or_default();
    parts.authority = Some(authority.parse().map_err(|_| no_host())?);
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
    fn the_host_field_has_no_userinfo() {
        let host = |text| host_field(uri(text).authority().unwrap());
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
        let own = own.collect();
        frame(&mut HeaderMap::new(), &Method::PUT, &Own::of(&own), body)
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
        frame(&mut headers, &Method::POST, &Own::default(), &Body::empty()).unwrap();
        assert_eq!(headers[header::CONTENT_LENGTH], "0");
        let mut headers = HeaderMap::new();
        frame(&mut headers, &Method::GET, &Own::default(), &Body::empty()).unwrap();
        assert!(headers.is_empty());
    }
}
