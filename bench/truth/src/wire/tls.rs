//! A session of TLS 1.3 from outside: the records' heads are in the clear (RFC 8446 section 5.1).
//!
//! What a record holds is not seen, but follows from who sends it when. The client's first record under encryption is its
//! Finished: our server asks for no certificate. What it sends from then on are requests. The server answers a request when it
//! has read it to its end, and sends no session tickets: so its first record after the client has spoken is the first of the
//! answer, and the client's last record before that is the end of the request.

use super::Exchange;
use super::stream::Stream;

const HEAD: usize = 5;
/// Under encryption all records say that they hold application data.
const ENCRYPTED: u8 = 23;
/// Two bytes, the type of the content and the tag: an alert, and too short for anything of HTTP.
const ALERT: usize = 19;
/// The requests of our plan without a body are shorter, and those with one are longer.
const LONGEST_HEAD: usize = 1_024;

/// What there is to know of a session.
#[derive(Debug, Default)]
pub(super) struct Session {
    pub(super) client_finished: Option<i64>,
    pub(super) exchanges: Vec<Exchange>,
}

impl Session {
    pub(super) fn read(ours: &Stream, theirs: &Stream) -> Self {
        let mut records = encrypted(ours);
        let finished = records.next();
        let mut answers = encrypted(theirs).peekable();
        let mut session = Self {
            client_finished: finished.and_then(|record| record.end),
            exchanges: Vec::new(),
        };
        let mut request: Option<Request> = None;
        for record in records {
            // The handshake's records, which came before any request, and those of earlier answers.
            let mut answer = None;
            while let Some(found) = answers.next_if(|found| found.begin < record.begin) {
                answer.get_or_insert(found);
            }
            if answer.is_some() {
                session
                    .exchanges
                    .extend(request.take().map(|request| request.with(answer)));
            }
            request.get_or_insert_default().add(&record);
        }
        session
            .exchanges
            .extend(request.map(|request| request.with(answers.next())));
        session
    }
}

/// A request while it is being sent.
#[derive(Default)]
struct Request {
    bytes: usize,
    end: Option<i64>,
}

impl Request {
    fn add(&mut self, record: &Record) {
        self.bytes += record.length;
        self.end = record.end;
    }

    /// The exchange, with the first record of its answer.
    fn with(self, answer: Option<Record>) -> Exchange {
        Exchange {
            // Where the head ends in a longer request is not seen.
            head_end: self.end.filter(|_| self.bytes < LONGEST_HEAD),
            request_end: self.end,
            response_begin: answer.and_then(|record| record.begin),
        }
    }
}

/// A record, and when its first and its last byte passed.
struct Record {
    length: usize,
    begin: Option<i64>,
    end: Option<i64>,
}

/// The whole records under encryption, alerts aside.
fn encrypted(stream: &Stream) -> impl Iterator<Item = Record> {
    let mut place = 0;
    let records = std::iter::from_fn(move || {
        let head = stream.bytes.get(place..place + HEAD)?;
        let length = usize::from(u16::from_be_bytes([head[3], head[4]]));
        let begin = place;
        place += HEAD + length;
        let record = Record {
            length,
            begin: stream.at(begin),
            end: stream.before(place),
        };
        (place <= stream.bytes.len()).then_some((head[0], record))
    });
    records.filter_map(|(kind, record)| {
        (kind == ENCRYPTED && record.length != ALERT).then_some(record)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HANDSHAKE: u8 = 22;
    const CHANGE_CIPHER_SPEC: u8 = 20;

    fn record(kind: u8, length: u16) -> Vec<u8> {
        let [high, low] = length.to_be_bytes();
        let mut record = vec![kind, 3, 3, high, low];
        record.resize(HEAD + usize::from(length), 0);
        record
    }

    #[test]
    fn requests_and_answers_take_turns() {
        let get = record(ENCRYPTED, 100);
        let ours = Stream::of(&[
            (1, &record(HANDSHAKE, 200)),
            (4, &record(CHANGE_CIPHER_SPEC, 1)),
            (5, &record(ENCRYPTED, 53)),
            (6, &get[..50]),
            (7, &get[50..]),
            (10, &record(ENCRYPTED, 900)),
            (11, &record(ENCRYPTED, 900)),
            (13, &record(ENCRYPTED, 19)),
        ]);
        let answer = record(ENCRYPTED, 70);
        let theirs = Stream::of(&[
            (2, &record(HANDSHAKE, 90)),
            (3, &record(ENCRYPTED, 500)),
            (8, &answer[..10]),
            (9, &answer[10..]),
            (9, &record(ENCRYPTED, 40)),
            (12, &record(ENCRYPTED, 70)),
            (12, &record(ENCRYPTED, 19)),
        ]);
        let session = Session::read(&ours, &theirs);
        assert_eq!(session.client_finished, Some(5));
        let exchange = |head, end, response| Exchange {
            head_end: head,
            request_end: Some(end),
            response_begin: Some(response),
        };
        assert_eq!(
            session.exchanges,
            [exchange(Some(7), 7, 8), exchange(None, 11, 12)]
        );
    }

    #[test]
    fn a_handshake_that_nothing_follows_has_no_exchanges() {
        let ours = Stream::of(&[(1, &record(HANDSHAKE, 200))]);
        let theirs = Stream::of(&[(2, &record(HANDSHAKE, 90)), (2, &record(ENCRYPTED, 500))]);
        let session = Session::read(&ours, &theirs);
        assert_eq!(session.client_finished, None);
        assert_eq!(session.exchanges, []);
    }
}
