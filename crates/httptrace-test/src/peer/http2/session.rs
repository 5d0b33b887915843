//! Playing an HTTP/2 script: its steps, the reading and the acknowledgements, at the same time.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use loona_hpack::Decoder;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::watch;

use super::frame::{ACK, Draft, Frame, Kind};
use super::reader::Reader;
use super::record::Report;
use super::script::Script;
use super::step::{Act, Awaited, End};
use super::writer::Writer;
use crate::peer::record::ConnReport;
use crate::peer::run::Stop;
use crate::peer::stage::{Progress, Stage};
use crate::peer::wire::Wire;

/// Plays a script. Gives the wire back when it has come to its end, with what is to be done to it; absent if the client
/// ended the connection.
pub(in crate::peer) async fn play(
    wire: Box<dyn Wire>,
    unread: Vec<u8>,
    script: &Script,
    stage: Arc<Stage>,
    index: usize,
) -> Result<Option<(Box<dyn Wire>, End)>, Stop> {
    let (mut input, output) = tokio::io::split(wire);
    let writer = Writer::new(output, stage.clone(), index);
    let (answers, to_send) = unbounded_channel();
    let (reading, may_read) = watch::channel(true);
    let reader = Reader {
        stage: stage.clone(),
        index,
        answers,
        may_read,
        acks_settings: script.acks_settings,
        acks_pings: script.acks_pings,
        gives_back: script.gives_back,
        decoder: Decoder::new(),
        block: None,
    };
    let mut steps = Steps {
        writer: &writer,
        reading,
        stage: stage.clone(),
        index,
        taken: HashMap::new(),
    };
    let reading = async {
        match reader.run(&mut input, unread).await {
            // The steps see from the record that the client has gone.
            Ok(()) => std::future::pending().await,
            Err(why) => why,
        }
    };
    let end = tokio::select! {
        biased;
        end = steps.play(script) => end?,
        why = reading => return Err(Stop::Failed(why)),
        () = answer(&writer, to_send, stage, index) => None,
    };
    Ok(end.map(|end| (input.unsplit(writer.into_half()), end)))
}

/// The first frame of a server is its `SETTINGS` (RFC 9113 section 3.4): what is to be answered before waits for it.
async fn answer(
    writer: &Writer,
    mut answers: UnboundedReceiver<Draft>,
    stage: Arc<Stage>,
    index: usize,
) {
    let begun = |stage: &Stage| stage.look_at(index, |conn| conn.writes.first().map(|_| ()));
    stage.wait_for_change(begun).await;
    while let Some(draft) = answers.recv().await {
        // Where the client has gone, reading tells.
        let _ = writer.frames(&[draft]).await;
    }
    std::future::pending().await
}

struct Steps<'a> {
    writer: &'a Writer,
    reading: watch::Sender<bool>,
    stage: Arc<Stage>,
    index: usize,
    /// How many frames of a kind the script has waited for.
    taken: HashMap<(Kind, bool), usize>,
}

