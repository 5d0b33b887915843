//! The page that says where Go's own tests are, held against the scenarios and the Rust tests that it names.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::docs::{code, links};
use super::{assert_none, files, read, root};

const PAGE: &str = "conformance/go-tests.md";

/// A row: the test of Go's, and what stands beside it.
fn rows(page: &str) -> Vec<(&str, &str)> {
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| row.split_once("` | ")).collect()
}

/// Scenarios have hyphens in their names, and nothing else that the page names has.
fn is_scenario(name: &str) -> bool {
    name.contains('-')
}

/// Rust's tests have names of several words.
fn is_function(name: &str) -> bool {
    name.contains('_')
}

#[test]
fn the_scenarios_on_the_page_exist() {
    let page = read(PAGE);
    let paths = code(&page)
        .filter(|name| is_scenario(name))
        .map(|name| format!("conformance/scenarios/{name}.json"));
    let missing: Vec<_> = paths.filter(|path| !root().join(path).exists()).collect();
    assert_none(&missing);
}

#[test]
fn each_of_gos_tests_has_a_scenario_or_a_rust_test_or_a_reason() {
    let page = read(PAGE);
    let rows = rows(&page);
    assert!(rows.len() > 100, "the page has only {} rows", rows.len());
    let mut wrong = Vec::new();
    for (test, place) in &rows {
        let named: Vec<&str> = code(place).collect();
        let sources: Vec<String> = links(place).map(source).collect();
        for function in named.iter().filter(|name| is_function(name)) {
            let declaration = format!("fn {function}(");
            if !sources.iter().any(|text| text.contains(&declaration)) {
                wrong.push(format!("{test}: no file beside it has {function}"));
            }
        }
        let words = place.split_whitespace().count();
        let tested = named
            .iter()
            .any(|name| is_scenario(name) || is_function(name));
        if !tested && words < 5 {
            wrong.push(format!("{test}: neither a test nor a reason"));
        }
    }
    let tests: BTreeSet<_> = rows.iter().map(|(test, _)| test).collect();
    if tests.len() != rows.len() {
        wrong.push("a test has two rows".to_owned());
    }
    assert_none(&wrong);
}

/// The text of a file that the page links to; of none, if it is not there: that is another test's to tell.
fn source(link: &str) -> String {
    let path = root().join("conformance").join(link);
    std::fs::read_to_string(path).unwrap_or_default()
}

#[test]
fn the_page_and_the_scenarios_agree_on_what_is_re_created_where() {
    let page = read(PAGE);
    let mut told = BTreeMap::<String, BTreeSet<String>>::new();
    for (test, place) in rows(&page) {
        for scenario in code(place).filter(|name| is_scenario(name)) {
            let tests = told.entry(scenario.to_owned()).or_default();
            tests.insert(test.to_owned());
        }
    }
    let mut wrong = Vec::new();
    for path in files("conformance/scenarios", ".json") {
        let scenario: Value = serde_json::from_str(&read(&path)).expect("scenarios are JSON");
        let name = path
            .trim_start_matches("conformance/scenarios/")
            .trim_end_matches(".json");
        let says = match &scenario["go_test"] {
            Value::String(test) => [test.clone()].into(),
            Value::Array(tests) => {
                let tests = tests.iter().filter_map(Value::as_str);
                tests.map(ToOwned::to_owned).collect()
            }
            _ => BTreeSet::new(),
        };
        let told = told.get(name).cloned().unwrap_or_default();
        if says != told {
            wrong.push(format!("{name} says {says:?}, the page says {told:?}"));
        }
    }
    assert_none(&wrong);
}
