//! The trace a request carries: hooks and observers, composed.

use std::fmt;
use std::slice;
use std::sync::Arc;

use crate::error::BoxError;
use crate::event::{Event, EventKind, EventName, EventSet};
use crate::info::{
    AttemptEnd, AttemptStart, BodyDone, CallEnd, CallStart, ConnClosed, ConnectDone, ConnectStart,
    DnsDone, DnsStart, FlowControlWaitDone, FlowControlWaitStart, GetConn, GoAway, Got1xxResponse,
    Got100Continue, GotBody, GotConn, GotFirstResponseByte, GotResponseHeaders, HookPanicked, Pong,
    ProxyTunnelDone, ProxyTunnelStart, PutIdleConn, Redirect, SettingsReceived, StreamOpened,
    StreamReset, TlsHandshakeDone, TlsHandshakeStart, Wait100Continue, WroteBody, WroteHeaderField,
    WroteHeaders, WroteRequest,
};
use crate::observer::Observer;
use crate::recorder::Records;

/// A set of hooks to run at the stages of an outgoing request (Go's `httptrace.ClientTrace`).
///
/// Immutable once built and cheap to clone. A builder method per event takes a closure; [`on_event`](Self::on_event)
/// takes one for all; [`observe`](Self::observe) takes a whole [`Observer`]. [`Observer`] tells when hooks are
/// called, on which task, and what they must not do.
///
/// Attach it with [`RequestExt::trace`](crate::RequestExt::trace), or to everything a future does with
/// [`scope`](Self::scope).
///
/// ```
/// use httptrace::{ClientTrace, RequestExt};
///
/// let trace = ClientTrace::new()
///     .on_dns_done(|info| println!("DNS Info: {info:?}"))
///     .on_got_conn(|info| println!("Got Conn: {info:?}"));
/// let request = http::Request::get("https://example.com").trace(trace).body(()).unwrap();
/// assert!(ClientTrace::of(&request).is_some());
/// ```
#[derive(Clone, Default)]
pub struct ClientTrace {
    hooks: Hooks,
}

/// None and one, the usual cases, take no allocation of their own.
#[derive(Clone, Default)]
enum Hooks {
    #[default]
    None,
    One(Hook),
    Several(Arc<Vec<Hook>>),
}

/// One observer, with what it wants remembered.
#[derive(Clone)]
pub(crate) struct Hook {
    pub(crate) wants: EventSet,
    listener: Listener,
}

#[derive(Clone)]
enum Listener {
    /// A recorder is known as what it is, so that events go to it without being built.
    Recorder(Arc<Records>),
    Other(Arc<dyn Observer>),
}

impl Hook {
    pub(crate) fn observer(&self) -> &dyn Observer {
        match &self.listener {
            Listener::Recorder(records) => &**records,
            Listener::Other(observer) => &**observer,
        }
    }
}

impl ClientTrace {
    /// A trace without hooks.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an observer: the cheap way to keep state of one's own, since one `Arc` serves every event.
    #[must_use]
    pub fn observe(mut self, observer: impl Observer + 'static) -> Self {
        self.push(Listener::Other(Arc::new(observer)));
        self
    }

    /// Adds an observer that is shared already.
    #[must_use]
    pub fn observe_shared(mut self, observer: Arc<dyn Observer>) -> Self {
        self.push(Listener::Other(observer));
        self
    }

    /// A trace that a recorder listens to.
    pub(crate) fn recorded(records: Arc<Records>) -> Self {
        let mut trace = Self::new();
        trace.push(Listener::Recorder(records));
        trace
    }

    /// Adds a hook for every event.
    #[must_use]
    pub fn on_event(self, hook: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.observe(Closure {
            wants: EventSet::ALL,
            hook,
        })
    }

    /// Adds a hook for some events.
    #[must_use]
    pub fn on_events(self, wants: EventSet, hook: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.observe(Closure { wants, hook })
    }

    /// Adds a hook that is called for each informational response; its error aborts the request, which then fails
    /// with that error as its `source()`.
    ///
    /// A request with such a hook has no limit on informational responses but the hook's own (as in Go).
    #[must_use]
    pub fn on_got_1xx_response(
        self,
        hook: impl Fn(&Got1xxResponse) -> Result<(), BoxError> + Send + Sync + 'static,
    ) -> Self {
        self.observe(Deciding1xx { hook })
    }

