//! A timeline becomes JSON objects.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use httptrace::info::{
    AttemptReason, BodyDone, BodyEnd, CodePoint, ConnectDone, DnsDone, HeaderFields,
    ProxyTunnelDone, TlsHandshakeDone, WriteOutcome, WroteRequest,
};
use httptrace::timeline::{
    AttemptTimeline, Breakdown, ClosedConnection, Dial, Progress, Span, Stamped,
};
use httptrace::{ConnectionId, EventError, Phase, Timeline};

use super::http2;
use super::names::Named;
use super::schema::{
    AttemptObject, BodyDoneObject, ClosedObject, CodePointObject, ConnectObject, DialObject,
    DnsObject, EndObject, ErrorObject, FieldObject, GetConnObject, GotConnObject, HeadObject,
    HookPanicObject, InformationalObject, PhasesObject, ProgressObject, PutIdleObject,
    RedirectObject, RequestObject, ResponseObject, TimelineObject, TlsObject, TunnelObject,
    ValueObject, WroteObject,
};
use super::{TIMELINE_SCHEMA, TIMELINE_VERSION};
use crate::address::address;
use crate::line::micros;
use crate::redaction::Redaction;
use crate::rfc3339;

pub(super) fn timeline(timeline: &Timeline, redaction: Redaction) -> TimelineObject {
    let writer = Writer { redaction };
    let panics = timeline.hook_panics.iter().map(|panic| HookPanicObject {
        at_us: micros(panic.at),
        hook: panic.info.event.as_str().into(),
        message: panic.info.message.as_deref().map(|text| writer.text(text)),
    });
    TimelineObject {
        schema: TIMELINE_SCHEMA.into(),
        version: TIMELINE_VERSION,
        complete: timeline.complete,
        total_us: micros(timeline.total()),
        call: timeline.call.map(|id| id.get()),
        started: timeline.started.and_then(rfc3339::format),
        method: timeline.method.as_ref().map(ToString::to_string),
        uri: timeline.uri.as_ref().map(|uri| redaction.uri(uri)),
        dropped: Some(timeline.dropped).filter(|dropped| *dropped > 0),
        end: timeline.end.as_ref().map(|end| EndObject {
            at_us: micros(end.at),
            status: end.info.status.map(|status| status.as_u16()),
            bytes: end.info.bytes,
            error: writer.error(end.info.error.as_ref()),
        }),
        phases: phases(timeline.breakdown()),
        hook_panics: panics.collect(),
        attempts: timeline
            .attempts
            .iter()
            .map(|a| writer.attempt(a))
            .collect(),
    }
}

pub(super) struct Writer {
    redaction: Redaction,
}

impl Writer {
    fn attempt(&self, attempt: &AttemptTimeline) -> AttemptObject {
        let retry_reason = match attempt.reason {
            Some(AttemptReason::Retry(reason)) => Some(reason.as_str().into()),
            _ => None,
        };
        AttemptObject {
            index: attempt.index,
            start_us: attempt.start.map(micros),
            method: attempt.method.as_ref().map(ToString::to_string),
            uri: attempt.uri.as_ref().map(|uri| self.redaction.uri(uri)),
            reason: attempt.reason.map(|reason| reason.as_str().into()),
            retry_reason,
            get_conn: attempt.get_conn.as_ref().map(|get| GetConnObject {
                at_us: micros(get.at),
                host_port: get.info.host_port.to_string(),
            }),
            got_conn: got_conn(attempt),
            request: known(self.request(attempt)),
            response: known(self.response(attempt)),
            http2: known(http2::object(self, attempt)),
            redirect: attempt.redirect.as_ref().map(|redirect| RedirectObject {
                at_us: micros(redirect.at),
                status: redirect.info.status.as_u16(),
                from: self.redaction.uri(&redirect.info.from),
                to: self.redaction.uri(&redirect.info.to),
            }),
            put_idle: attempt.put_idle.as_ref().map(|put| PutIdleObject {
                at_us: micros(put.at),
                error: put.info.error.map(|error| error.as_str().into()),
            }),
            end: attempt.end.as_ref().map(|end| EndObject {
                at_us: micros(end.at),
                status: end.info.status.map(|status| status.as_u16()),
                bytes: None,
                error: self.error(end.info.error.as_ref()),
            }),
            phases: phases(attempt.breakdown()),
            dials: attempt.dials.iter().map(|dial| self.dial(dial)).collect(),
            closed: attempt.closed.iter().map(|c| self.closed(c)).collect(),
        }
    }

