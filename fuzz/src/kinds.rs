//! Every kind of event, saying whatever was chosen.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version};
use httptrace::info::{
    Address, AttemptEnd, AttemptReason, AttemptStart, BodyDone, BodyEnd, CallEnd, CallStart,
    CloseReason, CodePoint, ConnClosed, ConnectDone, ConnectStart, DnsDone, DnsSource, DnsStart,
    FlowControlWaitDone, FlowControlWaitStart, FlowWindow, GetConn, GoAway, Got1xxResponse,
    Got100Continue, GotBody, GotConn, GotFirstResponseByte, GotResponseHeaders, HeaderFields,
    HookPanicked, Http2Code, NotSentReason, NoticedBy, Pong, Protocol, ProxyTunnelDone,
    ProxyTunnelStart, PutIdleConn, PutIdleError, Redirect, ResetBy, RetryReason, SettingsReceived,
    StreamOpened, StreamReset, TlsHandshakeDone, TlsHandshakeStart, TlsLeg, TunnelKind,
    Wait100Continue, WaitedFor, WriteOutcome, WroteBody, WroteHeaderField, WroteHeaders,
    WroteRequest,
};
use httptrace::{ErrorKind, EventError, EventKind, EventName};

/// Answers to questions of few options each, packed into one number: the remainder by the number of options is the
/// answer, the quotient holds the answers to come. Zero is the first option, always.
pub(crate) struct Choices(pub(crate) u32);

impl Choices {
    fn of<T: Clone>(&mut self, options: &[T]) -> T {
        let count = options.len() as u32;
        let answer = self.0 % count;
        self.0 /= count;
        options[answer as usize].clone()
    }

    fn yes(&mut self) -> bool {
        self.of(&[false, true])
    }

    fn maybe<T>(&mut self, known: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.yes().then(|| known(self))
    }

    fn text(&mut self) -> Arc<str> {
        let texts = [
            "a.test:80",
            "",
            "b",
            "ä\u{2028}\n\"\\",
            "http://u:p@a.test/?sig=1",
        ];
        self.of(&texts).into()
    }

    fn number(&mut self) -> u64 {
        self.of(&[0, 1, 7, u64::MAX / 2, u64::MAX])
    }

    fn duration(&mut self) -> Duration {
        let nanos = [0, 1, 999, 1_000_001, 60_000_000_000, (1 << 52) - 1];
        Duration::from_nanos(self.of(&nanos))
    }

    fn error(&mut self) -> EventError {
        use ErrorKind as K;
        let kind = self.of(&[
            K::Canceled,
            K::Refused,
            K::Other,
            K::Timeout,
            K::Certificate,
        ]);
        EventError::new(kind, self.text())
    }

    fn method(&mut self) -> Method {
        let odd = Method::from_bytes(b"a~!").unwrap_or_default();
        self.of(&[Method::GET, Method::POST, odd])
    }

    fn uri(&mut self) -> Uri {
        let texts = [
            "http://a.test/",
            "https://b.test:8443?q=%41",
            "/p?Signature=1",
            "*",
            "[::1]:80",
        ];
        Uri::from_static(self.of(&texts))
    }

    fn status(&mut self) -> StatusCode {
        let codes = [200, 100, 103, 302, 407, 999];
        StatusCode::from_u16(self.of(&codes)).unwrap_or_default()
    }

    fn address(&mut self) -> Address {
        let tcp = |text: &str| Address::Tcp(text.parse().expect("an address"));
        match self.of(&[0, 1, 2, 3, 4, 5]) {
            0 => tcp("192.0.2.1:80"),
            1 => tcp("[2001:db8::1]:443"),
            2 => tcp("[fe80::1%7]:1"),
            3 => Address::Unix(Path::new("/run/ä b").into()),
            4 => Address::Unix(Path::new("").into()),
            _ => Address::Other(self.text()),
        }
    }

    fn value(&mut self) -> HeaderValue {
        let values: [&[u8]; 5] = [
            b"v",
            b"",
            b"\xff\x80",
            "ä\t\"".as_bytes(),
            b"http://u:p@h/?sig=1",
        ];
        HeaderValue::from_bytes(self.of(&values)).expect("a header value")
    }

    fn headers(&mut self) -> HeaderFields {
        let mut headers = HeaderMap::new();
        for _ in 0..self.of(&[0, 1, 2, 3]) {
            let names = ["via", "location", "set-cookie", "x!-_.~"];
            let name = HeaderName::from_static(self.of(&names));
            headers.append(name, self.value());
        }
        headers.into()
    }

    fn leg(&mut self) -> TlsLeg {
        self.of(&[TlsLeg::Target, TlsLeg::Proxy])
    }

    fn tunnel(&mut self) -> TunnelKind {
        self.of(&[TunnelKind::Connect, TunnelKind::Socks5])
    }

    fn end(&mut self) -> ResetBy {
        self.of(&[ResetBy::Peer, ResetBy::Local])
    }

