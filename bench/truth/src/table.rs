//! The table, in three shapes. Times are microseconds.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::compare::Row;

/// What the numbers were measured with, for those who read them later.
#[derive(Debug, Default)]
pub(crate) struct Setting {
    pub(crate) requests: usize,
    pub(crate) pause: u64,
    pub(crate) versions: Vec<String>,
    /// The largest uncertainty of the clocks and the stamps in any run, in nanoseconds.
    pub(crate) tolerance: i64,
}

const HEADINGS: [&str; 10] = [
    "event",
    "its packet",
    "right side",
    "protocol",
    "client",
    "n",
    "median",
    "p99",
    "worst",
    "wrong side",
];

/// A line to stand above the table.
pub(crate) fn caption(setting: &Setting) -> String {
    let Setting {
        requests,
        pause,
        versions,
        tolerance,
    } = setting;
    let mut caption =
        format!("Microseconds; {requests} requests of each client over each protocol");
    if *pause > 0 {
        let _ = write!(caption, "; the server takes {pause} for an answer");
    }
    let clocks = *tolerance as f64 / 1_000.0;
    let _ = write!(caption, "; the clocks are known to {clocks:.2}");
    for version in versions {
        let _ = write!(caption, "; {version}");
    }
    caption + ".\n"
}

/// For the terminal.
pub(crate) fn text(rows: &[Row]) -> String {
    let cells = all_cells(rows);
    let width = |column: usize| cells.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..HEADINGS.len()).map(width).collect();
    let mut text = String::new();
    for row in &cells {
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let _ = match is_number(column) {
                true => write!(text, "{cell:>width$}  "),
                false => write!(text, "{cell:<width$}  "),
            };
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

/// For a page.
pub(crate) fn markdown(rows: &[Row]) -> String {
    let mut lines = all_cells(rows)
        .into_iter()
        .map(|row| format!("| {} |\n", row.join(" | ")));
    let heading = lines.next().unwrap_or_default();
    let rule = (0..HEADINGS.len()).map(|column| if is_number(column) { "---:" } else { "---" });
    let rule = format!("| {} |\n", rule.collect::<Vec<_>>().join(" | "));
    heading + &rule + &lines.collect::<String>()
}

/// For programs.
pub(crate) fn json(rows: &[Row], setting: &Setting) -> Value {
    let microseconds = |nanoseconds: i64| nanoseconds as f64 / 1_000.0;
    let rows = rows.iter().map(|row| {
        json!({
            "event": row.moment.name(),
            "packet": row.moment.packet(),
            "right_side": row.moment.side().name(),
            "protocol": row.protocol.name(),
            "client": row.client.name(),
            "n": row.distances.len(),
            "median_us": microseconds(row.quantile(500)),
            "p99_us": microseconds(row.quantile(990)),
            "worst_us": microseconds(row.worst()),
            "wrong_side": row.wrong(),
            "worst_wrong_us": row.worst_wrong().map(microseconds),
        })
    });
    json!({
        "requests": setting.requests,
        "server_pause_us": setting.pause,
        "versions": setting.versions,
        "tolerance_us": microseconds(setting.tolerance),
        "rows": rows.collect::<Vec<_>>(),
    })
}

fn is_number(column: usize) -> bool {
    (5..9).contains(&column)
}

fn all_cells(rows: &[Row]) -> Vec<Vec<String>> {
    let heading = HEADINGS.iter().map(ToString::to_string).collect();
    std::iter::once(heading)
        .chain(rows.iter().map(cells))
        .collect()
}

fn cells(row: &Row) -> Vec<String> {
    let wrong = match row.worst_wrong() {
        Some(worst) => format!("{}, by {}", row.wrong(), number(worst)),
        None => "0".to_owned(),
    };
    vec![
        row.moment.name().to_owned(),
        row.moment.packet().to_owned(),
        row.moment.side().name().to_owned(),
        row.protocol.name().to_owned(),
        row.client.name().to_owned(),
        row.distances.len().to_string(),
        number(row.quantile(500)),
        number(row.quantile(990)),
        number(row.worst()),
        wrong,
    ]
}

/// Nanoseconds in microseconds.
fn number(nanoseconds: i64) -> String {
    format!("{:.1}", nanoseconds as f64 / 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::Client;
    use crate::moment::Moment;
    use crate::protocol::Protocol;

    fn row() -> Row {
        Row {
            moment: Moment::WroteRequest,
            protocol: Protocol::Http1,
            client: Client::Go,
            distances: vec![-12_345, -10, 20_000, 61_000],
            tolerance: 30,
        }
    }

    #[test]
    fn a_row_tells_of_both_sides() {
        let line = "| WroteRequest | last byte of the request | after | HTTP/1.1 | Go's httptrace | 4 | -0.0 | 61.0 | 61.0 | 1, by 12.3 |";
        assert_eq!(markdown(&[row()]).lines().nth(2), Some(line));
        let value = json(&[row()], &Setting::default());
        assert_eq!(value["rows"][0]["wrong_side"], 1);
        assert_eq!(value["rows"][0]["worst_wrong_us"], 12.345);
    }

    #[test]
    fn the_caption_tells_what_the_numbers_depend_on() {
        let mut setting = Setting {
            requests: 600,
            tolerance: 41,
            ..Setting::default()
        };
        let plain = "Microseconds; 600 requests of each client over each protocol; the clocks are known to 0.04.\n";
        assert_eq!(caption(&setting), plain);
        (setting.pause, setting.tolerance) = (200, 160);
        setting.versions.push("go1.27.3".to_owned());
        let all = "; the server takes 200 for an answer; the clocks are known to 0.16; go1.27.3.\n";
        assert!(caption(&setting).ends_with(all));
    }

    #[test]
    fn columns_stand_below_each_other() {
        let text = text(&[row()]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0].find("client"), lines[1].find("Go's"));
    }
}
