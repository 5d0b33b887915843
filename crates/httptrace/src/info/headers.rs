//! The header fields of a response, as they came.

use std::fmt;
use std::ops::Index;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};

/// The header fields of a response, or its trailer fields: like a [`HeaderMap`] that does not change, made with one
/// allocation and cloned with none.
///
/// Fields of one name stand together, in the order in which they came; names stand in the order of the map that they
/// were taken from.
#[derive(Clone, Default)]
pub struct HeaderFields(Arc<[(HeaderName, HeaderValue)]>);

impl HeaderFields {
    /// The fields of a map, those with secrets marked as sensitive: their values do not show in `Debug` output.
    pub fn with_secrets(map: &HeaderMap, is_secret: impl Fn(&HeaderName) -> bool) -> Self {
        let mut fields = map.iter();
        gather(map.len(), || {
            let (name, value) = fields.next()?;
            let mut value = value.clone();
            if is_secret(name) {
                value.set_sensitive(true);
            }
            Some((name.clone(), value))
        })
    }

    /// The first value of a name (a text, which may be in any case, or a [`HeaderName`]); absent if there is none.
    pub fn get<N>(&self, name: N) -> Option<&HeaderValue>
    where
        HeaderName: PartialEq<N>,
    {
        self.get_all(name).next()
    }

    /// The values of a name, in order.
    pub fn get_all<N>(&self, name: N) -> impl Iterator<Item = &HeaderValue>
    where
        HeaderName: PartialEq<N>,
    {
        let named = self.0.iter().filter(move |(known, _)| *known == name);
        named.map(|(_, value)| value)
    }

    /// All fields, in order: a name comes as often as it has values.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&HeaderName, &HeaderValue)> {
        self.0.iter().map(|(name, value)| (name, value))
    }

    /// Each name once, with all its values, in order.
    pub fn by_name(
        &self,
    ) -> impl Iterator<Item = (&HeaderName, impl Iterator<Item = &HeaderValue> + Clone)> {
        let groups = self.0.chunk_by(|(one, _), (next, _)| one == next);
        groups.filter_map(|fields| {
            let (name, _) = fields.first()?;
            Some((name, fields.iter().map(|(_, value)| value)))
        })
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The fields as a map of one's own.
    pub fn to_map(&self) -> HeaderMap {
        let mut map = HeaderMap::with_capacity(self.0.len());
        for (name, value) in self.iter() {
            map.append(name, value.clone());
        }
        map
    }
}

/// Gathers so many fields with one allocation: of an iterator whose length is only believed, `collect` makes two.
fn gather(len: usize, mut next: impl FnMut() -> Option<(HeaderName, HeaderValue)>) -> HeaderFields {
    let field = |_| next().expect("a map has as many fields as it says");
    HeaderFields((0..len).map(field).collect())
}

impl From<&HeaderMap> for HeaderFields {
    fn from(map: &HeaderMap) -> Self {
        Self::with_secrets(map, |_| false)
    }
}

impl From<HeaderMap> for HeaderFields {
    fn from(map: HeaderMap) -> Self {
        let len = map.len();
        let mut fields = map.into_iter();
        let mut latest = None;
        gather(len, || {
            let (name, value) = fields.next()?;
            // A further value of a name comes without it.
            if name.is_some() {
                latest = name;
            }
            Some((latest.clone()?, value))
        })
    }
}

/// A name that is there.
///
/// # Panics
///
/// If it is not.
impl<N> Index<N> for HeaderFields
where
    HeaderName: PartialEq<N>,
{
    type Output = HeaderValue;

    fn index(&self, name: N) -> &HeaderValue {
        self.get(name).expect("no header field of that name")
    }
}

impl PartialEq for HeaderFields {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for HeaderFields {}

impl fmt::Debug for HeaderFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use http::header;

    use super::*;

    fn map() -> HeaderMap {
        let mut map = HeaderMap::new();
        map.append(header::SET_COOKIE, HeaderValue::from_static("a=1"));
        map.append(header::DATE, HeaderValue::from_static("today"));
        map.append(header::SET_COOKIE, HeaderValue::from_static("b=2"));
        map.append("x-own", HeaderValue::from_static("1"));
        map
    }

    #[test]
    fn they_are_read_as_a_map_is() {
        for fields in [HeaderFields::from(&map()), HeaderFields::from(map())] {
            assert_eq!(fields.to_map(), map());
            assert_eq!(fields["Date"], "today");
            assert_eq!(fields[header::DATE], "today");
            assert_eq!(fields.get("x-own"), map().get("x-own"));
            assert_eq!(fields.get("x-other"), None);
            let cookies: Vec<_> = fields.get_all(&header::SET_COOKIE).collect();
            assert_eq!(cookies, ["a=1", "b=2"]);
            assert_eq!((fields.len(), fields.is_empty()), (4, false));
        }
    }

    #[test]
    fn each_name_comes_once_with_all_its_values() {
        let fields = HeaderFields::from(map());
        let by_name = fields.by_name();
        let shown: Vec<_> = by_name
            .map(|(name, values)| (name.as_str(), values.collect::<Vec<_>>()))
            .map(|(name, values)| format!("{name}: {values:?}"))
            .collect();
        assert_eq!(
            shown,
            [
                r#"set-cookie: ["a=1", "b=2"]"#,
                r#"date: ["today"]"#,
                r#"x-own: ["1"]"#
            ]
        );
    }

    #[test]
    fn secrets_do_not_show() {
        let fields = HeaderFields::with_secrets(&map(), |name| name == header::SET_COOKIE);
        let shown = format!("{fields:?}");
        assert!(shown.contains("today") && !shown.contains("a=1") && !shown.contains("b=2"));
        assert_eq!(fields["set-cookie"], "a=1");
    }
}
