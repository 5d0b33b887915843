//! A header field of a request, as it was written.

use std::fmt;
use std::ops::Deref;
use std::slice;
use std::sync::Arc;

use http::{HeaderName, HeaderValue};

/// The name of a header field, as on the wire: `host`, `Title-Case` where it is written so, or a pseudo-header field of
/// HTTP/2 (`:method`).
///
/// Text to whoever reads it; made of a [`HeaderName`] or of a literal without an allocation. Names are equal if their
/// text is, to the case of each letter.
#[derive(Clone)]
pub struct FieldName(Name);

#[derive(Clone)]
enum Name {
    Header(HeaderName),
    Static(&'static str),
    Text(Arc<str>),
}

impl FieldName {
    /// The name that a literal spells.
    pub const fn from_static(name: &'static str) -> Self {
        Self(Name::Static(name))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Name::Header(name) => name.as_str(),
            Name::Static(name) => name,
            Name::Text(name) => name,
        }
    }
}

impl Deref for FieldName {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for FieldName {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl From<HeaderName> for FieldName {
    fn from(name: HeaderName) -> Self {
        Self(Name::Header(name))
    }
}

impl From<&HeaderName> for FieldName {
    fn from(name: &HeaderName) -> Self {
        Self(Name::Header(name.clone()))
    }
}

impl From<Arc<str>> for FieldName {
    fn from(name: Arc<str>) -> Self {
        Self(Name::Text(name))
    }
}

impl From<String> for FieldName {
    fn from(name: String) -> Self {
        Self(Name::Text(name.into()))
    }
}

impl From<&str> for FieldName {
    fn from(name: &str) -> Self {
        Self(Name::Text(name.into()))
    }
}

impl PartialEq for FieldName {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            // Mostly a comparison of two numbers.
            (Name::Header(one), Name::Header(other)) => one == other,
            _ => self.as_str() == other.as_str(),
        }
    }
}

impl Eq for FieldName {}

impl PartialEq<str> for FieldName {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for FieldName {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl PartialEq<HeaderName> for FieldName {
    fn eq(&self, other: &HeaderName) -> bool {
        match &self.0 {
            Name::Header(name) => name == other,
            _ => self.as_str() == other.as_str(),
        }
    }
}

impl fmt::Debug for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), f)
    }
}

/// The values of all header fields of one name, in the order of the wire: a slice to whoever reads it. One value, the
/// usual case, takes no allocation.
#[derive(Clone)]
pub struct FieldValues(Values);

#[derive(Clone)]
enum Values {
    One(HeaderValue),
    Several(Arc<Vec<HeaderValue>>),
}

impl FieldValues {
    /// Adds a value at the end.
    pub fn push(&mut self, value: HeaderValue) {
        match &mut self.0 {
            Values::One(first) => {
                let values = vec![first.clone(), value];
                self.0 = Values::Several(Arc::new(values));
            }
            Values::Several(values) => Arc::make_mut(values).push(value),
        }
    }
}

impl Deref for FieldValues {
    type Target = [HeaderValue];

    fn deref(&self) -> &[HeaderValue] {
        match &self.0 {
            Values::One(value) => slice::from_ref(value),
            Values::Several(values) => values,
        }
    }
}

impl From<HeaderValue> for FieldValues {
    fn from(value: HeaderValue) -> Self {
        Self(Values::One(value))
    }
}

impl From<Vec<HeaderValue>> for FieldValues {
    fn from(values: Vec<HeaderValue>) -> Self {
        Self(Values::Several(Arc::new(values)))
    }
}

impl<const N: usize> From<[HeaderValue; N]> for FieldValues {
    fn from(values: [HeaderValue; N]) -> Self {
        values.into_iter().collect()
    }
}

impl FromIterator<HeaderValue> for FieldValues {
    fn from_iter<I: IntoIterator<Item = HeaderValue>>(values: I) -> Self {
        let mut values = values.into_iter();
        match (values.next(), values.next()) {
            (Some(only), None) => only.into(),
            (first, second) => {
                let all = first.into_iter().chain(second).chain(values);
                all.collect::<Vec<_>>().into()
            }
        }
    }
}

impl<'a> IntoIterator for &'a FieldValues {
    type Item = &'a HeaderValue;
    type IntoIter = slice::Iter<'a, HeaderValue>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl PartialEq for FieldValues {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for FieldValues {}

impl fmt::Debug for FieldValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

#[cfg(test)]
mod tests {
    use http::header;

    use super::*;

    #[test]
    fn names_are_the_text_they_were_made_of() {
        let names = [
            FieldName::from(header::HOST),
            FieldName::from_static("host"),
            FieldName::from("host"),
            FieldName::from(String::from("host")),
        ];
        for name in &names {
            assert_eq!(*name, names[0]);
            assert_eq!(*name, header::HOST);
            assert_eq!(*name, "host");
            assert_eq!(format!("{name} {name:?}"), r#"host "host""#);
        }
        assert_ne!(FieldName::from("Host"), header::HOST);
        assert_ne!(FieldName::from("Host"), names[0]);
        assert!(FieldName::from_static(":method").starts_with(':'));
    }

    #[test]
    fn values_are_the_same_however_they_were_gathered() {
        let [a, b, c] = ["a", "b", "c"].map(HeaderValue::from_static);
        let mut pushed = FieldValues::from(a.clone());
        assert_eq!(*pushed, ["a"]);
        let kept = pushed.clone();
        pushed.push(b.clone());
        pushed.push(c.clone());
        assert_eq!(*pushed, [a.clone(), b.clone(), c.clone()]);
        assert_eq!(*kept, ["a"]);
        assert_eq!(
            pushed,
            FieldValues::from(vec![a.clone(), b.clone(), c.clone()])
        );
        assert_eq!(pushed, FieldValues::from([a, b, c]));
        assert_eq!(format!("{pushed:?}"), r#"["a", "b", "c"]"#);
        assert!(FieldValues::from([]).is_empty());
    }

    #[test]
    fn secrets_stay_secret() {
        let mut secret = HeaderValue::from_static("secret");
        secret.set_sensitive(true);
        let values = FieldValues::from(secret);
        assert_eq!(format!("{values:?}"), "[Sensitive]");
    }
}
