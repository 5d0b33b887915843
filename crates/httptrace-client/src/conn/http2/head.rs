//! The request's head as HTTP/2 writes it (RFC 9113 section 8.3).

use std::sync::OnceLock;

use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version, header};
use httptrace::info::FieldName;

use crate::conn::SendBody;
use crate::conn::http1::{options, says};
use crate::error::Error;
use crate::wire::Field;

/// The authority that requests name: those of one connection the same, as a rule, so that it is read once.
#[derive(Default)]
pub(super) struct KnownAuthority(OnceLock<(HeaderValue, Authority)>);

impl KnownAuthority {
    fn of(&self, host: &HeaderValue) -> Result<Authority, Error> {
        if let Some((_, authority)) = self.0.get().filter(|(known, _)| known == host) {
            return Ok(authority.clone());
        }
        let authority = Authority::try_from(host.as_bytes()).map_err(|_| unnameable_host())?;
        // The first stays known: another one is read each time.
        let _ = self.0.set((host.clone(), authority.clone()));
        Ok(authority)
    }
}

fn unnameable_host() -> Error {
    Error::usage("the request's Host is not one that HTTP/2 can name")
}

/// A request as HTTP/2 sends it.
pub(super) struct Converted {
    pub(super) head: Request<()>,
    pub(super) body: SendBody,
    /// As the request's `Host` had it.
    authority: HeaderValue,
    /// No other request shall come after it on the connection.
    pub(super) says_close: bool,
}

/// Turns a request as it is built for HTTP/1, in origin-form with `Host`, into one for HTTP/2.
pub(super) fn convert(
    request: Request<SendBody>,
    https: bool,
    known: &KnownAuthority,
) -> Result<Converted, Error> {
    let (mut parts, body) = request.into_parts();
    let authority = parts.headers.remove(header::HOST);
    let authority = authority.ok_or_else(unnameable_host)?;
    let mut uri = std::mem::take(&mut parts.uri).into_parts();
    uri.authority = Some(known.of(&authority)?);
    uri.scheme = Some(match https {
        true => Scheme::HTTPS,
        false => Scheme::HTTP,
    });
    if parts.method == Method::CONNECT {
        (uri.scheme, uri.path_and_query) = (None, None);
    }
    parts.uri = Uri::from_parts(uri)
        .map_err(|_| Error::usage("the request's URI is not one that HTTP/2 can name"))?;
    parts.version = Version::HTTP_2;
    let says_close = strip(&mut parts.headers);
    Ok(Converted {
        head: Request::from_parts(parts, ()),
        body,
        authority,
        says_close,
    })
}

/// Fields that are about an HTTP/1 connection (RFC 9113 section 8.2.2).
fn is_of_http1(name: &HeaderName) -> bool {
    matches!(
        *name,
        header::CONNECTION | header::TRANSFER_ENCODING | header::UPGRADE
    ) || name == "keep-alive"
        || name == "proxy-connection"
}

/// Takes out what has no place in HTTP/2. Returns whether that said that the connection ends.
fn strip(headers: &mut HeaderMap) -> bool {
    // As a rule there is nothing: that is seen sooner than each of them is looked for.
    let mut names = headers.keys();
    if !names.any(|name| is_of_http1(name) || *name == header::TE) {
        return false;
    }
    let says_close = says(headers, "close");
    let named = options(headers)
        .filter_map(|option| option.parse().ok())
        // Which HTTP/1 wants to be named there (RFC 9110 section 10.1.4), and HTTP/2 has as well.
        .filter(|name| *name != header::TE);
    let own = headers.keys().filter(|name| is_of_http1(name)).cloned();
    let out: Vec<HeaderName> = named.chain(own).collect();
    for name in out {
        headers.remove(name);
    }
    // Which may say this alone (RFC 9113 section 8.2.2).
    if let Some(codings) = headers.remove(header::TE) {
        let mut codings = codings.as_bytes().split(|byte| *byte == b',');
        if codings.any(|coding| coding.trim_ascii().eq_ignore_ascii_case(b"trailers")) {
            headers.insert(header::TE, HeaderValue::from_static("trailers"));
        }
    }
    says_close
}

impl Converted {
    /// The fields that go over the wire, in the order in which the codec writes them.
    pub(super) fn fields(&self) -> Vec<Field> {
        let (uri, headers) = (self.head.uri(), self.head.headers());
        let mut fields: Vec<Field> = Vec::with_capacity(4 + headers.keys_len());
        let mut add = |name, value: HeaderValue| {
            fields.push(Field::new(FieldName::from_static(name), value));
        };
        if let Some(method) = method_value(self.head.method()) {
            add(":method", method);
        }
        if let Some(scheme) = uri.scheme() {
            let is_https = *scheme == Scheme::HTTPS;
            let scheme = if is_https { "https" } else { "http" };
            add(":scheme", HeaderValue::from_static(scheme));
        }
        add(":authority", self.authority.clone());
        let path = uri.path_and_query().map(PathAndQuery::as_str);
        if let Some(path) = path.and_then(|path| HeaderValue::from_str(path).ok()) {
            add(":path", path);
        }
        let pseudo = fields.len();
        // The values of a name come one after the other.
        for (name, value) in headers {
            match fields[pseudo..].last_mut() {
                Some(latest) if latest.name == *name => latest.values.push(value.clone()),
                _ => fields.push(Field::new(name, value.clone())),
            }
        }
        fields
    }
}

/// A method's name; without an allocation, where it is one of the usual ones.
fn method_value(method: &Method) -> Option<HeaderValue> {
    Some(match *method {
        Method::GET => HeaderValue::from_static("GET"),
        Method::POST => HeaderValue::from_static("POST"),
        Method::PUT => HeaderValue::from_static("PUT"),
        Method::HEAD => HeaderValue::from_static("HEAD"),
        Method::DELETE => HeaderValue::from_static("DELETE"),
        _ => HeaderValue::from_str(method.as_str()).ok()?,
    })
}

/// How large a header list is, as the peer counts it (RFC 9113 section 6.5.2).
pub(super) fn list_size(head: &Request<()>) -> usize {
    const AROUND_FIELD: usize = 32;
    let uri = head.uri();
    let own = head.headers().iter();
    let own = own.map(|(name, value)| name.as_str().len() + value.len() + AROUND_FIELD);
    let pseudo = [
        ":method".len() + head.method().as_str().len(),
        ":scheme".len() + uri.scheme_str().map_or(0, str::len),
        ":authority".len() + uri.authority().map_or(0, |a| a.as_str().len()),
        ":path".len() + uri.path_and_query().map_or(0, |p| p.as_str().len()),
    ];
    own.sum::<usize>() + pseudo.iter().map(|size| size + AROUND_FIELD).sum::<usize>()
}
