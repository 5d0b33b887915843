//! Has hyper hand over the informational responses of a request.

use http::Request;
use httptrace::Emitter;

use super::{Http1, framing};
use crate::conn::SendBody;
use crate::conn::expect::{SharedGate, asks_for_100};
use crate::conn::informational::Informational;

/// Listens to the informational responses of a request, and opens the gate if one of them lets its body go.
pub(super) fn listen(
    request: &mut Request<SendBody>,
    emitter: &Emitter,
    http1: &Http1,
    gate: Option<SharedGate>,
) -> Informational {
    let informational = Informational::new(emitter, asks_for_100(request), gate, http1.limits);
    let (listener, watch) = (informational.clone(), http1.watch.clone());
    hyper::ext::on_informational(request, move |response| {
        // hyper reads on until the final response: without an end to its turn, a server that sends these without
        // end would keep refusals, deadlines and whoever else shares the task waiting.
        watch.end_turn();
        let unsound = framing::unsound(response.version(), response.headers());
        match unsound {
            Some(error) => listener.refuse(error),
            None => listener.arrived(response.status(), response.headers()),
        }
    });
    informational
}
