//! Dates on the wall clock, as RFC 3339 writes them: UTC with microseconds.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Writes a date, for example `2026-11-22T16:30:00.123456Z`. Finer than a microsecond is cut off. Absent before the
/// year 0 and after 9999, which RFC 3339 cannot write.
pub(crate) fn format(time: SystemTime) -> Option<String> {
    let micros = match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i128::try_from(after.as_micros()).ok()?,
        Err(before) => {
            let nanos = i128::try_from(before.duration().as_nanos()).ok()?;
            (-nanos).div_euclid(1_000)
        }
    };
    let seconds = micros.div_euclid(1_000_000);
    let micros = micros.rem_euclid(1_000_000);
    let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil_from_days(i64::try_from(days).ok()?);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    let text =
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z");
    (0..=9_999).contains(&year).then_some(text)
}

/// Reads a date as [`format()`] writes it; any number of fraction digits up to nine will do. A leap second is the second
/// after it.
pub(crate) fn parse(text: &str) -> Option<SystemTime> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let [year, month, day] = numbers(date, '-')?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, ""));
    let [hour, minute, second] = numbers(time, ':')?;
    let in_range = (1..=12).contains(&month) && (1..=31).contains(&day);
    if !in_range || hour > 23 || minute > 59 || second > 60 || fraction.len() > 9 {
        return None;
    }
    let nanos: u32 = match fraction {
        "" => 0,
        digits => format!("{digits:0<9}").parse().ok()?,
    };
    let seconds = days_from_civil(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    let magnitude = Duration::from_secs(seconds.unsigned_abs());
    let whole = match seconds {
        0.. => UNIX_EPOCH.checked_add(magnitude)?,
        _ => UNIX_EPOCH.checked_sub(magnitude)?,
    };
    let time = whole.checked_add(Duration::new(0, nanos))?;
    // A leap second may lead into the year 10000.
    format(time).is_some().then_some(time)
}

fn numbers(text: &str, separator: char) -> Option<[i64; 3]> {
    let mut parts = text.split(separator).map(|part| {
        let digits = part.bytes().all(|byte| byte.is_ascii_digit()) && part.len() <= 4;
        digits.then(|| part.parse().ok()).flatten()
    });
    let numbers = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(numbers)
}

/// Days since 1970-01-01 as year, month and day of the proleptic Gregorian calendar, in which every 400 years
/// have 146097 days. Years are counted from March here, so that the leap day is the last of its year.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + DAYS_TO_EPOCH;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = (from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let from_march = (month + 9) % 12;
    let of_year = (153 * from_march + 2) / 5 + day - 1;
    let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
    era * 146_097 + of_era - DAYS_TO_EPOCH
}

/// From 0000-03-01 to 1970-01-01.
const DAYS_TO_EPOCH: i64 = 719_468;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_in_utc_with_microseconds() {
        let table = [
            (0, 0, "1970-01-01T00:00:00.000000Z"),
            (951_782_400, 1_000, "2000-02-29T00:00:00.000001Z"),
            (1_709_251_199, 999_999_999, "2024-02-29T23:59:59.999999Z"),
            (1_700_000_000, 123_456_000, "2023-11-14T22:13:20.123456Z"),
            (4_107_542_400, 0, "2100-03-01T00:00:00.000000Z"),
        ];
        for (seconds, nanos, text) in table {
            let time = UNIX_EPOCH + Duration::new(seconds, nanos);
            assert_eq!(format(time).as_deref(), Some(text));
        }
        let before = UNIX_EPOCH - Duration::from_micros(1);
        assert_eq!(
            format(before).as_deref(),
            Some("1969-12-31T23:59:59.999999Z")
        );
    }

    #[test]
    fn what_is_not_a_date_is_not_read() {
        let table = [
            "",
            "Z",
            "2024-01-01",
            "2024-01-01T00:00:00",
            "2024-13-01T00:00:00Z",
            "2024-01-01T24:00:00Z",
            "2024-01-01T00:00:00.1234567890Z",
            "2024-01-01T00:00:00.xZ",
            "2024-01-01T00:00:+1Z",
            "2024-01-01-01T00:00:00Z",
        ];
        for text in table {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_date_that_was_written_is_read_back(micros in -60_000_000_000_000_000_i64..250_000_000_000_000_000) {
            let magnitude = Duration::from_micros(micros.unsigned_abs());
            let time = if micros < 0 { UNIX_EPOCH - magnitude } else { UNIX_EPOCH + magnitude };
            let text = format(time).unwrap();
            proptest::prop_assert_eq!(parse(&text), Some(time));
        }
    }
}
