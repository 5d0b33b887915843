//! What is known about each event: one struct per fact.
//!
//! Every struct is built with `new(what is always known)` and `with_…(what may be known)`, so that any client can
//! build it. A value that is not known is absent, never zero or empty.

mod attempt;
mod connection;
mod dial;
mod exchange;
mod field;
mod headers;
mod http2;
mod written;

pub use attempt::{
    AttemptEnd, AttemptReason, AttemptStart, CallEnd, CallStart, HookPanicked, Redirect,
    RetryReason,
};
pub use connection::{
    Address, CloseReason, ConnClosed, GetConn, GotConn, NoticedBy, Protocol, PutIdleConn,
    PutIdleError, WaitedFor,
};
pub use dial::{
    CodePoint, ConnectDone, ConnectStart, DnsDone, DnsSource, DnsStart, ProxyTunnelDone,
    ProxyTunnelStart, TlsHandshakeDone, TlsHandshakeStart, TlsLeg, TunnelKind,
};
pub use exchange::{
    BodyDone, BodyEnd, Got1xxResponse, Got100Continue, GotBody, GotFirstResponseByte,
    GotResponseHeaders, NotSentReason, Wait100Continue, WriteOutcome, WroteBody, WroteHeaderField,
    WroteHeaders, WroteRequest,
};
pub use field::{FieldName, FieldValues};
pub use headers::HeaderFields;
pub use http2::{
    FlowControlWaitDone, FlowControlWaitStart, FlowWindow, GoAway, Http2Code, Pong, ResetBy,
    SettingsReceived, StreamOpened, StreamReset,
};
pub use written::WrittenFields;

/// Declares an info struct: required fields go to `new`, optional ones get a `with_…` each.
macro_rules! info {
    (
        $(#[$doc:meta])*
        $name:ident {
            $($(#[$required_doc:meta])* $required:ident: $required_type:ty,)*
        $(;
            $($(#[$optional_doc:meta])* $optional:ident / $with:ident: $optional_type:ty,)*
        )?
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        #[non_exhaustive]
        pub struct $name {
            $($(#[$required_doc])* pub $required: $required_type,)*
            $($($(#[$optional_doc])* pub $optional: Option<$optional_type>,)*)?
        }

        impl $name {
            #[doc = concat!("A `", stringify!($name), "` with what is always known.")]
            #[allow(clippy::new_without_default)] // an event without a fact to tell is not a default
            pub fn new($($required: impl Into<$required_type>),*) -> Self {
                Self {
                    $($required: $required.into(),)*
                    $($($optional: None,)*)?
                }
            }

            $($(
                #[doc = concat!("Sets `", stringify!($optional), "`.")]
                #[must_use]
                pub fn $with(mut self, $optional: impl Into<$optional_type>) -> Self {
                    self.$optional = Some($optional.into());
                    self
                }
            )*)?
        }
    };
}
use info;
