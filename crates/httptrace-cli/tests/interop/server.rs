//! A foreign server: found on this machine, given a configuration, started on free ports, and ended.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Who the servers run as where the tests run as root: the user and the group `nobody`.
const NOBODY: u32 = 65534;

/// Another process may take a port between its choice and its use.
const STARTS: usize = 3;

const PATIENCE: Duration = Duration::from_secs(10);

/// What a server is started from.
pub(crate) struct Recipe {
    /// Its name in the tests.
    pub(crate) name: &'static str,
    /// What its program may be called.
    pub(crate) programs: &'static [&'static str],
    /// The templates in the folder `interop`, the main one first.
    pub(crate) templates: &'static [&'static str],
    /// The names of the ports it listens on, as its templates call them.
    pub(crate) ports: &'static [&'static str],
    /// Its arguments. Names between `@` are filled in, as in templates.
    pub(crate) arguments: &'static [&'static str],
}

/// A server that answers, until this is dropped.
pub(crate) struct Server {
    name: &'static str,
    ports: BTreeMap<&'static str, u16>,
    folder: PathBuf,
    child: Child,
}

impl Server {
    /// Starts the program with what is filled into its templates. The error tells why it could not be had; it has
    /// nothing to do with the client.
    pub(crate) fn start(
        recipe: &Recipe,
        program: &Path,
        folder: &Path,
        values: &BTreeMap<&'static str, String>,
    ) -> Result<Self, String> {
        let mut why = String::new();
        for _ in 0..STARTS {
            match Self::start_once(recipe, program, folder, values) {
                Ok(server) => return Ok(server),
                Err(error) => why = error,
            }
        }
        Err(why)
    }

    fn start_once(
        recipe: &Recipe,
        program: &Path,
        folder: &Path,
        values: &BTreeMap<&'static str, String>,
    ) -> Result<Self, String> {
        let failed = |error: io::Error| format!("{} cannot be started: {error}", recipe.name);
        let ports = free_ports(recipe.ports).map_err(failed)?;
        let mut values = values.clone();
        values.insert("DIR", folder.display().to_string());
        for (name, port) in &ports {
            values.insert(name, port.to_string());
        }
        fs::create_dir_all(folder).map_err(failed)?;
        for template in recipe.templates {
            let text = fs::read_to_string(templates().join(template)).map_err(failed)?;
            fs::write(folder.join(template), fill_in(&text, &values)).map_err(failed)?;
        }
        let said = folder.join("said.log");
        let file = File::create(&said).map_err(failed)?;
        let arguments = recipe.arguments.iter();
        let mut command = Command::new(program);
        command
            .args(arguments.map(|argument| fill_in(argument, &values)))
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(file.try_clone().map_err(failed)?)
            .stderr(file);
        if fs::metadata(folder).map_err(failed)?.uid() == 0 {
            chown(folder, Some(NOBODY), Some(NOBODY)).map_err(failed)?;
        }
        if fs::metadata(folder).map_err(failed)?.uid() == NOBODY {
            command.uid(NOBODY).gid(NOBODY);
        }
        let child = command.spawn().map_err(failed)?;
        let mut server = Self {
            name: recipe.name,
            ports,
            folder: folder.to_owned(),
            child,
        };
        server.wait_until_it_listens().map_err(|error| {
            let said = fs::read_to_string(&said).unwrap_or_default();
            let errors = fs::read_to_string(folder.join("error.log")).unwrap_or_default();
            format!("{error}\n{said}{errors}")
        })?;
        Ok(server)
    }

    fn wait_until_it_listens(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        for port in self.ports.values() {
            let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, *port));
            while TcpStream::connect(addr).is_err() {
                if let Ok(Some(status)) = self.child.try_wait() {
                    return Err(format!("it ended at once: {status}"));
                }
                if Instant::now() > deadline {
                    return Err(format!("it does not listen on {addr}"));
                }
                sleep(Duration::from_millis(20));
            }
        }
        Ok(())
    }

    /// What its recipe calls it.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// All its ports, by their names.
    pub(crate) fn ports(&self) -> impl Iterator<Item = (&'static str, u16)> {
        self.ports.iter().map(|(name, port)| (*name, *port))
    }

    /// Its port of this name.
    pub(crate) fn port(&self, name: &str) -> u16 {
        self.ports[name]
    }

    /// Where its files are.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        // SIGTERM first: a master process that is killed leaves its workers behind.
        let pid = self.child.id().to_string();
        let _ = Command::new("kill").arg(pid).status();
        let deadline = Instant::now() + Duration::from_secs(3);
        while Instant::now() < deadline {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first of these programs that this machine has.
pub(crate) fn find(programs: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    // Where servers are, and where the path of most users does not lead.
    folders.extend(["/usr/sbin", "/usr/local/sbin", "/sbin"].map(PathBuf::from));
    let mut candidates = programs
        .iter()
        .flat_map(|program| folders.iter().map(move |folder| folder.join(program)));
    candidates.find(|path| path.is_file())
}

/// The folder of the templates.
fn templates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../interop")
}

/// A text with each `@NAME@` replaced.
fn fill_in(text: &str, values: &BTreeMap<&'static str, String>) -> String {
    let mut text = text.to_owned();
    for (name, value) in values {
        text = text.replace(&format!("@{name}@"), value);
    }
    text
}

/// Ports that are free now, all at the same time.
fn free_ports(names: &[&'static str]) -> io::Result<BTreeMap<&'static str, u16>> {
    let bind = |name: &&'static str| {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        Ok((*name, listener))
    };
    let listeners: Vec<_> = names.iter().map(bind).collect::<io::Result<_>>()?;
    let port =
        |(name, listener): &(&'static str, TcpListener)| Ok((*name, listener.local_addr()?.port()));
    listeners.iter().map(port).collect()
}
