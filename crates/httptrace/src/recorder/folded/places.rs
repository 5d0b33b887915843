//! Where each event of a folded call is: how it gets there, and how it is read again.

use std::collections::BTreeMap;

use super::{Entry, FoldedCall, Sealed};
use crate::emitter::Info;
use crate::event::{EventKind, EventName, Stamp};
use crate::info::{
    AttemptEnd, AttemptStart, BodyDone, CallEnd, CallStart, ConnClosed, ConnectDone, ConnectStart,
    DnsDone, DnsStart, FlowControlWaitDone, FlowControlWaitStart, GetConn, GoAway, Got1xxResponse,
    Got100Continue, GotBody, GotConn, GotFirstResponseByte, GotResponseHeaders, HookPanicked, Pong,
    ProxyTunnelDone, ProxyTunnelStart, PutIdleConn, Redirect, SettingsReceived, StreamOpened,
    StreamReset, TlsHandshakeDone, TlsHandshakeStart, Wait100Continue, WroteBody, WroteHeaderField,
    WroteHeaders, WroteRequest,
};
use crate::recorder::Recorder;
use crate::timeline::{AttemptTimeline, Progress, Stamped};

/// Facts of which there is one for each attempt.
macro_rules! facts {
    ($($name:ident in $place:ident,)+) => {
        $(impl Sealed for $name {
            fn fold_into(self, call: &mut FoldedCall, stamp: Stamp) -> Result<(), Self> {
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
    fn fold_into(self, call: &mut FoldedCall, stamp: Stamp) -> Result<(), Self> {
        call.first(stamp, self, |attempt| {
            if attempt.got_conn.is_none() {
                attempt.connection = stamp.connection;
            }
            &mut attempt.got_conn
        })
    }
}

impl Sealed for Redirect {
    fn fold_into(self, call: &mut FoldedCall, stamp: Stamp) -> Result<(), Self> {
        let found = call.place(&stamp);
        match found.map(|(at, attempt)| (at, &mut attempt.redirect)) {
            Some((at, place @ None)) => *place = Some(Box::new(Stamped::new(at, self))),
            _ => return Err(self),
        }
        call.note(stamp, Self::NAME, 0);
        Ok(())
    }
}

/// Instants of which there is one for each attempt.
macro_rules! instants {
    ($($name:ident in $place:ident,)+) => {
        $(impl Sealed for $name {
            fn fold_into(self, call: &mut FoldedCall, stamp: Stamp) -> Result<(), Self> {
                let found = call.place(&stamp);
                match found.map(|(at, attempt)| (at, &mut attempt.$place)) {
                    Some((at, place @ None)) => *place = Some(at),
                    _ => return Err(self),
                }
                call.note(stamp, Self::NAME, 0);
                Ok(())
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
            fn fold_into(self, call: &mut FoldedCall, stamp: Stamp) -> Result<(), Self> {
                let Some((at, attempt)) = call.place(&stamp) else {
                    return Err(self);
                };
                let progress = attempt.$place.get_or_insert(Progress::new(at, at, 0));
                progress.last = at;
                progress.bytes = progress.bytes.saturating_add(self.bytes);
                call.note_progress(stamp, Self::NAME, self.bytes);
                Ok(())
            }
        })+

        fn progress(entry: &Entry) -> Option<EventKind> {
            match entry.name {
                $(EventName::$name => Some($name::new(entry.bytes).into()),)+
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
    /// Notes progress: the first of a body by itself, and all that comes later as one.
    fn note_progress(&mut self, stamp: Stamp, name: EventName, bytes: u64) {
        let log = self.log.iter_mut().rev();
        let mut known = log.filter(|entry| entry.name == name && entry.attempt == stamp.attempt);
        match (known.next(), known.next()) {
            (Some(rest), Some(_)) => {
                rest.at = stamp.at;
                rest.bytes = rest.bytes.saturating_add(bytes);
            }
            _ => self.note(stamp, name, bytes),
        }
    }
}

impl Sealed for CallStart {
    fn fold_into(self, call: &mut FoldedCall, stamp: Stamp) -> Result<(), Self> {
        if !call.log.is_empty() || call.offset(&stamp).is_none() {
            return Err(self);
        }
        call.start = Some(self);
        call.note(stamp, Self::NAME, 0);
        Ok(())
    }
}

impl Sealed for CallEnd {
    fn fold_into(self, call: &mut FoldedCall, stamp: Stamp) -> Result<(), Self> {
        match call.offset(&stamp) {
            Some(at) if call.end.is_none() => call.end = Some(Stamped::new(at, self)),
            _ => return Err(self),
        }
        if call.log.len() < call.log.capacity() / 2 {
            call.log.shrink_to(call.log.len() + 1);
        }
        call.note(stamp, Self::NAME, 0);
        Ok(())
    }
}

impl Sealed for AttemptStart {
    fn fold_into(self, call: &mut FoldedCall, stamp: Stamp) -> Result<(), Self> {
        let Some((at, attempt)) = call.place(&stamp) else {
            return Err(self);
        };
        if attempt.start.is_some() {
            return Err(self);
        }
        attempt.start = Some(at);
        attempt.method = Some(self.method);
        attempt.uri = Some(self.uri);
        attempt.reason = Some(self.reason);
        call.note(stamp, Self::NAME, 0);
        Ok(())
    }
}

impl Sealed for WroteHeaderField {
    fn fold_into(self, call: &mut FoldedCall, stamp: Stamp) -> Result<(), Self> {
        let Some((_, attempt)) = call.place(&stamp) else {
            return Err(self);
        };
        attempt.header_fields.push(self);
        call.note(stamp, Self::NAME, 0);
        Ok(())
    }
}

impl FoldedCall {
    /// The header fields of a request, all of one instant: how many they are, or the fields if they have no place here.
    pub(in crate::recorder) fn header_fields(
        &mut self,
        stamp: Stamp,
        fields: Vec<WroteHeaderField>,
    ) -> Result<usize, Vec<WroteHeaderField>> {
        let count = fields.len();
        let fits = self.len() + count <= Recorder::EVENTS_PER_CALL;
        match self.place(&stamp).filter(|_| fits) {
            Some((_, attempt)) if attempt.header_fields.is_empty() => {
                attempt.header_fields = fields;
            }
            _ => return Err(fields),
        }
        for _ in 0..count {
            self.note(stamp, WroteHeaderField::NAME, 0);
        }
        Ok(count)
    }
}

/// What has no place of its own: it comes more than once, or what it means depends on others.
macro_rules! not_folded {
    ($($name:ident,)+) => {
        $(impl Sealed for $name {
            fn fold_into(self, _: &mut FoldedCall, _: Stamp) -> Result<(), Self> {
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
    /// What the event of an entry was. Absent only if it was never folded, which no entry tells of.
    pub(super) fn read(&mut self, entry: &Entry) -> Option<EventKind> {
        match entry.name {
            EventName::CallStart => return Some(self.call.start.clone()?.into()),
            EventName::CallEnd => return Some(self.call.end.as_ref()?.info.clone().into()),
            _ => {}
        }
        let index = entry.attempt?;
        let mut attempts = self.call.attempts.iter();
        let attempt = attempts.find(|attempt| attempt.index == index)?;
        match entry.name {
            EventName::AttemptStart => {
                let (method, uri) = (attempt.method.clone()?, attempt.uri.clone()?);
                Some(AttemptStart::new(method, uri, attempt.reason?).into())
            }
            EventName::WroteHeaderField => {
                let read = self.fields.entry(index).or_default();
                *read += 1;
                Some(attempt.header_fields.get(*read - 1)?.clone().into())
            }
            name => fact(name, attempt)
                .or_else(|| instant(name))
                .or_else(|| progress(entry)),
        }
    }
}
