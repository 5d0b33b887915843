//! The fields of a request's head, as the hooks are told of them.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, header};
use httptrace::info::{FieldName, WrittenFields};
use memchr::memchr;

use super::Field;
use super::http1::fields;

/// The header fields of the heads that are written on a connection. Most requests have those of the request before,
/// which are not decoded again.
#[derive(Default)]
pub(crate) struct FieldsInTurn(Option<Box<Known>>);

struct Known {
    /// What followed the request line.
    lines: Vec<u8>,
    fields: Arc<Vec<Field>>,
}

impl FieldsInTurn {
    /// The header fields of the next head: one entry per name, in the order of the wire.
    pub(crate) fn of(&mut self, head: &[u8]) -> WrittenFields {
        let request_line = memchr(b'\n', head).map_or(head.len(), |end| end + 1);
        let lines = &head[request_line..];
        if let Some(known) = self.0.as_deref().filter(|known| known.lines == lines) {
            return Arc::clone(&known.fields).into();
        }
        let fields = Arc::new(fields_by_name(head));
        self.0 = Some(Box::new(Known {
            lines: lines.to_vec(),
            fields: Arc::clone(&fields),
        }));
        fields.into()
    }
}

/// The header fields of a head that was written: one entry per name, in the order of the wire.
pub(crate) fn fields_by_name(head: &[u8]) -> Vec<Field> {
    // One copy, which all values share.
    let shared = Bytes::copy_from_slice(head);
    let mut names: Vec<Field> = Vec::with_capacity(8);
    for (name, value) in fields(&shared) {
        let Ok(mut value) = HeaderValue::from_maybe_shared(shared.slice_ref(value)) else {
            continue;
        };
        if is_secret(name) {
            value.set_sensitive(true);
        }
        let is_name = |known: &FieldName| known.as_bytes().eq_ignore_ascii_case(name);
        match names.iter_mut().find(|known| is_name(&known.name)) {
            Some(known) => known.values.push(value),
            None => names.push(Field::new(field_name(name), value)),
        }
    }
    names
}

/// A name as it is on the wire. Those that most requests have are at hand.
fn field_name(name: &[u8]) -> FieldName {
    FieldName::from_static(match name {
        b"Accept" => "Accept",
        b"Accept-Encoding" => "Accept-Encoding",
        b"Accept-Language" => "Accept-Language",
        b"Authorization" => "Authorization",
        b"Cache-Control" => "Cache-Control",
        b"Connection" => "Connection",
        b"Content-Encoding" => "Content-Encoding",
        b"Content-Length" => "Content-Length",
        b"Content-Type" => "Content-Type",
        b"Cookie" => "Cookie",
        b"Expect" => "Expect",
        b"Host" => "Host",
        b"If-Modified-Since" => "If-Modified-Since",
        b"If-None-Match" => "If-None-Match",
        b"Origin" => "Origin",
        b"Range" => "Range",
        b"Referer" => "Referer",
        b"Te" => "Te",
        b"Trailer" => "Trailer",
        b"Transfer-Encoding" => "Transfer-Encoding",
        b"Upgrade" => "Upgrade",
        b"User-Agent" => "User-Agent",
        _ => return String::from_utf8_lossy(name).as_ref().into(),
    })
}

/// Whether a field's value shall not show in `Debug` output.
fn is_secret(name: &[u8]) -> bool {
    const SECRETS: [HeaderName; 3] = [
        header::AUTHORIZATION,
        header::COOKIE,
        header::PROXY_AUTHORIZATION,
    ];
    SECRETS
        .iter()
        .any(|secret| secret.as_str().as_bytes().eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_as_they_are_written() {
        let names = "Accept Accept-Encoding Accept-Language Authorization Cache-Control Connection Content-Encoding \
                     Content-Length Content-Type Cookie Expect Host If-Modified-Since If-None-Match Origin Range \
                     Referer Te Trailer Transfer-Encoding Upgrade User-Agent X-Own-Name DNT host";
        let fields = names
            .split_whitespace()
            .map(|name| format!("{name}: 1\r\n"));
        let head = format!("GET / HTTP/1.1\r\n{}\r\n", fields.collect::<String>());
        for (name, expected) in fields_by_name(head.as_bytes())
            .iter()
            .zip(names.split_whitespace())
        {
            assert_eq!(name.name, expected);
        }
    }

    #[test]
    fn what_was_known_of_one_head_is_told_of_no_other() {
        let heads = [
            "GET /1 HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n",
            "GET /2 HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n",
            "GET /2 HTTP/1.1\r\nHost: a\r\nX: 2\r\n\r\n",
            "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /1 HTTP/1.1\r\n\r\n",
            "GET /2 HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n",
        ];
        let mut written = FieldsInTurn::default();
        for head in heads {
            let told = written.of(head.as_bytes());
            let expected = fields_by_name(head.as_bytes());
            assert_eq!(format!("{told:?}"), format!("{expected:?}"));
        }
    }

    #[test]
    fn several_fields_of_a_name_are_one_entry_without_blanks_around_them() {
        let head = b"GET / HTTP/1.1\r\nHost: h\r\nX-A:  1 \r\nCookie: c\r\nx-a: 2\r\n\r\n";
        let fields = fields_by_name(head);
        let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
        assert_eq!(names, ["Host", "X-A", "Cookie"]);
        assert_eq!(&*fields[1].values, ["1", "2"]);
        assert!(fields[2].values[0].is_sensitive() && !fields[0].values[0].is_sensitive());
    }
}