    /// Composes with an older trace: this one's hooks run first, then the older's. Neither is changed. An observer
    /// that is in both is called once.
    #[must_use]
    pub fn compose(&self, older: &ClientTrace) -> ClientTrace {
        if self.contains(older) {
            return self.clone();
        }
        if self.is_empty() {
            return older.clone();
        }
        let new = older.hooks().iter().filter(|hook| !self.has(hook));
        let hooks = self.hooks().iter().chain(new).cloned().collect();
        ClientTrace {
            hooks: Hooks::Several(Arc::new(hooks)),
        }
    }

    /// The events that any of its hooks wants.
    pub fn wants(&self) -> EventSet {
        let wants = self.hooks().iter().map(|hook| hook.wants);
        wants.fold(EventSet::NONE, EventSet::union)
    }

    /// Whether it has no hooks.
    pub fn is_empty(&self) -> bool {
        self.hooks().is_empty()
    }

    pub(crate) fn hooks(&self) -> &[Hook] {
        match &self.hooks {
            Hooks::None => &[],
            Hooks::One(hook) => slice::from_ref(hook),
            Hooks::Several(hooks) => hooks,
        }
    }

    /// Its hook, if it has one and no more.
    #[inline]
    pub(crate) fn only_hook(&self) -> Option<&Hook> {
        match &self.hooks {
            Hooks::One(hook) => Some(hook),
            _ => None,
        }
    }

    /// Who records, if nobody else listens.
    #[inline]
    pub(crate) fn only_recorder(&self) -> Option<&Records> {
        match &self.hooks {
            Hooks::One(Hook {
                listener: Listener::Recorder(records),
                ..
            }) => Some(records),
            _ => None,
        }
    }

    /// Whether all hooks of another trace are among its own.
    pub(crate) fn contains(&self, other: &ClientTrace) -> bool {
        other.hooks().iter().all(|hook| self.has(hook))
    }

    fn has(&self, hook: &Hook) -> bool {
        let mut own = self.hooks().iter();
        own.any(|own| std::ptr::addr_eq(own.observer(), hook.observer()))
    }

    fn push(&mut self, listener: Listener) {
        let mut hook = Hook {
            wants: EventSet::ALL,
            listener,
        };
        hook.wants = hook.observer().wants();
        match &mut self.hooks {
            Hooks::None => self.hooks = Hooks::One(hook),
            Hooks::One(first) => {
                let hooks = vec![first.clone(), hook];
                self.hooks = Hooks::Several(Arc::new(hooks));
            }
            Hooks::Several(hooks) => Arc::make_mut(hooks).push(hook),
        }
    }
}

