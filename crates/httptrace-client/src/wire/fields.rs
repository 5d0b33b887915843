//! The fields of a request's head, as the hooks are told of them.

use http::{HeaderMap, HeaderName, header};
use httptrace::info::FieldName;

use super::Field;

/// The header fields of an HTTP/1 head: one entry per name, in the order in which the codec writes them, and as it does.
pub(crate) fn fields_by_name(headers: &HeaderMap) -> Vec<Field> {
    let mut fields: Vec<Field> = Vec::with_capacity(headers.keys_len());
    let mut latest = None;
    for (name, value) in headers {
        let mut value = value.clone();
        if is_secret(name) {
            value.set_sensitive(true);
        }
        // All values of a name are next to each other.
        match fields.last_mut().filter(|_| latest == Some(name)) {
            Some((_, values)) => values.push(value),
            None => fields.push((title_case(name), value.into())),
        }
        latest = Some(name);
    }
    fields
}

/// A name as it is on the wire. Those that most requests have are at hand.
fn title_case(name: &HeaderName) -> FieldName {
    let known = match *name {
        header::ACCEPT => "Accept",
        header::ACCEPT_ENCODING => "Accept-Encoding",
        header::ACCEPT_LANGUAGE => "Accept-Language",
        header::AUTHORIZATION => "Authorization",
        header::CACHE_CONTROL => "Cache-Control",
        header::CONNECTION => "Connection",
        header::CONTENT_ENCODING => "Content-Encoding",
        header::CONTENT_LENGTH => "Content-Length",
        header::CONTENT_TYPE => "Content-Type",
        header::COOKIE => "Cookie",
        header::EXPECT => "Expect",
        header::HOST => "Host",
        header::IF_MODIFIED_SINCE => "If-Modified-Since",
        header::IF_NONE_MATCH => "If-None-Match",
        header::ORIGIN => "Origin",
        header::RANGE => "Range",
        header::REFERER => "Referer",
        header::TE => "Te",
        header::TRAILER => "Trailer",
        header::TRANSFER_ENCODING => "Transfer-Encoding",
        header::UPGRADE => "Upgrade",
        header::USER_AGENT => "User-Agent",
        _ => return titled(name.as_str()).into(),
    };
    FieldName::from_static(known)
}

/// A capital at the beginning and after each hyphen.
fn titled(name: &str) -> String {
    let mut begins = true;
    let letters = name.chars().map(|letter| {
        let titled = if begins {
            letter.to_ascii_uppercase()
        } else {
            letter
        };
        begins = letter == '-';
        titled
    });
    letters.collect()
}

/// Whether a field's value shall not show in `Debug` output.
fn is_secret(name: &HeaderName) -> bool {
    matches!(
        *name,
        header::AUTHORIZATION | header::COOKIE | header::PROXY_AUTHORIZATION
    )
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_name_at_hand_is_what_it_would_be_made_into() {
        let names = "accept accept-encoding accept-language authorization cache-control connection content-encoding \
                     content-length content-type cookie expect host if-modified-since if-none-match origin range \
                     referer te trailer transfer-encoding upgrade user-agent x-own-name dnt";
        for name in names.split_whitespace() {
            assert_eq!(title_case(&name.parse().unwrap()), titled(name).as_str());
        }
    }

    #[test]
    fn several_fields_of_a_name_are_one_entry_in_their_order() {
        let mut headers = HeaderMap::new();
        for (name, value) in [("host", "h"), ("x-a", "1"), ("cookie", "c"), ("x-a", "2")] {
            let name: HeaderName = name.parse().unwrap();
            headers.append(name, HeaderValue::from_static(value));
        }
        let fields = fields_by_name(&headers);
        let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["Host", "X-A", "Cookie"]);
        assert_eq!(&*fields[1].1, ["1", "2"]);
        assert!(fields[2].1[0].is_sensitive() && !fields[0].1[0].is_sensitive());
    }
}
