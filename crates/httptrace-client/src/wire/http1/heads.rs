//! What the bytes of an HTTP/1 response say before its body: which heads are informational, and which fields are more
//! than the codec takes.

use memchr::memchr_iter;

use super::MAX_FIELDS;

/// Follows the heads of one response in the bytes that were read, however they are split: the informational ones, and the
/// final one.
///
/// hyper is made for a hundred fields; to have it take more costs a quarter of what a small request costs in all, for
/// every response, long head or not. So what a long head has beyond its first [`PASSED`] fields is taken out of the bytes that hyper is
/// given, and kept here until the head is put together again. Fields that say where the message ends, or what becomes of
/// the connection, are never taken out.
///
/// Sans-IO: [`feed`](Self::feed) takes what was read, and says what to make of it.
#[derive(Debug)]
pub(crate) struct ResponseHeads {
    /// How many bytes may be taken out, and how long a line may be.
    max_bytes: usize,
    state: State,
    /// The line in progress, as far as earlier pieces had it.
    line: Vec<u8>,
    /// The line in progress was taken out of the bytes, until it is known whose it is.
    withheld: bool,
    /// The final head's fields so far.
    fields: usize,
    /// The latest field was taken out, and so are the lines that continue it.
    takes_out: bool,
    /// A copy of the informational head in progress.
    informational: Option<Vec<u8>>,
    /// Boxed, since hardly any head has one.
    surplus: Option<Box<Surplus>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// No head is expected, or no more than that can be said of it.
    Over,
    StatusLine,
    Fields,
}

/// The fields that were taken out of a head.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Surplus {
    /// Their lines, each with its end.
    pub(crate) lines: Vec<u8>,
    /// There were more than anybody wants; those are not kept.
    pub(crate) is_too_much: bool,
}

/// What some bytes were.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Fed {
    /// What the codec is to be given instead of them; all of them if absent.
    pub(crate) instead: Option<Vec<u8>>,
    /// Informational heads that they have completed.
    pub(crate) informational: Vec<Vec<u8>>,
    /// Something of a head was among them that had to be looked at line by line.
    pub(crate) is_intricate: bool,
}

/// Fields that stay in the bytes. With those that must stay it makes less than a hundred.
pub(crate) const PASSED: usize = 80;

/// Fields that are taken out at most.
const MAX_SURPLUS: usize = MAX_FIELDS - PASSED;

