//! The frames of HTTP/2 as nghttp2's programs show them: `nghttp --verbose` and `nghttpd --verbose`.

use crate::seen::Field;

/// A frame, by whoever shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Frame {
    /// nghttpd's number of the connection; nghttp has but one.
    pub(crate) connection: u64,
    pub(crate) is_sent: bool,
    /// `HEADERS`
    pub(crate) kind: String,
    pub(crate) stream: u64,
    pub(crate) flags: u64,
    pub(crate) length: u64,
    /// Bytes of padding, which the length includes.
    pub(crate) padding: u64,
    /// In order, pseudo-header fields too.
    pub(crate) fields: Vec<Field>,
    /// Numbers of settings, and their values.
    pub(crate) settings: Vec<(u64, u64)>,
    /// Of `RST_STREAM` and `GOAWAY`.
    pub(crate) code: Option<u64>,
    /// Of `GOAWAY`.
    pub(crate) last_stream: Option<u64>,
}

impl Frame {
    pub(crate) fn ends_stream(&self) -> bool {
        let carries_flag = matches!(self.kind.as_str(), "HEADERS" | "DATA");
        carries_flag && self.flags & 1 != 0
    }

    pub(crate) fn is_acknowledgement(&self) -> bool {
        self.kind == "SETTINGS" && self.flags & 1 != 0
    }
}

/// Reads what one of the programs has written. Lines about other things are passed over.
pub(crate) fn parse(text: &str) -> Vec<Frame> {
    let mut frames: Vec<Frame> = Vec::new();
    // Received fields are shown before the frame that they came in.
    let mut waiting: Vec<(u64, u64, Field)> = Vec::new();
    let mut is_open = false;
    for line in text.lines() {
        if let Some(detail) = line.strip_prefix("          ") {
            if let Some(frame) = frames.last_mut().filter(|_| is_open) {
                note(frame, detail);
            }
            continue;
        }
        is_open = false;
        let (connection, rest) = connection(line);
        let Some(rest) = after_time(rest) else {
            continue;
        };
        if let Some(received) = rest.strip_prefix("recv (stream_id=") {
            waiting.extend(received_field(received).map(|(id, field)| (connection, id, field)));
        } else if let Some(mut frame) = head(rest) {
            frame.connection = connection;
            if !frame.is_sent && frame.kind == "HEADERS" {
                let own =
                    |(of, id, _): &(u64, u64, Field)| (*of, *id) == (connection, frame.stream);
                let (own, others) = waiting.drain(..).partition(own);
                waiting = others;
                frame.fields = Vec::into_iter(own).map(|(_, _, field)| field).collect();
            }
            frames.push(frame);
            is_open = true;
        }
    }
    frames
}

/// `[id=2] `, which nghttpd begins its lines with.
fn connection(line: &str) -> (u64, &str) {
    let prefix = || {
        let (id, rest) = line.strip_prefix("[id=")?.split_once("] ")?;
        Some((id.parse().ok()?, rest))
    };
    prefix().unwrap_or((0, line))
}

/// `[  0.025] `
fn after_time(line: &str) -> Option<&str> {
    Some(line.strip_prefix('[')?.split_once("] ")?.1)
}

/// `1) :status: 200`
fn received_field(text: &str) -> Option<(u64, Field)> {
    let (id, line) = text.split_once(") ")?;
    Some((id.parse().ok()?, field(line)?))
}

/// `recv HEADERS frame <length=181, flags=0x0c, stream_id=1>`
fn head(text: &str) -> Option<Frame> {
    let (direction, rest) = text.split_once(' ')?;
    let (kind, rest) = rest.split_once(" frame <")?;
    let mut frame = Frame {
        is_sent: direction == "send",
        kind: kind.to_owned(),
        ..Frame::default()
    };
    for part in rest.trim_end_matches('>').split(", ") {
        let (name, value) = part.split_once('=')?;
        let value = number(value)?;
        match name {
            "length" => frame.length = value,
            "flags" => frame.flags = value,
            "stream_id" => frame.stream = value,
            _ => {}
        }
    }
    Some(frame)
}

