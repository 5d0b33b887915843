//! Where each event of a folded call is: how it gets there, and how it is read again.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Entry, FoldedCall, Sealed};
use crate::emitter::Info;
use crate::event::{EventKind, EventName, Stamp};
use crate::info::{
    AttemptEnd, AttemptStart, BodyDone, CallEnd, CallStart, ConnClosed, ConnectDone, ConnectStart,
    DnsDone, DnsStart, FlowControlWaitDone, FlowControlWaitStart, GetConn, GoAway, Got1xxResponse,
    Got100Continue, GotBody, GotConn, GotFirstResponseByte, GotResponseHeaders, HookPanicked, Pong,
    ProxyTunnelDone, ProxyTunnelStart, PutIdleConn, Redirect, SettingsReceived, StreamOpened,
    StreamReset, TlsHandshakeDone, TlsHandshakeStart, Wait100Continue, WrittenFields, WroteBody,
    WroteHeaderField, WroteHeaders, WroteRequest,
};
use crate::recorder::Recorder;
use crate::timeline::{AttemptTimeline, Progress, Stamped};

/// Facts of which there is one for each attempt.
macro_rules! facts {
    ($($name:ident in $place:ident,)+) => {
        $(impl Sealed for $name {
            fn fold_into(self, call: &mut FoldedCall, stamp: &Stamp) -> Result<(), Self> {
                call.first(stamp, self, |attempt| &mut attempt.$place)
            }
        })+

        fn fact(name: EventName, attempt: &AttemptTimeline) -> Option<EventKind> {
            match name {
                $(EventName::$name => Some(attempt.$place.as_ref()?.info.clone().into()),)+
                EventName::GotConn => Some(attempt.got_conn.as_ref()?.info.clone().into()),
                EventName::Redirect => Some(attempt.redirect.as_ref()?.info.clone().into()),
                _ => None,
            }
        }
    };
}

facts! {
    AttemptEnd in end,
    BodyDone in body_done,
    GetConn in get_conn,
    GotResponseHeaders in response,
    PutIdleConn in put_idle,
    StreamOpened in stream,
    WroteRequest in wrote_request,
}

impl Sealed for GotConn {
    fn fold_into(self, call: &mut FoldedCall, stamp: &Stamp) -> Result<(), Self> {
        call.first(stamp, self, |attempt| {
            if attempt.got_conn.is_none() {
                attempt.connection = stamp.connection;
            }
            &mut attempt.got_conn
        })
    }
}

impl Sealed for Redirect {
    #[allow(clippy::result_large_err)] // what is given back is what was given
    fn fold_into(self, call: &mut FoldedCall, stamp: &Stamp) -> Result<(), Self> {
        call.put(stamp, self, |attempt, at, info| {
            if attempt.redirect.is_some() {
                return Err(info);
            }
            attempt.redirect = Some(Box::new(Stamped::new(at, info)));
            Ok(())
        })
    }
}

/// Instants of which there is one for each attempt.
macro_rules! instants {
    ($($name:ident in $place:ident,)+) => {
        $(impl Sealed for $name {
            fn fold_into(self, call: &mut FoldedCall, stamp: &Stamp) -> Result<(), Self> {
                call.put(stamp, self, |attempt, at, info| {
                    if attempt.$place.is_some() {
                        return Err(info);
                    }
                    attempt.$place = Some(at);
                    Ok(())
                })
            }
        })+

        fn instant(name: EventName) -> Option<EventKind> {
            match name {
                $(EventName::$name => Some($name::new().into()),)+
                _ => None,
            }
        }
    };
}

instants! {
    Got100Continue in got_100_continue,
    GotFirstResponseByte in first_byte,
    Wait100Continue in wait_100_continue,
    WroteHeaders in wrote_headers,
}

/// The progress of a body.
macro_rules! progress {
    ($($name:ident in $place:ident,)+) => {
        $(impl Sealed for $name {
            fn fold_into(self, call: &mut FoldedCall, stamp: &Stamp) -> Result<(), Self> {
                let Some((at, attempt)) = call.place(stamp) else {
                    return Err(self);
                };
                match &mut attempt.$place {
                    Some(progress) => {
                        progress.last = at;
                        progress.bytes = progress.bytes.saturating_add(self.bytes);
                        call.note_more(at, stamp, Self::NAME, self.bytes);
                    }
                    first @ None => {
                        *first = Some(Progress::new(at, at, self.bytes));
                        call.note(at, stamp, Self::NAME, self.bytes);
                    }
                }
                Ok(())
            }
        })+

        fn progress(entry: &Entry) -> Option<EventKind> {
            match entry.name {
                $(EventName::$name => Some($name::new(entry.amount).into()),)+
                _ => None,
            }
        }
    };
}

progress! {
    GotBody in download,
    WroteBody in upload,
}

impl FoldedCall {
    /// Notes progress after a body's first, which is noted by itself: all of it as one.
    fn note_more(&mut self, at: Duration, stamp: &Stamp, name: EventName, bytes: u64) {
        let log = self.log.latest_first();
        let is_of_it =
            |entry: &&mut Entry| entry.name == name && Some(entry.attempt) == stamp.attempt;
        let mut known = log.filter(is_of_it);
        match (known.next(), known.next()) {
            (Some(rest), Some(_)) => {
                rest.move_to(at);
                rest.amount = rest.amount.saturating_add(bytes);
            }
            _ => {
                drop(known);
                self.note(at, stamp, name, bytes);
            }
        }
    }
}

