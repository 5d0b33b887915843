//! What an event tells of its attempt.

use std::time::Duration;

use crate::event::EventKind;
use crate::id::ConnectionId;
use crate::info::{
    ConnectDone, DnsDone, FlowControlWaitDone, FlowWindow, ProxyTunnelDone, TlsHandshakeDone,
};
use crate::timeline::{AttemptTimeline, ClosedConnection, Dial, Progress, Span, Stamped};

impl AttemptTimeline {
    /// An event of this attempt happened.
    #[inline(always)] // it has one caller
    pub(super) fn apply(
        &mut self,
        at: Duration,
        connection: Option<ConnectionId>,
        kind: &EventKind,
    ) {
        match kind {
            EventKind::AttemptStart(info) => {
                if self.start.is_none() {
                    self.start = Some(at);
                    self.method = Some(info.method.clone());
                    self.uri = Some(info.uri.clone());
                    self.reason = Some(info.reason);
                }
            }
            EventKind::AttemptEnd(info) => first(&mut self.end, at, info),
            EventKind::Redirect(info) if self.redirect.is_none() => {
                self.redirect = Some(Box::new(Stamped::new(at, info.clone())));
            }
            EventKind::Redirect(_) => {}
            EventKind::GetConn(info) => first(&mut self.get_conn, at, info),
            EventKind::GotConn(info) => {
                if self.got_conn.is_none() {
                    self.got_conn = Some(Stamped::new(at, info.clone()));
                    self.connection = connection;
                }
            }
            EventKind::PutIdleConn(info) => first(&mut self.put_idle, at, info),
            EventKind::ConnClosed(info) => {
                let known = self.closed.iter();
                if connection.is_none() || !known.clone().any(|c| c.connection == connection) {
                    let closed = ClosedConnection::new(at, connection, info.clone());
                    self.closed.push(closed);
                }
            }
            EventKind::DnsStart(_)
            | EventKind::DnsDone(_)
            | EventKind::ConnectStart(_)
            | EventKind::ConnectDone(_)
            | EventKind::ProxyTunnelStart(_)
            | EventKind::ProxyTunnelDone(_)
            | EventKind::TlsHandshakeStart(_)
            | EventKind::TlsHandshakeDone(_) => self.dial(connection).apply(at, kind),
            _ => self.apply_exchange(at, kind),
        }
    }

    #[inline(always)] // so has this
    fn apply_exchange(&mut self, at: Duration, kind: &EventKind) {
        match kind {
            EventKind::WroteHeaderField(info) => self.header_fields.push(info.clone()),
            EventKind::WroteHeaders(_) => self.wrote_headers = self.wrote_headers.or(Some(at)),
            EventKind::Wait100Continue(_) => {
                self.wait_100_continue = self.wait_100_continue.or(Some(at));
            }
            EventKind::WroteBody(info) => progress(&mut self.upload, at, info.bytes),
            EventKind::WroteRequest(info) => first(&mut self.wrote_request, at, info),
            EventKind::GotFirstResponseByte(_) => self.first_byte = self.first_byte.or(Some(at)),
            EventKind::Got100Continue(_) => {
                self.got_100_continue = self.got_100_continue.or(Some(at));
            }
            EventKind::Got1xxResponse(info) => {
                self.informational.push(Stamped::new(at, info.clone()));
            }
            EventKind::GotResponseHeaders(info) => first(&mut self.response, at, info),
            EventKind::GotBody(info) => progress(&mut self.download, at, info.bytes),
            EventKind::BodyDone(info) => first(&mut self.body_done, at, info),
            _ => self.apply_http2(at, kind),
        }
    }

    #[inline]
    fn apply_http2(&mut self, at: Duration, kind: &EventKind) {
        match kind {
            EventKind::StreamOpened(info) => first(&mut self.stream, at, info),
            EventKind::StreamReset(info) => self.resets.push(Stamped::new(at, info.clone())),
            EventKind::FlowControlWaitStart(info) if self.open_wait(info.window).is_none() => {
                let mut wait = Span::new(FlowControlWaitDone::new(info.window));
                wait.start = Some(at);
                self.flow_control_waits.push(wait);
            }
            EventKind::FlowControlWaitDone(info) => {
                let place = self.open_wait(info.window).unwrap_or_else(|| {
                    self.flow_control_waits.push(Span::new(info.clone()));
                    self.flow_control_waits.len() - 1
                });
                let wait = &mut self.flow_control_waits[place];
                wait.end = Some(at);
                wait.info = info.clone();
            }
            EventKind::GoAway(info) => self.go_aways.push(Stamped::new(at, info.clone())),
            EventKind::Pong(info) => self.pongs.push(Stamped::new(at, info.clone())),
            // A second start of a wait tells nothing; the call's own events and the dial's do not come here.
            _ => {}
        }
    }

