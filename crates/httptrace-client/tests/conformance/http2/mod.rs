//! Peers that speak HTTP/2: what a script has them send, and what it has them wait for.

mod frame;
mod op;
mod session;

use std::collections::BTreeMap;
use std::mem;

use serde_json::json;

pub(crate) use op::{H2Handshake, H2Op};
pub(crate) use session::{Gone, Session};

use crate::peer::content;
use crate::recording::{Line, Recorder, line};
use crate::scenario::from_hex;
use crate::wire::{self, Wire};
use frame::{Frame, stream_of};
use op::H2Part;
use session::Stream;

/// Reads the client's preface and sends settings. From then on frames are read in the background.
pub(crate) async fn start(mut wire: Wire, spec: &H2Handshake) -> Result<Session, Gone> {
    let preface = wire::exactly(&mut wire, frame::PREFACE.len()).await;
    if !preface.is_ok_and(|preface| preface == frame::PREFACE) {
        return Err(Gone);
    }
    let session = Session::start(wire, spec.silent_to_pings);
    session.write(settings(&spec.settings).bytes()).await?;
    Ok(session)
}

fn settings(settings: &BTreeMap<String, u32>) -> Frame {
    let mut payload = Vec::new();
    for (name, value) in settings {
        payload.extend(frame::setting(name).to_be_bytes());
        payload.extend(value.to_be_bytes());
    }
    Frame {
        kind: frame::SETTINGS,
        payload,
        ..Frame::default()
    }
}

/// Does one thing, and returns what is to be recorded of it.
pub(crate) async fn step(
    session: &Session,
    op: &H2Op,
    recorder: &Recorder,
) -> Result<Option<Line>, Gone> {
    match op {
        H2Op::Headers(request) => return head(session, *request).await.map(Some),
        H2Op::Body(request) => return body(session, *request).await,
        H2Op::Data(wanted) => {
            let id = stream_of(wanted.request);
            let here =
                |stream: &Stream| stream.body.len() >= wanted.bytes || stream.reset.is_some();
            session
                .until(|state| here(state.stream(id)).then_some(()))
                .await?;
        }
        H2Op::Reset(request) => {
            let id = stream_of(*request);
            let code = session.until(|state| state.stream(id).reset).await?;
            return Ok(Some(reset(*request, code)));
        }
        H2Op::Goaway => {
            let code = session.until(|state| state.goaway).await?;
            return Ok(Some(line!("goaway", "code": frame::code_name(code))));
        }
        H2Op::Ping => {
            session
                .until(|state| (state.pings > 0).then_some(()))
                .await?
        }
        H2Op::SendHeaders(head) => {
            let fields = head.fields.iter();
            let fields = fields.map(|(name, value)| (name.clone(), recorder.filled(value)));
            let block = frame::block(&fields.collect::<Vec<_>>());
            let max_frame = session.state().max_frame;
            let frames = heading(stream_of(head.request), &block, head.end, max_frame);
            session.write(frames).await?;
        }
        H2Op::SendData(part) => send_data(session, part).await?,
        H2Op::SendSettings(entries) => {
            let before = session.state().settled;
            session.write(settings(entries).bytes()).await?;
            session
                .until(|state| (state.settled > before).then_some(()))
                .await?;
        }
        H2Op::SendPing => {
            let before = session.state().pongs;
            send(session, frame::PING, 0, b"01234567".to_vec()).await?;
            session
                .until(|state| (state.pongs > before).then_some(()))
                .await?;
        }
        H2Op::SendReset(spec) => {
            let code = frame::code(&spec.code).to_be_bytes().to_vec();
            send(session, frame::RST_STREAM, stream_of(spec.request), code).await?;
        }
        H2Op::SendGoaway(spec) => {
            let mut payload = stream_of(spec.last).to_be_bytes().to_vec();
            payload.extend(frame::code(&spec.code).to_be_bytes());
            payload.extend(spec.debug.as_bytes());
            send(session, frame::GOAWAY, 0, payload).await?;
        }
        H2Op::SendWindow(spec) => {
            let more = u32::try_from(spec.bytes).expect("a window of 32 bits");
            let more = more.to_be_bytes().to_vec();
            send(session, frame::WINDOW_UPDATE, stream_of(spec.request), more).await?;
        }
        H2Op::SendFrame(spec) => {
            let frame = Frame {
                kind: spec.r#type,
                flags: spec.flags,
                stream: stream_of(spec.request),
                payload: from_hex(&spec.hex),
            };
            session.write(frame.bytes()).await?;
        }
    }
    Ok(None)
}

