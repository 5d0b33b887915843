//! What it was measured on.

use std::fs;
use std::process::Command;

/// Processor, cores, kernel, memory; what is not known is left out.
pub(super) fn describe() -> String {
    let known = [processor(), cores(), memory(), kernel(), valgrind()];
    let known: Vec<String> = known.into_iter().flatten().collect();
    known.join(", ")
}

/// How this program was started, as a person would.
pub(super) fn command() -> String {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    format!("cargo run --release -p bench -- {}", arguments.join(" "))
}

/// The commit that is checked out.
pub(super) fn commit() -> Option<String> {
    said("git", &["rev-parse", "--short=12", "HEAD"])
}

fn processor() -> Option<String> {
    let info = fs::read_to_string("/proc/cpuinfo").ok()?;
    let model = info.lines().find(|line| line.starts_with("model name"))?;
    Some(model.split_once(':')?.1.trim().to_owned())
}

fn cores() -> Option<String> {
    let cores = std::thread::available_parallelism().ok()?;
    let info = fs::read_to_string("/proc/cpuinfo").ok()?;
    let there = info.lines().filter(|line| line.starts_with("processor"));
    Some(format!("{} cores", there.count().max(cores.get())))
}

fn memory() -> Option<String> {
    let info = fs::read_to_string("/proc/meminfo").ok()?;
    let total = info
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = total.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(format!("{} GiB", kib.div_ceil(1024 * 1024)))
}

fn kernel() -> Option<String> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").ok()?;
    Some(format!("Linux {}", release.trim()))
}

fn valgrind() -> Option<String> {
    said("valgrind", &["--version"])
}

fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let text = text.trim();
    (output.status.success() && !text.is_empty()).then(|| text.to_owned())
}
