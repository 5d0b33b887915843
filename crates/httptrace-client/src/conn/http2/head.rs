//! The request's head as HTTP/2 writes it (RFC 9113 section 8.3).

use std::sync::OnceLock;

use http::uri::{Authority, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version, header};
use httptrace::info::FieldName;

use crate::conn::SendBody;
use crate::conn::http1::options;
use crate::error::Error;
use crate::wire::Field;

/// The authority that requests name: those of one connection the same, as a rule, so that it is read once.
#[derive(Default)]
pub(super) struct KnownAuthority(OnceLock<(HeaderValue, Authority)>);

impl KnownAuthority {
    fn of(&self, host: HeaderValue) -> Result<Authority, Error> {
        if let Some((_, authority)) = self.0.get().filter(|(known, _)| *known == host) {
            return Ok(authority.clone());
        }
        let authority = Authority::try_from(host.as_bytes()).map_err(|_| unnameable_host())?;
        // The first stays known: another one is read each time.
        let _ = self.0.set((host, authority.clone()));
        Ok(authority)
    }
}

fn unnameable_host() -> Error {
    Error::usage("the request's Host is not one that HTTP/2 can name")
}

/// Turns a request as it is built for HTTP/1, in origin-form with `Host`, into its head for HTTP/2 and its body.
pub(super) fn convert(
    request: Request<SendBody>,
    https: bool,
    known: &KnownAuthority,
) -> Result<(Request<()>, SendBody), Error> {
    let (mut parts, body) = request.into_parts();
    let host = parts.headers.remove(header::HOST);
    let mut uri = std::mem::take(&mut parts.uri).into_parts();
    uri.authority = Some(known.of(host.ok_or_else(unnameable_host)?)?);
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
    strip(&mut parts.headers);
    Ok((Request::from_parts(parts, ()), body))
}

/// Fields that are about an HTTP/1 connection (RFC 9113 section 8.2.2).
fn is_of_http1(name: &HeaderName) -> bool {
    matches!(
        *name,
        header::CONNECTION | header::TRANSFER_ENCODING | header::UPGRADE
    ) || name == "keep-alive"
        || name == "proxy-connection"
}

/// Takes out what has no place in HTTP/2.
fn strip(headers: &mut HeaderMap) {
    // As a rule there is nothing: that is seen sooner than each of them is looked for.
    let mut names = headers.keys();
    if !names.any(|name| is_of_http1(name) || *name == header::TE) {
        return;
    }
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
}

/// The fields that go over the wire, in the order in which the codec writes them.
pub(super) fn fields(head: &Request<()>) -> Vec<Field> {
    let uri = head.uri();
    let pseudo = [
        (":method", Some(head.method().as_str())),
        (":scheme", uri.scheme_str()),
        (":authority", uri.authority().map(Authority::as_str)),
        (":path", uri.path_and_query().map(|path| path.as_str())),
    ];
    let pseudo = pseudo.into_iter().filter_map(|(name, value)| {
        let value = HeaderValue::from_str(value?).ok()?;
        Some((FieldName::from_static(name), value.into()))
    });
    let named = head.headers().keys().map(|name| {
        let values = head.headers().get_all(name).iter().cloned();
        (name.into(), values.collect())
    });
    pseudo.chain(named).collect()
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