    fn dial(&self, dial: &Dial) -> DialObject {
        DialObject {
            background: dial.background,
            connection: dial.connection.map(ConnectionId::get),
            dns: dial.lookups.iter().map(|span| self.dns(span)).collect(),
            connects: dial
                .connects
                .iter()
                .map(|span| self.connect(span))
                .collect(),
            tunnels: dial.tunnels.iter().map(|span| self.tunnel(span)).collect(),
            tls: dial.handshakes.iter().map(|span| self.tls(span)).collect(),
        }
    }

    fn dns(&self, span: &Span<DnsDone>) -> DnsObject {
        let info = &span.info;
        let addrs = info.addrs.as_deref();
        DnsObject {
            host: info.host.to_string(),
            start_us: span.start.map(micros),
            end_us: span.end.map(micros),
            addrs: addrs.map(|addrs| addrs.iter().map(ToString::to_string).collect()),
            coalesced: info.coalesced,
            source: info.source.map(|source| source.as_str().into()),
            ttl_us: info.ttl.map(micros),
            error: self.error(info.error.as_ref()),
        }
    }

    fn connect(&self, span: &Span<ConnectDone>) -> ConnectObject {
        ConnectObject {
            number: span.info.number,
            addr: address(&span.info.addr),
            start_us: span.start.map(micros),
            end_us: span.end.map(micros),
            error: self.error(span.info.error.as_ref()),
        }
    }

    fn tunnel(&self, span: &Span<ProxyTunnelDone>) -> TunnelObject {
        let info = &span.info;
        TunnelObject {
            kind: info.kind.as_str().into(),
            target: info.target.to_string(),
            start_us: span.start.map(micros),
            end_us: span.end.map(micros),
            status: info.status.map(|status| status.as_u16()),
            reason: info.reason.as_deref().map(|text| self.text(text)),
            error: self.error(info.error.as_ref()),
        }
    }

    fn tls(&self, span: &Span<TlsHandshakeDone>) -> TlsObject {
        let info = &span.info;
        let chain = info.peer_certificates.as_deref();
        TlsObject {
            leg: info.leg.as_str().into(),
            start_us: span.start.map(micros),
            end_us: span.end.map(micros),
            server_name: info.server_name.as_deref().map(Into::into),
            version: info.version.as_ref().map(code_point),
            cipher_suite: info.cipher_suite.as_ref().map(code_point),
            key_exchange_group: info.key_exchange_group.as_ref().map(code_point),
            alpn: info.alpn.as_deref().map(Into::into),
            resumed: info.resumed,
            peer_certificates: chain
                .map(|chain| chain.iter().map(|der| STANDARD.encode(der)).collect()),
            error: self.error(info.error.as_ref()),
        }
    }

    fn request(&self, attempt: &AttemptTimeline) -> RequestObject {
        let fields = attempt.header_fields.iter();
        RequestObject {
            wrote_headers_us: attempt.wrote_headers.map(micros),
            wait_100_continue_us: attempt.wait_100_continue.map(micros),
            body: attempt.upload.map(progress),
            wrote: attempt
                .wrote_request
                .as_ref()
                .map(|wrote| self.wrote(wrote)),
            headers: fields
                .map(|field| self.field(&field.name, field.values.iter()))
                .collect(),
        }
    }

    fn wrote(&self, wrote: &Stamped<WroteRequest>) -> WroteObject {
        let (reason, error) = match &wrote.info.outcome {
            WriteOutcome::NotSent(reason) => (Some(reason.as_str().into()), None),
            WriteOutcome::Failed(error) => (None, Some(error)),
            _ => (None, None),
        };
        WroteObject {
            at_us: micros(wrote.at),
            outcome: wrote.info.outcome.as_str().into(),
            reason,
            body_bytes: wrote.info.body_bytes,
            error: self.error(error),
        }
    }

    fn response(&self, attempt: &AttemptTimeline) -> ResponseObject {
        let informational = attempt
            .informational
            .iter()
            .map(|response| InformationalObject {
                at_us: micros(response.at),
                status: response.info.status.as_u16(),
                headers: self.headers(&response.info.headers),
            });
        ResponseObject {
            first_byte_us: attempt.first_byte.map(micros),
            got_100_continue_us: attempt.got_100_continue.map(micros),
            head: attempt.response.as_ref().map(|head| HeadObject {
                at_us: micros(head.at),
                status: head.info.status.as_u16(),
                version: head.info.version.name().into(),
                headers: self.headers(&head.info.headers),
            }),
            body: attempt.download.map(progress),
            done: attempt.body_done.as_ref().map(|done| self.body_done(done)),
            informational: informational.collect(),
        }
    }

