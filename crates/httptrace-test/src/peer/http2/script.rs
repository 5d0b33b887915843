//! What a peer does on an HTTP/2 connection, step by step.

use std::time::Duration;

use super::frame::{ACK, Draft, Kind};
use super::record::stream_id;
use super::send::{Data, Head};
use super::settings::Settings;
use super::step::{Act, Awaited, End, Step};

/// The last stream of a `GOAWAY` that leaves all streams alone.
const ALL_STREAMS: u32 = (1 << 31) - 1;

/// The steps of an HTTP/2 connection, in order. All the while the client's frames are read, and its `SETTINGS` and
/// `PING`s acknowledged. A script whose steps are all done goes on with that until the client closes.
///
/// Nothing is sent by itself but these acknowledgements, from the script's first frame on: the peer's `SETTINGS` are a
/// step too, and no window is widened.
///
/// A client that goes beyond the settings it has acknowledged, or beyond a window, fails the script.
///
/// Requests are counted from 1; the n-th has the stream 2n - 1.
#[derive(Clone, Debug)]
#[must_use = "a script does nothing until a peer has it"]
pub struct Script {
    pub(super) steps: Vec<Step>,
    pub(super) acks_settings: bool,
    pub(super) acks_pings: bool,
    pub(super) gives_back: bool,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            steps: Vec::new(),
            acks_settings: true,
            acks_pings: true,
            gives_back: false,
        }
    }
}

/// How the connection is dealt with, from its beginning.
impl Script {
    /// A script without steps, which never sends `SETTINGS`.
    pub fn new() -> Self {
        Self::default()
    }

    /// Does not acknowledge the client's `SETTINGS`.
    pub fn without_settings_acks(mut self) -> Self {
        self.acks_settings = false;
        self
    }

    /// Does not answer the client's `PING`s.
    pub fn without_pongs(mut self) -> Self {
        self.acks_pings = false;
        self
    }

    /// Gives back what each `DATA` frame takes of the windows, of stream and connection, as soon as it is read.
    pub fn giving_back(mut self) -> Self {
        self.gives_back = true;
        self
    }

    /// Waits for the client's `SETTINGS` and sends empty ones.
    pub fn handshake(self) -> Self {
        self.handshake_with(|settings| settings)
    }

    /// Waits for the client's `SETTINGS` and sends these.
    pub fn handshake_with(self, settings: impl FnOnce(Settings) -> Settings) -> Self {
        self.expect_settings().send_settings(settings)
    }
}

/// What is waited for. It may have come before.
impl Script {
    /// The client's first `SETTINGS`.
    pub fn expect_settings(self) -> Self {
        self.wait("expect_settings", Awaited::Settings)
    }

    /// The next acknowledgement of the peer's `SETTINGS`.
    pub fn expect_settings_ack(self) -> Self {
        self.wait("expect_settings_ack", Awaited::SettingsAck)
    }

    /// The whole head of the n-th request.
    pub fn expect_request(self, number: usize) -> Self {
        let name = format!("expect_request({number})");
        self.wait(&name, Awaited::Request(number))
    }

    /// So many bytes of the n-th request's body, from its beginning.
    pub fn expect_body(self, number: usize, bytes: usize) -> Self {
        let name = format!("expect_body({number}, {bytes})");
        self.wait(&name, Awaited::Body(number, bytes))
    }

    /// The end of the n-th request: its body and its trailers, if there are any.
    pub fn expect_end(self, number: usize) -> Self {
        let name = format!("expect_end({number})");
        self.wait(&name, Awaited::EndStream(number))
    }

    /// A `RST_STREAM` of the n-th request with this code; another one fails the script.
    pub fn expect_reset(self, number: usize, code: u32) -> Self {
        let name = format!("expect_reset({number}, {code})");
        self.wait(&name, Awaited::Reset(number, code))
    }

    /// The client's `GOAWAY` with this code; another one fails the script.
    pub fn expect_go_away(self, code: u32) -> Self {
        let name = format!("expect_go_away({code})");
        self.wait(&name, Awaited::GoAway(code))
    }

