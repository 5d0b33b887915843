//! Requests that share a connection.

use httptrace::info::{
    FlowControlWaitDone, FlowControlWaitStart, FlowWindow, GoAway, Http2Code, Protocol, ResetBy,
    StreamOpened, StreamReset, WaitedFor, WroteBody,
};

use super::*;

fn shared(waited_for: Option<WaitedFor>) -> GotConn {
    let mut got = GotConn::new(true, false)
        .with_local_addr(addr("10.1.2.3:50614"))
        .with_remote_addr(addr(V4))
        .with_protocol(Protocol::Http2);
    got.waited_for = waited_for;
    got
}

fn opened(script: Script, us: u64, stream_id: u32) -> Script {
    let headed = script.at(us, StreamOpened::new(stream_id));
    headed.at(us, WroteHeaders::new())
}

fn sent(script: Script, us: u64) -> Script {
    script.at(
        us,
        WroteRequest::new(WriteOutcome::Sent).with_body_bytes(0_u64),
    )
}

fn answered(script: Script, first_byte: u64, over: u64) -> Script {
    let status = StatusCode::OK;
    let head = GotResponseHeaders::new(status, Version::HTTP_2, HeaderMap::new());
    script
        .at(first_byte, GotFirstResponseByte::new())
        .at(first_byte, head)
        .at(over, BodyDone::new(BodyEnd::End).with_wire_bytes(20_u64))
        .at(over, AttemptEnd::new().with_status(status))
        .ended(over, status, 20)
}

/// A request that waits for something in the queue until 20 ms, and is sent on stream 5.
fn queued(waited_for: WaitedFor) -> Script {
    let script = Script::new("https://www.example.com/").on(1);
    let had = script.at(20_000, shared(Some(waited_for)));
    answered(sent(opened(had, 20_100, 5), 20_100), 60_000, 61_000)
}

/// An upload that waits for the stream's window twice, and once for the connection's.
fn uploading() -> Script {
    let script = Script::new("https://www.example.com/upload").on(1);
    let mut script = opened(script.at(40, shared(None)), 1_000, 7);
    let waits = [
        (2_000, 22_000, FlowWindow::Stream),
        (25_000, 30_000, FlowWindow::Connection),
        (31_000, 46_000, FlowWindow::Stream),
    ];
    for (from, to, window) in waits {
        script = script
            .at(from, WroteBody::new(65_535_u64))
            .at(from, FlowControlWaitStart::new(window))
            .at(to, FlowControlWaitDone::new(window));
    }
    script
}

/// A first try that the server refuses, a second that a `GOAWAY` overtakes, and a third that is served.
fn retried() -> Script {
    let uri = "https://www.example.com/feed";
    let refused = || error(ErrorKind::Reset, "the server refused the stream");
    let gone = || error(ErrorKind::Closed, "the server takes no more requests");
    let away = GoAway::new(ResetBy::Peer, 9_u32, Http2Code::NO_ERROR);
    let reset = StreamReset::new(9_u32, ResetBy::Peer, Http2Code::REFUSED_STREAM);
    let script = Script::new(uri).on(1).at(40, shared(None));
    let script = sent(opened(script, 100, 9), 100)
        .at(5_000, reset)
        .at(5_010, AttemptEnd::new().with_error(refused()))
        .attempt(
            5_020,
            1,
            uri,
            AttemptReason::Retry(RetryReason::StreamRefused),
        )
        .on(1)
        .at(5_100, shared(None));
    let script = sent(opened(script, 5_200, 11), 5_200)
        .at(9_000, away.with_debug_data("shutting\u{1b}[2J down"))
        .at(9_010, ConnClosed::new(CloseReason::GoAway))
        .at(9_020, AttemptEnd::new().with_error(gone()))
        .attempt(9_030, 2, uri, AttemptReason::Retry(RetryReason::GoAway))
        .on(2)
        .at(9_100, ConnectStart::new(addr(V4), 0_u32))
        .at(18_000, ConnectDone::new(addr(V4), 0_u32))
        .at(18_010, TlsHandshakeStart::new(TlsLeg::Target))
        .at(
            38_010,
            TlsHandshakeDone::new(TlsLeg::Target).with_alpn("h2"),
        )
        .at(
            38_100,
            GotConn::new(false, false).with_protocol(Protocol::Http2),
        );
    answered(sent(opened(script, 38_200, 1), 38_200), 50_000, 51_000)
}

#[test]
fn waterfalls_of_http2() {
    let away = GoAway::new(ResetBy::Local, 0_u32, Http2Code::ENHANCE_YOUR_CALM);
    let scripts = [
        queued(WaitedFor::Stream),
        queued(WaitedFor::Dial),
        answered(uploading(), 50_000, 51_000),
        retried().at(60_000, away),
    ];
    let drawn: Vec<String> = scripts.iter().map(|script| drawn(script, 80)).collect();
    insta::assert_snapshot!(drawn.join("\n"));
}

#[test]
fn the_queue_tells_what_was_waited_for() {
    let text = drawn(&queued(WaitedFor::Stream), 100);
    assert!(text.contains("waited for a stream\n"), "{text}");
    let text = drawn(&queued(WaitedFor::Dial), 100);
    assert!(
        text.contains("waited for another request's dial\n"),
        "{text}"
    );
}

#[test]
fn a_wait_that_nothing_ended_says_so() {
    let window = FlowWindow::Stream;
    let waiting = || uploading().at(50_000, FlowControlWaitStart::new(window));
    let text = drawn(&waiting(), 137);
    assert!(text.contains("3 waits · not over"), "{text}");
    let lost = error(ErrorKind::Reset, "the peer reset the stream");
    let done = FlowControlWaitDone::new(window).with_error(lost.clone());
    let reset = StreamReset::new(7_u32, ResetBy::Peer, Http2Code(0x21));
    let failed = waiting().at(60_000, reset).at(60_000, done);
    let text = drawn(&failed.failed(60_000, lost), 137);
    assert!(text.contains("3 waits · to the end"), "{text}");
    assert!(text.contains("stream 7 by the peer · 0x21"), "{text}");
}

#[test]
fn what_the_peer_says_with_its_goaway_is_cut_to_the_line_and_obeyed_by_no_terminal() {
    let said = "too many pings\r\n\u{1b}]0;".repeat(40);
    let away = GoAway::new(ResetBy::Peer, 7_u32, Http2Code::ENHANCE_YOUR_CALM);
    let script = uploading().at(48_000, away.with_debug_data(said));
    for width in [60, 80, 137] {
        let text = drawn(&script, width);
        let mut lines = text.lines();
        assert!(lines.all(|line| line.chars().count() <= width), "{text}");
        let mut chars = text.chars();
        assert!(chars.all(|c| c == '\n' || !c.is_control()), "{text:?}");
        assert!(text.contains("ENHANCE_YOUR_CALM"), "{text}");
        assert!(text.contains("\"too many pings"), "{text}");
    }
}

#[test]
fn a_goaway_that_rules_out_no_stream_yet_names_none() {
    let away = GoAway::new(ResetBy::Peer, 0x7fff_ffff_u32, Http2Code::NO_ERROR);
    let text = drawn(&uploading().at(48_000, away), 100);
    assert!(text.contains("by the peer · soon · NO_ERROR"), "{text}");
}
