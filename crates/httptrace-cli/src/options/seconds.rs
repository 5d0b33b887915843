//! Durations as people type them.

use std::time::Duration;

use super::UsageError;

/// Reads seconds, with a fraction if need be.
pub(super) fn parse(option: &str, text: &str) -> Result<Duration, UsageError> {
    let seconds = text.parse::<f64>().ok();
    let duration = seconds.and_then(|s| Duration::try_from_secs_f64(s).ok());
    duration.ok_or_else(|| {
        UsageError::new(
            format!("{option} '{text}' is not a number of seconds"),
            format!("for example {option} 2.5"),
        )
    })
}

/// Reads a deadline: as in curl, 0 is none.
pub(super) fn deadline(
    option: &str,
    text: Option<&String>,
) -> Result<Option<Duration>, UsageError> {
    let duration = text.map(|text| parse(option, text)).transpose()?;
    Ok(duration.filter(|duration| !duration.is_zero()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_may_have_a_fraction() {
        assert_eq!(parse("-m", "2.5"), Ok(Duration::from_millis(2500)));
        assert_eq!(parse("-m", ".25"), Ok(Duration::from_millis(250)));
        assert_eq!(parse("-m", "3"), Ok(Duration::from_secs(3)));
    }

    #[test]
    fn no_deadline_is_written_as_zero_or_not_at_all() {
        assert_eq!(deadline("-m", None), Ok(None));
        assert_eq!(deadline("-m", Some(&"0".to_owned())), Ok(None));
        let some = Ok(Some(Duration::from_secs(1)));
        assert_eq!(deadline("-m", Some(&"1".to_owned())), some);
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in ["-1", "abc", "", "NaN", "inf", "1s", "1e300"] {
            assert!(parse("--pause", text).is_err(), "{text}");
        }
    }
}
