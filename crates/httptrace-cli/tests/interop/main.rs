//! The program against servers that others wrote, and beside curl. `interop/README.md` tells more.
//!
//! One test for each case and server. A server that this machine lacks is skipped, aloud.

mod curl;
mod log;
mod origin;
mod ours;
mod play;
mod seen;
mod server;
mod site;

use std::collections::BTreeMap;
use std::env;
use std::error::Error;
use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, UNIX_EPOCH};

use httptrace_test::TestCa;
use libtest_mimic::{Arguments, Failed, Trial};
use tempfile::TempDir;

use log::Log;
use play::{Case, Stage, play};
use server::{Recipe, Server, find};
use site::Site;

/// Cases mostly wait.
const AT_ONCE: usize = 6;

const UPLOAD: usize = 3 * 1024 * 1024;

/// `tester` with the password `secret`.
const USERS: &str = "tester:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n";

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_ONCE);
    let world = match World::new() {
        Ok(world) => world,
        Err(why) => return complain(&why.to_string()),
    };
    let Some(curl) = find(&["curl"]) else {
        skip("curl is not at hand, and nothing to compare with");
        return ExitCode::SUCCESS;
    };
    let mut servers = Vec::new();
    let mut trials = Vec::new();
    for recipe in SITES {
        let Some(program) = find(recipe.programs) else {
            skip(&format!("{} is not at hand", recipe.name));
            continue;
        };
        let folder = world.folder.path().join(recipe.name);
        match Server::start(recipe, &program, &folder, &world.values) {
            Ok(server) => {
                trials.extend(world.trials(recipe.name, &server, &curl));
                servers.push(server);
            }
            // A build without what the templates ask for, say. Who works on the templates wants to know.
            Err(why) if env::var_os("INTEROP_STRICT").is_some() => return complain(&why),
            Err(why) => skip(&why),
        }
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    drop(servers);
    conclusion.exit_code()
}

const SITES: &[Recipe] = &[
    Recipe {
        name: "nginx",
        programs: &["nginx"],
        templates: &["nginx.conf", "nginx-site.conf"],
        ports: &["HTTP", "TLS12", "TLS13"],
        arguments: &[
            "-p",
            "@DIR@",
            "-e",
            "@DIR@/error.log",
            "-c",
            "@DIR@/nginx.conf",
        ],
    },
    Recipe {
        name: "apache",
        programs: &["apache2", "httpd"],
        templates: &["apache.conf"],
        ports: &["HTTP", "TLS12", "TLS13"],
        arguments: &["-f", "@DIR@/apache.conf", "-DFOREGROUND"],
    },
    Recipe {
        name: "haproxy",
        programs: &["haproxy"],
        templates: &["haproxy.cfg"],
        ports: &["HTTP", "TLS12", "TLS13"],
        arguments: &["-f", "@DIR@/haproxy.cfg"],
    },
];

/// What all servers share.
struct World {
    /// Gone with the world.
    folder: TempDir,
    values: BTreeMap<&'static str, String>,
    authority: PathBuf,
    upload: PathBuf,
}

impl World {
    fn new() -> Result<Self, Box<dyn Error>> {
        let folder = tempfile::Builder::new().prefix("interop").tempdir()?;
        let at = |name: &str| folder.path().join(name);
        open_to_all(folder.path())?;
        let files = at("files");
        fs::create_dir(&files)?;
        fs::create_dir(at("scratch"))?;
        for (name, length) in [
            ("small", origin::SMALL),
            ("medium", origin::MEDIUM),
            ("large", origin::LARGE),
        ] {
            let mut file = fs::File::create(files.join(name))?;
            file.write_all(&origin::text(length))?;
            // Apache gives what has just changed a weak tag, which becomes a strong one.
            file.set_modified(UNIX_EPOCH + Duration::from_secs(1_000_000_000))?;
        }
        let ca = TestCa::new();
        let (chain, key) = ca.server(&["127.0.0.1", "localhost"]).pem();
        fs::write(at("ca.pem"), ca.pem())?;
        fs::write(at("chain.pem"), &chain)?;
        fs::write(at("key.pem"), &key)?;
        fs::write(at("pair.pem"), chain + &key)?;
        fs::write(at("users"), USERS)?;
        fs::write(at("upload"), origin::text(UPLOAD))?;
        let path = |name: &str| at(name).display().to_string();
        let values = BTreeMap::from([
            ("FILES", path("files")),
            ("CERTIFICATE", path("chain.pem")),
            ("KEY", path("key.pem")),
            ("PAIR", path("pair.pem")),
            ("USERS", path("users")),
            ("SITE", path("nginx/nginx-site.conf")),
            ("MODULES", "/usr/lib/apache2/modules".to_owned()),
            ("ORIGIN", origin::serve()?.to_string()),
        ]);
        let (authority, upload) = (at("ca.pem"), at("upload"));
        Ok(Self {
            folder,
            values,
            authority,
            upload,
        })
    }

    fn trials(&self, name: &'static str, server: &Server, curl: &Path) -> Vec<Trial> {
        let log = match name {
            "haproxy" => "said.log",
            _ => "access.log",
        };
        let stage = Stage {
            curl: curl.to_owned(),
            authority: self.authority.clone(),
            scratch: self.folder.path().join("scratch"),
            log: Some(Log {
                file: server.folder().join(log),
            }),
        };
        let site = Site {
            name,
            http: server.port("HTTP"),
            tls12: server.port("TLS12"),
            tls13: server.port("TLS13"),
            upload: (self.upload.display().to_string(), UPLOAD as u64),
            tag: entity_tag(server.port("HTTP")),
        };
        let trial = |case: Case| {
            let stage = stage.clone();
            let title = format!("{name}::{}", case.name);
            Trial::test(title, move || play(&case, &stage).map_err(Failed::from))
        };
        site.cases().into_iter().map(trial).collect()
    }
}

/// What the server calls the present state of `/small`. Nothing, if it says nothing; then the test of it fails.
fn entity_tag(port: u16) -> String {
    let ask = || {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.write_all(b"HEAD /small HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")?;
        std::io::read_to_string(stream)
    };
    let head = ask().unwrap_or_default().to_lowercase();
    let (_, rest) = head.split_once("\netag: ").unwrap_or_default();
    rest.lines().next().unwrap_or_default().to_owned()
}

/// Servers may run as somebody else.
fn open_to_all(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))
}

#[allow(clippy::print_stderr)] // it is a program
fn skip(why: &str) {
    eprintln!("skipped: {why}");
}

#[allow(clippy::print_stderr)] // it is a program
fn complain(why: &str) -> ExitCode {
    eprintln!("{why}");
    ExitCode::FAILURE
}
