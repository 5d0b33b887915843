//! `http-stat`, by a program of its own: it brings another TLS, and a workspace of its own keeps that out of ours.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::go::told_by;
use crate::compare::Told;
use crate::protocol::Protocol;
use crate::server::Server;

/// The program, built.
#[derive(Debug)]
pub(crate) struct HttpStat(PathBuf);

/// Builds it into this folder, which takes some minutes the first time.
pub(crate) fn build(folder: &Path) -> Result<HttpStat, String> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("http-stat/Cargo.toml");
    let target = folder.join("http-stat");
    let built = Command::new("cargo")
        .args(["build", "--locked", "--release", "--quiet", "--jobs", "2"])
        .arg("--manifest-path")
        .arg(manifest)
        .arg("--target-dir")
        .arg(&target)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cargo cannot be started: {error}"))?;
    match built.status.success() {
        true => Ok(HttpStat(target.join("release/bench-truth-http-stat"))),
        false => Err(format!(
            "http-stat cannot be built: {}",
            String::from_utf8_lossy(&built.stderr).trim()
        )),
    }
}

impl HttpStat {
    /// Sends as many requests as the plan has, each on a connection of its own: that is what its numbers are about.
    pub(crate) fn run(
        &self,
        server: &Server,
        protocol: Protocol,
        requests: usize,
    ) -> Result<Told, String> {
        let mut command = Command::new(&self.0);
        command.arg(protocol.argument());
        command.arg(server.address(protocol).to_string());
        command.arg(requests.to_string());
        told_by(&mut command, &server.authority)
    }
}
