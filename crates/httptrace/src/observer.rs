//! Whoever receives events.

use std::sync::Arc;

use crate::error::BoxError;
use crate::event::{Event, EventSet};

/// Receives the events of a request.
///
/// **Who calls it.** The client, synchronously, at the moment of the event and on whichever task does the work: the
/// caller's own for most events, the dial's task for name lookup, connects and TLS, a background task where a
/// connection outlives its caller. Events of one request may therefore arrive concurrently, and some arrive after the
/// request has ended (a background dial, a body drained after it was dropped, an upload over HTTP/2).
///
/// **The order of a call**, indented by nesting; what is in brackets happens only where it applies:
///
/// ```text
/// CallStart
///   AttemptStart
///     GetConn
///       [DnsStart DnsDone] (ConnectStart ConnectDone)+ [ProxyTunnelStart ProxyTunnelDone] [TlsHandshakeStart TlsHandshakeDone]
///     GotConn
///       [StreamOpened] WroteHeaderField* WroteHeaders [Wait100Continue]
///         (WroteBody | FlowControlWaitStart FlowControlWaitDone)* WroteRequest
///       GotFirstResponseByte ([Got100Continue] Got1xxResponse)* GotResponseHeaders GotBody* BodyDone
///     [Redirect] [PutIdleConn] [StreamReset] [ConnClosed]
///   AttemptEnd
/// CallEnd
/// ```
///
/// The nesting is typical, not strict: a dial that another connection overtook goes on in the background, writing and
/// reading overlap, and after an early drop of the body `PutIdleConn` may follow `CallEnd`. What always holds: every
/// start has exactly one done, and the instants of one side never run backwards.
///
/// **HTTP/2** shares a connection among requests. There is a `StreamOpened` for each, and no `PutIdleConn`: there is
/// nothing to give back. What the request waits for before it has its share, `GotConn` tells. `GoAway`,
/// `SettingsReceived`, `Pong` and `ConnClosed` concern the whole connection: each call that has a stream on it is told,
/// at any point between its `GotConn` and its stream's end, and where none has, the client's own trace is, without a
/// call. The first `SettingsReceived` may come before any of that, and belongs to the dial then. A stream may outlive its call: after an answer of success an upload goes on (`WroteBody`, the waits for a window,
/// `WroteRequest`), and the `StreamReset` of a call that was given up, failed, or was answered before its upload's end
/// comes when the frame is on its way.
///
/// **What an implementer must guarantee.** Be quick: the request waits meanwhile. No lock of the client is held, so
/// calling back into the same client is allowed. A panic is caught, reported as
/// [`HookPanicked`](crate::info::HookPanicked), and turns this observer off for the rest of the call.
pub trait Observer: Send + Sync {
    /// The events it wants: asked once, when it is attached. Others are never built for it.
    fn wants(&self) -> EventSet {
        EventSet::ALL
    }

    /// An event happened.
    fn on_event(&self, event: &Event);

    /// An event happened, and nobody needs it afterwards: for an observer that keeps events, and need not clone those.
    ///
    /// Called instead of [`on_event`](Self::on_event), never besides, and only on the last observer of a trace: one that
    /// keeps events implements both. The default passes it on.
    fn on_owned_event(&self, event: Event) {
        self.on_event(&event);
    }

    /// An informational response arrived; an error aborts the request, which then fails with it as its `source()`.
    ///
    /// Called instead of [`on_event`](Self::on_event) for `Got1xxResponse` alone. The default passes it on and says yes.
    fn on_got_1xx_response(&self, event: &Event) -> Result<(), BoxError> {
        self.on_event(event);
        Ok(())
    }

    /// Whether [`on_got_1xx_response`](Self::on_got_1xx_response) decides how many informational responses are too
    /// many. If so the client's own limit is off for this request, as with Go's hook. The default is no: watching
    /// does not change what happens.
    fn limits_1xx_responses(&self) -> bool {
        false
    }
}

impl<O: Observer + ?Sized> Observer for Arc<O> {
    fn wants(&self) -> EventSet {
        (**self).wants()
    }

    fn on_event(&self, event: &Event) {
        (**self).on_event(event);
    }

    fn on_owned_event(&self, event: Event) {
        (**self).on_owned_event(event);
    }

    fn on_got_1xx_response(&self, event: &Event) -> Result<(), BoxError> {
        (**self).on_got_1xx_response(event)
    }

    fn limits_1xx_responses(&self) -> bool {
        (**self).limits_1xx_responses()
    }
}
