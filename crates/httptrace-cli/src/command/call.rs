//! One call: a request sent, its response read to the end.

use std::io;

use http::Request;
use http_body_util::BodyExt;
use httptrace_client::{Body, Client, Error};

use super::body::BodySink;

/// Why a call did not come to its end.
pub(super) enum CallError {
    Client(Error),
    /// The body could not be put where it should go.
    Sink(io::Error),
}

impl From<Error> for CallError {
    fn from(error: Error) -> Self {
        Self::Client(error)
    }
}

pub(super) async fn perform(
    client: &Client,
    request: Request<Body>,
    sink: &mut BodySink,
) -> Result<(), CallError> {
    let response = client.send(request).await?;
    sink.begin().map_err(CallError::Sink)?;
    let mut body = response.into_body();
    while let Some(frame) = body.frame().await {
        // Trailers are in the trace.
        if let Ok(data) = frame?.into_data() {
            sink.write(&data).map_err(CallError::Sink)?;
        }
    }
    Ok(())
}
