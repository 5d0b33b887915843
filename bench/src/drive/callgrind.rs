//! Instructions, as valgrind's callgrind counts them.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::Error;
use crate::work::Work;

/// Whether there is a valgrind.
pub(super) fn is_there() -> bool {
    let mut command = Command::new("valgrind");
    command.arg("--version");
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// Runs a worker to its end, and counts all its instructions; the profile goes into a folder, if there is one.
pub(super) fn instructions(
    worker: Command,
    work: &Work,
    keep: Option<&Path>,
) -> Result<u64, Error> {
    let (load, client, calls) = (work.load.name(), work.client.name(), work.calls);
    let profile = match keep {
        Some(folder) => {
            std::fs::create_dir_all(folder)?;
            folder.join(format!("callgrind.{load}.{client}.{calls}"))
        }
        None => "/dev/null".into(),
    };
    let mut command = Command::new("valgrind");
    command.arg("--tool=callgrind");
    command.arg(format!("--callgrind-out-file={}", profile.display()));
    command.arg(worker.get_program()).args(worker.get_args());
    for (name, value) in worker.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    let output = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("{client} could not do {load} under valgrind:\n{said}").into());
    }
    collected(&said).ok_or_else(|| format!("valgrind said no number:\n{said}").into())
}

/// The number in callgrind's last words.
fn collected(said: &str) -> Option<u64> {
    let mut lines = said.lines();
    let number = lines.find_map(|line| line.split_once("Collected : "))?.1;
    number.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_found_among_callgrinds_last_words() {
        let said = "==9== Callgrind, a call-graph generating cache profiler\n==9== \n==9== Events    : Ir\n\
                    ==9== Collected : 4821003\n==9== \n==9== I   refs:      4,821,003\n";
        assert_eq!(collected(said), Some(4_821_003));
    }

    #[test]
    fn without_it_there_is_none() {
        assert_eq!(collected("==9== Events    : Ir\n==9== Collected :\n"), None);
        assert_eq!(collected("valgrind: no such tool"), None);
    }
}
