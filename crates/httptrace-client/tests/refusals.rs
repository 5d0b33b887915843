//! Servers that answer an upload and hang up before they have read it.

mod rig;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use httptrace::{Emitter, EventKind, EventName};
use httptrace_client::{Client, Connect, ConnectTarget, Connected, Connecting};
use httptrace_test::Checker;
use rig::{AtMost, call_error, direct, fetch, pieces, request_to, soon, words};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

const URL: &str = "http://example.com/";
const REFUSAL: &[u8] = b"HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\nlarge";

/// Takes the head and some of the body. The next write fails, and only then the answer is there to be read, as after a reset that
/// came in the same moment.
struct HangingUp {
    takes: usize,
    /// Absent: it says nothing, and does not end either, as when a peer has closed its reading side alone.
    answer: Option<&'static [u8]>,
    hung_up: bool,
    reader: Option<Waker>,
}

impl AsyncRead for HangingUp {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(answer) = self.answer.filter(|_| self.hung_up) else {
            self.reader = Some(cx.waker().clone());
            return Poll::Pending;
        };
        let (now, later) = answer.split_at(answer.len().min(buf.remaining()));
        buf.put_slice(now);
        self.answer = Some(later);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for HangingUp {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let taken = buf.len().min(self.takes);
        self.takes -= taken;
        if taken > 0 {
            return Poll::Ready(Ok(taken));
        }
        self.hung_up = true;
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
        Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Leads every connection to a peer that hangs up with this answer.
struct ToHangingUp(Option<&'static [u8]>);

impl Connect for ToHangingUp {
    fn connect(&self, target: &ConnectTarget<'_>, emitter: &Emitter) -> Connecting {
        let address = httptrace::info::Address::Other(target.host().into());
        let guard = emitter.connect_start(&address, 0);
        let stream = HangingUp {
            takes: 200,
            answer: self.0,
            hung_up: false,
            reader: None,
        };
        Box::pin(async move {
            guard.done(|done| done);
            Ok(Connected::new(stream).with_remote(address))
        })
    }
}

fn client(answer: &'static [u8]) -> Client {
    direct().connector(ToHangingUp(Some(answer))).build()
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_waits_behind_a_broken_write_is_read() {
    let checker = Checker::new();
    let request = request_to("POST", URL, &checker, pieces(10, 1000).body());
    let client = client(REFUSAL);
    let response = soon(client.send(request)).await.unwrap();
    assert_eq!(response.status(), 413);
    assert_eq!(soon(response.into_body().text()).await.unwrap(), "large");

    let events = checker.finish().await;
    let outcomes = events.iter().filter_map(|event| match &event.kind {
        EventKind::WroteRequest(info) => Some(info.outcome.as_str()),
        _ => None,
    });
    assert_eq!(outcomes.collect::<Vec<_>>(), ["failed"]);
    let closed = events
        .iter()
        .any(|event| event.name() == EventName::ConnClosed);
    assert!(closed, "the connection was kept");
}

#[tokio::test(start_paused = true)]
async fn without_an_answer_the_write_is_what_failed() {
    let checker = Checker::new();
    let request = request_to("POST", URL, &checker, pieces(10, 1000).body());
    let error = soon(fetch(&client(b""), request)).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("while the request was being written"),
        "{error}"
    );
    let (_, message) = call_error(&checker).unwrap();
    assert!(message.contains("roken pipe"), "{message}");
    assert!(!words(&checker).contains("got_first_response_byte"));
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn the_wait_for_an_answer_after_a_broken_write_has_the_limit_of_any_other() {
    let checker = Checker::new();
    let request = request_to("POST", URL, &checker, pieces(10, 1000).body());
    let builder = direct().connector(ToHangingUp(None));
    let client = builder
        .response_head_timeout(Duration::from_secs(5))
        .build();
    let error = soon(fetch(&client, request)).await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn the_call_may_be_dropped_wherever_it_waits() {
    for polls in 0..100 {
        let checker = Checker::new();
        let request = request_to("POST", URL, &checker, pieces(10, 1000).body());
        let client = Arc::new(client(REFUSAL));
        let outcome = AtMost::polls(polls, fetch(&client, request)).await;
        drop(client);
        checker.finish().await;
        if outcome.is_some() {
            assert!(polls > 1, "it never waited");
            return;
        }
    }
    panic!("it never came to its end");
}