    fn code(&mut self) -> Http2Code {
        self.of(&[Http2Code::NO_ERROR, Http2Code::CANCEL, Http2Code(u32::MAX)])
    }

    fn window(&mut self) -> FlowWindow {
        self.of(&[FlowWindow::Stream, FlowWindow::Connection])
    }

    fn word(&mut self) -> u32 {
        self.of(&[0, 1, u32::MAX])
    }

    fn code_point(&mut self) -> CodePoint {
        match self.maybe(Self::text) {
            Some(name) => CodePoint::named(self.of(&[0, u16::MAX]), name),
            None => CodePoint::unnamed(self.of(&[0x11ec, 0])),
        }
    }

    /// Well between the years 0 and 9999, outside of which no date can be written.
    fn wall(&mut self) -> SystemTime {
        let after = [1_700_000_000_123_456, 0, 1, 253_402_300_799_999_999];
        let before = [62_135_596_800_000_000, 1, 999_999];
        match self.yes() {
            false => UNIX_EPOCH + Duration::from_micros(self.of(&after)),
            true => UNIX_EPOCH - Duration::from_micros(self.of(&before)),
        }
    }
}

/// An event of the call or an attempt; the others are passed on.
pub(crate) fn kind(name: EventName, c: &mut Choices) -> EventKind {
    match name {
        EventName::CallStart => CallStart::new(c.wall(), c.method(), c.uri()).into(),
        EventName::CallEnd => {
            let mut info = CallEnd::new();
            info.error = c.maybe(Choices::error);
            info.status = c.maybe(Choices::status);
            info.bytes = c.maybe(Choices::number);
            info.into()
        }
        EventName::AttemptStart => {
            let reason = c.of(&[
                AttemptReason::First,
                AttemptReason::Redirect,
                AttemptReason::Retry(RetryReason::Layer),
                AttemptReason::Retry(RetryReason::ConnectionLost),
                AttemptReason::Retry(RetryReason::NothingWritten),
                AttemptReason::Retry(RetryReason::StreamRefused),
                AttemptReason::Retry(RetryReason::GoAway),
            ]);
            AttemptStart::new(c.method(), c.uri(), reason).into()
        }
        EventName::AttemptEnd => {
            let mut info = AttemptEnd::new();
            info.error = c.maybe(Choices::error);
            info.status = c.maybe(Choices::status);
            info.into()
        }
        EventName::Redirect => Redirect::new(c.status(), c.uri(), c.uri()).into(),
        EventName::HookPanicked => {
            let mut info = HookPanicked::new(c.of(EventName::ALL));
            info.message = c.maybe(Choices::text);
            info.into()
        }
        name => connection(name, c),
    }
}

/// An event of the connection or its dial; the others are passed on.
fn connection(name: EventName, c: &mut Choices) -> EventKind {
    match name {
        EventName::GetConn => GetConn::new(c.text()).into(),
        EventName::GotConn => {
            let mut info = GotConn::new(c.yes(), c.yes());
            info.idle_time = c.maybe(Choices::duration);
            info.local_addr = c.maybe(Choices::address);
            info.remote_addr = c.maybe(Choices::address);
            info.protocol = c.maybe(|c| c.of(&[Protocol::Http1, Protocol::Http2]));
            info.waited_for = c.maybe(|c| c.of(&[WaitedFor::Dial, WaitedFor::Stream]));
            info.into()
        }
        EventName::PutIdleConn => {
            use PutIdleError as E;
            let mut info = PutIdleConn::new();
            info.error =
                c.maybe(|c| c.of(&[E::BadState, E::TooManyIdleForHost, E::CloseIdleConnections]));
            info.into()
        }
        EventName::ConnClosed => {
            use CloseReason as R;
            let reasons = [
                R::PeerClosed,
                R::Failed,
                R::Upgraded,
                R::Http10,
                R::GoAway,
                R::PingTimeout,
            ];
            let mut info = ConnClosed::new(c.of(&reasons));
            info.noticed = c.maybe(|c| c.of(&[NoticedBy::Checkout, NoticedBy::Sweep]));
            info.error = c.maybe(Choices::error);
            info.into()
        }
        EventName::DnsStart => DnsStart::new(c.text()).into(),
        EventName::DnsDone => {
            let addrs: [IpAddr; 2] = [[192, 0, 2, 1].into(), [0xfe80, 0, 0, 0, 0, 0, 0, 1].into()];
            let mut info = DnsDone::new(c.text());
            info.error = c.maybe(Choices::error);
            info.addrs = c.maybe(|c| addrs[..c.of(&[0, 1, 2])].into());
            info.coalesced = c.maybe(Choices::yes);
            info.source =
                c.maybe(|c| c.of(&[DnsSource::System, DnsSource::Custom, DnsSource::Table]));
            info.ttl = c.maybe(Choices::duration);
            info.into()
        }
        EventName::ConnectStart => ConnectStart::new(c.address(), c.of(&[0_u32, 1, 2])).into(),
        EventName::ConnectDone => {
            let mut info = ConnectDone::new(c.address(), c.of(&[0_u32, 1, 2]));
            info.error = c.maybe(Choices::error);
            info.into()
        }
        EventName::ProxyTunnelStart => ProxyTunnelStart::new(c.tunnel(), c.text()).into(),
        EventName::ProxyTunnelDone => {
            let mut info = ProxyTunnelDone::new(c.tunnel(), c.text());
            info.error = c.maybe(Choices::error);
            info.status = c.maybe(Choices::status);
            info.reason = c.maybe(Choices::text);
            info.into()
        }
        EventName::TlsHandshakeStart => {
            let mut info = TlsHandshakeStart::new(c.leg());
            info.server_name = c.maybe(Choices::text);
            info.into()
        }
        EventName::TlsHandshakeDone => {
            let mut info = TlsHandshakeDone::new(c.leg());
            info.error = c.maybe(Choices::error);
            info.server_name = c.maybe(Choices::text);
            info.version = c.maybe(Choices::code_point);
            info.cipher_suite = c.maybe(Choices::code_point);
            info.key_exchange_group = c.maybe(Choices::code_point);
            info.alpn = c.maybe(Choices::text);
            info.resumed = c.maybe(Choices::yes);
            info.peer_certificates = c.maybe(|c| match c.yes() {
                true => Arc::from([Arc::from([0x30, 0x00])]),
                false => Arc::from([]),
            });
            info.into()
        }
        name => exchange(name, c),
    }
}

