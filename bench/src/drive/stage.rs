//! The processes: those that are measured, and the servers they talk to.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::go;
use crate::certificate::{CERTIFICATE, Certificate, KEY};
use crate::client::Client;
use crate::load::Load;
use crate::work::{Measured, Mode, Work};
use crate::{Error, usage};

/// Where they run.
#[derive(Debug)]
pub(super) struct Stage {
    cores: Vec<usize>,
    certificate: Certificate,
    ours: PathBuf,
    go: Option<PathBuf>,
}

impl Stage {
    /// Makes ready for these clients.
    pub(super) fn set(clients: &[Client]) -> Result<Self, Error> {
        let needs_go = clients.iter().any(|client| client.is_go());
        Ok(Self {
            cores: usage::cores()?,
            certificate: Certificate::new()?,
            ours: std::env::current_exe()?,
            go: if needs_go { go::build()? } else { None },
        })
    }

    pub(super) fn has(&self, client: Client) -> bool {
        !client.is_go() || self.go.is_some()
    }

    /// Starts a server, on the last core if there are two.
    pub(super) fn server(&self, load: Load) -> Result<Server, Error> {
        let mut command = Command::new(&self.ours);
        command.args(["serve", "--load", &load.name()]);
        if let [_, .., last] = self.cores[..] {
            command.args(["--core", &last.to_string()]);
        }
        command.env(CERTIFICATE, &self.certificate.certificate);
        command.env(KEY, &self.certificate.key);
        Server::start(command)
    }

    /// How a worker is started. It runs on the first cores, which it has from this process.
    pub(super) fn command(&self, work: &Work) -> Result<Command, Error> {
        // More threads than that share a core with the server: there is no other.
        let cores = self.cores.iter().copied().take(work.threads);
        usage::pin(&cores.collect::<Vec<_>>())?;
        let mut command = match &self.go {
            Some(go) if work.client.is_go() => Command::new(go),
            _ => {
                let mut command = Command::new(&self.ours);
                command.arg("work");
                command
            }
        };
        command.arg(format!("--load={}", work.load.name()));
        command.arg(format!("--client={}", work.client.name()));
        command.arg(format!("--port={}", work.port));
        command.arg(format!("--calls={}", work.calls));
        command.arg(format!("--threads={}", work.threads));
        match work.mode {
            Mode::Plain => {}
            Mode::Latencies => _ = command.arg("--latencies"),
            Mode::Allocations => _ = command.arg("--allocations"),
        }
        if work.client.is_go() {
            // What it would otherwise need a copy of.
            command.arg(format!("--concurrency={}", work.load.concurrency()));
            command.arg(format!("--warm-up={}", work.load.warm_up()));
            command.arg(format!("--upload={}", work.load.upload().unwrap_or(0)));
        }
        command.env(CERTIFICATE, &self.certificate.certificate);
        command.stdin(Stdio::null());
        Ok(command)
    }

    /// Runs a worker to its end.
    pub(super) fn work(&self, work: &Work) -> Result<Measured, Error> {
        let mut command = self.command(work)?;
        let output = command.stderr(Stdio::inherit()).output()?;
        if !output.status.success() {
            return Err(format!("{} could not do {}", work.client.name(), work.load.name()).into());
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}

/// A server, ended when this is dropped.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    pub(super) port: u16,
}

impl Server {
    fn start(mut command: Command) -> Result<Self, Error> {
        // Its end is the end of its input, even where this process is killed.
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        match line.trim().parse() {
            Ok(port) => Ok(Self { child, port }),
            Err(_) => {
                // It has ended by itself, and said why.
                child.wait()?;
                Err("the server did not start".into())
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Neither can fail in a way that matters: it is over either way.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
