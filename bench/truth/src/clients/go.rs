//! Go's `net/http/httptrace`: a program of its own, which does the same with its hooks.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Claim;
use crate::compare::Told;
use crate::protocol::Protocol;
use crate::server::Server;

/// The program, built.
#[derive(Debug)]
pub(crate) struct Go {
    program: PathBuf,
    /// What Go says of itself.
    pub(crate) version: String,
}

/// Builds the program into this folder; absent if there is no Go.
pub(crate) fn build(folder: &Path) -> Result<Option<Go>, String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("go");
    let program = folder.join("go-trace");
    let built = Command::new("bash")
        .arg(source.join("build"))
        .arg(&program)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("bash cannot be started: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    match built.status.code() {
        Some(0) => Ok(Some(Go {
            program,
            version: text(&built.stdout),
        })),
        Some(NO_GO) => Ok(None),
        _ => Err(format!(
            "the Go program cannot be built: {}",
            text(&built.stderr)
        )),
    }
}

/// The exit code of `go/build` where there is no Go.
const NO_GO: i32 = 3;

impl Go {
    /// Follows the plan.
    pub(crate) fn run(
        &self,
        server: &Server,
        protocol: Protocol,
        requests: usize,
    ) -> Result<Told, String> {
        let mut command = Command::new(&self.program);
        command.args(["-protocol", protocol.argument()]);
        command.args(["-address", &server.address(protocol).to_string()]);
        command.args(["-requests", &requests.to_string()]);
        told_by(&mut command, &server.authority)
    }
}

/// Runs a program that says its claims in lines. What it is given to read is the authority to trust. It reads the wall
/// clock itself.
pub(super) fn told_by(command: &mut Command, authority: &str) -> Result<Told, String> {
    let piped = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = piped.spawn().map_err(|error| error.to_string())?;
    if let Some(mut input) = child.stdin.take() {
        // A program that has ended already says below why.
        let _ = input.write_all(authority.as_bytes());
    }
    let output = child
        .wait_with_output()
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{}: {}", output.status, words.trim()));
    }
    Ok(Told {
        claims: Claim::parse_all(&String::from_utf8_lossy(&output.stdout))?,
        uncertainty: 0,
    })
}