    /// Where the wait for a window is that is not over yet. Waits of an attempt come again, but not side by side.
    fn open_wait(&self, window: FlowWindow) -> Option<usize> {
        let mut waits = self.flow_control_waits.iter();
        waits.rposition(|wait| wait.end.is_none() && wait.info.window == window)
    }

    fn dial(&mut self, connection: Option<ConnectionId>) -> &mut Dial {
        let known = self.dials.iter();
        let place = known.clone().position(|dial| dial.connection == connection);
        let place = place.unwrap_or_else(|| {
            self.dials.push(Dial {
                connection,
                ..Dial::default()
            });
            self.dials.len() - 1
        });
        &mut self.dials[place]
    }

    /// Tells dials that another connection overtook from its own. Once its `GotConn` is known, if there is one.
    pub(super) fn mark_background_dials(&mut self) {
        let Some(got) = &self.got_conn else {
            return;
        };
        for dial in &mut self.dials {
            dial.background = match (dial.connection, self.connection) {
                (Some(dialed), Some(had)) => dialed != had,
                // A connection that carried a request before, or was waited for, is not the one being dialed here.
                _ => got.info.reused || got.info.waited_for.is_some(),
            };
        }
    }
}

impl Dial {
    fn apply(&mut self, at: Duration, kind: &EventKind) {
        match kind {
            EventKind::DnsStart(info) => {
                let info = DnsDone::new(info.host.clone());
                begin(&mut self.lookups, at, info, DnsDone::is_of);
            }
            EventKind::DnsDone(info) => end(&mut self.lookups, at, info, DnsDone::is_of),
            EventKind::ConnectStart(info) => {
                let info = ConnectDone::new(info.addr.clone(), info.number);
                begin(&mut self.connects, at, info, ConnectDone::is_of);
            }
            EventKind::ConnectDone(info) => end(&mut self.connects, at, info, ConnectDone::is_of),
            EventKind::ProxyTunnelStart(info) => {
                let info = ProxyTunnelDone::new(info.kind, info.target.clone());
                begin(&mut self.tunnels, at, info, ProxyTunnelDone::is_of);
            }
            EventKind::ProxyTunnelDone(info) => {
                end(&mut self.tunnels, at, info, ProxyTunnelDone::is_of);
            }
            EventKind::TlsHandshakeStart(info) => {
                let mut done = TlsHandshakeDone::new(info.leg);
                done.server_name = info.server_name.clone();
                begin(&mut self.handshakes, at, done, TlsHandshakeDone::is_of);
            }
            EventKind::TlsHandshakeDone(info) => {
                end(&mut self.handshakes, at, info, TlsHandshakeDone::is_of);
            }
            // Only the dial's events come here.
            _ => {}
        }
    }
}

impl DnsDone {
    fn is_of(&self, other: &Self) -> bool {
        self.host == other.host
    }
}

impl ConnectDone {
    fn is_of(&self, other: &Self) -> bool {
        self.number == other.number && self.addr == other.addr
    }
}

impl ProxyTunnelDone {
    fn is_of(&self, other: &Self) -> bool {
        self.kind == other.kind && self.target == other.target
    }
}

impl TlsHandshakeDone {
    fn is_of(&self, other: &Self) -> bool {
        self.leg == other.leg
    }
}

/// Begins a span, unless it is known already.
fn begin<T>(spans: &mut Vec<Span<T>>, at: Duration, info: T, is_of: fn(&T, &T) -> bool) {
    if !spans.iter().any(|span| is_of(&span.info, &info)) {
        let mut span = Span::new(info);
        span.start = Some(at);
        spans.push(span);
    }
}

/// Ends a span; one whose start was not seen has none.
fn end<T: Clone>(spans: &mut Vec<Span<T>>, at: Duration, info: &T, is_of: fn(&T, &T) -> bool) {
    let known = spans.iter().position(|span| is_of(&span.info, info));
    let place = known.unwrap_or_else(|| {
        spans.push(Span::new(info.clone()));
        spans.len() - 1
    });
    let span = &mut spans[place];
    if span.end.is_none() {
        span.end = Some(at);
        span.info = info.clone();
    }
}

/// Keeps a fact, unless it is known already.
#[inline]
pub(super) fn first<T: Clone>(slot: &mut Option<Stamped<T>>, at: Duration, info: &T) {
    if slot.is_none() {
        *slot = Some(Stamped::new(at, info.clone()));
    }
}

fn progress(slot: &mut Option<Progress>, at: Duration, bytes: u64) {
    let progress = slot.get_or_insert(Progress::new(at, at, 0));
    progress.last = at;
    progress.bytes = progress.bytes.saturating_add(bytes);
}