async fn send(session: &Session, kind: u8, stream: u32, payload: Vec<u8>) -> Result<(), Gone> {
    let frame = Frame {
        kind,
        stream,
        payload,
        flags: 0,
    };
    session.write(frame.bytes()).await
}

/// A header block in as many frames as it needs.
fn heading(stream: u32, block: &[u8], end: bool, max_frame: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = block;
    let mut kind = frame::HEADERS;
    let mut flags = if end { frame::END } else { 0 };
    loop {
        let (part, behind) = rest.split_at(rest.len().min(max_frame));
        rest = behind;
        if rest.is_empty() {
            flags |= frame::END_HEADERS;
        }
        let frame = Frame {
            kind,
            flags,
            stream,
            payload: part.to_vec(),
        };
        bytes.extend(frame.bytes());
        if rest.is_empty() {
            return bytes;
        }
        (kind, flags) = (frame::CONTINUATION, 0);
    }
}

/// Sends bytes as the client's windows let it; what a reset makes pointless is left out.
async fn send_data(session: &Session, spec: &H2Part) -> Result<(), Gone> {
    let id = stream_of(spec.request);
    let data = match &spec.hex {
        Some(hex) => from_hex(hex),
        None => spec.text.repeat(spec.times.unwrap_or(1)).into_bytes(),
    };
    let mut rest = &data[..];
    loop {
        let may = session.until(|state| match state.stream(id).reset {
            Some(_) => Some(None),
            None => state.take_window(id, rest.len()).map(Some),
        });
        let Some(part) = may.await? else {
            return Ok(());
        };
        let (part, behind) = rest.split_at(part);
        rest = behind;
        let last = rest.is_empty();
        let frame = Frame {
            kind: frame::DATA,
            flags: if spec.end && last { frame::END } else { 0 },
            stream: id,
            payload: part.to_vec(),
        };
        session.write(frame.bytes()).await?;
        if last {
            return Ok(());
        }
    }
}

async fn head(session: &Session, request: u32) -> Result<Line, Gone> {
    let id = stream_of(request);
    let (fields, end) = session
        .until(|state| {
            let stream = state.stream(id);
            stream.head.clone().map(|head| (head, stream.head_ends))
        })
        .await?;
    let headers = field_lines(&fields);
    Ok(line!("request_head", "request": request, "headers": headers, "end": end))
}

/// Reads to the end of a stream, and keeps its windows open; a reset ends it, too.
async fn body(session: &Session, request: u32) -> Result<Option<Line>, Gone> {
    let id = stream_of(request);
    loop {
        let (owed, ended, over) = session
            .until(|state| {
                let stream = state.stream(id);
                let over = stream.ended || stream.reset.is_some();
                let owed = mem::take(&mut stream.owed);
                (over || owed > 0).then_some((owed, stream.ended, over))
            })
            .await?;
        for stream in [0, id] {
            if owed > 0 && !(ended && stream != 0) {
                send(
                    session,
                    frame::WINDOW_UPDATE,
                    stream,
                    owed.to_be_bytes().to_vec(),
                )
                .await?;
            }
        }
        if over {
            break;
        }
    }
    let mut state = session.state();
    let stream = state.stream(id);
    if let Some(code) = stream.reset.filter(|_| !stream.ended) {
        let mut line = reset(request, code);
        line.insert("during".to_owned(), json!("h2_body"));
        return Ok(Some(line));
    }
    if stream.head_ends {
        return Ok(None);
    }
    let trailers = field_lines(&stream.trailers);
    let mut line = line!("request_body", "request": request, "trailers": trailers);
    line.extend(content(&stream.body));
    Ok(Some(line))
}

fn reset(request: u32, code: u32) -> Line {
    line!("stream_reset", "request": request, "code": frame::code_name(code))
}

fn field_lines(fields: &[(String, String)]) -> Vec<String> {
    let lines = fields
        .iter()
        .map(|(name, value)| format!("{name}: {value}"));
    lines.collect()
}