/// An event of the exchange; the others are passed on.
fn exchange(name: EventName, c: &mut Choices) -> EventKind {
    match name {
        EventName::WroteHeaderField => {
            let values: Vec<_> = (0..c.of(&[0, 1, 2])).map(|_| c.value()).collect();
            WroteHeaderField::new(c.text(), values).into()
        }
        EventName::WroteHeaders => WroteHeaders::new().into(),
        EventName::Wait100Continue => Wait100Continue::new().into(),
        EventName::WroteBody => WroteBody::new(c.number()).into(),
        EventName::WroteRequest => {
            let mut info = WroteRequest::new(match c.of(&[0, 1, 2]) {
                0 => WriteOutcome::Sent,
                1 => WriteOutcome::NotSent(NotSentReason::FinalResponseFirst),
                _ => WriteOutcome::Failed(c.error()),
            });
            info.body_bytes = c.maybe(Choices::number);
            info.into()
        }
        EventName::GotFirstResponseByte => GotFirstResponseByte::new().into(),
        EventName::Got100Continue => Got100Continue::new().into(),
        EventName::Got1xxResponse => Got1xxResponse::new(c.status(), c.headers()).into(),
        EventName::GotResponseHeaders => {
            let version = c.of(&[Version::HTTP_11, Version::HTTP_10, Version::HTTP_2]);
            GotResponseHeaders::new(c.status(), version, c.headers()).into()
        }
        EventName::GotBody => GotBody::new(c.number()).into(),
        EventName::BodyDone => {
            let mut info = BodyDone::new(match c.of(&[0, 1, 2]) {
                0 => BodyEnd::End,
                1 => BodyEnd::Dropped,
                _ => BodyEnd::Error(c.error()),
            });
            info.wire_bytes = c.maybe(Choices::number);
            info.decoded_bytes = c.maybe(Choices::number);
            info.trailers = c.maybe(Choices::headers);
            info.into()
        }
        name => http2(name, c),
    }
}

/// An event of HTTP/2.
fn http2(name: EventName, c: &mut Choices) -> EventKind {
    match name {
        EventName::StreamOpened => StreamOpened::new(c.word()).into(),
        EventName::StreamReset => StreamReset::new(c.word(), c.end(), c.code()).into(),
        EventName::GoAway => {
            let mut info = GoAway::new(c.end(), c.word(), c.code());
            info.debug_data = c.maybe(Choices::text);
            info.into()
        }
        EventName::SettingsReceived => {
            let mut info = SettingsReceived::new();
            info.max_concurrent_streams = c.maybe(Choices::word);
            info.initial_window_size = c.maybe(Choices::word);
            info.max_frame_size = c.maybe(Choices::word);
            info.max_header_list_size = c.maybe(Choices::word);
            info.header_table_size = c.maybe(Choices::word);
            info.enable_connect_protocol = c.maybe(Choices::yes);
            info.into()
        }
        EventName::FlowControlWaitStart => FlowControlWaitStart::new(c.window()).into(),
        EventName::FlowControlWaitDone => {
            let mut info = FlowControlWaitDone::new(c.window());
            info.error = c.maybe(Choices::error);
            info.into()
        }
        EventName::Pong => Pong::new(c.duration()).into(),
        name => unreachable!("{name} is not among the kinds of event here"),
    }
}
