//! From the clock of events to that of packets: `Instant` is monotonic, and the kernel stamps packets by the wall clock.

use std::time::{Instant, SystemTime};

/// Readings for a pair. The tightest counts: the others were interrupted.
const READINGS: usize = 2_000;

/// Both clocks at one time.
#[derive(Clone, Copy, Debug)]
struct Pair {
    instant: Instant,
    wall: i64,
    /// How far apart the two may be, either way, in nanoseconds.
    uncertainty: i64,
}

/// The two clocks side by side, paired before a run and after it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clocks {
    before: Pair,
    after: Pair,
}

/// A run whose clocks were paired before it.
#[derive(Debug)]
pub(crate) struct Running(Pair);

impl Clocks {
    pub(crate) fn start() -> Running {
        Running(Pair::take())
    }

    /// An instant on the wall clock, in nanoseconds.
    pub(crate) fn wall(&self, instant: Instant) -> i64 {
        let (before, after) = (&self.before, &self.after);
        let since = nanoseconds_between(before.instant, instant);
        let whole = nanoseconds_between(before.instant, after.instant);
        if whole == 0 {
            return before.wall + since;
        }
        // What the wall clock gained, spread evenly. Wide, since products of nanoseconds do not fit 64 bits.
        let gained = i128::from(self.gained()) * i128::from(since) / i128::from(whole);
        before.wall + since + i64::try_from(gained).unwrap_or_default()
    }

    /// What the wall clock gained on the monotonic one during the run, in nanoseconds.
    fn gained(&self) -> i64 {
        let wall = self.after.wall - self.before.wall;
        wall - nanoseconds_between(self.before.instant, self.after.instant)
    }

    /// How far off the wall clock's time of an instant may be, in nanoseconds. That the wall clock gained evenly is not
    /// known, so that all of it counts.
    pub(crate) fn uncertainty(&self) -> i64 {
        let pairs = self.before.uncertainty.max(self.after.uncertainty);
        pairs + self.gained().abs()
    }
}

impl Running {
    pub(crate) fn end(self) -> Clocks {
        Clocks {
            before: self.0,
            after: Pair::take(),
        }
    }
}

impl Pair {
    fn take() -> Self {
        let readings = (0..READINGS).map(|_| {
            let (first, wall, last) = (Instant::now(), wall_now(), Instant::now());
            Self::between(first, wall, last)
        });
        let tightest = readings.min_by_key(|pair| pair.uncertainty);
        tightest.unwrap_or_else(|| Self::between(Instant::now(), wall_now(), Instant::now()))
    }

    /// The wall clock was read between two readings of the other.
    fn between(first: Instant, wall: i64, last: Instant) -> Self {
        let half = last.duration_since(first) / 2;
        Self {
            instant: first + half,
            wall,
            // Both clocks count whole nanoseconds.
            uncertainty: i64::try_from(half.as_nanos()).unwrap_or(i64::MAX) + 1,
        }
    }
}

/// The wall clock, in nanoseconds.
pub(crate) fn wall_now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
    })
}

fn nanoseconds_between(from: Instant, to: Instant) -> i64 {
    let number = |from: Instant, to: Instant| {
        i64::try_from(to.saturating_duration_since(from).as_nanos()).unwrap_or(i64::MAX)
    };
    number(from, to) - number(to, from)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn clocks(gained: i64) -> (Instant, Clocks) {
        let start = Instant::now() + Duration::from_secs(60);
        let pair = |seconds: u64, wall| Pair {
            instant: start + Duration::from_secs(seconds),
            wall,
            uncertainty: 20 + i64::try_from(seconds).unwrap(),
        };
        let clocks = Clocks {
            before: pair(0, 1_000 * SECOND),
            after: pair(10, 1_010 * SECOND + gained),
        };
        (start, clocks)
    }

    #[test]
    fn instants_keep_their_distances() {
        let (start, clocks) = clocks(0);
        assert_eq!(clocks.wall(start), 1_000 * SECOND);
        let later = start + Duration::from_nanos(123_456_789);
        assert_eq!(clocks.wall(later), 1_000 * SECOND + 123_456_789);
        let earlier = start - Duration::from_nanos(5);
        assert_eq!(clocks.wall(earlier), 1_000 * SECOND - 5);
        assert_eq!(clocks.uncertainty(), 30);
    }

    #[test]
    fn what_the_wall_clock_gains_is_spread_evenly_and_counts_as_uncertain() {
        let (start, clocks) = clocks(-400);
        let at = |seconds| clocks.wall(start + Duration::from_secs(seconds)) - 1_000 * SECOND;
        assert_eq!(at(5), 5 * SECOND - 200);
        assert_eq!(at(10), 10 * SECOND - 400);
        assert_eq!(clocks.uncertainty(), 430);
    }

    #[test]
    fn a_pair_is_in_the_middle_of_its_readings() {
        let first = Instant::now();
        let pair = Pair::between(first, 77, first + Duration::from_nanos(40));
        assert_eq!(pair.instant, first + Duration::from_nanos(20));
        assert_eq!((pair.wall, pair.uncertainty), (77, 21));
    }

    #[test]
    fn real_clocks_agree_within_what_they_claim() {
        let running = Clocks::start();
        let middle = (Instant::now(), wall_now(), Instant::now());
        let clocks = running.end();
        let slack = clocks.uncertainty();
        assert!(clocks.wall(middle.0) - slack <= middle.1);
        assert!(middle.1 <= clocks.wall(middle.2) + slack);
    }
}
