//! A peer's side of HTTP/2 over a connection: what the client sends is read in the background, and acknowledged there; a
//! script waits for it.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use loona_hpack::Decoder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot, watch};

use super::frame::{self, Frame};
use crate::wire::{self, Ending, Wire};

/// A script's end of a session.
#[derive(Clone)]
pub(crate) struct Session {
    state: Arc<Mutex<State>>,
    changed: watch::Sender<()>,
    orders: mpsc::UnboundedSender<Order>,
}

/// What the script wants done with the connection, and who waits until it is.
enum Order {
    Write(Vec<u8>, oneshot::Sender<io::Result<()>>),
    End(Ending, oneshot::Sender<()>),
}

pub(super) struct State {
    streams: HashMap<u32, Stream>,
    /// The HEADERS whose CONTINUATION is still to come.
    heading: Frame,
    decoder: Decoder<'static>,
    /// For our DATA on the whole connection.
    window: i64,
    /// For our DATA on a new stream.
    initial_window: i64,
    pub(super) max_frame: usize,
    /// How many SETTINGS of ours were acknowledged.
    pub(super) settled: usize,
    pub(super) pings: usize,
    pub(super) pongs: usize,
    pub(super) goaway: Option<u32>,
    silent_to_pings: bool,
    gone: bool,
}

/// What came on a stream, and how much may be sent on it.
#[derive(Default)]
pub(super) struct Stream {
    pub(super) head: Option<Vec<(String, String)>>,
    /// The head was all.
    pub(super) head_ends: bool,
    pub(super) body: Vec<u8>,
    /// Bytes of the body whose window was not given back.
    pub(super) owed: u32,
    pub(super) trailers: Vec<(String, String)>,
    pub(super) ended: bool,
    pub(super) reset: Option<u32>,
    window: i64,
}

/// The client went away.
pub(crate) struct Gone;

impl Session {
    pub(super) fn start(wire: Wire, silent_to_pings: bool) -> Self {
        let state = State {
            streams: HashMap::new(),
            heading: Frame::default(),
            decoder: Decoder::new(),
            window: 65_535,
            initial_window: 65_535,
            max_frame: 16_384,
            settled: 0,
            pings: 0,
            pongs: 0,
            goaway: None,
            silent_to_pings,
            gone: false,
        };
        let (orders, ordered) = mpsc::unbounded_channel();
        let session = Self {
            state: Arc::new(Mutex::new(state)),
            changed: watch::Sender::new(()),
            orders,
        };
        tokio::spawn(session.clone().serve(wire, ordered));
        session
    }

    /// Reads and writes, until the script ends the connection.
    async fn serve(self, mut wire: Wire, mut orders: mpsc::UnboundedReceiver<Order>) {
        let mut unread = Vec::new();
        while let Some(stream) = &mut wire {
            let gone = self.state().gone;
            tokio::select! {
                read = stream.read_buf(&mut unread), if !gone => {
                    let taken = match read {
                        Ok(1..) => self.take(&mut unread),
                        _ => Err(Gone),
                    };
                    let answered = match taken {
                        Ok(answers) => write(&mut wire, &answers).await.map_err(|_| Gone),
                        Err(Gone) => Err(Gone),
                    };
                    if answered.is_err() {
                        self.state().gone = true;
                    }
                    self.changed.send_replace(());
                }
                order = orders.recv() => match order {
                    // Who does not wait for it any more does not mind.
                    Some(Order::Write(bytes, done)) => {
                        let _ = done.send(write(&mut wire, &bytes).await);
                    }
                    Some(Order::End(how, done)) => {
                        wire::end(&mut wire, how).await;
                        let _ = done.send(());
                    }
                    None => return,
                }
            }
        }
        self.state().gone = true;
        self.changed.send_replace(());
    }

    /// Notes the frames that are whole, and returns what is to be answered.
    fn take(&self, unread: &mut Vec<u8>) -> Result<Vec<u8>, Gone> {
        let mut answers = Vec::new();
        let mut state = self.state();
        while let Some(frame) = Frame::taken_from(unread) {
            if let Some(answer) = state.note(frame)? {
                answers.extend(answer.bytes());
            }
        }
        Ok(answers)
    }

    pub(crate) async fn write(&self, bytes: Vec<u8>) -> Result<(), Gone> {
        let (done, written) = oneshot::channel();
        self.orders
            .send(Order::Write(bytes, done))
            .map_err(|_| Gone)?;
        written.await.map_err(|_| Gone)?.map_err(|_| Gone)
    }

    pub(crate) async fn end(&self, how: Ending) {
        let (done, ended) = oneshot::channel();
        if self.orders.send(Order::End(how, done)).is_ok() {
            // An error means that it has ended already.
            let _ = ended.await;
        }
    }

