//! Go's program, which is built when it is needed.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Error;

/// The program, built; none where there is no Go, which is said aloud.
pub(super) fn build() -> Result<Option<PathBuf>, Error> {
    let Some(go) = find() else {
        eprintln!(
            "bench: skipped: go_hooks and go_none, since there is no Go of 1.24 or later here"
        );
        return Ok(None);
    };
    let target = std::env::current_exe()?.with_file_name("bench-go");
    let mut command = Command::new(go);
    command.args(["build", "-o"]).arg(&target).arg(".");
    command.current_dir(source());
    // Nothing else than what is here, whatever the surroundings say.
    command.env("GOTOOLCHAIN", "local").env("GOFLAGS", "");
    if !command.status()?.success() {
        return Err("Go's program could not be built".into());
    }
    Ok(Some(target))
}

/// The version of what `build` builds with.
pub(super) fn version() -> Option<String> {
    let output = Command::new(find()?)
        .args(["env", "GOVERSION"])
        .output()
        .ok()?;
    let version = String::from_utf8(output.stdout).ok()?;
    Some(version.trim().trim_start_matches("go").to_owned())
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("go")
}

/// The one on `PATH`, or the one that the conformance suite keeps.
fn find() -> Option<PathBuf> {
    let on_path = PathBuf::from("go");
    if is_new_enough(&on_path) {
        return Some(on_path);
    }
    let mut command = Command::new("bash");
    command.args([
        "-c",
        ". ../conformance/find-go && find_go kept && echo \"$go\"",
    ]);
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = command.stderr(Stdio::null()).output().ok()?;
    let kept = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    is_new_enough(&kept).then_some(kept)
}

/// HTTP/2 without TLS came with 1.24.
fn is_new_enough(go: &Path) -> bool {
    let output = Command::new(go).args(["env", "GOVERSION"]).output();
    output.is_ok_and(|output| minor(&String::from_utf8_lossy(&output.stdout)) >= Some(24))
}

fn minor(version: &str) -> Option<u32> {
    let minor = version.trim().strip_prefix("go1.")?;
    let digits = minor.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_second_number() {
        assert_eq!(minor("go1.26.8\n"), Some(26));
        assert_eq!(minor("go1.24rc1\n"), Some(24));
        assert_eq!(minor("devel go1.27-abc\n"), None);
    }
}
