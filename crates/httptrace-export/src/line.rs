//! One JSON object on one line, its fields in the order in which they are written.

use std::time::Duration;

use http::HeaderValue;
use httptrace::EventError;
use httptrace::info::HeaderFields;
use serde::Serialize;

use crate::redaction::Redaction;

/// A JSON object in the making. What is absent is left out.
pub(crate) struct Line {
    text: String,
    redaction: Redaction,
}

impl Line {
    pub(crate) fn new(redaction: Redaction) -> Self {
        Self {
            text: String::from("{"),
            redaction,
        }
    }

    pub(crate) fn redaction(&self) -> Redaction {
        self.redaction
    }

    pub(crate) fn field(&mut self, name: &str, value: impl Serialize) -> &mut Self {
        if self.text.len() > 1 {
            self.text.push(',');
        }
        self.text.push_str(&json(name));
        self.text.push(':');
        self.text.push_str(&json(value));
        self
    }

    pub(crate) fn known(&mut self, name: &str, value: Option<impl Serialize>) -> &mut Self {
        match value {
            Some(value) => self.field(name, value),
            None => self,
        }
    }

    /// Text that may hold URIs.
    pub(crate) fn text(&mut self, name: &str, text: &str) -> &mut Self {
        let text = self.redaction.text(text).into_owned();
        self.field(name, text)
    }

    /// How something ended: the message or `null`, and its kind.
    pub(crate) fn error(&mut self, error: Option<&EventError>) -> &mut Self {
        match error {
            Some(error) => {
                self.text("error", error.message());
                self.field("error_kind", error.kind().as_str())
            }
            None => self.field("error", ()),
        }
    }

    /// Header fields as an object: each name with the list of its values.
    pub(crate) fn headers(&mut self, name: &str, headers: &HeaderFields) -> &mut Self {
        let mut object = Line::new(self.redaction);
        for (key, values) in headers.by_name() {
            object.values(key.as_str(), key.as_str(), values);
        }
        let object = object.close();
        if self.text.len() > 1 {
            self.text.push(',');
        }
        self.text.push_str(&json(name));
        self.text.push(':');
        self.text.push_str(&object);
        self
    }

    /// The values of the header field `key`, as a list of texts. Bytes that are no UTF-8 become U+FFFD.
    pub(crate) fn values<'a>(
        &mut self,
        name: &str,
        key: &str,
        values: impl IntoIterator<Item = &'a HeaderValue>,
    ) -> &mut Self {
        let values = values.into_iter().map(|value| {
            let value = self.redaction.field_value(key, value);
            String::from_utf8_lossy(&value).into_owned()
        });
        let values: Vec<String> = values.collect();
        self.field(name, values)
    }

    pub(crate) fn close(self) -> String {
        self.text + "}"
    }
}

/// A duration in microseconds, to the nanosecond; above a hundred days as finely as a float can tell.
pub(crate) fn micros(duration: Duration) -> f64 {
    match duration.as_nanos() {
        nanos @ 0..=EXACT => nanos as f64 / 1_000.0,
        // Not by way of nanoseconds, which would be rounded: what is read is written as it was.
        _ => duration.as_micros() as f64 + f64::from(duration.subsec_nanos() % 1_000) / 1_000.0,
    }
}

/// Up to here each whole number is a float.
const EXACT: u128 = 1 << f64::MANTISSA_DIGITS;

fn json(value: impl Serialize) -> String {
    // Never taken: only maps with odd keys and failing `Serialize` impls fail, and there are none here.
    serde_json::to_string(&value).unwrap_or_else(|_| String::from("null"))
}
