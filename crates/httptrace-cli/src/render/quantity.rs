//! Times and sizes as people read them.

use std::time::Duration;

/// A time in milliseconds: two digits after the point, one from a second on.
pub(super) fn millis(time: Duration) -> String {
    let millis = time.as_secs_f64() * 1_000.0;
    match millis {
        // What would be rounded up to a second has one digit too.
        999.995.. => format!("{millis:.1} ms"),
        _ => format!("{millis:.2} ms"),
    }
}

/// A size in decimal units: `512 B`, `1.2 kB`, `34 MB`.
pub(super) fn bytes(bytes: u64) -> String {
    let mut size = bytes as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        let digits = usize::from(unit != "B" && size < 9.95);
        if size < 999.5 {
            return format!("{size:.digits$} {unit}");
        }
        size /= 1_000.0;
    }
    format!("{size:.1} TB")
}

/// How many of something.
pub(super) fn count(number: usize, one: &str, many: &str) -> String {
    let noun = if number == 1 { one } else { many };
    format!("{number} {noun}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_two_digits_below_a_second_and_one_above() {
        let table = [
            (0, "0.00 ms"),
            (4_999, "0.00 ms"),
            (5_001, "0.01 ms"),
            (12_345_678, "12.35 ms"),
            (999_994_000, "999.99 ms"),
            (999_996_000, "1000.0 ms"),
            (12_345_678_900, "12345.7 ms"),
        ];
        for (nanos, text) in table {
            assert_eq!(millis(Duration::from_nanos(nanos)), text);
        }
    }

    #[test]
    fn sizes_have_at_most_three_digits() {
        let table = [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (9_949, "9.9 kB"),
            (9_951, "10 kB"),
            (999_499, "999 kB"),
            (999_501, "1.0 MB"),
            (34_000_000_000, "34 GB"),
            (5_000_000_000_000, "5.0 TB"),
        ];
        for (size, text) in table {
            assert_eq!(bytes(size), text);
        }
    }
}