impl Sealed for CallStart {
    fn fold_into(self, call: &mut FoldedCall, stamp: &Stamp) -> Result<(), Self> {
        match call.offset(stamp) {
            Some(at) if call.len == 0 && stamp.attempt.is_none() => {
                call.start = Some(self);
                call.note(at, stamp, Self::NAME, 1);
                Ok(())
            }
            _ => Err(self),
        }
    }
}

impl Sealed for CallEnd {
    fn fold_into(self, call: &mut FoldedCall, stamp: &Stamp) -> Result<(), Self> {
        match call.offset(stamp) {
            Some(at) if call.end.is_none() && stamp.attempt.is_none() => {
                call.end = Some(Stamped::new(at, self));
                call.note(at, stamp, Self::NAME, 1);
                Ok(())
            }
            _ => Err(self),
        }
    }
}

impl Sealed for AttemptStart {
    fn fold_into(self, call: &mut FoldedCall, stamp: &Stamp) -> Result<(), Self> {
        call.put(stamp, self, |attempt, at, info| {
            if attempt.start.is_some() {
                return Err(info);
            }
            attempt.start = Some(at);
            attempt.method = Some(info.method);
            attempt.uri = Some(info.uri);
            attempt.reason = Some(info.reason);
            Ok(())
        })
    }
}

impl Sealed for WroteHeaderField {
    fn fold_into(self, call: &mut FoldedCall, stamp: &Stamp) -> Result<(), Self> {
        call.put(stamp, self, |attempt, _, field| {
            attempt.header_fields.push(field);
            Ok(())
        })
    }
}

impl FoldedCall {
    /// The header fields of a request, all of one instant: how many they are, or the fields if they have no place here.
    pub(in crate::recorder) fn header_fields(
        &mut self,
        stamp: &Stamp,
        fields: WrittenFields,
    ) -> Result<usize, WrittenFields> {
        let count = fields.len();
        let fits = count > 0 && self.len + count <= Recorder::EVENTS_PER_CALL;
        let at = match self.place(stamp) {
            Some((at, attempt)) if fits && attempt.header_fields.is_empty() => {
                attempt.header_fields = fields;
                at
            }
            _ => return Err(fields),
        };
        self.note(at, stamp, WroteHeaderField::NAME, count as u64);
        self.len += count - 1;
        Ok(count)
    }
}

/// What has no place of its own: it comes more than once, or what it means depends on others.
macro_rules! not_folded {
    ($($name:ident,)+) => {
        $(impl Sealed for $name {
            fn fold_into(self, _: &mut FoldedCall, _: &Stamp) -> Result<(), Self> {
                Err(self)
            }
        })+
    };
}

not_folded! {
    ConnClosed, ConnectDone, ConnectStart, DnsDone, DnsStart, FlowControlWaitDone,
    FlowControlWaitStart, GoAway, Got1xxResponse, HookPanicked, Pong, ProxyTunnelDone,
    ProxyTunnelStart, SettingsReceived, StreamReset, TlsHandshakeDone, TlsHandshakeStart,
}

/// Reads what was folded, in the order of the log.
pub(super) struct Reader<'a> {
    call: &'a FoldedCall,
    /// Of each attempt: how many header fields were read.
    fields: BTreeMap<u32, usize>,
}

impl FoldedCall {
    pub(super) fn reader(&self) -> Reader<'_> {
        Reader {
            call: self,
            fields: BTreeMap::new(),
        }
    }
}

impl Reader<'_> {
    /// Hands out what an entry tells of.
    pub(super) fn read(&mut self, entry: &Entry, mut event: impl FnMut(EventKind)) {
        match entry.name {
            EventName::WroteHeaderField => {
                let read = self.fields.entry(entry.attempt).or_default();
                let from = *read;
                *read += usize::try_from(entry.amount).unwrap_or(usize::MAX);
                let fields = self.call.attempt(entry.attempt);
                let fields = fields.and_then(|attempt| attempt.header_fields.get(from..*read));
                for field in fields.unwrap_or_default() {
                    event(field.clone().into());
                }
            }
            // Nothing is absent that an entry tells of.
            _ => self.call.kind(entry).into_iter().for_each(event),
        }
    }
}

impl FoldedCall {
    fn attempt(&self, index: u32) -> Option<&AttemptTimeline> {
        self.attempts.iter().find(|attempt| attempt.index == index)
    }

    fn kind(&self, entry: &Entry) -> Option<EventKind> {
        let kind = match entry.name {
            EventName::CallStart => self.start.clone()?.into(),
            EventName::CallEnd => self.end.as_ref()?.info.clone().into(),
            EventName::AttemptStart => {
                let attempt = self.attempt(entry.attempt)?;
                let (method, uri) = (attempt.method.clone()?, attempt.uri.clone()?);
                AttemptStart::new(method, uri, attempt.reason?).into()
            }
            name => {
                let found = fact(name, self.attempt(entry.attempt)?);
                found
                    .or_else(|| instant(name))
                    .or_else(|| progress(entry))?
            }
        };
        Some(kind)
    }
}