    /// The next `PING` of the client's own.
    pub fn expect_ping(self) -> Self {
        self.wait("expect_ping", Awaited::Ping)
    }

    /// The next answer to a `PING` of the peer's.
    pub fn expect_pong(self) -> Self {
        self.wait("expect_pong", Awaited::Pong)
    }

    /// That the client has widened its window for the n-th request by so many bytes in all; for 0 that of the connection.
    pub fn expect_widened(self, number: usize, bytes: u64) -> Self {
        let name = format!("expect_widened({number}, {bytes})");
        self.wait(&name, Awaited::Widened(number, bytes))
    }

    /// That the client closes or resets the connection.
    pub fn expect_eof(self) -> Self {
        self.wait("expect_eof", Awaited::Eof)
    }
}

/// What is sent.
impl Script {
    /// The head of a response to the n-th request, or trailers: a status will do. Nothing comes between its frames.
    pub fn send_head(self, number: usize, head: impl Into<Head>) -> Self {
        let drafts = head.into().drafts(stream_id(number));
        self.send(&format!("send_head({number})"), drafts)
    }

    /// `DATA` on the stream of the n-th request. The client's windows are not heeded.
    pub fn send_data(self, number: usize, data: impl Into<Data>) -> Self {
        let drafts = data.into().drafts(stream_id(number));
        self.send(&format!("send_data({number})"), drafts)
    }

    /// `DATA` that ends the stream.
    pub fn send_last_data(self, number: usize, data: impl Into<Data>) -> Self {
        self.send_data(number, data.into().end_stream())
    }

    /// A response with a body to the n-th request.
    pub fn respond(self, number: usize, head: impl Into<Head>, body: impl Into<Data>) -> Self {
        self.send_head(number, head).send_last_data(number, body)
    }

    /// Trailers, which end the stream.
    pub fn send_trailers(self, number: usize, fields: &[(&str, &str)]) -> Self {
        let fields = fields.iter();
        let trailers = fields.fold(Head::trailers(), |all, (name, value)| {
            all.field(name, value)
        });
        self.send_head(number, trailers)
    }

    /// `RST_STREAM` with a code.
    pub fn send_reset(self, number: usize, code: u32) -> Self {
        let name = format!("send_reset({number}, {code})");
        self.send_frame_as(
            &name,
            Kind::RstStream,
            0,
            stream_id(number),
            code.to_be_bytes(),
        )
    }

    /// `GOAWAY`: later requests than the n-th were not processed.
    pub fn send_go_away(self, last: usize, code: u32, debug_data: &str) -> Self {
        self.go_away(stream_id(last), code, debug_data)
    }

    /// The `GOAWAY` of a graceful end: no more requests, but all that were sent are served.
    pub fn send_go_away_notice(self) -> Self {
        self.go_away(ALL_STREAMS, 0, "")
    }

    /// `WINDOW_UPDATE`: so many bytes more of the n-th request's body; for 0 of all that the connection carries.
    pub fn send_window_update(self, number: usize, bytes: u32) -> Self {
        let name = format!("send_window_update({number}, {bytes})");
        self.send_frame_as(
            &name,
            Kind::WindowUpdate,
            0,
            stream_id(number),
            bytes.to_be_bytes(),
        )
    }

    /// `SETTINGS`.
    pub fn send_settings(self, settings: impl FnOnce(Settings) -> Settings) -> Self {
        let settings = settings(Settings::default());
        self.send_frame_as("send_settings", Kind::Settings, 0, 0, settings.payload())
    }

    /// The acknowledgement of the client's `SETTINGS`, for a script that does not do so by itself.
    pub fn send_settings_ack(self) -> Self {
        self.send_frame_as("send_settings_ack", Kind::Settings, ACK, 0, [])
    }

    /// A `PING` of the peer's own.
    pub fn send_ping(self, data: [u8; 8]) -> Self {
        self.send_frame_as("send_ping", Kind::Ping, 0, 0, data)
    }

