//! Settings of decoding.

use super::ClientBuilder;

/// Content codings.
impl<L> ClientBuilder<L> {
    /// Whether responses that come compressed are decompressed. Default: no (in Go: yes, but gzip alone).
    ///
    /// Requests then offer the codings that are compiled in, by the features `gzip`, `deflate`, `brotli` and `zstd`;
    /// without any of them this changes nothing. A request that brings an `Accept-Encoding` or a `Range` of its own is
    /// sent as it is, and its response left as it comes (as in Go).
    ///
    /// A response that is decoded has no `Content-Encoding` and no `Content-Length` any more; what they were tells
    /// [`Uncompressed`](crate::Uncompressed), among its extensions. Responses without a body, and those with a
    /// coding that is unknown here, are left as they come. Hooks are told of headers and bytes as they crossed the
    /// wire, and `BodyDone` of the decoded bytes too. So are [layers](Self::layer): decoding happens around them. If
    /// one of them replaces the body, nobody can tell `BodyDone` how much it decoded to.
    ///
    /// A body that is not what its coding says ends in an error with a [`DecodeError`](crate::DecodeError) as its source.
    /// That goes for bytes behind the end of the compressed data too, other than another gzip member or zstd frame.
    pub fn decompress(mut self, decompress: bool) -> Self {
        self.decode.switch(decompress);
        self
    }

    /// How many bytes a body may be decoded to; it ends in an error after so many if there are more. A
    /// few kilobytes can be told to become gigabytes: whoever collects bodies of strangers should set it. Bodies that
    /// need no decoding are not limited. Default: no limit.
    pub fn max_decoded_bytes(mut self, limit: impl Into<Option<u64>>) -> Self {
        self.decode.limit = limit.into();
        self
    }
}