/// A line below a frame: `(padlen=100)`, `[SETTINGS_MAX_FRAME_SIZE(0x05):16384]`, `:method: GET`, `; END_STREAM`.
fn note(frame: &mut Frame, detail: &str) {
    if let Some(setting) = detail.strip_prefix("[SETTINGS_") {
        frame.settings.extend(self::setting(setting));
    } else if let Some(details) = detail.strip_prefix('(') {
        for part in details.split(", ") {
            match part.split_once('=') {
                Some(("padlen", count)) => frame.padding = leading_number(count),
                Some(("error_code", code)) => frame.code = in_parentheses(code),
                Some(("last_stream_id", id)) => frame.last_stream = Some(leading_number(id)),
                _ => {}
            }
        }
    } else if !detail.starts_with(';') && frame.is_sent && frame.kind == "HEADERS" {
        frame.fields.extend(field(detail));
    }
}

fn setting(text: &str) -> Option<(u64, u64)> {
    let (name, value) = text.trim_end_matches(']').split_once(':')?;
    Some((in_parentheses(name)?, number(value)?))
}

/// The number in `NO_ERROR(0x00)`.
fn in_parentheses(text: &str) -> Option<u64> {
    number(text.split_once('(')?.1.split_once(')')?.0)
}

fn leading_number(text: &str) -> u64 {
    let end = text.find(|c: char| !c.is_ascii_digit());
    text[..end.unwrap_or(text.len())].parse().unwrap_or(0)
}

fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// `:status: 200`
fn field(line: &str) -> Option<Field> {
    // The name of a pseudo-header field begins with a colon.
    let at = line.get(1..)?.find(": ")? + 1;
    Some((line[..at].to_owned(), line[at + 2..].to_owned()))
}

/// What the parser is held to, since the other tests rest on it.
pub(crate) fn check() -> Result<(), String> {
    let shown = "\
[  0.022] Connected
The negotiated protocol: h2
[  0.024] send HEADERS frame <length=51, flags=0x05, stream_id=1>
          ; END_STREAM | END_HEADERS
          (padlen=0)
          ; Open new stream
          :method: GET
          :path: /a: b
[  0.025] recv SETTINGS frame <length=6, flags=0x00, stream_id=0>
          (niv=1)
          [SETTINGS_MAX_CONCURRENT_STREAMS(0x03):2]
[id=7] [  0.025] recv (stream_id=1) :status: 200
[id=7] [  0.025] recv (stream_id=1) x-empty: 
[id=7] [  0.025] recv HEADERS frame <length=181, flags=0x0c, stream_id=1>
          ; END_HEADERS | PADDED
          (padlen=100)
[id=7] [  0.025] stream_id=1 closed
          not: a field
[  0.025] recv GOAWAY frame <length=19, flags=0x00, stream_id=0>
          (last_stream_id=3, error_code=CANCEL(0x08), opaque_data(11)=[that is all])
";
    let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let frame = |kind: &str, stream, flags, length| Frame {
        kind: kind.to_owned(),
        stream,
        flags,
        length,
        ..Frame::default()
    };
    let expected = [
        Frame {
            is_sent: true,
            fields: vec![field(":method", "GET"), field(":path", "/a: b")],
            ..frame("HEADERS", 1, 5, 51)
        },
        Frame {
            settings: vec![(3, 2)],
            ..frame("SETTINGS", 0, 0, 6)
        },
        Frame {
            connection: 7,
            padding: 100,
            fields: vec![field(":status", "200"), field("x-empty", "")],
            ..frame("HEADERS", 1, 12, 181)
        },
        Frame {
            code: Some(8),
            last_stream: Some(3),
            ..frame("GOAWAY", 0, 0, 19)
        },
    ];
    let frames = parse(shown);
    if frames == expected {
        return Ok(());
    }
    Err(format!("expected {expected:#?}, got {frames:#?}"))
}
