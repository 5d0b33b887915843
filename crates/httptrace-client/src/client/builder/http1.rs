//! Settings of HTTP/1.

use super::ClientBuilder;
use crate::conn::HeadLimits;

/// HTTP/1.
impl<L> ClientBuilder<L> {
    /// How many bytes a response's head may have, the status line included, together with the informational responses
    /// before it unless a `Got1xxResponse` hook looks at those (Go's `MaxResponseHeaderBytes`); also, how many bytes of
    /// trailers. Default: 512 KiB. Go's is 10 MiB; here the buffers for reading and writing may grow to what is allowed, so
    /// that a large limit makes large transfers dearer. A response with more fails the request.
    ///
    /// # Panics
    /// If the limit is 0, since no response could ever be read.
    pub fn max_response_header_bytes(mut self, bytes: usize) -> Self {
        assert!(
            bytes > 0,
            "max_response_header_bytes(0) would let no response through"
        );
        self.speech.head_limits = HeadLimits::of_bytes(bytes);
        self
    }
}
