//! Bodies with content codings.

/// The values of `Content-Encoding` that are tried.
pub const CODINGS: [&str; 7] = [
    "gzip",
    "deflate",
    "br",
    "zstd",
    "gzip, gzip",
    "br, deflate",
    "gzip, zstd, br",
];
