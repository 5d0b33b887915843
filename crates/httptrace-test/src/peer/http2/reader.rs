//! Reading the client's frames while the script goes on.

use std::sync::Arc;
use std::time::Instant;

use loona_hpack::Decoder;
use tokio::io::{AsyncReadExt, ReadHalf};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;

use super::frame::{ACK, Draft, Frame, HEAD, Kind, PREFACE};
use super::limits;
use super::record::{Report, Request};
use crate::peer::record::{ClientEnd, Io};
use crate::peer::stage::{Stage, now};
use crate::peer::wire::Wire;

pub(super) struct Reader {
    pub(super) stage: Arc<Stage>,
    pub(super) index: usize,
    /// What is to be answered, by somebody else, so that a full pipe does not keep from reading.
    pub(super) answers: UnboundedSender<Draft>,
    /// Whether the script wants it to read now.
    pub(super) may_read: watch::Receiver<bool>,
    pub(super) acks_settings: bool,
    pub(super) acks_pings: bool,
    pub(super) gives_back: bool,
    pub(super) decoder: Decoder<'static>,
    /// The fields so far of a head that is not whole, with its first frame.
    pub(super) block: Option<(Frame, Vec<u8>)>,
}

impl Reader {
    /// Reads and records until the client ends the connection. What the client must not do is an error.
    pub(super) async fn run(
        mut self,
        half: &mut ReadHalf<Box<dyn Wire>>,
        mut unread: Vec<u8>,
    ) -> Result<(), String> {
        let mut begun = now();
        let mut greeted = false;
        let mut buffer = vec![0; 16 * 1024];
        loop {
            let Some((at, bytes)) = self.read(half, &mut buffer).await else {
                return Ok(());
            };
            if unread.is_empty() {
                begun = at;
            }
            unread.extend(bytes);
            if !greeted {
                let so_far = unread.len().min(PREFACE.len());
                if unread[..so_far] != PREFACE[..so_far] {
                    let unread = unread.escape_ascii();
                    return Err(format!("no preface of HTTP/2: \"{unread}\""));
                }
                if unread.len() < PREFACE.len() {
                    continue;
                }
                unread.drain(..PREFACE.len());
                greeted = true;
            }
            while let Some(frame) = cut(&mut unread, begun, at) {
                // What follows the frame came with the last read, or the frame would have been cut before it.
                begun = at;
                self.take(frame)?;
            }
        }
    }

    /// Reads once, and records it. Absent if the client has ended the connection.
    async fn read(
        &mut self,
        half: &mut ReadHalf<Box<dyn Wire>>,
        buffer: &mut [u8],
    ) -> Option<(Instant, Vec<u8>)> {
        let (begun, read) = loop {
            // Fails if the script is over, which ends this too.
            let _ = self.may_read.wait_for(|may_read| *may_read).await;
            let begun = now();
            tokio::select! {
                biased;
                Ok(()) = self.may_read.changed() => {}
                read = half.read(buffer) => break (begun, read),
            }
        };
        let at = now();
        let bytes = match read {
            Ok(count) if count > 0 => buffer[..count].to_vec(),
            ended => {
                self.record_end(at, ended.is_ok());
                return None;
            }
        };
        let io = Io {
            begun,
            at,
            bytes: bytes.clone(),
        };
        self.stage
            .record(self.index, |report| report.reads.push(io));
        Some((at, bytes))
    }

