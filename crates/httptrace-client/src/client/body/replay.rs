//! Bodies that can be made again.

use std::fmt;
use std::sync::Arc;

use super::Body;

/// Makes the same body again, so that a request with a streamed body can be repeated: after a 307 or 308 redirect, or
/// when a reused connection broke before the server answered. Goes into the request's extensions (Go's `GetBody`).
///
/// ```
/// use httptrace_client::{Body, ReplayBody};
///
/// let request = http::Request::post("http://example.com/")
///     .extension(ReplayBody::new(|| Body::from("again")))
///     .body(Body::from("again"));
/// assert!(request.is_ok());
/// ```
#[derive(Clone)]
pub struct ReplayBody(Arc<dyn Fn() -> Body + Send + Sync>);

impl ReplayBody {
    /// A factory that is called once per repetition.
    pub fn new(factory: impl Fn() -> Body + Send + Sync + 'static) -> Self {
        Self(Arc::new(factory))
    }

    pub(crate) fn make(&self) -> Body {
        (self.0)()
    }
}

impl fmt::Debug for ReplayBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReplayBody")
    }
}
