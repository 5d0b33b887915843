//! What the waterfall looks like, from events written by hand.

use std::time::{Duration, Instant, UNIX_EPOCH};

use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, Version};
use httptrace::info::{
    Address, AttemptEnd, AttemptReason, AttemptStart, BodyDone, BodyEnd, CallEnd, CallStart,
    CloseReason, CodePoint, ConnClosed, ConnectDone, ConnectStart, DnsDone, DnsStart, GetConn,
    Got1xxResponse, GotConn, GotFirstResponseByte, GotResponseHeaders, HookPanicked, NoticedBy,
    ProxyTunnelDone, ProxyTunnelStart, PutIdleConn, Redirect, RetryReason, TlsHandshakeDone,
    TlsHandshakeStart, TlsLeg, TunnelKind, WriteOutcome, WroteHeaders, WroteRequest,
};
use httptrace::timeline::Timeline;
use httptrace::{CallId, ConnectionId, ErrorKind, Event, EventError, EventKind, EventName};

use super::{RenderOptions, waterfall};

mod expect;
mod http2;

const V4: &str = "192.0.2.7:443";
const V6: &str = "[2001:db8:85a3::8a2e:370:7334]:443";

/// The events of one call, at microseconds since its start.
struct Script {
    zero: Instant,
    attempt: u32,
    connection: Option<ConnectionId>,
    events: Vec<Event>,
}

impl Script {
    fn new(uri: &str) -> Self {
        let script = Self {
            zero: Instant::now(),
            attempt: 0,
            connection: None,
            events: Vec::new(),
        };
        let uri: Uri = uri.parse().unwrap();
        let start = CallStart::new(UNIX_EPOCH, Method::GET, uri.clone());
        script
            .at(0, start)
            .attempt(10, 0, &uri.to_string(), AttemptReason::First)
    }

    fn at(mut self, us: u64, kind: impl Into<EventKind>) -> Self {
        let at = self.zero + Duration::from_micros(us);
        let mut event = Event::new(at, kind).with_call(CallId::from_u64(1).unwrap());
        event.attempt = Some(self.attempt);
        event.connection = self.connection;
        self.events.push(event);
        self
    }

    fn attempt(mut self, us: u64, number: u32, uri: &str, reason: AttemptReason) -> Self {
        self.attempt = number;
        self.connection = None;
        let uri: Uri = uri.parse().unwrap();
        let host = uri.host().unwrap().to_string();
        self.at(us, AttemptStart::new(Method::GET, uri, reason))
            .at(us + 5, GetConn::new(format!("{host}:443")))
    }

    fn on(mut self, connection: u64) -> Self {
        self.connection = ConnectionId::from_u64(connection);
        self
    }

    fn dns(self, us: u64, took: u64) -> Self {
        let addrs = ["2001:db8:85a3::8a2e:370:7334", "192.0.2.7"];
        let addrs = addrs.map(|addr| addr.parse().unwrap());
        self.at(us, DnsStart::new("www.example.com"))
            .at(us + took, DnsDone::new("www.example.com").with_addrs(addrs))
    }

    fn tls(self, us: u64, took: u64, resumed: bool) -> Self {
        let done = TlsHandshakeDone::new(TlsLeg::Target)
            .with_version(CodePoint::named(0x0304, "TLSv1.3"))
            .with_cipher_suite(CodePoint::named(0x1302, "TLS_AES_256_GCM_SHA384"))
            .with_key_exchange_group(CodePoint::named(0x11ec, "X25519MLKEM768"))
            .with_alpn("http/1.1")
            .with_resumed(resumed);
        self.at(us, TlsHandshakeStart::new(TlsLeg::Target))
            .at(us + took, done)
    }

    fn got(self, us: u64, reused: bool) -> Self {
        let got = GotConn::new(reused, reused)
            .with_local_addr(addr("10.1.2.3:50614"))
            .with_remote_addr(addr(V4));
        let got = if reused {
            got.with_idle_time(Duration::from_micros(8_210))
        } else {
            got
        };
        self.at(us, got)
    }

    fn sent(self, us: u64) -> Self {
        self.at(us, WroteHeaders::new()).at(
            us,
            WroteRequest::new(WriteOutcome::Sent).with_body_bytes(0_u64),
        )
    }