impl ResponseHeads {
    /// Nothing is expected yet; of a head `max_bytes` may be taken out, and no line
    /// is longer.
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            state: State::Over,
            line: Vec::new(),
            withheld: false,
            fields: 0,
            takes_out: false,
            informational: None,
            surplus: None,
        }
    }

    /// The next byte is the first of a response.
    pub(crate) fn begin(&mut self) {
        self.state = State::StatusLine;
        self.line.clear();
        self.withheld = false;
        self.informational = None;
        self.surplus = None;
    }

    /// Whether the final head is over, or none is expected.
    pub(crate) fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// The fields that were taken out of the final head, once it is over.
    pub(crate) fn take_surplus(&mut self) -> Option<Surplus> {
        self.surplus.take().map(|surplus| *surplus)
    }

    /// The line that is withheld, and may never have its end.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn withheld(&self) -> &[u8] {
        match self.withheld {
            true => &self.line,
            false => &[],
        }
    }

    /// Takes bytes that were read.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Fed {
        let mut fed = Fed::default();
        if self.is_over() {
            return fed;
        }
        if self.state == State::StatusLine && self.line.is_empty() && is_all_and_plain(bytes) {
            self.state = State::Over;
            return fed;
        }
        fed.is_intricate = true;
        if self.withheld {
            fed.instead = Some(Vec::new());
        }
        let mut from = 0;
        for end in memchr_iter(b'\n', bytes) {
            self.feed_line(&bytes[..from], &bytes[from..=end], &mut fed);
            from = end + 1;
            if self.is_over() {
                break;
            }
        }
        let rest = &bytes[from..];
        if !self.is_over() && !rest.is_empty() {
            self.feed_part(&bytes[..from], rest, &mut fed);
        } else if let Some(instead) = &mut fed.instead {
            instead.extend_from_slice(rest);
        }
        fed
    }

    /// Takes the end of a line, or all of it.
    fn feed_line(&mut self, before: &[u8], end: &[u8], fed: &mut Fed) {
        let withheld = std::mem::take(&mut self.withheld);
        if self.line.is_empty() {
            return self.take_line(before, end, end, fed);
        }
        let mut line = std::mem::take(&mut self.line);
        line.extend_from_slice(end);
        let read = if withheld { &line[..] } else { end };
        self.take_line(before, &line, read, fed);
        line.clear();
        self.line = line;
    }

    /// Takes a line: `read` is what of it the codec has not been given yet.
    fn take_line(&mut self, before: &[u8], line: &[u8], read: &[u8], fed: &mut Fed) {
        let is_blank = matches!(line, b"\n" | b"\r\n");
        let mut takes_out = false;
        match self.state {
            // The codec passes over blank lines before a response.
            State::StatusLine if is_blank => {}
            State::StatusLine => self.take_status_line(line),
            State::Fields if is_blank => self.end_head(line, fed),
            State::Fields => match &mut self.informational {
                // A codec that is given folded lines without their blanks does not see how much it is.
                Some(head) if head.len() + line.len() > self.max_bytes => self.give_up(),
                Some(head) => head.extend_from_slice(line),
                None => takes_out = self.take_field(line),
            },
            State::Over => {}
        }
        if takes_out {
            fed.instead.get_or_insert_with(|| before.to_vec());
        } else if let Some(instead) = &mut fed.instead {
            instead.extend_from_slice(read);
        }
    }

    fn take_status_line(&mut self, line: &[u8]) {
        self.state = State::Fields;
        self.fields = 0;
        self.takes_out = false;
        if is_informational(line) {
            self.informational = Some(line.to_vec());
        }
    }

    /// Counts a field of the final head; whether it is taken out.
    fn take_field(&mut self, line: &[u8]) -> bool {
        if !matches!(line[0], b' ' | b'\t') {
            self.fields += 1;
            self.takes_out = self.fields > PASSED && !must_stay(line);
        }
        if self.takes_out {
            let surplus = self.surplus.get_or_insert_default();
            let is_too_much = self.fields > PASSED + MAX_SURPLUS;
            if is_too_much || surplus.lines.len() + line.len() > self.max_bytes {
                self.give_up();
                return false;
            }
            surplus.lines.extend_from_slice(line);
        }
        self.takes_out
    }

    /// It is too much: from here on the codec sees that for itself.
    fn give_up(&mut self) {
        self.surplus.get_or_insert_default().is_too_much = true;
        self.informational = None;
        self.state = State::Over;
    }

    fn end_head(&mut self, blank: &[u8], fed: &mut Fed) {
        match self.informational.take() {
            Some(mut head) => {
                head.extend_from_slice(blank);
                fed.informational.push(head);
                self.state = State::StatusLine;
            }
            None => self.state = State::Over,
        }
    }

    /// Takes the beginning of a line, or a part from its middle.
    fn feed_part(&mut self, before: &[u8], part: &[u8], fed: &mut Fed) {
        let is_final = self.state == State::Fields && self.informational.is_none();
        let begins = self.line.is_empty();
        let continues = matches!(part[0], b' ' | b'\t') && !self.takes_out;
        if begins && is_final && self.fields >= PASSED && !continues {
            self.withheld = true;
            fed.instead.get_or_insert_with(|| before.to_vec());
        } else if !self.withheld {
            if let Some(instead) = &mut fed.instead {
                instead.extend_from_slice(part);
            }
        }
        self.line.extend_from_slice(part);
        if self.line.len() > self.max_bytes {
            self.give_up();
            if std::mem::take(&mut self.withheld) {
                let instead = fed.instead.get_or_insert_with(Vec::new);
                instead.extend_from_slice(&self.line);
            }
            self.line = Vec::new();
        }
    }
}

/// Whether the bytes begin with a final head to its end, of few fields, each of one line: what nearly all responses are.
fn is_all_and_plain(bytes: &[u8]) -> bool {
    let is_final = bytes.starts_with(b"HTTP/1.") && bytes.get(9).is_some_and(|byte| *byte != b'1');
    if !is_final {
        return false;
    }
    let mut fields = 0;
    for end in memchr_iter(b'\n', bytes) {
        match bytes[end + 1..] {
            [b'\r', b'\n', ..] => return true,
            [] | [b' ' | b'\t' | b'\r' | b'\n', ..] => return false,
            _ => fields += 1,
        }
        if fields > PASSED {
            return false;
        }
    }
    false
}

/// Whether a response that begins with this line is followed by another: `101` is the last one in HTTP.
pub(super) fn is_informational(status_line: &[u8]) -> bool {
    let status = status_line.get(9..12).unwrap_or_default();
    status.starts_with(b"1") && status != b"101"
}

/// Whether the codec must see the field, wherever it stands.
fn must_stay(line: &[u8]) -> bool {
    const NAMES: [&[u8]; 5] = [
        b"connection",
        b"content-length",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    ];
    let end = memchr::memchr(b':', line).unwrap_or(line.len());
    let name = line[..end].trim_ascii();
    NAMES.iter().any(|known| name.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests;
