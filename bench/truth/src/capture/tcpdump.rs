//! The program itself: had, started, and ended when it has seen everything.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::{Capture, packets};
use crate::clock::wall_now;

/// How long a packet may take to show up. The kernel hands packets over once a second, or when it has many: what is
/// captured is disturbed least so.
const PATIENCE: Duration = Duration::from_secs(20);

/// A capture under way.
#[derive(Debug)]
pub(crate) struct Tcpdump {
    process: Child,
    folder: TempDir,
    marks: SocketAddr,
}

/// Whether tcpdump is at hand, if need be installed, which takes a Debian and its root.
pub(crate) fn install(may_install: bool) -> bool {
    if quietly(Command::new("tcpdump").arg("--version")) {
        return true;
    }
    if !may_install || !rustix::process::getuid().is_root() {
        return false;
    }
    let apt_get = |arguments: &[&str]| {
        let options = [
            "-q",
            "-y",
            "-o",
            "Acquire::Retries=1",
            "-o",
            "DPkg::Lock::Timeout=60",
        ];
        let mut command = Command::new("timeout");
        command
            .arg("180")
            .arg("apt-get")
            .args(options)
            .args(arguments);
        quietly(command.env("DEBIAN_FRONTEND", "noninteractive"))
    };
    let package = ["install", "--no-install-recommends", "tcpdump"];
    (apt_get(&package) || (apt_get(&["update"]) && apt_get(&package)))
        && quietly(Command::new("tcpdump").arg("--version"))
}

fn quietly(command: &mut Command) -> bool {
    let silent = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    silent.status().is_ok_and(|status| status.success())
}

impl Tcpdump {
    /// Captures what goes to these ports of this machine and comes from them, and nothing else. Returns when it does.
    pub(crate) fn start(servers: &[SocketAddr]) -> Result<Self, String> {
        let marks = *servers.first().ok_or("there is nothing to capture")?;
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let ports: Vec<String> = servers
            .iter()
            .map(|server| format!("tcp port {}", server.port()))
            .collect();
        let open = |name| File::create(folder.path().join(name)).map_err(|error| error.to_string());
        // It yields to those who are measured: the buffer is large enough for a run.
        let process = Command::new("nice")
            .args(["-n", "19", "tcpdump"])
            // The loopback interface has one kind of stamps, the kernel's own. The file is the standard output: tcpdump
            // would open one of a name as another user.
            .args(["-i", "lo", "-j", "host", "--time-stamp-precision=nano"])
            .args(["-n", "-s", "0", "-B", "65536", "-U", "-w", "-"])
            .arg(ports.join(" or "))
            .stdin(Stdio::null())
            .stdout(open(FILE)?)
            .stderr(open(WORDS)?)
            .spawn()
            .map_err(|error| format!("tcpdump cannot be started: {error}"))?;
        let mut this = Self {
            process,
            folder,
            marks,
        };
        this.mark()?;
        Ok(this)
    }

    /// Ends when everything until now is captured.
    pub(crate) fn end(mut self) -> Result<Capture, String> {
        self.mark()?;
        self.interrupt().map_err(|error| error.to_string())?;
        Ok(Capture {
            file: self.file()?,
            dropped: self.dropped(),
        })
    }

    /// Makes connections of its own until something of them is captured: then everything before is. They carry nothing, and
    /// nobody else talks to our ports meanwhile.
    fn mark(&mut self) -> Result<(), String> {
        let give_up = Instant::now() + PATIENCE;
        // A client may have had the same port before.
        let since = wall_now();
        while Instant::now() < give_up {
            TcpStream::connect(self.marks).map_err(|error| error.to_string())?;
            std::thread::sleep(Duration::from_millis(50));
            if packets(&self.file()?)?.any(|packet| packet.at > since) {
                return Ok(());
            }
            if let Ok(Some(_)) = self.process.try_wait() {
                break;
            }
        }
        Err(format!("tcpdump captures nothing: {}", self.words().trim()))
    }

    /// Asks it to end, and waits until it has.
    fn interrupt(&mut self) -> io::Result<()> {
        let pid = i32::try_from(self.process.id())
            .ok()
            .and_then(Pid::from_raw);
        if let Some(pid) = pid {
            kill_process(pid, Signal::INT)?;
        }
        self.process.wait().map(drop)
    }

    fn file(&self) -> Result<Vec<u8>, String> {
        fs::read(self.path(FILE)).map_err(|error| error.to_string())
    }

    /// What it says at its end: so many packets dropped by the kernel.
    fn dropped(&self) -> u64 {
        let words = self.words();
        let line = words
            .lines()
            .find(|line| line.contains("dropped by kernel"));
        let number = line.and_then(|line| line.split(' ').next());
        number.and_then(|number| number.parse().ok()).unwrap_or(0)
    }

    fn words(&self) -> String {
        let mut words = String::new();
        if let Ok(mut file) = File::open(self.path(WORDS)) {
            // What cannot be read is missing from a message, no more.
            let _ = file.read_to_string(&mut words);
        }
        words
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for Tcpdump {
    fn drop(&mut self) {
        // It has ended already, unless something failed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

const FILE: &str = "packets";
const WORDS: &str = "words";
