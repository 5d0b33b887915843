//! What a client says of a moment.

use crate::moment::Moment;

/// A client's word for when something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) place: Place,
    /// Which request of its connection it is about, counted from 0; for what concerns the connection, any.
    pub(crate) exchange: usize,
    pub(crate) moment: Moment,
    /// On the wall clock, in nanoseconds.
    pub(crate) at: i64,
}

/// Which connection it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The one from this port of ours.
    Port(u16),
    /// The one that began between these two instants, of a client that keeps its ports to itself.
    Between(i64, i64),
}

impl Claim {
    /// Reads a line of another client's program: the port, or the two instants with a blank between them in its place; the
    /// request's number; the event; nanoseconds.
    ///
    /// ```text
    /// port 40312 0 ConnectStart 1764000000000000000
    /// between 1764000000000000000 1764000000001000000 0 ConnectDone 1764000000000500000
    /// ```
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let place = match words.next()? {
            "port" => Place::Port(words.next()?.parse().ok()?),
            "between" => {
                let from = words.next()?.parse().ok()?;
                Place::Between(from, words.next()?.parse().ok()?)
            }
            _ => return None,
        };
        Some(Self {
            place,
            exchange: words.next()?.parse().ok()?,
            moment: Moment::named(words.next()?)?,
            at: words.next()?.parse().ok()?,
        })
    }

    /// Reads the lines of a program.
    pub(crate) fn parse_all(text: &str) -> Result<Vec<Self>, String> {
        let claims = text.lines().map(|line| {
            Self::parse(line).ok_or_else(|| format!("the line {line:?} is not understood"))
        });
        claims.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_programs_are_read() {
        let text = "port 5000 1 WroteRequest 17\nbetween 1 9 0 ConnectDone 4\n";
        let claims = [
            Claim {
                place: Place::Port(5000),
                exchange: 1,
                moment: Moment::WroteRequest,
                at: 17,
            },
            Claim {
                place: Place::Between(1, 9),
                exchange: 0,
                moment: Moment::ConnectDone,
                at: 4,
            },
        ];
        assert_eq!(Claim::parse_all(text).unwrap(), claims);
    }

    #[test]
    fn a_line_that_says_something_else_is_an_error() {
        for line in [
            "",
            "panic: x",
            "port 5000 0 GotConn 1",
            "port 5000 0 WroteRequest",
        ] {
            assert!(Claim::parse(line).is_none());
        }
        assert!(Claim::parse_all("port 5000 0 WroteRequest 1\nx").is_err());
    }
}
