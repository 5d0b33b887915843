//! The processes that are measured, and the servers they talk to.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::Error;
use crate::load::Load;
use crate::work::{Measured, Work};

/// Who runs where.
#[derive(Clone, Debug)]
pub(super) struct Cores {
    pub(super) server: Option<usize>,
    pub(super) worker: Vec<usize>,
}

impl Cores {
    /// The last core for the server, the first ones for the worker; they share where there are too few.
    pub(super) fn choose(cores: &[usize], threads: usize) -> Self {
        match cores {
            [] | [_] => Self {
                server: None,
                worker: Vec::new(),
            },
            [workers @ .., server] => {
                let mut worker: Vec<usize> = workers.iter().copied().take(threads).collect();
                if worker.len() < threads {
                    worker.push(*server);
                }
                Self {
                    server: Some(*server),
                    worker,
                }
            }
        }
    }
}

/// A server of its own process, ended when this is dropped.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    pub(super) port: u16,
}

impl Server {
    pub(super) fn start(load: Load, cores: &Cores) -> Result<Self, Error> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["serve", "--load", &load.name()]);
        if let Some(core) = cores.server {
            command.args(["--core", &core.to_string()]);
        }
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
                // It has ended by itself.
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

/// The arguments that tell a worker what to do.
pub(super) fn arguments(work: &Work) -> Vec<String> {
    let mut arguments: Vec<String> = vec!["work".into()];
    let mut say = |name: &str, value: String| arguments.extend([name.to_owned(), value]);
    say("--load", work.load.name());
    say("--client", work.client.name());
    say("--port", work.port.to_string());
    say("--calls", work.calls.to_string());
    say("--warm-up", work.warm_up.to_string());
    say("--threads", work.threads.to_string());
    if !work.cores.is_empty() {
        let cores: Vec<String> = work.cores.iter().map(usize::to_string).collect();
        say("--cores", cores.join(","));
    }
    if work.count_allocations {
        arguments.push("--count-allocations".into());
    }
    arguments
}

/// Runs a worker to its end.
pub(super) fn work(work: &Work) -> Result<Measured, Error> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(arguments(work));
    command.stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = command.output()?;
    if !output.status.success() {
        return Err(format!("{} could not do {}", work.client.name(), work.load.name()).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
