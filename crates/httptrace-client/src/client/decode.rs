//! Decoding of responses: what is offered to the server, and what is made of its answer.

mod body;
#[cfg(feature = "brotli")]
mod brotli;
mod codec;
mod coding;
mod decoder;
#[cfg(feature = "deflate")]
mod deflate;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
#[cfg(feature = "gzip")]
mod gzip;
#[cfg(any(feature = "deflate", feature = "gzip"))]
mod inflate;
#[cfg(feature = "zstd")]
mod zstd;

use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Body as _;

pub(super) use body::Decoding;
pub use decoder::DecodeError;

use super::Body;
use decoder::Decoder;

/// Whether and how far a client decodes.
#[derive(Debug, Default)]
pub(super) struct Settings {
    /// What is offered; none if nothing is decoded.
    offer: Option<HeaderValue>,
    /// How many bytes a body may be decoded to.
    pub(super) limit: Option<u64>,
}

impl Settings {
    pub(super) fn switch(&mut self, on: bool) {
        self.offer = on.then(coding::offer).flatten();
    }

    /// Offers the codings to the server, unless the request says itself what it wants. Returns whether the response is
    /// ours to decode.
    pub(super) fn offer(&self, request: &mut Request<()>) -> bool {
        let own = [header::ACCEPT_ENCODING, header::RANGE];
        let Some(offer) = &self.offer else {
            return false;
        };
        if own.iter().any(|name| request.headers().contains_key(name)) {
            return false;
        }
        // To a HEAD too, whose answer shall be that of a GET (RFC 9110 section 9.3.2). Go leaves it out for the sake of a
        // server's fault that is long mended.
        let headers = request.headers_mut();
        headers.insert(header::ACCEPT_ENCODING, offer.clone());
        *request.method() != Method::HEAD
    }

    /// Has a response's body decoded as it is read, if it comes coded.
    pub(super) fn apply(&self, response: Response<Body>) -> Response<Body> {
        let status = response.status();
        let is_bare = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
            || status.is_informational();
        if is_bare || response.body().is_end_stream() {
            return response;
        }
        let codings = coding::codings(response.headers());
        let Some(decoder) = codings.and_then(|codings| Decoder::new(&codings, self.limit)) else {
            return response;
        };
        let (mut head, body) = response.into_parts();
        let uncompressed = Uncompressed::take(&mut head.headers);
        head.extensions.insert(uncompressed);
        let body = Body::decoding(Decoding::new(body, decoder));
        Response::from_parts(head, body)
    }
}

/// Says that a response's body is decoded (Go's `Response.Uncompressed`), and what was in its head: among the
/// response's extensions if [`ClientBuilder::decompress`](crate::ClientBuilder::decompress) had something to do.
///
/// ```
/// use httptrace_client::{Body, Uncompressed};
///
/// fn coding(response: &http::Response<Body>) -> Option<&http::HeaderValue> {
///     response.extensions().get::<Uncompressed>()?.content_encoding()
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uncompressed {
    headers: HeaderMap,
}

impl Uncompressed {
    /// Takes out of a head what is true only of the coded body.
    fn take(headers: &mut HeaderMap) -> Self {
        let mut taken = HeaderMap::new();
        for name in [header::CONTENT_ENCODING, header::CONTENT_LENGTH] {
            for value in headers.get_all(&name) {
                taken.append(&name, value.clone());
            }
            headers.remove(&name);
        }
        Self { headers: taken }
    }

    /// The `Content-Encoding` of the response; the first one if it had several.
    pub fn content_encoding(&self) -> Option<&HeaderValue> {
        self.headers.get(header::CONTENT_ENCODING)
    }

    /// The `Content-Length` of the body as transferred, if the server said it.
    pub fn content_length(&self) -> Option<u64> {
        let value = self.headers.get(header::CONTENT_LENGTH)?;
        value.to_str().ok()?.parse().ok()
    }

    /// Both, as the fields that were taken out of the response.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }
}
