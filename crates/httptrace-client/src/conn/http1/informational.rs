//! What the codec does not tell of the heads of responses, and the tap does: the informational ones, and the fields that
//! are more than the codec takes.

use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Response, StatusCode, Version};
use httparse::{EMPTY_HEADER, ParserConfig};
use httptrace::{Emitter, ErrorKind, Phase};
use hyper::body::Incoming;

use super::{Http1, framing};
use crate::conn::HeadLimits;
use crate::conn::expect::SharedGate;
use crate::conn::head_limits::head_bytes;
use crate::conn::informational::Informational;
use crate::error::Error;
use crate::wire::http1::{MAX_FIELDS, PASSED, Surplus};

/// Tells of informational responses, and keeps what is said against them.
pub(super) struct Listener {
    emitter: Emitter,
    expects_100: bool,
    gate: Option<SharedGate>,
    limits: HeadLimits,
    /// Absent until one comes.
    informational: Option<Informational>,
}

impl Listener {
    pub(super) fn new(
        emitter: &Emitter,
        expects_100: bool,
        gate: Option<SharedGate>,
        limits: HeadLimits,
    ) -> Self {
        Self {
            emitter: emitter.clone(),
            expects_100,
            gate,
            limits,
            informational: None,
        }
    }

    /// Tells what has come. An error if the request is to be aborted.
    pub(super) fn listen(&mut self, http1: &Http1) -> Result<(), Error> {
        for head in http1.watch.take_informational() {
            // What is no head, or too large a one, the codec refuses.
            let is_too_large = self.limits.are_exceeded_by(head.len());
            let Some(head) = Head::parse(&head).filter(|_| !is_too_large) else {
                break;
            };
            let informational = self.informational.get_or_insert_with(|| {
                let gate = self.gate.take();
                Informational::new(&self.emitter, self.expects_100, gate, self.limits)
            });
            match framing::unsound(head.version, &head.fields) {
                Some(error) => informational.refuse(error),
                None => informational.arrived(head.status, &head.fields),
            }
        }
        let informational = self.informational.as_ref();
        match informational.and_then(Informational::take_refusal) {
            Some(refusal) => Err(refusal),
            None => Ok(()),
        }
    }

    /// Gives the final response all of its fields. An error if its head is refused.
    pub(super) fn accept(
        &self,
        response: &mut Response<Incoming>,
        http1: &Http1,
    ) -> Result<(), Error> {
        let is_long = response.headers().len() >= PASSED;
        if let Some(surplus) = is_long.then(|| http1.watch.take_surplus()).flatten() {
            complete(response.headers_mut(), &surplus, self.limits)?;
        }
        let fields = response.headers();
        let refused = framing::unsound(response.version(), fields).or_else(|| {
            // With those before it, it may be more than the limit allows.
            self.informational.as_ref()?.refuse_final(fields)
        });
        refused.map_or(Ok(()), Err)
    }
}

/// A head that the codec does not hand over.
struct Head {
    version: Version,
    status: StatusCode,
    fields: HeaderMap,
}

impl Head {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut fields = vec![EMPTY_HEADER; MAX_FIELDS];
        let mut response = httparse::Response::new(&mut fields);
        let mut config = ParserConfig::default();
        config
            .allow_spaces_after_header_name_in_responses(true)
            .allow_obsolete_multiline_headers_in_responses(true);
        config.parse_response(&mut response, bytes).ok()?;
        let mut fields = HeaderMap::with_capacity(response.headers.len());
        for field in response.headers.iter() {
            let name = HeaderName::from_bytes(field.name.as_bytes()).ok()?;
            fields.append(name, HeaderValue::from_bytes(&unfolded(field.value)).ok()?);
        }
        Some(Self {
            version: match response.version? {
                0 => Version::HTTP_10,
                _ => Version::HTTP_11,
            },
            status: StatusCode::from_u16(response.code?).ok()?,
            fields,
        })
    }
}

/// The value of a field on one line (RFC 9112 section 5.2).
fn unfolded(value: &[u8]) -> Vec<u8> {
    let lines = value.split(|byte| *byte == b'\n');
    let lines: Vec<&[u8]> = lines.map(<[u8]>::trim_ascii).collect();
    lines.join(&b' ')
}

/// Puts what the tap took out of a long head back into it.
fn complete(fields: &mut HeaderMap, surplus: &Surplus, limits: HeadLimits) -> Result<(), Error> {
    if surplus.is_too_much {
        return Err(limits.error());
    }
    let bytes = [b"HTTP/1.1 200\r\n", &surplus.lines[..], b"\r\n"].concat();
    let Some(rest) = Head::parse(&bytes) else {
        let message = "the server's response is not valid HTTP/1: a header field is malformed";
        return Err(Error::new(Phase::Wait, ErrorKind::Protocol, message));
    };
    for (name, value) in &rest.fields {
        fields.append(name, value.clone());
    }
    match limits.are_exceeded_by(head_bytes(fields)) {
        true => Err(limits.error()),
        false => Ok(()),
    }
}