impl Steps<'_> {
    async fn play(&mut self, script: &Script) -> Result<Option<End>, Stop> {
        for (number, step) in script.steps.iter().enumerate() {
            let of = script.steps.len();
            let place = format!("step {} of {of} of HTTP/2, {step:?}", number + 1);
            let progress = Progress::At(place.clone());
            self.stage.set_progress(self.index, progress);
            let taken = Box::pin(self.step(&step.act)).await;
            let taken = taken.map_err(|stop| match stop {
                Stop::Closed => Stop::Closed,
                Stop::ClientLeft(why) => Stop::ClientLeft(format!("{place}: {why}")),
                Stop::Failed(why) => Stop::Failed(format!("{place}: {why}")),
            });
            if let Some(end) = taken? {
                return Ok(Some(end));
            }
        }
        self.stage.set_progress(self.index, Progress::Settled);
        self.wait(Awaited::Eof).await?;
        Ok(None)
    }

    async fn step(&mut self, act: &Act) -> Result<Option<End>, Stop> {
        let written = match act {
            Act::Await(awaited) => {
                self.wait(*awaited).await?;
                Ok(())
            }
            Act::Send(drafts) => self.writer.frames(drafts).await,
            Act::Raw(bytes) => self.writer.raw(bytes).await,
            Act::Pong => self.pong().await,
            Act::Read(on) => {
                self.reading.send_replace(*on);
                Ok(())
            }
            Act::Pieces(size, pause) => {
                self.writer.set_pieces(*size, *pause).await;
                Ok(())
            }
            Act::Delay(delay) => {
                tokio::time::sleep(*delay).await;
                Ok(())
            }
            Act::WaitFor(signal) => {
                self.stage.signals.wait_for(signal).await;
                Ok(())
            }
            Act::Raise(signal) => {
                self.stage.signals.raise(signal);
                Ok(())
            }
            Act::HalfClose => self.writer.shut_down().await,
            Act::End(end) => return Ok(Some(*end)),
        };
        match written {
            Ok(()) => Ok(None),
            Err(error) => Err(Stop::ClientLeft(format!("could not send: {error}"))),
        }
    }

    async fn pong(&self) -> io::Result<()> {
        let asked = self.stage.look_at(self.index, |conn| {
            let mut pings = conn.http2.received_of(Kind::Ping).into_iter();
            let ping = pings.rfind(|frame| !frame.is_ack());
            ping.map(|ping| ping.payload.clone())
        });
        let pong = Draft::new(Kind::Ping, ACK, 0, asked.unwrap_or_default());
        self.writer.frames(&[pong]).await
    }

    async fn wait(&mut self, awaited: Awaited) -> Result<(), Stop> {
        let place = match awaited {
            Awaited::SettingsAck => Some((Kind::Settings, true)),
            Awaited::Pong => Some((Kind::Ping, true)),
            Awaited::Ping => Some((Kind::Ping, false)),
            _ => None,
        };
        let before = place.map_or(0, |place| {
            let taken = self.taken.entry(place).or_default();
            *taken += 1;
            *taken - 1
        });
        let look = |stage: &Stage| stage.look_at(self.index, |conn| look(conn, awaited, before));
        self.stage.wait_for_change(look).await
    }
}

/// Whether what is waited for has come, or cannot come any more.
fn look(conn: &ConnReport, awaited: Awaited, before: usize) -> Option<Result<(), Stop>> {
    let h2 = &conn.http2;
    if let Some(found) = find(h2, awaited, before, conn.client_end.is_some()) {
        return Some(found.map_err(Stop::Failed));
    }
    let (_, end) = conn.client_end?;
    let why = format!("the client has ended the connection ({end:?})");
    Some(Err(Stop::ClientLeft(why)))
}

fn find(h2: &Report, awaited: Awaited, before: usize, over: bool) -> Option<Result<(), String>> {
    let request = |number: usize| h2.requests.get(number.wrapping_sub(1));
    let frames = |kind, ack| {
        let frames = h2.received.iter();
        let of_it = frames.filter(move |frame| frame.kind == kind && frame.is_ack() == ack);
        of_it.count() > before
    };
    let come = match awaited {
        Awaited::Settings => frames(Kind::Settings, false),
        Awaited::SettingsAck => frames(Kind::Settings, true),
        Awaited::Ping => frames(Kind::Ping, false),
        Awaited::Pong => frames(Kind::Ping, true),
        Awaited::Request(number) => request(number).is_some(),
        Awaited::Body(number, bytes) => request(number)?.body.len() >= bytes,
        Awaited::EndStream(number) => request(number)?.ended_at.is_some(),
        Awaited::Reset(number, code) => return Some(same(code, request(number)?.reset?.1)),
        Awaited::GoAway(code) => {
            let mut frames = h2.received.iter();
            return Some(same(code, frames.find_map(go_away)?));
        }
        Awaited::Widened(number, bytes) => h2.widened(number) >= bytes,
        Awaited::Eof => over,
    };
    if come {
        return Some(Ok(()));
    }
    match awaited {
        Awaited::Body(number, _) | Awaited::EndStream(number) => {
            let (_, code) = request(number)?.reset?;
            Some(Err(format!(
                "the client has reset the request with code {code}"
            )))
        }
        _ => None,
    }
}

fn go_away(frame: &Frame) -> Option<u32> {
    frame.code().filter(|_| frame.kind == Kind::GoAway)
}

fn same(expected: u32, found: u32) -> Result<(), String> {
    match found == expected {
        true => Ok(()),
        false => Err(format!("the client's code is {found}")),
    }
}
