//! What the pages tell, held against what they tell of.

use std::collections::BTreeSet;

use httptrace::EventName;
use serde_json::Value;

use super::{assert_none, files, read, root};

const DIFFERENCES: &str = "docs/differences-from-go.md";

/// The pages that people read.
fn pages() -> Vec<String> {
    let top = [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
    ];
    let mut pages: Vec<String> = top.iter().map(ToString::to_string).collect();
    pages.extend(files("docs", ".md"));
    pages.extend(files("crates", ".md"));
    pages.extend(files("conformance", ".md"));
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
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')').map(|(link, _)| link))
}

#[test]
fn the_architecture_names_the_file_that_emits_each_event() {
    let page = read("ARCHITECTURE.md");
    let mut wrong = Vec::new();
    let mut told = BTreeSet::new();
    for row in page.lines().filter(|line| line.starts_with("| `")) {
        let mut cells = row.split('|').skip(1);
        let (events, emitters) = (cells.next(), cells.next());
        let events: Vec<EventName> = code(events.unwrap_or_default())
            .filter_map(|name| EventName::ALL.iter().find(|e| format!("{e:?}") == name))
            .copied()
            .collect();
        let paths: Vec<&str> = links(emitters.unwrap_or_default()).collect();
        for event in &events {
            told.insert(*event);
            for path in &paths {
                if !mentions(path, *event) {
                    wrong.push(format!("{path} does not emit {event:?}"));
                }
            }
            if paths.is_empty() {
                wrong.push(format!("nobody emits {event:?}, says the page"));
            }
        }
    }
    let untold = EventName::ALL.iter().filter(|event| !told.contains(*event));
    wrong.extend(untold.map(|event| format!("{event:?} is not on the page")));
    assert_none(&wrong);
}

/// What stands between backquotes.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Whether a file builds the event's info struct, or asks a guard for it (`DnsDone` comes of `dns_start`).
fn mentions(path: &str, event: EventName) -> bool {
    let text = read(path);
    let guard = event.as_str().replace("_done", "_start");
    text.contains(&format!("{event:?}::new")) || text.contains(&format!("{guard}("))
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