    fn answered(self, first_byte: u64, body_done: u64, status: StatusCode, size: u64) -> Self {
        let head = GotResponseHeaders::new(status, Version::HTTP_11, HeaderMap::new());
        self.at(first_byte, GotFirstResponseByte::new())
            .at(first_byte + 20, head)
            .at(body_done, BodyDone::new(BodyEnd::End).with_wire_bytes(size))
            .at(body_done + 10, PutIdleConn::new())
            .at(body_done + 15, AttemptEnd::new().with_status(status))
    }

    fn ended(self, us: u64, status: StatusCode, size: u64) -> Self {
        self.at(us, CallEnd::new().with_status(status).with_bytes(size))
    }

    fn failed(self, us: u64, error: EventError) -> Self {
        self.at(us, AttemptEnd::new().with_error(error.clone()))
            .at(us + 10, CallEnd::new().with_error(error))
    }

    fn fold(&self) -> Timeline {
        Timeline::fold(&self.events).remove(0)
    }
}

fn addr(text: &str) -> Address {
    Address::Tcp(text.parse().unwrap())
}

fn error(kind: ErrorKind, message: &str) -> EventError {
    EventError::new(kind, message)
}

/// A cold call over TLS, with a race that IPv4 wins and early hints.
fn cold() -> Script {
    let mut hints = HeaderMap::new();
    hints.append(
        "link",
        HeaderValue::from_static("</style.css>; rel=preload"),
    );
    let hints = Got1xxResponse::new(StatusCode::EARLY_HINTS, hints);
    let canceled = ConnectDone::new(addr(V6), 0_u32).with_error(EventError::canceled());
    Script::new("https://www.example.com/articles/2026/tracing")
        .on(1)
        .dns(60, 12_340)
        .at(12_420, ConnectStart::new(addr(V6), 0_u32))
        .at(262_500, ConnectStart::new(addr(V4), 1_u32))
        .at(281_120, ConnectDone::new(addr(V4), 1_u32))
        .at(281_150, canceled)
        .tls(281_200, 39_700, false)
        .got(320_950, false)
        .sent(321_220)
        .at(371_200, GotFirstResponseByte::new())
        .at(371_200, hints)
        .answered(371_220, 467_040, StatusCode::OK, 184_211)
        .ended(467_100, StatusCode::OK, 184_211)
}

fn reused() -> Script {
    Script::new("https://www.example.com/")
        .on(1)
        .got(40, true)
        .sent(120)
        .answered(31_400, 31_900, StatusCode::NOT_FOUND, 153)
        .ended(31_950, StatusCode::NOT_FOUND, 153)
}

fn redirected() -> Script {
    let uri = |text: &str| text.parse::<Uri>().unwrap();
    let (from, to) = ("https://example.com/old", "https://www.example.com/new");
    let script = Script::new(from)
        .on(1)
        .at(100, ConnectStart::new(addr(V4), 0_u32))
        .at(9_000, ConnectDone::new(addr(V4), 0_u32))
        .tls(9_050, 21_000, true)
        .got(30_100, false)
        .sent(30_200)
        .answered(52_000, 52_300, StatusCode::MOVED_PERMANENTLY, 0);
    script
        .at(
            52_400,
            Redirect::new(StatusCode::MOVED_PERMANENTLY, uri(from), uri(to)),
        )
        .attempt(53_000, 1, to, AttemptReason::Redirect)
        .on(1)
        .got(53_040, true)
        .sent(53_100)
        .answered(80_000, 80_900, StatusCode::OK, 2_048)
        .ended(81_000, StatusCode::OK, 2_048)
}

fn retried() -> Script {
    let uri = "https://www.example.com/feed";
    let lost = || {
        error(
            ErrorKind::Closed,
            "connection closed before a response byte came",
        )
    };
    Script::new(uri)
        .on(4)
        .at(
            30,
            ConnClosed::new(CloseReason::PeerClosed).with_noticed(NoticedBy::Checkout),
        )
        .on(5)
        .got(60, true)
        .sent(150)
        .at(
            4_000,
            ConnClosed::new(CloseReason::Failed).with_error(lost()),
        )
        .at(4_020, AttemptEnd::new().with_error(lost()))
        .attempt(
            4_060,
            1,
            uri,
            AttemptReason::Retry(RetryReason::ConnectionLost),
        )
        .on(6)
        .at(4_100, ConnectStart::new(addr(V4), 0_u32))
        .on(7)
        .got(9_100, true)
        .sent(9_200)
        .answered(20_000, 20_200, StatusCode::OK, 12)
        .on(6)
        .at(
            20_230,
            CallEnd::new()
                .with_status(StatusCode::OK)
                .with_bytes(12_u64),
        )
        .at(34_000, ConnectDone::new(addr(V4), 0_u32))
        .tls(34_000, 8_000, true)
}

