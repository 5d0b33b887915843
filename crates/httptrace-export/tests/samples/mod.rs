//! One event of each kind, with everything that may be known about it, or as little as possible.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, Version};
use httptrace::info::{
    Address, AttemptEnd, AttemptReason, AttemptStart, BodyDone, BodyEnd, CallEnd, CallStart,
    CloseReason, CodePoint, ConnClosed, ConnectDone, ConnectStart, DnsDone, DnsSource, DnsStart,
    FlowControlWaitDone, FlowControlWaitStart, FlowWindow, GetConn, GoAway, Got1xxResponse,
    Got100Continue, GotBody, GotConn, GotFirstResponseByte, GotResponseHeaders, HookPanicked,
    Http2Code, NotSentReason, NoticedBy, Pong, Protocol, ProxyTunnelDone, ProxyTunnelStart,
    PutIdleConn, PutIdleError, Redirect, ResetBy, RetryReason, SettingsReceived, StreamOpened,
    StreamReset, TlsHandshakeDone, TlsHandshakeStart, TlsLeg, TunnelKind, Wait100Continue,
    WaitedFor, WriteOutcome, WroteBody, WroteHeaderField, WroteHeaders, WroteRequest,
};
use httptrace::{ErrorKind, EventError, EventKind, EventName};

/// An event that went well, with all that may be known.
pub(crate) fn full(name: EventName) -> EventKind {
    match name {
        EventName::CallStart => {
            let wall = UNIX_EPOCH + Duration::from_micros(1_700_000_000_123_456);
            CallStart::new(wall, Method::POST, uri("http://a.test/?sig=1")).into()
        }
        EventName::CallEnd => CallEnd::new()
            .with_status(StatusCode::OK)
            .with_bytes(9_u64)
            .into(),
        EventName::AttemptStart => {
            let reason = AttemptReason::Retry(RetryReason::ConnectionLost);
            AttemptStart::new(Method::GET, uri("http://a.test/"), reason).into()
        }
        EventName::AttemptEnd => AttemptEnd::new().with_status(StatusCode::OK).into(),
        EventName::Redirect => {
            let (from, to) = (uri("http://a.test/"), uri("/next?X-Amz-Signature=1"));
            Redirect::new(StatusCode::FOUND, from, to).into()
        }
        EventName::GetConn => GetConn::new("a.test:80").into(),
        EventName::GotConn => GotConn::new(true, true)
            .with_idle_time(Duration::from_nanos(2_500_500))
            .with_local_addr(Address::Unix(Path::new("/run/a").into()))
            .with_remote_addr(addr("[2001:db8::1]:443"))
            .with_protocol(Protocol::Http2)
            .with_waited_for(WaitedFor::Stream)
            .into(),
        EventName::PutIdleConn => PutIdleConn::new().into(),
        EventName::ConnClosed => ConnClosed::new(CloseReason::PeerClosed)
            .with_noticed(NoticedBy::Checkout)
            .into(),
        EventName::DnsStart => DnsStart::new("a.test").into(),
        EventName::DnsDone => DnsDone::new("a.test")
            .with_addrs(["192.0.2.1", "2001:db8::1"].map(|a| a.parse::<IpAddr>().unwrap()))
            .with_coalesced(true)
            .with_source(DnsSource::Table)
            .with_ttl(Duration::from_secs(60))
            .into(),
        EventName::ConnectStart => ConnectStart::new(addr("192.0.2.1:80"), 1_u32).into(),
        EventName::ConnectDone => ConnectDone::new(addr("192.0.2.1:80"), 1_u32).into(),
        EventName::ProxyTunnelStart => {
            ProxyTunnelStart::new(TunnelKind::Connect, "a.test:443").into()
        }
        EventName::ProxyTunnelDone => ProxyTunnelDone::new(TunnelKind::Connect, "a.test:443")
            .with_status(StatusCode::OK)
            .with_reason("Connection established")
            .into(),
        EventName::TlsHandshakeStart => TlsHandshakeStart::new(TlsLeg::Target)
            .with_server_name("a.test")
            .into(),
        EventName::TlsHandshakeDone => TlsHandshakeDone::new(TlsLeg::Target)
            .with_server_name("a.test")
            .with_version(CodePoint::named(0x0304, "TLSv1.3"))
            .with_cipher_suite(CodePoint::named(0x1301, "TLS_AES_128_GCM_SHA256"))
            .with_key_exchange_group(CodePoint::unnamed(0x11ec))
            .with_alpn("http/1.1")
            .with_resumed(false)
            .with_peer_certificates([Arc::<[u8]>::from([0x30, 0x00])])
            .into(),
        name => full_exchange(name),
    }
}

