//! Which crate may depend on which.

use std::process::Command;

use serde_json::Value;

use super::{assert_none, root};

/// For each crate of the workspace, the crates of the workspace it may name. Nothing points back.
const EDGES: &[(&str, &[&str])] = &[
    ("httptrace", &[]),
    ("httptrace-client", &["httptrace"]),
    ("httptrace-export", &["httptrace"]),
    ("httptrace-otel", &["httptrace"]),
    (
        "httptrace-cli",
        &[
            "httptrace",
            "httptrace-client",
            "httptrace-export",
            "httptrace-otel",
        ],
    ),
    ("httptrace-test", &["httptrace"]),
    ("bench", &["httptrace", "httptrace-client"]),
    // It serves its clients with the test kit's certificates, and is not published either.
    (
        "bench-truth",
        &["httptrace", "httptrace-client", "httptrace-test"],
    ),
];

/// What anybody may depend on for tests.
const TEST_KIT: &str = "httptrace-test";

#[test]
fn crates_depend_on_each_other_in_one_direction() {
    let mut wrong = Vec::new();
    for package in packages() {
        let name = package.name.as_str();
        let Some((_, allowed)) = EDGES.iter().find(|(known, _)| *known == name) else {
            wrong.push(format!("{name} is not in the table of edges"));
            continue;
        };
        for dependency in &package.dependencies {
            let to = dependency.name.as_str();
            let is_ours = EDGES.iter().any(|(known, _)| *known == to);
            let is_for_tests = dependency.is_for_tests && to == TEST_KIT;
            if is_ours && !is_for_tests && !allowed.contains(&to) {
                wrong.push(format!("{name} must not depend on {to}"));
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn the_vocabulary_depends_on_http_alone() {
    let packages = packages();
    let vocabulary = packages.iter().find(|package| package.name == "httptrace");
    let dependencies = vocabulary.map_or(&[][..], |package| &package.dependencies);
    let names: Vec<&str> = dependencies
        .iter()
        .filter(|dependency| !dependency.is_for_tests)
        .map(|dependency| dependency.name.as_str())
        .collect();
    assert_eq!(names, ["http"]);
}

#[test]
fn what_is_for_tests_is_not_published() {
    let packages = packages();
    let kit = packages.iter().find(|package| package.name == TEST_KIT);
    assert!(kit.is_some_and(|kit| !kit.is_published));
}

struct Package {
    name: String,
    is_published: bool,
    dependencies: Vec<Dependency>,
}

struct Dependency {
    name: String,
    /// A dev-dependency.
    is_for_tests: bool,
}

/// The packages of the workspace, as cargo itself understands the manifests.
fn packages() -> Vec<Package> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .current_dir(root())
        .output()
        .expect("cargo can be run");
    assert!(output.status.success(), "cargo metadata failed");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    list(&metadata["packages"])
        .map(|package| Package {
            name: text(&package["name"]),
            is_published: package["publish"].is_null(),
            dependencies: list(&package["dependencies"])
                .map(|dependency| Dependency {
                    name: text(&dependency["name"]),
                    is_for_tests: dependency["kind"] == "dev",
                })
                .collect(),
        })
        .collect()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().expect("a list").iter()
}

fn text(value: &Value) -> String {
    value.as_str().expect("a string").to_owned()
}
