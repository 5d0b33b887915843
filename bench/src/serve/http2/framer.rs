//! A server's end of a connection, without I/O: octets in, octets out.

use std::collections::{HashMap, VecDeque};

use super::frame::{
    ACK, DATA, DEFAULT_MAX_FRAME, DEFAULT_WINDOW, END_HEADERS, END_STREAM, Frame, HEADERS,
    INITIAL_WINDOW_SIZE, MAX_CONCURRENT_STREAMS, MAX_FRAME_SIZE, PING, PREFACE, SETTINGS,
    WINDOW_UPDATE, put, put_field, put_head, put_settings, put_window_update,
};
use crate::Error;
use crate::load::{DATE, HELLO};

/// What a client may send before it is told that more has arrived: of a stream, and of the connection.
const RECEIVE_WINDOW: u32 = 1024 * 1024;
/// When it is told.
const UPDATE_AFTER: u32 = RECEIVE_WINDOW / 2;

/// Answers each request with the same block of fields and the same body.
#[derive(Debug)]
pub(super) struct Framer {
    /// The beginning of a frame whose end has not come.
    input: Vec<u8>,
    has_preface: bool,
    fields: Vec<u8>,
    body: u64,
    is_zeros: bool,
    window: i64,
    initial_window: i64,
    max_frame: usize,
    /// Streams whose answer has data left.
    sending: VecDeque<Sending>,
    /// What came since the last update of the connection's window.
    received: u32,
    /// The same of each stream that uploads.
    uploads: HashMap<u32, u32>,
}

#[derive(Debug)]
struct Sending {
    stream: u32,
    left: u64,
    window: i64,
}

impl Framer {
    /// One that answers with so many zeros, or with a greeting.
    pub(super) fn new(zeros: Option<u64>) -> Self {
        let body = zeros.unwrap_or(HELLO.len() as u64);
        // `:status: 200` is the 8th of the static table.
        let mut fields = vec![0x88];
        put_field(&mut fields, 28, body.to_string().as_bytes()); // content-length
        put_field(&mut fields, 31, b"text/plain"); // content-type
        put_field(&mut fields, 33, DATE.as_bytes()); // date
        Self {
            input: Vec::new(),
            has_preface: false,
            fields,
            body,
            is_zeros: zeros.is_some(),
            window: DEFAULT_WINDOW,
            initial_window: DEFAULT_WINDOW,
            max_frame: DEFAULT_MAX_FRAME,
            sending: VecDeque::new(),
            received: 0,
            uploads: HashMap::new(),
        }
    }

    /// What a server says first.
    pub(super) fn greet(&self, out: &mut Vec<u8>) {
        let settings = [
            (MAX_CONCURRENT_STREAMS, 100_000),
            (INITIAL_WINDOW_SIZE, RECEIVE_WINDOW),
        ];
        put_settings(out, &settings);
        put_window_update(out, 0, RECEIVE_WINDOW - DEFAULT_WINDOW as u32);
    }

    /// Takes what has come, and appends what is to be said at once.
    pub(super) fn receive(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        let mut input = std::mem::take(&mut self.input);
        input.extend_from_slice(bytes);
        let mut rest = &input[..];
        if !self.has_preface {
            let Some(after) = rest.strip_prefix(PREFACE) else {
                if input.len() >= PREFACE.len() {
                    return Err("this is not HTTP/2".into());
                }
                self.input = input;
                return Ok(());
            };
            self.has_preface = true;
            rest = after;
        }
        while let Some((frame, length)) = Frame::first(rest) {
            self.take(&frame, out)?;
            rest = &rest[length..];
        }
        let done = input.len() - rest.len();
        input.drain(..done);
        self.input = input;
        Ok(())
    }

    fn take(&mut self, frame: &Frame<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
        match frame.kind {
            SETTINGS if !frame.has(ACK) => {
                for (name, value) in frame.settings() {
                    self.set(name, value);
                }
                put(out, SETTINGS, ACK, 0, &[]);
            }
            PING if !frame.has(ACK) => put(out, PING, ACK, 0, frame.payload),
            WINDOW_UPDATE => {
                let increment = i64::from(frame.increment()?);
                if frame.stream == 0 {
                    self.window += increment;
                } else if let Some(to) = self.sending.iter_mut().find(|s| s.stream == frame.stream)
                {
                    to.window += increment;
                }
            }
            HEADERS if frame.has(END_STREAM) => self.answer(frame.stream, out),
            DATA => {
                self.count(frame, out);
                if frame.has(END_STREAM) {
                    self.uploads.remove(&frame.stream);
                    self.answer(frame.stream, out);
                }
            }
            // What is left says nothing that an answer depends on.
            _ => {}
        }
        Ok(())
    }

    fn set(&mut self, name: u16, value: u32) {
        match name {
            INITIAL_WINDOW_SIZE => {
                let more = i64::from(value) - self.initial_window;
                self.initial_window += more;
                for to in &mut self.sending {
                    to.window += more;
                }
            }
            MAX_FRAME_SIZE => self.max_frame = value as usize,
            _ => {}
        }
    }

    fn answer(&mut self, stream: u32, out: &mut Vec<u8>) {
        put(out, HEADERS, END_HEADERS, stream, &self.fields);
        self.sending.push_back(Sending {
            stream,
            left: self.body,
            window: self.initial_window,
        });
    }

