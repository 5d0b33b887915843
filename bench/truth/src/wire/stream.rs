//! What one side of a connection has sent, in order, and when each byte passed.

/// The segments of one direction, as they were captured.
#[derive(Debug, Default)]
pub(super) struct Segments {
    /// The sequence number of the first byte.
    first: Option<u32>,
    captured: Vec<(u32, i64, Vec<u8>)>,
}

impl Segments {
    /// The stream begins after this sequence number, which the SYN had.
    pub(super) fn begin(&mut self, syn: u32) {
        self.first.get_or_insert(syn.wrapping_add(1));
    }

    pub(super) fn add(&mut self, sequence: u32, at: i64, payload: &[u8]) {
        if let Some(first) = self.first.filter(|_| !payload.is_empty()) {
            let offset = sequence.wrapping_sub(first);
            self.captured.push((offset, at, payload.to_vec()));
        }
    }

    /// Puts the bytes in order, up to a gap. What was sent twice passed when it passed first.
    pub(super) fn assemble(mut self) -> Stream {
        self.captured.sort_by_key(|(offset, at, _)| (*offset, *at));
        let mut stream = Stream::default();
        for (offset, at, payload) in self.captured {
            let Some(known) = stream.bytes.len().checked_sub(offset as usize) else {
                break;
            };
            if let Some(new) = payload.get(known..).filter(|new| !new.is_empty()) {
                stream.bytes.extend(new);
                stream.passed.push((stream.bytes.len(), at));
            }
        }
        stream
    }
}

/// The bytes of one direction.
#[derive(Debug, Default)]
pub(super) struct Stream {
    pub(super) bytes: Vec<u8>,
    /// Up to which byte each segment goes, and when it passed.
    passed: Vec<(usize, i64)>,
}

impl Stream {
    /// When the byte at this place passed.
    pub(super) fn at(&self, place: usize) -> Option<i64> {
        let segment = self.passed.partition_point(|(end, _)| *end <= place);
        self.passed.get(segment).map(|(_, at)| *at)
    }

    /// When the last byte before this place passed.
    pub(super) fn before(&self, place: usize) -> Option<i64> {
        self.at(place.checked_sub(1)?)
    }

    /// For tests: pieces, each with the time at which it passed.
    #[cfg(test)]
    pub(super) fn of(pieces: &[(i64, &[u8])]) -> Self {
        let mut segments = Segments::default();
        segments.begin(0);
        let mut next = 1;
        for (at, piece) in pieces {
            segments.add(next, *at, piece);
            next += u32::try_from(piece.len()).unwrap();
        }
        segments.assemble()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(segments: &[(u32, i64, &[u8])]) -> Stream {
        let mut all = Segments::default();
        all.begin(u32::MAX - 2);
        for (sequence, at, payload) in segments {
            all.add(*sequence, *at, payload);
        }
        all.assemble()
    }

    #[test]
    fn each_byte_has_the_time_of_its_segment() {
        // The numbers of the second begin anew at 0.
        let stream = stream(&[(u32::MAX - 1, 10, b"ab"), (0, 20, b"cde")]);
        assert_eq!(stream.bytes, b"abcde");
        let times: Vec<_> = (0..6).map(|place| stream.at(place)).collect();
        let expected = [10, 10, 20, 20, 20].map(Some);
        assert_eq!(times, [&expected[..], &[None]].concat());
        assert_eq!((stream.before(2), stream.before(0)), (Some(10), None));
    }

    #[test]
    fn what_is_sent_again_passed_when_it_passed_first() {
        let first = u32::MAX - 1;
        let stream = stream(&[(first, 10, b"ab"), (first, 30, b"abc"), (first, 20, b"ab")]);
        assert_eq!(stream.bytes, b"abc");
        assert_eq!((stream.at(1), stream.at(2)), (Some(10), Some(30)));
    }

    #[test]
    fn order_is_by_number_and_ends_at_a_gap() {
        let first = u32::MAX - 1;
        let stream = stream(&[
            (1, 30, b"d"),
            (first, 20, b"ab"),
            (0, 10, b"c"),
            (9, 40, b"z"),
        ]);
        assert_eq!(stream.bytes, b"abcd");
        assert_eq!(stream.at(2), Some(10));
    }
}
