//! `-H`: header fields as curl reads them.

use http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::UsageError;

/// What the header options come to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct HeaderOptions {
    /// Fields to send, in the order given; they replace defaults of the same name.
    pub(crate) fields: HeaderMap,
    /// Defaults not to send.
    pub(crate) removed: Vec<HeaderName>,
}

impl HeaderOptions {
    pub(super) fn parse(fields: &[String]) -> Result<Self, UsageError> {
        let mut options = Self::default();
        for field in fields {
            options.add(field)?;
        }
        Ok(options)
    }

    /// Whether a default of this name would be replaced or is unwanted.
    pub(crate) fn settle(&self, name: &HeaderName) -> bool {
        self.fields.contains_key(name) || self.removed.contains(name)
    }

    fn add(&mut self, field: &str) -> Result<(), UsageError> {
        let (name, value) = match field.split_once(':') {
            Some((name, value)) => (name, Some(value.trim())),
            None => match field.strip_suffix(';') {
                Some(name) => (name, None),
                None => return Err(malformed(field)),
            },
        };
        let name: HeaderName = name.trim_end().parse().map_err(|_| malformed(field))?;
        match value {
            Some("") => self.remove(name),
            Some(value) => self.set(name, value),
            None => self.set(name, ""),
        }
    }

    fn set(&mut self, name: HeaderName, value: &str) -> Result<(), UsageError> {
        if name == TRANSFER_ENCODING {
            return Err(UsageError::new(
                "Transfer-Encoding is the client's to write",
                "to send the body without its length use --chunked",
            ));
        }
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| {
            UsageError::new(
                format!("the value of the header field '{name}' holds a control character"),
                "header values are one line of text",
            )
        })?;
        self.fields.append(name, value);
        Ok(())
    }

    fn remove(&mut self, name: HeaderName) -> Result<(), UsageError> {
        if [HOST, CONTENT_LENGTH, TRANSFER_ENCODING].contains(&name) {
            return Err(UsageError::new(
                format!("the header field '{name}' cannot be removed: HTTP/1.1 needs it"),
                "to send an empty one, write 'Name;'",
            ));
        }
        self.removed.push(name);
        Ok(())
    }
}

fn malformed(field: &str) -> UsageError {
    UsageError::new(
        format!("'{field}' is not a header field"),
        "write -H 'Name: value', 'Name;' for an empty value, or 'Name:' to remove a default",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(fields: &[&str]) -> Result<HeaderOptions, UsageError> {
        let fields: Vec<String> = fields.iter().map(|&f| f.to_owned()).collect();
        HeaderOptions::parse(&fields)
    }

    #[test]
    fn repeated_fields_add_up_in_the_order_given() {
        let options = parse(&["X-A: 1", "x-a:2", "X-B:  three words "]).unwrap();
        let values: Vec<_> = options.fields.get_all("x-a").iter().collect();
        assert_eq!(values, ["1", "2"]);
        assert_eq!(options.fields["x-b"], "three words");
    }

    #[test]
    fn a_bare_colon_removes_and_a_semicolon_sends_empty() {
        let options = parse(&["User-Agent:", "X-Empty;"]).unwrap();
        assert_eq!(options.removed, ["user-agent"]);
        assert_eq!(options.fields["x-empty"], "");
        assert!(options.settle(&HeaderName::from_static("user-agent")));
        assert!(!options.settle(&HeaderName::from_static("accept")));
    }

    #[test]
    fn what_is_no_header_field_is_refused() {
        let table = [
            ("X-A", "not a header field"),
            (": v", "not a header field"),
            ("Two Words: v", "not a header field"),
            ("X: a\nb", "control character"),
            ("Host:", "cannot be removed"),
            ("Transfer-Encoding: chunked", "client's to write"),
        ];
        for (field, reason) in table {
            let error = parse(&[field]).expect_err(field);
            assert!(error.message.contains(reason), "{field}: {}", error.message);
        }
    }
}