    fn body_done(&self, done: &Stamped<BodyDone>) -> BodyDoneObject {
        let error = match &done.info.end {
            BodyEnd::Error(error) => Some(error),
            _ => None,
        };
        BodyDoneObject {
            at_us: micros(done.at),
            end: done.info.end.as_str().into(),
            wire_bytes: done.info.wire_bytes,
            decoded_bytes: done.info.decoded_bytes,
            trailers: done
                .info
                .trailers
                .as_ref()
                .map(|fields| self.headers(fields)),
            error: self.error(error),
        }
    }

    fn closed(&self, closed: &ClosedConnection) -> ClosedObject {
        ClosedObject {
            at_us: micros(closed.at),
            reason: closed.info.reason.as_str().into(),
            connection: closed.connection.map(ConnectionId::get),
            noticed: closed.info.noticed.map(|noticed| noticed.as_str().into()),
            error: self.error(closed.info.error.as_ref()),
        }
    }

    fn headers(&self, headers: &HeaderFields) -> Vec<FieldObject> {
        let fields = headers.by_name();
        let fields = fields.map(|(name, values)| self.field(name.as_str(), values));
        fields.collect()
    }

    fn field<'a>(
        &self,
        name: &str,
        values: impl IntoIterator<Item = &'a HeaderValue>,
    ) -> FieldObject {
        let values = values.into_iter().map(|value| {
            let value = self.redaction.field_value(name, value);
            match std::str::from_utf8(&value) {
                Ok(text) => ValueObject::Text(text.into()),
                Err(_) => ValueObject::Bytes {
                    base64: STANDARD.encode(&value),
                },
            }
        });
        FieldObject {
            name: name.into(),
            values: values.collect(),
        }
    }

    pub(super) fn error(&self, error: Option<&EventError>) -> Option<ErrorObject> {
        error.map(|error| ErrorObject {
            kind: error.kind().as_str().into(),
            message: self.text(error.message()),
        })
    }

    pub(super) fn text(&self, text: &str) -> String {
        self.redaction.text(text).into_owned()
    }
}

fn got_conn(attempt: &AttemptTimeline) -> Option<GotConnObject> {
    let got = attempt.got_conn.as_ref()?;
    Some(GotConnObject {
        at_us: micros(got.at),
        reused: got.info.reused,
        was_idle: got.info.was_idle,
        connection: attempt.connection.map(ConnectionId::get),
        idle_us: got.info.idle_time.map(micros),
        protocol: got.info.protocol.map(|protocol| protocol.as_str().into()),
        waited_for: got.info.waited_for.map(|what| what.as_str().into()),
        local_addr: got.info.local_addr.as_ref().map(address),
        remote_addr: got.info.remote_addr.as_ref().map(address),
    })
}

fn code_point(point: &CodePoint) -> CodePointObject {
    CodePointObject {
        code: point.code,
        name: point.name.as_deref().map(Into::into),
    }
}

fn progress(progress: Progress) -> ProgressObject {
    ProgressObject {
        first_us: micros(progress.first),
        last_us: micros(progress.last),
        bytes: progress.bytes,
    }
}

fn phases(breakdown: Breakdown) -> Option<PhasesObject> {
    let phase = |phase| breakdown.get(phase).map(micros);
    known(PhasesObject {
        queue_us: phase(Phase::Queue),
        dns_us: phase(Phase::Dns),
        connect_us: phase(Phase::Connect),
        proxy_us: phase(Phase::Proxy),
        tls_us: phase(Phase::Tls),
        send_us: phase(Phase::Send),
        wait_us: phase(Phase::Wait),
        receive_us: phase(Phase::Receive),
        other_us: breakdown.other().map(micros),
    })
}

/// An object that says something.
fn known<T: Default + PartialEq>(object: T) -> Option<T> {
    Some(object).filter(|object| *object != T::default())
}

/// A duration of microseconds. What is negative, too long or no number is no duration.
pub(super) fn duration(micros: f64) -> Option<Duration> {
    // Rounded, so that the nanoseconds that were written come back.
    let nanos = (micros.fract() * 1_000.0).round();
    (0.0..END)
        .contains(&micros)
        .then(|| Duration::from_micros(micros as u64) + Duration::from_nanos(nanos as u64))
}

/// What 64 bits do not hold any more, some 584 thousand years.
const END: f64 = 18_446_744_073_709_551_616.0;