fn full_exchange(name: EventName) -> EventKind {
    match name {
        EventName::WroteHeaderField => {
            let values = [
                HeaderValue::from_static("a=1"),
                HeaderValue::from_static("b=2"),
            ];
            WroteHeaderField::new("Cookie", values).into()
        }
        EventName::WroteHeaders => WroteHeaders::new().into(),
        EventName::Wait100Continue => Wait100Continue::new().into(),
        EventName::WroteBody => WroteBody::new(5_u64).into(),
        EventName::WroteRequest => {
            let outcome = WriteOutcome::NotSent(NotSentReason::FinalResponseFirst);
            WroteRequest::new(outcome).with_body_bytes(0_u64).into()
        }
        EventName::GotFirstResponseByte => GotFirstResponseByte::new().into(),
        EventName::Got100Continue => Got100Continue::new().into(),
        EventName::Got1xxResponse => {
            Got1xxResponse::new(StatusCode::EARLY_HINTS, headers(&[("link", b"</a>")])).into()
        }
        EventName::GotResponseHeaders => {
            let fields: [(&str, &[u8]); 4] = [
                ("set-cookie", b"secret"),
                ("via", b"one"),
                ("via", b"two"),
                ("x-odd", b"\xff"),
            ];
            GotResponseHeaders::new(StatusCode::OK, Version::HTTP_11, headers(&fields)).into()
        }
        EventName::GotBody => GotBody::new(7_u64).into(),
        EventName::BodyDone => BodyDone::new(BodyEnd::End)
            .with_wire_bytes(7_u64)
            .with_decoded_bytes(9_u64)
            .with_trailers(headers(&[("expires", b"0")]))
            .into(),
        EventName::HookPanicked => HookPanicked::new(EventName::GotConn)
            .with_message("oh")
            .into(),
        name => full_http2(name),
    }
}

fn full_http2(name: EventName) -> EventKind {
    match name {
        EventName::StreamOpened => StreamOpened::new(3_u32).into(),
        EventName::StreamReset => StreamReset::new(3_u32, ResetBy::Local, Http2Code::CANCEL).into(),
        EventName::GoAway => GoAway::new(ResetBy::Peer, 1_u32, Http2Code::ENHANCE_YOUR_CALM)
            .with_debug_data("too\u{1b}[2J many\n\"pings\", see http://me:pw@a.test/?sig=1")
            .into(),
        EventName::SettingsReceived => SettingsReceived::new()
            .with_max_concurrent_streams(100_u32)
            .with_initial_window_size(65_536_u32)
            .with_max_frame_size(16_384_u32)
            .with_max_header_list_size(u32::MAX)
            .with_header_table_size(4_096_u32)
            .with_enable_connect_protocol(true)
            .into(),
        EventName::FlowControlWaitStart => FlowControlWaitStart::new(FlowWindow::Stream).into(),
        EventName::FlowControlWaitDone => FlowControlWaitDone::new(FlowWindow::Stream).into(),
        EventName::Pong => Pong::new(Duration::from_nanos(1_500_500)).into(),
        name => panic!("no sample of {name}"),
    }
}

/// An event that failed, or else one of which as little as possible is known.
pub(crate) fn bare(name: EventName) -> EventKind {
    let error = || {
        EventError::new(
            ErrorKind::Timeout,
            "no answer from http://me:pw@a.test/ in 5s",
        )
    };
    match name {
        EventName::CallEnd => CallEnd::new().with_error(error()).into(),
        EventName::AttemptStart => AttemptStart::new(
            Method::GET,
            uri("http://me:pw@a.test/"),
            AttemptReason::First,
        )
        .into(),
        EventName::AttemptEnd => AttemptEnd::new().with_error(error()).into(),
        EventName::GotConn => GotConn::new(false, false).into(),
        EventName::PutIdleConn => PutIdleConn::new()
            .with_error(PutIdleError::TooManyIdleForHost)
            .into(),
        EventName::ConnClosed => ConnClosed::new(CloseReason::Failed)
            .with_error(error())
            .into(),
        EventName::DnsDone => DnsDone::new("a.test").with_error(error()).into(),
        EventName::ConnectDone => {
            let addr = Address::Other("a pipe".into());
            ConnectDone::new(addr, 0_u32)
                .with_error(EventError::canceled())
                .into()
        }
        EventName::ProxyTunnelDone => ProxyTunnelDone::new(TunnelKind::Socks5, "a.test:443")
            .with_error(error())
            .into(),
        EventName::TlsHandshakeStart => TlsHandshakeStart::new(TlsLeg::Proxy).into(),
        EventName::TlsHandshakeDone => TlsHandshakeDone::new(TlsLeg::Proxy)
            .with_error(error())
            .into(),
        EventName::WroteRequest => WroteRequest::new(WriteOutcome::Failed(error())).into(),
        EventName::BodyDone => BodyDone::new(BodyEnd::Error(error())).into(),
        EventName::StreamReset => StreamReset::new(3_u32, ResetBy::Peer, Http2Code(14)).into(),
        EventName::GoAway => GoAway::new(ResetBy::Local, 0_u32, Http2Code::NO_ERROR).into(),
        EventName::SettingsReceived => SettingsReceived::new().into(),
        EventName::FlowControlWaitStart => FlowControlWaitStart::new(FlowWindow::Connection).into(),
        EventName::FlowControlWaitDone => FlowControlWaitDone::new(FlowWindow::Connection)
            .with_error(error())
            .into(),
        EventName::HookPanicked => HookPanicked::new(EventName::GotConn).into(),
        name => full(name),
    }
}

fn addr(text: &str) -> Address {
    Address::Tcp(text.parse().unwrap())
}

fn uri(text: &str) -> Uri {
    text.parse().unwrap()
}

fn headers(fields: &[(&'static str, &[u8])]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(*name, HeaderValue::from_bytes(value).unwrap());
    }
    headers
}
