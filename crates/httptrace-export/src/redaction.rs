//! Taking secrets out of what is written.

use std::borrow::Cow;

use http::{HeaderValue, Uri};

/// Whether secrets are taken out of what is written. They are, unless told otherwise.
///
/// Taken out are: the values of `Authorization`, `Cookie`, `Set-Cookie` and `Proxy-Authorization`; in every URI, in the
/// fields that hold URIs and in error messages, the userinfo and the values of parameters with well-known names, in the
/// query and in the fragment. `REDACTED` takes their place. Those names are, in any case and with `-` or `_`:
///
/// * of signed URLs: `X-Amz-Signature`, `X-Amz-Credential`, `X-Amz-Security-Token`, `AWSAccessKeyId`, `X-Goog-Signature`,
///   `X-Goog-Credential`, `signature`, `sig`;
/// * of keys and passwords: `api_key`, `apikey`, `x-api-key`, `subscription-key`, `client_secret`, `secret`, `password`,
///   `passwd`, `auth`;
/// * of tokens: `access_token`, `refresh_token`, `id_token`, `auth_token`, `private_token`, `client_assertion`, `jwt`,
///   `token`, `session`, `sessionid`.
///
/// Bodies are never written, and other parameters and header fields are written as they are: look before you pass a file
/// on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Redaction {
    /// Secrets are taken out.
    #[default]
    On,
    /// Everything is written as it was.
    Off,
}

const REDACTED: &str = "REDACTED";

const SECRET_FIELDS: [&str; 4] = [
    "authorization",
    "cookie",
    "proxy-authorization",
    "set-cookie",
];

const URI_FIELDS: [&str; 5] = ["content-location", "link", "location", "referer", "refresh"];

/// In lower case, with `_` for `-`.
const SECRET_PARAMETERS: [&str; 27] = [
    // Signed URLs.
    "awsaccesskeyid",
    "sig",
    "signature",
    "x_amz_credential",
    "x_amz_security_token",
    "x_amz_signature",
    "x_goog_credential",
    "x_goog_signature",
    // Keys and passwords.
    "api_key",
    "apikey",
    "auth",
    "client_secret",
    "password",
    "passwd",
    "secret",
    "subscription_key",
    "x_api_key",
    // Tokens and sessions.
    "access_token",
    "auth_token",
    "client_assertion",
    "id_token",
    "jwt",
    "private_token",
    "refresh_token",
    "session",
    "sessionid",
    "token",
];

impl Redaction {
    /// The value of a header field.
    pub(crate) fn field_value<'a>(self, name: &str, value: &'a HeaderValue) -> Cow<'a, [u8]> {
        let is_one_of = |names: &[&str]| names.iter().any(|n| name.eq_ignore_ascii_case(n));
        if self == Self::Off {
            return value.as_bytes().into();
        }
        if is_one_of(&SECRET_FIELDS) {
            return REDACTED.as_bytes().into();
        }
        match std::str::from_utf8(value.as_bytes()) {
            Ok(text) if is_one_of(&URI_FIELDS) => match self.text(text) {
                Cow::Borrowed(text) => text.as_bytes().into(),
                Cow::Owned(text) => text.into_bytes().into(),
            },
            // What is no text holds no URI that anybody could read.
            _ => value.as_bytes().into(),
        }
    }

    /// A URI.
    pub(crate) fn uri(self, uri: &Uri) -> String {
        self.text(&uri.to_string()).into_owned()
    }

    /// A text that may hold URIs.
    pub(crate) fn text(self, text: &str) -> Cow<'_, str> {
        if self == Self::Off || !text.contains(['@', '=']) {
            return text.into();
        }
        let text = without_userinfo(text);
        match without_secret_parameters(&text) {
            Some(clean) => clean.into(),
            None => text,
        }
    }
}

/// Replaces what stands between `://` and the last `@` of the authority.
fn without_userinfo(text: &str) -> Cow<'_, str> {
    let mut clean = String::new();
    let mut rest = text;
    while let Some(scheme_end) = rest.find("://") {
        let (before, after) = rest.split_at(scheme_end + 3);
        let authority_end = after.find(ENDS_AUTHORITY).unwrap_or(after.len());
        let (authority, tail) = after.split_at(authority_end);
        clean.push_str(before);
        match authority.rsplit_once('@') {
            Some((_, host)) => clean.extend([REDACTED, ":", REDACTED, "@", host]),
            None => clean.push_str(authority),
        }
        rest = tail;
    }
    if clean.is_empty() {
        return text.into();
    }
    clean.push_str(rest);
    clean.into()
}

