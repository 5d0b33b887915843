//! Plays each scenario of `conformance/scenarios` with our client, and compares with what Go's hooks report.
//!
//! One test for each scenario. `conformance/README.md` has the language of the scenarios, and the comparison.

mod address;
mod authority;
mod comparison;
mod events;
mod http2;
mod peer;
mod proxy;
mod recording;
mod request;
mod resolver;
mod scenario;
mod signals;
mod stream;
mod upgraded;
mod wire;
mod world;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};

use recording::Recording;
use scenario::Scenario;

/// Features that a scenario may need and that the client lacks, as it was built.
const LACKING: &[&str] = match cfg!(feature = "gzip") {
    true => &[],
    false => &["decompress"],
};

/// Scenarios mostly wait, so that many more of them than there are processors go on at the same time.
const AT_ONCE: usize = 16;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_ONCE);
    let names = match names() {
        Ok(names) => names,
        Err(why) => return complain(&why),
    };
    let trials = names.into_iter().map(trial).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

#[allow(clippy::print_stderr)] // it is a program
fn complain(why: &str) -> ExitCode {
    eprintln!("{why}");
    ExitCode::FAILURE
}

/// The scenarios' names. Each has a recording, and each recording has a scenario.
fn names() -> Result<BTreeSet<String>, String> {
    let scenarios = stems(&folder("scenarios"))?;
    let recorded = stems(&folder("recorded"))?;
    let alone: Vec<_> = scenarios.symmetric_difference(&recorded).collect();
    match alone.is_empty() {
        true if scenarios.is_empty() => Err("there are no scenarios".to_owned()),
        true => Ok(scenarios),
        false => Err(format!("either no scenario or no recording: {alone:?}")),
    }
}

fn stems(folder: &Path) -> Result<BTreeSet<String>, String> {
    let explain = |error: std::io::Error| format!("{}: {error}", folder.display());
    let files = std::fs::read_dir(folder).map_err(explain)?;
    let stems = files.map(|file| {
        let path = file.map_err(explain)?.path();
        let stem = path.file_stem().unwrap_or_default();
        Ok(stem.to_string_lossy().into_owned())
    });
    stems.collect()
}

fn folder(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance");
    root.join(name)
}

/// The test of a scenario. Ignored, with what it needs, if the client lacks that.
fn trial(name: String) -> Trial {
    let path = folder("scenarios").join(format!("{name}.json"));
    let recorded = folder("recorded").join(format!("{name}.ndjson"));
    let scenario = Scenario::load(&path);
    let needs = scenario
        .as_ref()
        .map_or(&[][..], |scenario| &scenario.needs);
    let lacking: Vec<_> = needs
        .iter()
        .map(String::as_str)
        .filter(|need| LACKING.contains(need))
        .collect();
    let kind = match lacking.is_empty() {
        true => String::new(),
        false => format!("needs {}", lacking.join(", ")),
    };
    let ignored = !lacking.is_empty();
    Trial::test(name, move || conform(&scenario?, &recorded))
        .with_kind(kind)
        .with_ignored_flag(ignored)
}

/// How often a scenario is played before its differences count: a busy machine may be late for once, with Go as with us
/// (`conformance/record` has the same rule). A broken rule of the checker counts the first time.
const PLAYS: usize = 3;

#[allow(clippy::print_stderr)] // what was not as it should be is not passed over in silence
fn conform(scenario: &Scenario, recorded: &Path) -> Result<(), Failed> {
    let go = comparison::load(recorded)?;
    let mut found = play(scenario, &go)?;
    for _ in 1..PLAYS {
        if found.is_empty() {
            break;
        }
        eprintln!(
            "{}: played again, since\n{}",
            scenario.title,
            found.join("\n")
        );
        found = play(scenario, &go)?;
    }
    match found.is_empty() {
        true => Ok(()),
        false => Err(found.join("\n").into()),
    }
}

/// What differs from Go's recording.
fn play(scenario: &Scenario, go: &Recording) -> Result<Vec<String>, Failed> {
    // Two threads, so that the sides of a connection really go on at the same time.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let (ours, played) = runtime.block_on(world::play(scenario));
    let mut found = comparison::differences(scenario, go, &ours);
    if let Err(why) = played {
        found.insert(0, why);
    }
    Ok(found)
}
