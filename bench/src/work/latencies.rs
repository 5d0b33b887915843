//! How long calls took.

use std::time::Duration;

/// The latencies of some calls, in no order.
#[derive(Debug, Default)]
pub(super) struct Latencies(Vec<Duration>);

impl Latencies {
    pub(super) fn push(&mut self, latency: Duration) {
        self.0.push(latency);
    }

    pub(super) fn append(&mut self, other: &mut Self) {
        self.0.append(&mut other.0);
    }

    /// In microseconds, what so many of a hundred calls did not exceed; none of no calls.
    pub(super) fn percentile(&mut self, percent: usize) -> Option<f64> {
        let last = self.0.len().checked_sub(1)?;
        let (_, at, _) = self.0.select_nth_unstable(last * percent / 100);
        Some(at.as_secs_f64() * 1e6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_latencies() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.percentile(50), None);
        for millis in (1..=101).rev() {
            latencies.push(Duration::from_millis(millis));
        }
        assert_eq!(latencies.percentile(50), Some(51_000.0));
        assert_eq!(latencies.percentile(99), Some(100_000.0));
    }
}
