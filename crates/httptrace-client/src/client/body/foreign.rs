//! Bodies of other types, made into ours.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::{Empty, Full};
use httptrace::BoxError;
use pin_project_lite::pin_project;

use super::Body;

pin_project! {
    /// A body with its types taken off. (The adapters of http-body-util would lose its size.)
    pub(super) struct Erased<B> {
        #[pin]
        pub(super) body: B,
    }
}

impl<B> HttpBody for Erased<B>
where
    B: HttpBody,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = ready!(self.project().body.poll_frame(cx));
        Poll::Ready(frame.map(|frame| match frame {
            Ok(frame) => Ok(frame.map_data(|mut data| data.copy_to_bytes(data.remaining()))),
            Err(error) => Err(error.into()),
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A body whose bytes are at hand, so that it can be sent again: taken out of the slot by its type.
pub(super) fn known_body<B: 'static>(slot: &mut Option<B>) -> Option<Body> {
    fn take<B: 'static, T: 'static>(slot: &mut Option<B>) -> Option<T> {
        let any: &mut dyn std::any::Any = slot;
        any.downcast_mut::<Option<T>>().and_then(Option::take)
    }

    let full = |body: Full<Bytes>| -> Body {
        let mut body = body;
        // A `Full` gives its bytes in one frame, at once.
        let frame =
            Pin::new(&mut body).poll_frame(&mut Context::from_waker(std::task::Waker::noop()));
        match frame {
            Poll::Ready(Some(Ok(frame))) => frame.into_data().unwrap_or_default().into(),
            _ => Body::empty(),
        }
    };
    take::<B, Body>(slot)
        .or_else(|| take::<B, Full<Bytes>>(slot).map(full))
        .or_else(|| take::<B, Empty<Bytes>>(slot).map(|_| Body::empty()))
        .or_else(|| take::<B, String>(slot).map(Body::from))
}