/// Declares a builder method per event.
macro_rules! hooks {
    ($($(#[$doc:meta])* $method:ident: $info:ident,)+) => {
        impl ClientTrace {
            $(
                $(#[$doc])*
                #[must_use]
                pub fn $method(self, hook: impl Fn(&$info) + Send + Sync + 'static) -> Self {
                    self.on_events(EventSet::only(EventName::$info), move |event| {
                        if let EventKind::$info(info) = &event.kind {
                            hook(info);
                        }
                    })
                }
            )+
        }
    };
}

hooks! {
    /// Adds a hook for the start of a call.
    on_call_start: CallStart,
    /// Adds a hook for the end of a call.
    on_call_end: CallEnd,
    /// Adds a hook for the start of each round trip: the first, a redirect's, a retry's.
    on_attempt_start: AttemptStart,
    /// Adds a hook for the end of each round trip.
    on_attempt_end: AttemptEnd,
    /// Adds a hook for redirects that are followed.
    on_redirect: Redirect,
    /// Adds a hook called before a connection is looked for (Go's `GetConn`).
    on_get_conn: GetConn,
    /// Adds a hook called when a connection was had (Go's `GotConn`).
    on_got_conn: GotConn,
    /// Adds a hook called when the connection was offered back to the pool (Go's `PutIdleConn`).
    on_put_idle_conn: PutIdleConn,
    /// Adds a hook called when a connection was closed.
    on_conn_closed: ConnClosed,
    /// Adds a hook called when a name lookup begins (Go's `DNSStart`).
    on_dns_start: DnsStart,
    /// Adds a hook called when a name lookup ends (Go's `DNSDone`).
    on_dns_done: DnsDone,
    /// Adds a hook called when connecting to an address begins (Go's `ConnectStart`).
    on_connect_start: ConnectStart,
    /// Adds a hook called when connecting to an address ends (Go's `ConnectDone`).
    on_connect_done: ConnectDone,
    /// Adds a hook called when a proxy is asked for a tunnel.
    on_proxy_tunnel_start: ProxyTunnelStart,
    /// Adds a hook called when the proxy answered.
    on_proxy_tunnel_done: ProxyTunnelDone,
    /// Adds a hook called when a TLS handshake begins (Go's `TLSHandshakeStart`).
    on_tls_handshake_start: TlsHandshakeStart,
    /// Adds a hook called when a TLS handshake ends (Go's `TLSHandshakeDone`).
    on_tls_handshake_done: TlsHandshakeDone,
    /// Adds a hook called for each header field written (Go's `WroteHeaderField`).
    on_wrote_header_field: WroteHeaderField,
    /// Adds a hook called when the request's head was written (Go's `WroteHeaders`).
    on_wrote_headers: WroteHeaders,
    /// Adds a hook called when the body waits for `100 Continue` (Go's `Wait100Continue`).
    on_wait_100_continue: Wait100Continue,
    /// Adds a hook for the progress of the request's body.
    on_wrote_body: WroteBody,
    /// Adds a hook called when the request was written (Go's `WroteRequest`).
    on_wrote_request: WroteRequest,
    /// Adds a hook called at the first byte of the response (Go's `GotFirstResponseByte`).
    on_got_first_response_byte: GotFirstResponseByte,
    /// Adds a hook called when the `100 Continue` asked for arrives (Go's `Got100Continue`).
    on_got_100_continue: Got100Continue,
    /// Adds a hook called when the head of the final response arrives.
    on_got_response_headers: GotResponseHeaders,
    /// Adds a hook for the progress of the response's body.
    on_got_body: GotBody,
    /// Adds a hook called when the response's body is over.
    on_body_done: BodyDone,
    /// Adds a hook called when the request's HTTP/2 stream was opened.
    on_stream_opened: StreamOpened,
    /// Adds a hook called when the request's HTTP/2 stream was reset, by either end.
    on_stream_reset: StreamReset,
    /// Adds a hook called when either end of an HTTP/2 connection says that it takes no more requests.
    on_go_away: GoAway,
    /// Adds a hook called when the settings of an HTTP/2 peer came.
    on_settings_received: SettingsReceived,
    /// Adds a hook called when the request's body begins to wait for an HTTP/2 peer's window.
    on_flow_control_wait_start: FlowControlWaitStart,
    /// Adds a hook called when the request's body waits no more.
    on_flow_control_wait_done: FlowControlWaitDone,
    /// Adds a hook called when an HTTP/2 peer answered our `PING`.
    on_pong: Pong,
    /// Adds a hook called when another hook panicked.
    on_hook_panicked: HookPanicked,
}

impl fmt::Debug for ClientTrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientTrace")
            .field("hooks", &self.hooks().len())
            .field("wants", &self.wants())
            .finish()
    }
}

/// A closure as an observer.
struct Closure<F> {
    wants: EventSet,
    hook: F,
}

impl<F: Fn(&Event) + Send + Sync> Observer for Closure<F> {
    fn wants(&self) -> EventSet {
        self.wants
    }

    fn on_event(&self, event: &Event) {
        (self.hook)(event);
    }
}

/// The one hook that decides.
struct Deciding1xx<F> {
    hook: F,
}

impl<F> Observer for Deciding1xx<F>
where
    F: Fn(&Got1xxResponse) -> Result<(), BoxError> + Send + Sync,
{
    fn wants(&self) -> EventSet {
        EventSet::only(EventName::Got1xxResponse)
    }

    fn on_event(&self, _event: &Event) {}

    fn on_got_1xx_response(&self, event: &Event) -> Result<(), BoxError> {
        match &event.kind {
            EventKind::Got1xxResponse(info) => (self.hook)(info),
            _ => Ok(()),
        }
    }

    fn limits_1xx_responses(&self) -> bool {
        true
    }
}