    /// Gives back the window that data took.
    fn count(&mut self, frame: &Frame<'_>, out: &mut Vec<u8>) {
        let length = frame.payload.len() as u32;
        self.received += length;
        if self.received >= UPDATE_AFTER {
            put_window_update(out, 0, self.received);
            self.received = 0;
        }
        if !frame.has(END_STREAM) {
            let of_stream = self.uploads.entry(frame.stream).or_default();
            *of_stream += length;
            if *of_stream >= UPDATE_AFTER {
                put_window_update(out, frame.stream, *of_stream);
                *of_stream = 0;
            }
        }
    }

    /// Appends data that the windows allow, until `out` is as long as `limit`.
    pub(super) fn send_data(&mut self, out: &mut Vec<u8>, limit: usize) {
        let mut blocked = 0;
        while blocked < self.sending.len() && out.len() < limit {
            let Some(mut to) = self.sending.pop_front() else {
                return;
            };
            let allowed = self.window.min(to.window).max(0) as u64;
            let length = to.left.min(allowed).min(self.max_frame as u64);
            if length == 0 {
                blocked += 1;
                self.sending.push_back(to);
                continue;
            }
            blocked = 0;
            self.window -= length as i64;
            to.window -= length as i64;
            to.left -= length;
            let flags = if to.left == 0 { END_STREAM } else { 0 };
            put_head(out, length as usize, DATA, flags, to.stream);
            if self.is_zeros {
                out.resize(out.len() + length as usize, 0);
            } else {
                let sent = HELLO.len() - length as usize - to.left as usize;
                out.extend_from_slice(&HELLO[sent..][..length as usize]);
            }
            if to.left > 0 {
                self.sending.push_back(to);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn greeted(zeros: Option<u64>) -> Framer {
        let mut framer = Framer::new(zeros);
        let mut out = Vec::new();
        framer.receive(&PREFACE[..10], &mut out).unwrap();
        framer.receive(&PREFACE[10..], &mut out).unwrap();
        assert!(out.is_empty());
        framer
    }

    fn frames(mut bytes: &[u8]) -> Vec<(u8, u8, u32, usize)> {
        let mut found = Vec::new();
        while let Some((frame, length)) = Frame::first(bytes) {
            found.push((frame.kind, frame.flags, frame.stream, frame.payload.len()));
            bytes = &bytes[length..];
        }
        assert!(bytes.is_empty());
        found
    }

    fn said(framer: &mut Framer, bytes: &[u8]) -> Vec<(u8, u8, u32, usize)> {
        let mut out = Vec::new();
        framer.receive(bytes, &mut out).unwrap();
        framer.send_data(&mut out, usize::MAX);
        frames(&out)
    }

    #[test]
    fn a_request_is_answered_with_fields_and_a_greeting() {
        let mut framer = greeted(None);
        let mut request = Vec::new();
        put(&mut request, HEADERS, END_STREAM | END_HEADERS, 1, &[0x82]);
        let fields = framer.fields.len();
        let answer = said(&mut framer, &request);
        let wanted = [
            (HEADERS, END_HEADERS, 1, fields),
            (DATA, END_STREAM, 1, HELLO.len()),
        ];
        assert_eq!(answer, wanted);
    }

    #[test]
    fn a_frame_may_come_in_pieces() {
        let mut framer = greeted(None);
        let mut request = Vec::new();
        put(&mut request, HEADERS, END_STREAM | END_HEADERS, 1, &[0x82]);
        assert!(said(&mut framer, &request[..5]).is_empty());
        assert_eq!(said(&mut framer, &request[5..]).len(), 2);
    }

    #[test]
    fn a_download_stops_at_the_window_and_goes_on_behind_an_update() {
        let mut framer = greeted(Some(100_000));
        let mut request = Vec::new();
        put(&mut request, HEADERS, END_STREAM | END_HEADERS, 1, &[0x82]);
        let sent = |frames: &[(u8, u8, u32, usize)]| -> usize {
            let data = frames.iter().filter(|frame| frame.0 == DATA);
            data.map(|frame| frame.3).sum()
        };
        assert_eq!(sent(&said(&mut framer, &request)), 65_535);
        let mut update = Vec::new();
        put_window_update(&mut update, 0, 50_000);
        assert_eq!(sent(&said(&mut framer, &update)), 0);
        update.clear();
        put_window_update(&mut update, 1, 50_000);
        let rest = said(&mut framer, &update);
        assert_eq!(sent(&rest), 100_000 - 65_535);
        assert_eq!(rest.last().map(|frame| frame.1), Some(END_STREAM));
    }

    #[test]
    fn an_upload_is_given_its_window_back_and_answered_at_its_end() {
        let mut framer = greeted(None);
        let mut request = Vec::new();
        put(&mut request, HEADERS, END_HEADERS, 1, &[0x83]);
        for _ in 0..32 {
            put(&mut request, DATA, 0, 1, &[0; DEFAULT_MAX_FRAME]);
        }
        let updates = said(&mut framer, &request);
        let wanted = [(WINDOW_UPDATE, 0, 0, 4), (WINDOW_UPDATE, 0, 1, 4)];
        assert_eq!(updates, wanted);
        let mut end = Vec::new();
        put(&mut end, DATA, END_STREAM, 1, &[]);
        assert_eq!(said(&mut framer, &end).len(), 2);
    }

    #[test]
    fn settings_and_pings_are_acknowledged() {
        let mut framer = greeted(None);
        let mut input = Vec::new();
        put_settings(&mut input, &[(INITIAL_WINDOW_SIZE, 1)]);
        put(&mut input, PING, 0, 0, &[7; 8]);
        put(&mut input, PING, ACK, 0, &[7; 8]);
        let wanted = [(SETTINGS, ACK, 0, 0), (PING, ACK, 0, 8)];
        assert_eq!(said(&mut framer, &input), wanted);
    }
}
