//! Userinfo in a request's URI, which becomes Basic auth (RFC 7617).

use http::{HeaderValue, Request, Uri, header};
use memchr::memchr;

use crate::basic_auth;
use crate::error::Error;

/// The request that is sent for one whose URI has userinfo; none if it has none.
pub(super) fn without_userinfo(request: &Request<()>) -> Result<Option<Box<Request<()>>>, Error> {
    let authority = request
        .uri()
        .authority()
        .map(|authority| authority.as_str());
    let Some(authority) = authority.filter(|text| memchr(b'@', text.as_bytes()).is_some()) else {
        return Ok(None);
    };
    // unwrap_or_default is not taken: there is an `@`.
    let (userinfo, host) = authority.rsplit_once('@').unwrap_or_default();
    let mut parts = request.uri().clone().into_parts();
    parts.authority = host.parse().ok();
    let uri = Uri::from_parts(parts);
    let uri = uri.map_err(|_| Error::usage("the request's URI has no host after its userinfo"))?;
    let mut bare = Box::new(request.clone());
    *bare.uri_mut() = uri;
    if !bare.headers().contains_key(header::AUTHORIZATION) {
        bare.headers_mut()
            .insert(header::AUTHORIZATION, authorization(userinfo));
    }
    Ok(Some(bare))
}

fn authorization(userinfo: &str) -> HeaderValue {
    let decoded: Vec<u8> = percent_decode(userinfo);
    let colon = if decoded.contains(&b':') {
        &b""[..]
    } else {
        b":"
    };
    basic_auth::header_value(&[&decoded[..], colon].concat())
}

fn percent_decode(text: &str) -> Vec<u8> {
    percent_encoding::percent_decode_str(text).collect()
}
