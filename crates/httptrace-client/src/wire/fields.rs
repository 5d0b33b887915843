//! The fields of a request's head, as the hooks are told of them.

use http::{HeaderName, HeaderValue, header};
use httptrace::info::FieldValues;

use super::{Field, http1};

/// The header fields of a head: one entry per name, in the order of the wire.
pub(crate) fn fields_by_name(head: &[u8]) -> Vec<Field> {
    let mut names: Vec<(&[u8], FieldValues)> = Vec::new();
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
            None => names.push((name, value.into())),
        }
    }
    let text = |name: &[u8]| String::from_utf8_lossy(name).as_ref().into();
    let entry = |(name, values)| (text(name), values);
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