const ENDS_AUTHORITY: [char; 8] = ['/', '?', '#', ' ', '"', '<', '>', '\''];

/// Replaces the values of secret parameters, of a query or of a fragment; none if there are none.
fn without_secret_parameters(text: &str) -> Option<String> {
    let mut clean = String::new();
    let mut copied = 0;
    for (place, _) in text.match_indices(['?', '&', '#']) {
        // A value may hold a question mark; what was taken out with it is done.
        if place < copied {
            continue;
        }
        let name_start = place + 1;
        let Some(equals) = text[name_start..].find('=') else {
            break;
        };
        let value_start = name_start + equals + 1;
        let name = &text[name_start..value_start - 1];
        if !is_secret(name) {
            continue;
        }
        let value = &text[value_start..];
        let value_end = value_start + value.find(ENDS_VALUE).unwrap_or(value.len());
        clean.push_str(&text[copied..value_start]);
        clean.push_str(REDACTED);
        copied = value_end;
    }
    (copied > 0).then(|| clean + &text[copied..])
}

fn is_secret(name: &str) -> bool {
    let plain = name.to_ascii_lowercase().replace('-', "_");
    SECRET_PARAMETERS.contains(&plain.as_str())
}

const ENDS_VALUE: [char; 6] = ['&', '#', ' ', '"', '<', '>'];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn userinfo_and_signatures_are_taken_out_of_any_text_with_uris() {
        let table = [
            ("http://a.test/", "http://a.test/"),
            (
                "http://me:pw@a.test/x?y=1",
                "http://REDACTED:REDACTED@a.test/x?y=1",
            ),
            ("http://a@b@a.test", "http://REDACTED:REDACTED@a.test"),
            (
                "http://a.test/@x?sig=1&b=2#sig=3",
                "http://a.test/@x?sig=REDACTED&b=2#sig=REDACTED",
            ),
            (
                "/p?a=1&X-Amz-Signature=abc",
                "/p?a=1&X-Amz-Signature=REDACTED",
            ),
            (
                "/p?x-goog-signature=abc&sig=",
                "/p?x-goog-signature=REDACTED&sig=REDACTED",
            ),
            ("/p?sig=a?sig=b&c=?sig=d", "/p?sig=REDACTED&c=?sig=REDACTED"),
            ("/p?design=1&nosig=2", "/p?design=1&nosig=2"),
            (
                "/p?Access_Token=a&api-key=b&apikey=c&page=2",
                "/p?Access_Token=REDACTED&api-key=REDACTED&apikey=REDACTED&page=2",
            ),
            (
                "https://app.test/#access_token=a&state=b",
                "https://app.test/#access_token=REDACTED&state=b",
            ),
            ("/p?tokens=1&a=token#token", "/p?tokens=1&a=token#token"),
            (
                "<https://a.test/?sig=1>; rel=next, <https://u@b.test/>",
                "<https://a.test/?sig=REDACTED>; rel=next, <https://REDACTED:REDACTED@b.test/>",
            ),
            ("no such host: me@a.test", "no such host: me@a.test"),
        ];
        for (text, clean) in table {
            assert_eq!(Redaction::On.text(text), clean);
            assert_eq!(Redaction::Off.text(text), text);
        }
    }

    #[test]
    fn secret_fields_are_replaced_whatever_their_case() {
        let secret = HeaderValue::from_static("Basic c2VjcmV0");
        for name in [
            "Authorization",
            "COOKIE",
            "set-cookie",
            "Proxy-Authorization",
        ] {
            assert_eq!(&*Redaction::On.field_value(name, &secret), b"REDACTED");
            assert_eq!(
                &*Redaction::Off.field_value(name, &secret),
                secret.as_bytes()
            );
        }
        assert_eq!(
            &*Redaction::On.field_value("accept", &secret),
            secret.as_bytes()
        );
        let location = HeaderValue::from_static("https://a.test/?Signature=abc");
        let clean = Redaction::On.field_value("Location", &location);
        assert_eq!(&*clean, b"https://a.test/?Signature=REDACTED");
    }

    proptest::proptest! {
        #[test]
        fn any_text_may_be_cleaned_and_twice_is_as_once(text in "([a-z:/@?&=#<> é]{0,20}(://|\\?sig=|&Signature=)?[a-z@é&?]{0,9}){0,3}") {
            let once = Redaction::On.text(&text).into_owned();
            let twice = Redaction::On.text(&once).into_owned();
            proptest::prop_assert_eq!(once, twice);
        }
    }
}
