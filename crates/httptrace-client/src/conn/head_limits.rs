//! How large a response's head may be.

use http::HeaderMap;
use httptrace::{ErrorKind, Phase};
use hyper::client::conn::http1::Builder;

use crate::error::Error;
use crate::wire::http1::MAX_FIELDS;

/// What one response may have as its head, and as its trailers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HeadLimits {
    bytes: usize,
}

// hyper's own limit for its buffers, which is meant for heads.
const HYPERS_BUFFER: usize = 8192 + 4096 * 100;

impl Default for HeadLimits {
    fn default() -> Self {
        Self::of_bytes(512 * 1024)
    }
}

impl HeadLimits {
    pub(crate) fn of_bytes(bytes: usize) -> Self {
        Self { bytes }
    }

    /// As HTTP/2 counts header fields.
    /// Bytes that a head may have.
    pub(super) fn bytes(self) -> usize {
        self.bytes
    }

    pub(super) fn as_list_size(self) -> u32 {
        u32::try_from(self.bytes).unwrap_or(u32::MAX)
    }

    pub(super) fn apply_to(self, builder: &mut Builder) {
        builder.max_header_size(self.bytes);
        // A head must fit into the buffer. For less than hyper's own it is left alone: it serves bodies as well.
        if self.bytes > HYPERS_BUFFER {
            builder.max_buf_size(self.bytes);
        }
    }

    /// Whether heads of so many bytes are too much together.
    pub(super) fn are_exceeded_by(self, bytes: usize) -> bool {
        bytes > self.bytes
    }

    /// What is said of a response that exceeds them.
    pub(super) fn error(self) -> Error {
        let Self { bytes } = self;
        let message = format!(
            "the response's head is too large: it has more than {bytes} bytes, informational responses included, or \
             more than {MAX_FIELDS} fields; if that is meant to be, raise ClientBuilder::max_response_header_bytes"
        );
        Error::new(Phase::Wait, ErrorKind::Limit, message)
    }
}

/// How many bytes a head took, as far as its fields tell.
pub(super) fn head_bytes(headers: &HeaderMap) -> usize {
    // Around each field `: ` and a line break; a status line without its reason, and the empty line.
    const AROUND_FIELD: usize = 4;
    const AROUND_HEAD: usize = 17;
    let fields = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + AROUND_FIELD);
    fields.sum::<usize>() + AROUND_HEAD
}