    fn take(&mut self, frame: Frame) -> Result<(), String> {
        let noted = frame.clone();
        let mut breach = None;
        self.record(|report| {
            breach = limits::breach(report, &noted);
            report.received.push(noted);
        });
        if let Some(breach) = breach {
            return Err(breach);
        }
        let continues = frame.kind == Kind::Continuation;
        if self.block.is_some() != continues {
            return Err(format!("a {:?} frame at the wrong place", frame.kind));
        }
        match frame.kind {
            Kind::Headers | Kind::Continuation => self.fields(frame),
            Kind::Data => self.data(&frame),
            Kind::RstStream => {
                let reset = (frame.at, frame.code().unwrap_or_default());
                self.of_request(&frame, |request| request.reset = Some(reset))
            }
            Kind::Settings if !frame.is_ack() && self.acks_settings => {
                self.answer(Draft::new(Kind::Settings, ACK, 0, []));
                Ok(())
            }
            Kind::Ping if !frame.is_ack() && self.acks_pings => {
                self.answer(Draft::new(Kind::Ping, ACK, 0, frame.payload));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn fields(&mut self, frame: Frame) -> Result<(), String> {
        let (at, ends) = (frame.at, frame.ends_headers());
        let part = frame.content().ok_or("padding longer than its frame")?;
        let part = part.to_vec();
        let (first, block) = match self.block.take() {
            Some((first, block)) => (first, [block, part].concat()),
            None => (frame, part),
        };
        if !ends {
            self.block = Some((first, block));
            return Ok(());
        }
        let decoded = self.decoder.decode(&block);
        let decoded = decoded.map_err(|error| format!("header fields: {error:?}"))?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let fields = decoded.into_iter();
        let fields: Vec<_> = fields
            .map(|(name, value)| (text(name), text(value)))
            .collect();
        let ended_at = first.ends_stream().then_some(at);
        let known = self.of_request(&first, |request| {
            request.trailers.clone_from(&fields);
            request.ended_at = ended_at;
        });
        if known.is_err() {
            let request = Request {
                stream_id: first.stream_id,
                begun: first.begun,
                at,
                fields,
                body: Vec::new(),
                trailers: Vec::new(),
                ended_at,
                reset: None,
            };
            self.record(|report| report.requests.push(request));
        }
        Ok(())
    }

    fn data(&mut self, frame: &Frame) -> Result<(), String> {
        let content = frame.content().ok_or("padding longer than its frame")?;
        let ended_at = frame.ends_stream().then_some(frame.at);
        self.of_request(frame, |request| {
            request.body.extend(content);
            request.ended_at = request.ended_at.or(ended_at);
        })?;
        let length = u32::try_from(frame.payload.len()).unwrap_or(u32::MAX);
        if self.gives_back && length > 0 {
            for stream_id in [0, frame.stream_id] {
                let payload = length.to_be_bytes();
                self.answer(Draft::new(Kind::WindowUpdate, 0, stream_id, payload));
            }
        }
        Ok(())
    }

    fn answer(&self, draft: Draft) {
        // Nobody answers when the session is over.
        let _ = self.answers.send(draft);
    }

    fn of_request(&self, frame: &Frame, note: impl FnOnce(&mut Request)) -> Result<(), String> {
        let mut known = false;
        self.record(|report| {
            let mut requests = report.requests.iter_mut();
            if let Some(request) = requests.find(|request| request.stream_id == frame.stream_id) {
                known = true;
                note(request);
            }
        });
        let complaint = || {
            format!(
                "{:?} on stream {}, which is not open",
                frame.kind, frame.stream_id
            )
        };
        known.then_some(()).ok_or_else(complaint)
    }

    fn record(&self, note: impl FnOnce(&mut Report)) {
        self.stage
            .record(self.index, |report| note(&mut report.http2));
    }

    fn record_end(&self, at: Instant, orderly: bool) {
        let end = if orderly {
            ClientEnd::Fin
        } else {
            ClientEnd::Reset
        };
        self.stage.record(self.index, |report| {
            report.client_end.get_or_insert((at, end));
        });
    }
}

/// The first frame, if it is whole.
fn cut(unread: &mut Vec<u8>, begun: Instant, at: Instant) -> Option<Frame> {
    let head: &[u8; HEAD] = unread.first_chunk()?;
    let [high, middle, low, kind, flags, ..] = *head;
    let length = u32::from_be_bytes([0, high, middle, low]);
    let stream_id = u32::from_be_bytes([head[5] & 0x7f, head[6], head[7], head[8]]);
    let end = HEAD + usize::try_from(length).ok()?;
    if unread.len() < end {
        return None;
    }
    let payload = unread[HEAD..end].to_vec();
    unread.drain(..end);
    Some(Frame {
        begun,
        at,
        kind: Kind::of(kind),
        flags,
        stream_id,
        payload,
    })
}
