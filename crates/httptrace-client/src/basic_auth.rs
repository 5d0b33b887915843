//! Basic credentials (RFC 7617), for servers and for proxies.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::HeaderValue;

/// The value of `Authorization` or `Proxy-Authorization` for `user:password`. It does not show in `Debug` output.
pub(crate) fn header_value(user_and_password: &[u8]) -> HeaderValue {
    let credentials = BASE64_STANDARD.encode(user_and_password);
    // unwrap_or is not taken: base64 is valid in a header value.
    let mut value = HeaderValue::try_from(format!("Basic {credentials}"))
        .unwrap_or(HeaderValue::from_static("Basic"));
    value.set_sensitive(true);
    value
}