fn refused() -> Script {
    let refused = |target, number: u32| {
        let error = error(ErrorKind::Refused, "connection refused (os error 111)");
        ConnectDone::new(addr(target), number).with_error(error)
    };
    let (v6, v4) = ("[::1]:9", "127.0.0.1:9");
    Script::new("https://localhost:9/")
        .on(1)
        .dns(40, 300)
        .at(350, ConnectStart::new(addr(v6), 0_u32))
        .at(420, refused(v6, 0))
        .at(430, ConnectStart::new(addr(v4), 1_u32))
        .at(500, refused(v4, 1))
        .failed(
            520,
            error(
                ErrorKind::Refused,
                "no address of localhost took the connection: connection refused",
            ),
        )
}

fn bad_certificate() -> Script {
    let expired = || error(ErrorKind::Certificate, "certificate expired 3 days ago");
    Script::new("https://expired.example.com/")
        .on(1)
        .dns(60, 1_100)
        .at(1_200, ConnectStart::new(addr(V4), 0_u32))
        .at(9_200, ConnectDone::new(addr(V4), 0_u32))
        .at(9_250, TlsHandshakeStart::new(TlsLeg::Target))
        .at(
            30_000,
            TlsHandshakeDone::new(TlsLeg::Target).with_error(expired()),
        )
        .failed(30_050, expired())
}

fn proxied() -> Script {
    let tunnel = ProxyTunnelDone::new(TunnelKind::Connect, "www.example.com:443");
    Script::new("https://www.example.com/")
        .on(1)
        .at(50, ConnectStart::new(addr("10.0.0.1:3128"), 0_u32))
        .at(2_000, ConnectDone::new(addr("10.0.0.1:3128"), 0_u32))
        .at(2_050, TlsHandshakeStart::new(TlsLeg::Proxy))
        .at(
            9_000,
            TlsHandshakeDone::new(TlsLeg::Proxy).with_version(CodePoint::named(0x0304, "TLSv1.3")),
        )
        .at(
            9_010,
            ProxyTunnelStart::new(TunnelKind::Connect, "www.example.com:443"),
        )
        .at(22_000, tunnel.with_status(StatusCode::OK))
        .tls(22_010, 30_000, false)
        .got(52_050, false)
        .sent(52_100)
        .answered(90_000, 91_000, StatusCode::OK, 4_000_000)
        .ended(91_050, StatusCode::OK, 4_000_000)
}

fn scenarios() -> [Script; 7] {
    [
        cold(),
        reused(),
        redirected(),
        retried(),
        proxied(),
        refused(),
        bad_certificate(),
    ]
}

fn drawn(script: &Script, width: usize) -> String {
    let options = RenderOptions {
        width,
        ..RenderOptions::default()
    };
    waterfall(&script.fold(), &options)
}

#[test]
fn a_lookup_shows_how_long_its_answer_may_be_kept_where_that_is_known() {
    let known = DnsDone::new("www.example.com").with_ttl(Duration::from_secs(90));
    for (done, shown) in [(known, true), (DnsDone::new("www.example.com"), false)] {
        let script = Script::new("http://www.example.com/").on(1);
        let script = script
            .at(20, DnsStart::new("www.example.com"))
            .at(1_000, done);
        let drawn = drawn(&script, 100);
        assert_eq!(drawn.contains("ttl 90 s"), shown, "{drawn}");
    }
}

