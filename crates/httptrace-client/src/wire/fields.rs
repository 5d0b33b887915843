//! The fields of a request's head, as the hooks are told of them.

use std::sync::Arc;

use http::{HeaderName, HeaderValue, header};

use super::http1;

/// The header fields of a head: one entry per name, in the order of the wire.
pub(crate) fn fields_by_name(head: &[u8]) -> Vec<(Arc<str>, Arc<[HeaderValue]>)> {
    let mut names: Vec<(&[u8], Vec<HeaderValue>)> = Vec::new();
    for (name, value) in http1::fields(head) {
        let Ok(mut value) = HeaderValue::from_bytes(value) else {
            continue;
        };
        value.set_sensitive(is_secret(name));
        match names
            .iter_mut()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
        {
            Some((_, values)) => values.push(value),
            None => names.push((name, vec![value])),
        }
    }
    let text = |name: &[u8]| Arc::from(String::from_utf8_lossy(name).as_ref());
    let entry = |(name, values): (_, Vec<_>)| (text(name), Arc::from(values));
    names.into_iter().map(entry).collect()
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
