//! A response's head, as events carry it.

use http::{HeaderMap, Response, header};
use httptrace::Emitter;
use httptrace::info::{GotResponseHeaders, HeaderFields};

/// Tells that the final response's head came.
pub(super) fn tell<B>(emitter: &Emitter, response: &Response<B>) {
    emitter.emit(|| {
        let headers = for_hooks(response.headers());
        GotResponseHeaders::new(response.status(), response.version(), headers)
    });
}

/// Fields as events carry them: hooks like to print what they are given, and cookies shall not show in `Debug` output.
pub(super) fn for_hooks(headers: &HeaderMap) -> HeaderFields {
    HeaderFields::with_secrets(headers, |name| *name == header::SET_COOKIE)
}