fn all(width: usize) -> String {
    let all = scenarios();
    all.iter()
        .map(|script| drawn(script, width))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn waterfalls_of_80_columns() {
    insta::assert_snapshot!(all(80));
}

#[test]
fn waterfalls_of_120_columns() {
    insta::assert_snapshot!(all(120));
}

#[test]
fn without_unicode_everything_is_ascii() {
    let options = RenderOptions {
        unicode: false,
        ..RenderOptions::default()
    };
    let text = waterfall(&cold().fold(), &options) + "\n" + &waterfall(&retried().fold(), &options);
    assert!(text.is_ascii());
    insta::assert_snapshot!(text);
}

#[test]
fn colour_changes_nothing_but_the_colour() {
    for script in scenarios() {
        let plain = RenderOptions::default();
        let colored = RenderOptions {
            color: true,
            ..plain
        };
        let timeline = script.fold();
        let text = waterfall(&timeline, &colored);
        assert!(text.contains("\u{1b}["));
        let stripped = anstream::adapter::strip_str(&text).to_string();
        assert_eq!(stripped, waterfall(&timeline, &plain));
    }
    let color = RenderOptions {
        color: true,
        ..RenderOptions::default()
    };
    let text = waterfall(&reused().fold(), &color);
    insta::assert_snapshot!(text.replace('\u{1b}', "^"));
}

#[test]
fn no_line_is_wider_than_the_terminal_whatever_part_of_the_call_was_seen() {
    for script in scenarios() {
        for seen in 0..script.events.len() {
            let start = Timeline::fold(&script.events[..=seen]);
            let end = Timeline::fold(&script.events[seen..]);
            for (timeline, width) in start
                .iter()
                .chain(&end)
                .flat_map(|t| [60, 80, 137].map(|w| (t, w)))
            {
                let options = RenderOptions {
                    width,
                    ..RenderOptions::default()
                };
                for line in waterfall(timeline, &options).lines() {
                    assert!(line.chars().count() <= width, "{width}: {line}");
                    assert_eq!(line.trim_end(), line);
                }
            }
        }
    }
}

#[test]
fn a_call_in_progress_says_so_and_shows_what_is_not_over() {
    let script = Script::new("http://www.example.com/")
        .on(1)
        .dns(50, 1_000)
        .at(1_100, ConnectStart::new(addr(V4), 0_u32));
    insta::assert_snapshot!(drawn(&script, 80));
}

#[test]
fn gaps_in_a_dial_are_drawn_where_they_are() {
    let script = Script::new("https://www.example.com/")
        .on(1)
        .at(10_000, ConnectStart::new(addr(V4), 0_u32))
        .at(20_000, ConnectDone::new(addr(V4), 0_u32))
        .tls(40_000, 10_000, true)
        .got(50_000, false)
        .sent(50_000)
        .answered(99_900, 99_950, StatusCode::OK, 1)
        .ended(100_000, StatusCode::OK, 1);
    insta::assert_snapshot!(drawn(&script, 80));
}

#[test]
fn a_url_that_is_too_long_is_cut_in_its_middle() {
    let uri = format!("https://www.example.com/{}/end", "long/".repeat(40));
    let script = Script::new(&uri).got(10, true).ended(20, StatusCode::OK, 0);
    let heading = drawn(&script, 80).lines().next().unwrap().to_owned();
    assert_eq!(heading.chars().count(), 80);
    assert!(
        heading.starts_with("GET https://www.example.com/long/"),
        "{heading}"
    );
    assert!(
        heading.contains('…') && heading.contains("/end  200 OK"),
        "{heading}"
    );
}

#[test]
fn a_terminal_is_not_at_the_mercy_of_what_a_peer_says() {
    let evil = error(ErrorKind::Protocol, "bad head: \u{1b}[2J\r\n\u{7}");
    let script = Script::new("http://www.example.com/").failed(10, evil);
    let text = drawn(&script, 80);
    assert!(
        text.chars().all(|c| c == '\n' || !c.is_control()),
        "{text:?}"
    );
    assert!(
        text.contains("failed in queue: bad head: \u{fffd}[2J"),
        "{text}"
    );
}

#[test]
fn panicking_hooks_and_events_that_were_not_kept_are_told() {
    let panicked = HookPanicked::new(EventName::GotConn).with_message("index out of bounds");
    let script = reused().at(50, panicked);
    let mut timeline = script.fold();
    timeline.dropped = 12;
    let text = waterfall(&timeline, &RenderOptions::default());
    assert!(
        text.contains("✗ the hook for got_conn panicked: index out of bounds\n"),
        "{text}"
    );
    assert!(
        text.contains("  12 events were too many to be kept\n"),
        "{text}"
    );
}

#[test]
fn a_timeline_that_tells_nothing_is_a_total_of_nothing() {
    let text = waterfall(&Timeline::default(), &RenderOptions::default());
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0], "0.00 ms");
    assert!(
        lines[1].starts_with("total") && lines[1].ends_with("so far"),
        "{text}"
    );
}
