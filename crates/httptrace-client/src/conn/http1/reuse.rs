//! Whether a connection may carry another request after this response (RFC 9112 section 9.3).

use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Version, header};
use httptrace::info::CloseReason;

/// Why the connection must be closed after this exchange, if it must.
pub(crate) fn closes_after<B>(
    method: &Method,
    request_says_close: bool,
    response: &Response<B>,
) -> Option<CloseReason> {
    let fields = Fields::of(response.headers());
    if ends_http(method, response.status()) {
        Some(CloseReason::Upgraded)
    } else if request_says_close {
        Some(CloseReason::RequestSaidClose)
    } else if fields.say_close {
        Some(CloseReason::ResponseSaidClose)
    } else if response.version() == Version::HTTP_10 && !fields.say_keep_alive {
        Some(CloseReason::Http10)
    } else if !fields.say_length && may_have_body(method, response.status()) {
        Some(CloseReason::BodyUntilEof)
    } else {
        None
    }
}

/// What a response's fields say of its end, and of the connection: found in one pass.
#[derive(Default)]
struct Fields {
    say_close: bool,
    say_keep_alive: bool,
    /// How long the body is, or that it comes in chunks.
    say_length: bool,
}

impl Fields {
    fn of(headers: &HeaderMap) -> Self {
        let mut fields = Self::default();
        for (name, value) in headers {
            match *name {
                header::CONNECTION => {
                    for option in listed(value) {
                        fields.say_close |= option.eq_ignore_ascii_case("close");
                        fields.say_keep_alive |= option.eq_ignore_ascii_case("keep-alive");
                    }
                }
                header::CONTENT_LENGTH | header::TRANSFER_ENCODING => fields.say_length = true,
                _ => {}
            }
        }
        fields
    }
}

/// Whether the connection speaks HTTP no more after this response (RFC 9110 sections 7.8 and 9.3.6).
fn ends_http(method: &Method, status: StatusCode) -> bool {
    status == StatusCode::SWITCHING_PROTOCOLS || (*method == Method::CONNECT && status.is_success())
}

/// Whether the `Connection` field has this option.
pub(crate) fn says(headers: &HeaderMap, option: &str) -> bool {
    options(headers).any(|other| other.eq_ignore_ascii_case(option))
}

/// The options of the `Connection` field.
pub(crate) fn options(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lists = headers.get_all(header::CONNECTION).iter();
    lists.flat_map(listed)
}

fn listed(list: &HeaderValue) -> impl Iterator<Item = &str> {
    let list = list.to_str().unwrap_or_default();
    list.split(',').map(str::trim)
}

fn may_have_body(method: &Method, status: StatusCode) -> bool {
    *method != Method::HEAD
        && !status.is_informational()
        && status != StatusCode::NO_CONTENT
        && status != StatusCode::NOT_MODIFIED
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(head: &[(&str, &str)]) -> Response<()> {
        let mut builder = Response::builder();
        for (name, value) in head {
            builder = builder.header(*name, *value);
        }
        // unwrap is ok in tests: the tables hold valid header fields.
        builder.body(()).unwrap()
    }

    fn after(response: &Response<()>) -> Option<CloseReason> {
        closes_after(&Method::GET, false, response)
    }

    #[test]
    fn a_response_with_a_length_leaves_the_connection_open() {
        assert_eq!(after(&response(&[("content-length", "5")])), None);
        assert_eq!(after(&response(&[("transfer-encoding", "chunked")])), None);
    }

    #[test]
    fn close_is_found_among_other_options_in_any_case() {
        let response = response(&[("content-length", "5"), ("connection", "Foo, CLOSE")]);
        assert_eq!(after(&response), Some(CloseReason::ResponseSaidClose));
    }

    #[test]
    fn http_1_0_closes_unless_it_says_keep_alive() {
        let mut plain = response(&[("content-length", "5")]);
        *plain.version_mut() = Version::HTTP_10;
        assert_eq!(after(&plain), Some(CloseReason::Http10));
        let mut kept = response(&[("content-length", "5"), ("connection", "keep-alive")]);
        *kept.version_mut() = Version::HTTP_10;
        assert_eq!(after(&kept), None);
    }

    #[test]
    fn nothing_is_left_of_http_after_a_101_or_a_tunnel() {
        let mut switching = response(&[("connection", "close, upgrade")]);
        *switching.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        assert_eq!(after(&switching), Some(CloseReason::Upgraded));
        let tunnel = |response: Response<()>| closes_after(&Method::CONNECT, false, &response);
        assert_eq!(tunnel(response(&[])), Some(CloseReason::Upgraded));
        let mut refused = response(&[("content-length", "5")]);
        *refused.status_mut() = StatusCode::FORBIDDEN;
        assert_eq!(tunnel(refused), None);
    }

    #[test]
    fn a_body_without_a_length_lasts_until_the_connection_ends() {
        assert_eq!(after(&response(&[])), Some(CloseReason::BodyUntilEof));
        let head = closes_after(&Method::HEAD, false, &response(&[]));
        assert_eq!(head, None);
    }
}
