//! What the sources may hold: one clock, short files, nothing left for later.

use super::{assert_none, files, read};

/// Where the clock is read, and why there. Everybody else is given the time.
const CLOCKS: &[(&str, &str)] = &[
    (
        "crates/httptrace/src/call.rs",
        "the clock of clients that bring none of their own, and the wall clock of CallStart",
    ),
    ("crates/httptrace-client/src/clock.rs", "the client's clock"),
    (
        "crates/httptrace-cli/src/main.rs",
        "the start of the program, from which `at_us` counts",
    ),
];

/// Lines that a file may have, tests apart.
const MAX_LINES: usize = 400;

/// Longer files, and why they are in one piece.
const LONG: &[(&str, &str)] = &[];

/// Kept out of sight of this file's own check.
const LEFT_FOR_LATER: [&str; 4] = ["TODO", "FIXME", "XXX", "HACK"];

#[test]
fn the_clock_is_read_in_few_places() {
    let mut wrong = Vec::new();
    let mut readers = Vec::new();
    for path in sources() {
        // The test kit is not part of what is measured, and the bench is what measures.
        if path.starts_with("crates/httptrace-test/") || path.starts_with("bench/") {
            continue;
        }
        let file = read(&path);
        let text = without_tests(&file);
        if text.contains("Instant::now") || text.contains("SystemTime::now") {
            if !is_listed(CLOCKS, &path) {
                wrong.push(format!("{path} reads the clock"));
            }
            readers.push(path);
        }
    }
    wrong.extend(outdated(CLOCKS, &readers));
    assert_none(&wrong);
}

#[test]
fn files_are_short() {
    let mut wrong = Vec::new();
    let mut long = Vec::new();
    for path in sources() {
        let lines = without_tests(&read(&path)).lines().count();
        if lines > MAX_LINES {
            if !is_listed(LONG, &path) {
                wrong.push(format!("{path} has {lines} lines without tests, more than {MAX_LINES}: split it where a second idea begins"));
            }
            long.push(path);
        }
    }
    wrong.extend(outdated(LONG, &long));
    assert_none(&wrong);
}

#[test]
fn nothing_is_left_for_later() {
    let mut wrong = Vec::new();
    let bench = files("bench", ".rs");
    for path in files("crates", ".rs").into_iter().chain(bench) {
        if path.ends_with("tests/house/sources.rs") {
            continue;
        }
        for (number, line) in (1..).zip(read(&path).lines()) {
            let mut words = line.split(|c: char| !c.is_alphanumeric());
            if words.any(|word| LEFT_FOR_LATER.contains(&word)) {
                wrong.push(format!("{path}:{number}: {}", line.trim()));
            }
        }
    }
    assert_none(&wrong);
}

/// The sources of all crates that are not tests as a whole.
pub(super) fn sources() -> Vec<String> {
    let mut sources = files("crates", ".rs");
    sources.extend(files("bench", ".rs"));
    sources.retain(|path| {
        let is_test = path.ends_with("/tests.rs") || path.contains("/tests/");
        // A stage for tests, declared under cfg(test) by the module above.
        let is_stage = path.ends_with("/dial/rig.rs");
        path.contains("/src/") && !is_test && !is_stage
    });
    assert!(sources.len() > 50, "the sources were not found");
    sources
}

/// A file up to its tests, which come last.
pub(super) fn without_tests(text: &str) -> &str {
    let marker = "\n#[cfg(test)]\n";
    let mut marked = text.match_indices(marker);
    let tests = marked.find(|(at, _)| {
        // `mod tests;` leads to a file of its own, and what follows it here is no test.
        let next = text[at + marker.len()..].lines().next();
        next.is_some_and(|line| line.contains("mod tests") && line.ends_with('{'))
    });
    tests.map_or(text, |(at, _)| &text[..at])
}

fn is_listed(list: &[(&str, &str)], path: &str) -> bool {
    list.iter().any(|(listed, _)| *listed == path)
}

/// Entries of a list that nothing needs any more.
fn outdated(list: &[(&str, &str)], needed: &[String]) -> Vec<String> {
    let unneeded = list
        .iter()
        .filter(|(listed, _)| !needed.iter().any(|path| path == listed));
    unneeded
        .map(|(listed, _)| format!("{listed} is excused without need"))
        .collect()
}
