//! The program against servers that others wrote, and beside curl. `interop/README.md` tells more.
//!
//! One test for each case and server. A server that this machine lacks is skipped, aloud.

#[path = "../../../httptrace-client/tests/rig/crowd.rs"]
mod crowd;
mod curl;
mod frames;
mod http2;
mod http2_calls;
mod http2_crowd;
mod http2_site;
mod http2_trials;
mod log;
mod origin;
mod ours;
mod play;
mod proxy;
mod recipes;
mod seen;
mod server;
mod site;
mod streams;
mod world;

use std::env;
use std::io::Write;
use std::net::{Ipv4Addr, TcpStream};
use std::process::ExitCode;

use httptrace_test::RefusingAddr;
use libtest_mimic::{Arguments, Failed, Trial};

use log::Log;
use play::{Case, Stage, play};
use proxy::{Proxy, Target};
use server::{Recipe, Server, find};
use site::{Nginx, Site};
use world::{UPLOAD, World};

/// Cases mostly wait.
const AT_ONCE: usize = 6;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_ONCE);
    let Some(curl) = find(&["curl"]) else {
        skip("curl is not at hand, and nothing to compare with");
        return ExitCode::SUCCESS;
    };
    // At this port nobody answers as long as this lives.
    let dead = RefusingAddr::loopback();
    let prepared = World::new()
        .map_err(|why| why.to_string())
        .and_then(|mut world| {
            let stage = Stage {
                curl,
                authority: world.authority.clone(),
                scratch: world.folder.path().join("scratch"),
                log: None,
                nghttp: find(&["nghttp"]),
                frames: None,
            };
            if stage.nghttp.is_none() {
                skip("nghttp is not at hand, and its view of HTTP/2");
            }
            let sites = start(recipes::SITES, &world)?;
            let sites_of_http2 = start(recipes::HTTP2_SITES, &world)?;
            let mut trials = vec![Trial::test("frames", || {
                frames::check().map_err(Failed::from)
            })];
            trials.extend(
                sites
                    .iter()
                    .flat_map(|site| site_trials(site, &world, &stage)),
            );
            let of_http2 = sites_of_http2.iter();
            trials.extend(of_http2.flat_map(|site| http2_trials::of(site, &world, &stage)));
            let target = target(&sites, &sites_of_http2, &world, dead.addr().port());
            let mut servers = sites;
            servers.extend(sites_of_http2);
            if let Some(target) = target {
                world.values.insert("OPEN", target.open.to_string());
                let http2 = target.http2.unwrap_or(target.open);
                world.values.insert("OPEN_TOO", http2.to_string());
                let proxies = start(recipes::PROXIES, &world)?;
                trials.extend(
                    proxies
                        .iter()
                        .flat_map(|proxy| proxy_trials(proxy, &target, &stage)),
                );
                servers.extend(proxies);
            } else {
                skip("proxies: there is no server behind them");
            }
            Ok((world, servers, trials))
        });
    match prepared {
        // The servers and their files are kept until the tests have run.
        Ok((_world, _servers, trials)) => libtest_mimic::run(&arguments, trials).exit_code(),
        Err(why) => complain(&why),
    }
}

/// Starts those of them that this machine has.
fn start(recipes: &'static [Recipe], world: &World) -> Result<Vec<Server>, String> {
    let mut servers = Vec::new();
    for recipe in recipes {
        let Some(program) = find(recipe.programs) else {
            skip(&format!("{} is not at hand", recipe.name));
            continue;
        };
        let folder = world.folder.path().join(recipe.name);
        match Server::start(recipe, &program, &folder, &world.values) {
            Ok(server) => servers.push(server),
            // A build without what the templates ask for, say. Who works on the templates wants to know.
            Err(why) if env::var_os("INTEROP_STRICT").is_some() => return Err(why),
            Err(why) => skip(&why),
        }
    }
    Ok(servers)
}

fn site_trials(server: &Server, world: &World, stage: &Stage) -> Vec<Trial> {
    let log = match server.name() {
        "haproxy" => "said.log",
        _ => "access.log",
    };
    let site = Site {
        name: server.name(),
        http: server.port("HTTP"),
        tls12: server.port("TLS12"),
        tls13: server.port("TLS13"),
        nginx: (server.name() == "nginx").then(|| nginx(server, world)),
        upload: (world.upload.display().to_string(), UPLOAD as u64),
        tag: entity_tag(server.port("HTTP")),
    };
    let file = server.folder().join(log);
    let stage = Stage {
        log: Some(Log { file }),
        ..stage.clone()
    };
    trials(site.name, site.cases(), &stage)
}

fn nginx(server: &Server, world: &World) -> Nginx {
    let client = |name: &str| world.folder.path().join(name).display().to_string();
    Nginx {
        socket: server.folder().join("http.sock").display().to_string(),
        mutual: server.port("MUTUAL"),
        identity: (client("client.pem"), client("client.key")),
    }
}

/// Where proxies lead: to whichever site there is.
fn target(sites: &[Server], sites_of_http2: &[Server], world: &World, dead: u16) -> Option<Target> {
    let site = sites.first()?;
    let mut over_tls = sites_of_http2.iter().flat_map(Server::ports);
    Some(Target {
        http2: over_tls
            .find(|(name, _)| *name == "H2")
            .map(|(_, port)| port),
        http: site.port("HTTP"),
        open: site.port("TLS13"),
        barred: site.port("TLS12"),
        dead,
        upload: (world.upload.display().to_string(), UPLOAD as u64),
    })
}

/// A server may be several proxies, a port for each.
fn proxy_trials(server: &Server, target: &Target, stage: &Stage) -> Vec<Trial> {
    let is_tinyproxy = server.name().starts_with("tinyproxy");
    let ports = server.ports().flat_map(|(name, port)| {
        let proxy = Proxy {
            scheme: match name {
                "TLS" => "https",
                "HTTP" | "GUARDED" => "http",
                _ => "socks5h",
            },
            port,
            is_guarded: name.ends_with("GUARDED"),
            keeps: !is_tinyproxy,
            rejects: if is_tinyproxy { 401 } else { 407 },
        };
        let title = format!("{}::{}", server.name(), name.to_lowercase());
        trials(&title, proxy.cases(target), stage)
    });
    ports.collect()
}

pub(crate) fn trials(title: &str, cases: Vec<Case>, stage: &Stage) -> Vec<Trial> {
    let trial = |case: Case| {
        let stage = stage.clone();
        let name = format!("{title}::{}", case.name);
        Trial::test(name, move || play(&case, &stage).map_err(Failed::from))
    };
    cases.into_iter().map(trial).collect()
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

#[allow(clippy::print_stderr)] // it is a program
fn skip(why: &str) {
    eprintln!("skipped: {why}");
}

#[allow(clippy::print_stderr)] // it is a program
fn complain(why: &str) -> ExitCode {
    eprintln!("{why}");
    ExitCode::FAILURE
}
