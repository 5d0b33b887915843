//! A write that failed, while what the server said may still be read.
//!
//! A server may refuse an upload, answer, and close without reading the rest. The reset for what it did not read makes our next write fail,
//! while its answer waits in our receive buffer. RFC 9112 section 9.6 has servers linger for the sake of such clients; not all do.

use std::io;

/// The failure of a write, kept back until reading has shown whether there is an answer.
#[derive(Default)]
pub(super) struct Broken(Option<io::Error>);

impl Broken {
    /// Keeps the error of a write, if the peer has hung up in the middle of an exchange. Gives it back otherwise: where nothing of a
    /// request has arrived there is no answer to it, and on an upgraded stream there is nobody who waits for one.
    pub(super) fn keep(&mut self, error: io::Error, awaits_answer: bool) -> Option<io::Error> {
        let has_hung_up = matches!(
            error.kind(),
            io::ErrorKind::BrokenPipe
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionAborted
        );
        if !(has_hung_up && awaits_answer) {
            return Some(error);
        }
        self.0 = Some(error);
        None
    }

    /// Whether a write has failed. Then there is nothing more to write: only reading goes on.
    pub(super) fn is_kept(&self) -> bool {
        self.0.is_some()
    }

    /// What a read comes to: where the stream ends without an answer, the reason is that the write failed.
    pub(super) fn explain(
        &mut self,
        read: io::Result<usize>,
        is_response_begun: bool,
    ) -> io::Result<usize> {
        let has_ended = !matches!(read, Ok(1..));
        match self.0.take_if(|_| has_ended && !is_response_begun) {
            Some(error) => Err(error),
            None => read,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::*;

    fn broken() -> Broken {
        let mut broken = Broken::default();
        let error = ErrorKind::BrokenPipe.into();
        assert!(broken.keep(error, true).is_none());
        assert!(broken.is_kept());
        broken
    }

    #[test]
    fn only_a_hang_up_in_the_middle_of_an_exchange_is_kept() {
        for (kind, awaits_answer) in [
            (ErrorKind::BrokenPipe, false),
            (ErrorKind::ConnectionReset, false),
            (ErrorKind::InvalidData, true),
            (ErrorKind::TimedOut, true),
        ] {
            let mut broken = Broken::default();
            let back = broken.keep(kind.into(), awaits_answer);
            assert_eq!(back.map(|error| error.kind()), Some(kind));
            assert!(!broken.is_kept());
        }
    }

    #[test]
    fn an_answer_is_read_to_its_end() {
        let mut broken = broken();
        assert_eq!(broken.explain(Ok(5), false).unwrap(), 5);
        assert_eq!(broken.explain(Ok(0), true).unwrap(), 0);
        let cut = broken.explain(Err(ErrorKind::UnexpectedEof.into()), true);
        assert_eq!(cut.unwrap_err().kind(), ErrorKind::UnexpectedEof);
    }

    #[test]
    fn without_an_answer_the_write_is_to_blame() {
        let reset = || Err(ErrorKind::ConnectionReset.into());
        for end in [Ok(0), reset()] {
            let told = broken().explain(end, false);
            assert_eq!(told.unwrap_err().kind(), ErrorKind::BrokenPipe);
        }
    }

    #[test]
    fn where_no_write_failed_reads_are_what_they_are() {
        let mut broken = Broken::default();
        assert_eq!(broken.explain(Ok(0), false).unwrap(), 0);
        let reset = broken.explain(Err(ErrorKind::ConnectionReset.into()), false);
        assert_eq!(reset.unwrap_err().kind(), ErrorKind::ConnectionReset);
    }
}