    /// Waits until something is as it should be.
    pub(super) async fn until<T>(
        &self,
        mut so: impl FnMut(&mut State) -> Option<T>,
    ) -> Result<T, Gone> {
        let mut changed = self.changed.subscribe();
        loop {
            {
                let mut state = self.state();
                if let Some(is) = so(&mut state) {
                    return Ok(is);
                }
                if state.gone {
                    return Err(Gone);
                }
            }
            // An error would mean that the sender is gone, but it is our own.
            let _ = changed.changed().await;
        }
    }

    /// Waits until the client has left.
    pub(crate) async fn gone(&self) {
        let _ = self.until(|_| None::<()>).await;
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn write(wire: &mut Wire, bytes: &[u8]) -> io::Result<()> {
    let stream = wire.as_mut().ok_or(io::ErrorKind::NotConnected)?;
    stream.write_all(bytes).await?;
    stream.flush().await
}

impl State {
    pub(super) fn stream(&mut self, id: u32) -> &mut Stream {
        let window = self.initial_window;
        self.streams.entry(id).or_insert_with(|| Stream {
            window,
            ..Stream::default()
        })
    }

    /// How many bytes may be sent now, of so many; they count as sent. `None` if none may.
    pub(super) fn take_window(&mut self, id: u32, wanted: usize) -> Option<usize> {
        let window = self.window.min(self.stream(id).window).max(0);
        let part = wanted
            .min(self.max_frame)
            .min(usize::try_from(window).unwrap_or(0));
        if part == 0 && wanted > 0 {
            return None;
        }
        self.window -= part as i64;
        self.stream(id).window -= part as i64;
        Some(part)
    }

    /// Takes in a frame, and returns what is to be answered.
    fn note(&mut self, frame: Frame) -> Result<Option<Frame>, Gone> {
        match frame.kind {
            frame::HEADERS | frame::CONTINUATION => self.note_block(&frame)?,
            frame::DATA => {
                let stream = self.stream(frame.stream);
                stream.body.extend(frame.content());
                stream.owed += frame.payload.len() as u32;
                stream.ended |= frame.has(frame::END);
            }
            frame::RST_STREAM => self.stream(frame.stream).reset = Some(frame.number(0)),
            frame::SETTINGS if frame.has(frame::ACK) => self.settled += 1,
            frame::SETTINGS => {
                self.note_settings(&frame);
                return Ok(Some(answer(frame::SETTINGS, Vec::new())));
            }
            frame::PING if frame.has(frame::ACK) => self.pongs += 1,
            frame::PING => {
                self.pings += 1;
                let pong = answer(frame::PING, frame.payload);
                return Ok((!self.silent_to_pings).then_some(pong));
            }
            frame::GOAWAY => self.goaway = Some(frame.number(4)),
            frame::WINDOW_UPDATE if frame.stream == 0 => self.window += i64::from(frame.number(0)),
            frame::WINDOW_UPDATE => {
                self.stream(frame.stream).window += i64::from(frame.number(0));
            }
            _ => {}
        }
        Ok(None)
    }

    /// Takes in a part of a header block; once it is whole, it is a head or trailers.
    fn note_block(&mut self, part: &Frame) -> Result<(), Gone> {
        if part.kind == frame::HEADERS {
            self.heading = Frame {
                flags: part.flags,
                ..Frame::default()
            };
        }
        self.heading.payload.extend(part.content());
        if !part.has(frame::END_HEADERS) {
            return Ok(());
        }
        let fields = self.decoder.decode(&self.heading.payload);
        let fields = fields.map_err(|_| Gone)?.into_iter();
        let text = |bytes: Vec<u8>| crate::events::text(&bytes);
        let fields: Vec<_> = fields
            .map(|(name, value)| (text(name), text(value)))
            .collect();
        let ends = self.heading.has(frame::END);
        let stream = self.stream(part.stream);
        if stream.head.is_none() {
            stream.head = Some(fields);
            stream.head_ends = ends;
        } else {
            stream.trailers = fields;
        }
        stream.ended |= ends;
        Ok(())
    }

    fn note_settings(&mut self, settings: &Frame) {
        for setting in settings.payload.chunks_exact(6) {
            let value = u32::from_be_bytes([setting[2], setting[3], setting[4], setting[5]]);
            match u16::from_be_bytes([setting[0], setting[1]]) {
                frame::INITIAL_WINDOW_SIZE => {
                    let more = i64::from(value) - self.initial_window;
                    self.initial_window = value.into();
                    for stream in self.streams.values_mut() {
                        stream.window += more;
                    }
                }
                frame::MAX_FRAME_SIZE => self.max_frame = value as usize,
                _ => {}
            }
        }
    }
}

fn answer(kind: u8, payload: Vec<u8>) -> Frame {
    Frame {
        kind,
        flags: frame::ACK,
        payload,
        ..Frame::default()
    }
}