    /// The answer to the client's last `PING`, for a script that does not do so by itself.
    pub fn send_pong(self) -> Self {
        self.step("send_pong", Act::Pong)
    }

    /// Any frame on the stream of the n-th request; 0 is the connection.
    pub fn send_frame(
        self,
        kind: Kind,
        flags: u8,
        number: usize,
        payload: impl Into<Vec<u8>>,
    ) -> Self {
        let name = format!("send_frame({kind:?})");
        self.send_frame_as(&name, kind, flags, stream_id(number), payload)
    }

    /// Any bytes.
    pub fn send_raw(self, bytes: impl AsRef<[u8]>) -> Self {
        self.step("send_raw", Act::Raw(bytes.as_ref().to_vec()))
    }

    /// From here on, everything goes out in writes of so many bytes, with a pause of so many milliseconds between those
    /// of one step. The acknowledgements too.
    pub fn in_pieces_of(self, bytes: usize, pause_ms: u64) -> Self {
        let pause = Duration::from_millis(pause_ms);
        self.step("in_pieces_of", Act::Pieces(bytes, pause))
    }

    /// From here on, every frame goes out in one write again.
    pub fn whole(self) -> Self {
        self.step("whole", Act::Pieces(usize::MAX, Duration::ZERO))
    }

    fn go_away(self, last: u32, code: u32, debug_data: &str) -> Self {
        let numbers = [last.to_be_bytes(), code.to_be_bytes()].concat();
        let payload = [&numbers, debug_data.as_bytes()].concat();
        self.send_frame_as(
            &format!("send_go_away({code})"),
            Kind::GoAway,
            0,
            0,
            payload,
        )
    }
}

/// What else happens.
impl Script {
    /// Does nothing for so many milliseconds, but for reading and acknowledging.
    pub fn delay(self, ms: u64) -> Self {
        let delay = Duration::from_millis(ms);
        self.step(&format!("delay({delay:?})"), Act::Delay(delay))
    }

    /// Reads nothing from here on: what the client sends stays in the pipe, until that is full.
    pub fn pause_reading(self) -> Self {
        self.step("pause_reading", Act::Read(false))
    }

    /// Reads again.
    pub fn resume_reading(self) -> Self {
        self.step("resume_reading", Act::Read(true))
    }

    /// Goes on when the signal of this name has been raised, by the test or by another connection's script.
    pub fn wait_for(self, signal: &str) -> Self {
        let act = Act::WaitFor(signal.to_owned());
        self.step(&format!("wait_for({signal:?})"), act)
    }

    /// Raises the signal of this name, for good.
    pub fn raise(self, signal: &str) -> Self {
        let act = Act::Raise(signal.to_owned());
        self.step(&format!("raise({signal:?})"), act)
    }

    /// Ends the sending direction and goes on reading. Nothing can be sent after it.
    pub fn half_close(self) -> Self {
        self.step("half_close", Act::HalfClose)
    }

    /// Closes the connection in an orderly way, as far as TCP is concerned.
    pub fn close(self) -> Self {
        self.step("close", Act::End(End::Close))
    }

    /// Closes the connection without TLS `close_notify`.
    pub fn cut(self) -> Self {
        self.step("cut", Act::End(End::Cut))
    }

    /// Resets the connection; over `duplex` the client sees its end.
    pub fn reset(self) -> Self {
        self.step("reset", Act::End(End::Reset))
    }

    fn send(self, name: &str, drafts: Vec<Draft>) -> Self {
        self.step(name, Act::Send(drafts))
    }

    fn send_frame_as(
        self,
        name: &str,
        kind: Kind,
        flags: u8,
        stream_id: u32,
        payload: impl Into<Vec<u8>>,
    ) -> Self {
        let draft = Draft::new(kind, flags, stream_id, payload);
        self.send(name, vec![draft])
    }

    fn wait(self, name: &str, awaited: Awaited) -> Self {
        self.step(name, Act::Await(awaited))
    }

    fn step(mut self, name: &str, act: Act) -> Self {
        let name = name.to_owned();
        self.steps.push(Step { name, act });
        self
    }
}
