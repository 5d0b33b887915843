//! What a peer does on one connection, step by step.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;

use super::http2;

/// The steps of one connection, in order. A script whose steps are all done holds the connection open until the client
/// closes it, as [`hold_open`](Self::hold_open) does.
#[derive(Clone, Debug, Default)]
#[must_use = "a script does nothing until a peer has it"]
pub struct Script {
    pub(super) steps: Vec<Step>,
}

/// One step. Its `Debug` form is what a failure calls it.
#[derive(Clone)]
pub(super) enum Step {
    ExpectHead,
    ExpectBody(usize),
    ExpectChunkedBody,
    ExpectBytes(Vec<u8>),
    Send {
        pieces: Vec<Vec<u8>>,
        pause: Duration,
    },
    Delay(Duration),
    WaitFor(String),
    Raise(String),
    StartTls(Arc<ServerConfig>),
    HalfClose,
    Close,
    Cut,
    Reset,
    HoldOpen,
    Swallow,
    ClientMayLeave,
    Repeat(Script),
    Http2(http2::Script),
    ServeHttp2(http2::Service),
}

impl Script {
    /// A script without steps: the connection is accepted and held open.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a request head, to its empty line. It is found afterwards in [`ConnReport::heads`](super::ConnReport).
    pub fn expect_head(self) -> Self {
        self.step(Step::ExpectHead)
    }

    /// Reads so many bytes of body.
    pub fn expect_body(self, bytes: usize) -> Self {
        self.step(Step::ExpectBody(bytes))
    }

    /// Reads a chunked body to its end, trailers included (RFC 9112 section 7.1). What is recorded is the decoded body.
    pub fn expect_chunked_body(self) -> Self {
        self.step(Step::ExpectChunkedBody)
    }

    /// Reads exactly these bytes; anything else fails the script.
    pub fn expect_bytes(self, bytes: impl AsRef<[u8]>) -> Self {
        self.step(Step::ExpectBytes(bytes.as_ref().to_vec()))
    }

    /// Sends bytes, in one write.
    pub fn send(self, bytes: impl AsRef<[u8]>) -> Self {
        self.send_split(bytes, &[])
    }

    /// Sends bytes in writes of the given sizes; what remains goes out in a last write. Each write is flushed before
    /// the next (the reader may still find two of them in one read).
    pub fn send_split(self, bytes: impl AsRef<[u8]>, sizes: &[usize]) -> Self {
        let mut rest = bytes.as_ref();
        let mut pieces = Vec::new();
        for size in sizes {
            let (piece, after) = rest.split_at((*size).min(rest.len()));
            pieces.push(piece.to_vec());
            rest = after;
        }
        pieces.push(rest.to_vec());
        pieces.retain(|piece| !piece.is_empty());
        let pause = Duration::ZERO;
        self.step(Step::Send { pieces, pause })
    }

    /// Sends bytes in writes of one size, with a pause of so many milliseconds between them.
    pub fn send_paced(self, bytes: impl AsRef<[u8]>, size: usize, pause_ms: u64) -> Self {
        let pieces = bytes.as_ref().chunks(size).map(<[u8]>::to_vec).collect();
        let pause = Duration::from_millis(pause_ms);
        self.step(Step::Send { pieces, pause })
    }

    /// Reads a request head and answers it: the plain exchange without a request body.
    pub fn exchange(self, response: impl AsRef<[u8]>) -> Self {
        self.expect_head().send(response)
    }

    /// Does nothing for so many milliseconds.
    pub fn delay(self, ms: u64) -> Self {
        self.step(Step::Delay(Duration::from_millis(ms)))
    }

    /// Goes on when the signal of this name has been raised, by the test or by another connection's script.
    pub fn wait_for(self, signal: &str) -> Self {
        self.step(Step::WaitFor(signal.to_owned()))
    }

    /// Raises the signal of this name, for good.
    pub fn raise(self, signal: &str) -> Self {
        self.step(Step::Raise(signal.to_owned()))
    }

    /// Makes a TLS handshake as the server; the steps after it speak through TLS. May be used again inside TLS.
    ///
    /// A failed handshake fails the script, unless [`client_may_leave`](Self::client_may_leave) was said before.
    pub fn start_tls(self, config: Arc<ServerConfig>) -> Self {
        self.step(Step::StartTls(config))
    }

    /// Ends the sending direction (TLS `close_notify`, then FIN) and goes on reading.
    pub fn half_close(self) -> Self {
        self.step(Step::HalfClose)
    }

