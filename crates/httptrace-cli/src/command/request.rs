//! The request that the options describe.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Uri};
use http_body::Frame;
use httptrace_client::{Body, ReplayBody};

use crate::options::RequestOptions;

pub(super) fn build(options: &RequestOptions, uri: &Uri) -> Request<Body> {
    let mut request = Request::new(Body::empty());
    *request.method_mut() = options.method.clone();
    *request.uri_mut() = uri.clone();
    *request.headers_mut() = options.headers.fields.clone();
    if let Some(bytes) = options.body.clone() {
        if options.chunked {
            let again = bytes.clone();
            let replay = ReplayBody::new(move || Body::wrap(Chunks(again.clone())));
            request.extensions_mut().insert(replay);
            *request.body_mut() = Body::wrap(Chunks(bytes));
        } else {
            *request.body_mut() = Body::from(bytes);
        }
    }
    request
}

/// A body that does not say how long it is.
struct Chunks(Bytes);

impl Chunks {
    /// Large enough that framing does not matter, small enough that there is more than one for a body to speak of.
    const SIZE: usize = 16 * 1024;
}

impl http_body::Body for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.0.is_empty() {
            return Poll::Ready(None);
        }
        let size = self.0.len().min(Self::SIZE);
        let chunk = self.0.split_to(size);
        Poll::Ready(Some(Ok(Frame::data(chunk))))
    }
}

#[cfg(test)]
mod tests {
    use http_body::Body as _;
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn chunks_are_the_whole_body_without_its_length() {
        let text: Bytes = (0..40_000_u32).map(|n| n as u8).collect();
        let body = Chunks(text.clone());
        assert_eq!(body.size_hint().exact(), None);
        assert_eq!(body.collect().await.unwrap().to_bytes(), text);
    }
}
