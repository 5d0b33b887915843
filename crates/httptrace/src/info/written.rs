//! The header fields of a request, as they were written.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use super::WroteHeaderField;

/// The header fields of a request in the order of the wire: a slice to whoever reads it. May be shared with other
/// requests that have the same.
#[derive(Clone)]
pub struct WrittenFields(Fields);

#[derive(Clone)]
enum Fields {
    Own(Vec<WroteHeaderField>),
    Shared(Arc<Vec<WroteHeaderField>>),
}

impl WrittenFields {
    /// Adds a field at the end.
    pub fn push(&mut self, field: WroteHeaderField) {
        match &mut self.0 {
            Fields::Own(fields) => fields.push(field),
            Fields::Shared(fields) => Arc::make_mut(fields).push(field),
        }
    }
}

impl Default for WrittenFields {
    fn default() -> Self {
        Vec::new().into()
    }
}

impl From<Vec<WroteHeaderField>> for WrittenFields {
    fn from(fields: Vec<WroteHeaderField>) -> Self {
        Self(Fields::Own(fields))
    }
}

impl From<Arc<Vec<WroteHeaderField>>> for WrittenFields {
    fn from(fields: Arc<Vec<WroteHeaderField>>) -> Self {
        Self(Fields::Shared(fields))
    }
}

impl FromIterator<WroteHeaderField> for WrittenFields {
    fn from_iter<I: IntoIterator<Item = WroteHeaderField>>(fields: I) -> Self {
        fields.into_iter().collect::<Vec<_>>().into()
    }
}

impl<'a> IntoIterator for &'a WrittenFields {
    type Item = &'a WroteHeaderField;
    type IntoIter = std::slice::Iter<'a, WroteHeaderField>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Deref for WrittenFields {
    type Target = [WroteHeaderField];

    fn deref(&self) -> &[WroteHeaderField] {
        match &self.0 {
            Fields::Own(fields) => fields,
            Fields::Shared(fields) => fields,
        }
    }
}

impl fmt::Debug for WrittenFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn field(name: &'static str) -> WroteHeaderField {
        WroteHeaderField::new(name, HeaderValue::from_static("1"))
    }

    #[test]
    fn what_is_added_to_shared_fields_is_added_to_one_of_them() {
        let shared = Arc::new(vec![field("a")]);
        let mut one = WrittenFields::from(Arc::clone(&shared));
        let other = WrittenFields::from(shared);
        one.push(field("b"));
        let names = |fields: &WrittenFields| -> Vec<String> {
            fields.iter().map(|field| field.name.to_string()).collect()
        };
        assert_eq!(names(&one), ["a", "b"]);
        assert_eq!(names(&other), ["a"]);
        assert_eq!(names(&[field("c")].into_iter().collect()), ["c"]);
    }
}