    /// Closes the connection in an orderly way (TLS `close_notify`, then FIN). The kernel makes a reset of it if the
    /// client has sent bytes that no step has read.
    pub fn close(self) -> Self {
        self.step(Step::Close)
    }

    /// Closes the TCP connection with a FIN but without TLS `close_notify`: a truncation, as far as TLS can tell.
    pub fn cut(self) -> Self {
        self.step(Step::Cut)
    }

    /// Resets the connection (`SO_LINGER` 0, so that closing sends RST). Over `duplex` there is no reset: the client
    /// sees the end of the stream.
    pub fn reset(self) -> Self {
        self.step(Step::Reset)
    }

    /// Holds the connection open until the client closes it, and records when and how. Bytes fail the script.
    pub fn hold_open(self) -> Self {
        self.step(Step::HoldOpen)
    }

    /// Reads and records whatever comes until the client closes the connection.
    pub fn swallow(self) -> Self {
        self.step(Step::Swallow)
    }

    /// From here on the client may go away at any moment without failing the script: for tests of cancellation.
    pub fn client_may_leave(self) -> Self {
        self.step(Step::ClientMayLeave)
    }

    /// Goes through these steps again and again, until the client closes the connection between two rounds: the
    /// keep-alive loop. Always the last step.
    pub fn repeat(self, round: impl FnOnce(Script) -> Script) -> Self {
        self.step(Step::Repeat(round(Script::new())))
    }

    /// Answers every request of this connection alike.
    pub fn repeat_exchange(self, response: impl AsRef<[u8]>) -> Self {
        self.repeat(|script| script.exchange(response))
    }

    /// Goes over to HTTP/2, frame by frame, from the client's preface on. Always the last step.
    pub fn http2(self, script: impl FnOnce(http2::Script) -> http2::Script) -> Self {
        self.step(Step::Http2(script(http2::Script::new())))
    }

    /// Goes over to HTTP/2 and answers every request as this service says, until the client closes the connection.
    /// Always the last step. Requests are recorded when they have come to their end; frames are not.
    pub fn serve_http2(self, service: http2::Service) -> Self {
        self.step(Step::ServeHttp2(service))
    }

    fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ExpectHead => f.write_str("expect_head"),
            Self::ExpectBody(bytes) => write!(f, "expect_body({bytes})"),
            Self::ExpectChunkedBody => f.write_str("expect_chunked_body"),
            Self::ExpectBytes(bytes) => {
                write!(f, "expect_bytes({:?})", bytes.escape_ascii().to_string())
            }
            Self::Send { pieces, .. } => {
                write!(
                    f,
                    "send({} bytes)",
                    pieces.iter().map(Vec::len).sum::<usize>()
                )
            }
            Self::Delay(delay) => write!(f, "delay({delay:?})"),
            Self::WaitFor(signal) => write!(f, "wait_for({signal:?})"),
            Self::Raise(signal) => write!(f, "raise({signal:?})"),
            Self::StartTls(_) => f.write_str("start_tls"),
            Self::HalfClose => f.write_str("half_close"),
            Self::Close => f.write_str("close"),
            Self::Cut => f.write_str("cut"),
            Self::Reset => f.write_str("reset"),
            Self::HoldOpen => f.write_str("hold_open"),
            Self::Swallow => f.write_str("swallow"),
            Self::ClientMayLeave => f.write_str("client_may_leave"),
            Self::Repeat(round) => write!(f, "repeat({:?})", round.steps),
            Self::Http2(_) => f.write_str("http2"),
            Self::ServeHttp2(_) => f.write_str("serve_http2"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(script: &Script) -> Vec<usize> {
        match &script.steps[0] {
            Step::Send { pieces, .. } => pieces.iter().map(Vec::len).collect(),
            other => panic!("{other:?} is no send"),
        }
    }

    #[test]
    fn a_split_send_has_the_sizes_asked_for_and_a_rest() {
        assert_eq!(
            pieces(&Script::new().send_split("abcdefgh", &[1, 2])),
            [1, 2, 5]
        );
        assert_eq!(pieces(&Script::new().send_split("abc", &[2, 9])), [2, 1]);
        assert_eq!(pieces(&Script::new().send("abc")), [3]);
        assert_eq!(pieces(&Script::new().send_paced("abcde", 2, 1)), [2, 2, 1]);
    }
}
