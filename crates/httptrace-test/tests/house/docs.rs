//! What the pages tell, held against what they tell of.

use std::collections::BTreeSet;

use httptrace::EventName;
use serde_json::Value;

use super::sources::{sources, without_tests};
use super::{assert_none, files, read, root};

const DIFFERENCES: &str = "docs/differences-from-go.md";

/// The pages that people read.
fn pages() -> Vec<String> {
    let top = [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "BENCHMARKS.md",
    ];
    let mut pages: Vec<String> = top.iter().map(ToString::to_string).collect();
    pages.extend(files("docs", ".md"));
    pages.extend(files("crates", ".md"));
    pages.extend(files("conformance", ".md"));
    pages.extend(files("interop", ".md"));
    pages.extend(files("bench", ".md"));
    pages
}

#[test]
fn links_between_files_lead_somewhere() {
    let mut wrong = Vec::new();
    for page in pages() {
        let text = read(&page);
        let folder = page.rsplit_once('/').map_or("", |(folder, _)| folder);
        for link in links(&text) {
            // Links into the documentation (`crate::…`, `Type`) are rustdoc's to check.
            let is_path = link.contains('/') || link.ends_with(".md");
            if link.contains("://") || link.starts_with('#') || !is_path {
                continue;
            }
            let path = link.split('#').next().unwrap_or_default();
            if !root().join(folder).join(path).exists() {
                wrong.push(format!("{page}: {link} leads nowhere"));
            }
        }
    }
    assert_none(&wrong);
}

/// What stands in the round brackets of Markdown's links.
pub(super) fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')').map(|(link, _)| link))
}

#[test]
fn the_architecture_names_the_one_file_that_emits_each_event() {
    let page = read("ARCHITECTURE.md");
    let emitters = emitters();
    let mut wrong = Vec::new();
    let mut told = BTreeSet::new();
    for row in page.lines().filter(|line| line.starts_with("| `")) {
        let mut cells = row.split('|').skip(1);
        let (events, place) = (cells.next(), cells.next());
        let place = place.unwrap_or_default();
        for event in code(events.unwrap_or_default()).filter_map(event_named) {
            let named: BTreeSet<&str> = links(place).collect();
            let emitting = emitters.iter().filter(|(_, text)| emits(text, event));
            let emitting: BTreeSet<&str> = emitting.map(|(path, _)| path.as_str()).collect();
            if named != emitting || named.len() > 1 {
                wrong.push(format!(
                    "{event:?} is emitted in {emitting:?}, not in {named:?}"
                ));
            }
            told.insert(event);
        }
    }
    let untold = EventName::ALL.iter().filter(|event| !told.contains(*event));
    wrong.extend(untold.map(|event| format!("{event:?} is not on the page")));
    assert_none(&wrong);
}

fn event_named(name: &str) -> Option<EventName> {
    let mut all = EventName::ALL.iter().copied();
    all.find(|event| format!("{event:?}") == name)
}

/// What stands between backquotes.
pub(super) fn code(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The sources that emit events of their own accord, with their texts: the client, and what the vocabulary does for it.
fn emitters() -> Vec<(String, String)> {
    let mut paths = sources();
    paths.retain(|path| {
        path.starts_with("crates/httptrace-client/src/")
            || path == "crates/httptrace/src/call.rs"
            || path == "crates/httptrace/src/emitter.rs"
    });
    let with_text = |path: String| {
        let text = without_tests(&read(&path)).to_owned();
        (path, text)
    };
    paths.into_iter().map(with_text).collect()
}

/// Whether a source builds the event's info struct, or asks for a guard that does (`.dns_start(` emits `DnsDone` too), or
/// emits many at once (`.wrote_header_fields_at(`).
fn emits(text: &str, event: EventName) -> bool {
    let guard = event.as_str().replace("_done", "_start");
    let info = format!("{event:?}::new");
    // The name alone: `GotBody::new` is not in `NotGotBody::new`.
    let mut builds = text
        .match_indices(&info)
        .map(|(at, _)| !text[..at].ends_with(char::is_alphanumeric));
    let has_guard = guard.ends_with("_start") && text.contains(&format!(".{guard}("));
    let many = format!(".{}s_at(", event.as_str());
    builds.any(|is_whole_name| is_whole_name) || has_guard || text.contains(&many)
}

#[test]
fn the_readme_lists_every_hook() {
    let page = read("README.md");
    let hooks = EventName::ALL.iter().map(|event| format!("`on_{event}`"));
    let missing: Vec<String> = hooks.filter(|hook| !page.contains(hook)).collect();
    assert_none(&missing);
}

#[test]
fn each_difference_that_a_scenario_shows_is_on_the_page() {
    let page = read(DIFFERENCES);
    let mut wrong = Vec::new();
    for (scenario, number) in shown_differences() {
        let Some(section) = section(&page, number) else {
            wrong.push(format!(
                "difference {number} is not on the page; {scenario} shows it"
            ));
            continue;
        };
        if !section.contains(&format!("`{scenario}`")) {
            wrong.push(format!(
                "difference {number} does not name its scenario {scenario}"
            ));
        }
    }
    assert_none(&wrong);
}

#[test]
fn each_scenario_that_the_page_names_exists() {
    let page = read(DIFFERENCES);
    let mut wrong = Vec::new();
    for line in page.lines().filter(|line| line.starts_with("Shown by")) {
        for scenario in code(line) {
            let path = format!("conformance/scenarios/{scenario}.json");
            if !root().join(&path).exists() {
                wrong.push(format!("{path} does not exist"));
            }
        }
    }
    assert_none(&wrong);
}

/// Each scenario with each difference that it shows.
fn shown_differences() -> Vec<(String, u64)> {
    let mut shown = BTreeSet::new();
    for path in files("conformance/scenarios", ".json") {
        let scenario: Value = serde_json::from_str(&read(&path)).expect("scenarios are JSON");
        let name = path
            .trim_start_matches("conformance/scenarios/")
            .trim_end_matches(".json");
        for entry in scenario["differs"].as_array().into_iter().flatten() {
            let number = entry["difference"].as_u64().expect("a number");
            shown.insert((name.to_owned(), number));
        }
    }
    assert!(!shown.is_empty(), "no scenario differs");
    shown.into_iter().collect()
}

/// The text under the heading `## N. …`.
fn section(page: &str, number: u64) -> Option<&str> {
    let (_, rest) = page.split_once(&format!("\n## {number}. "))?;
    Some(rest.split("\n## ").next().unwrap_or(rest))
}
