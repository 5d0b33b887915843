//! Everything that a server of HTTP/2 is put through.

use std::path::PathBuf;

use libtest_mimic::{Failed, Trial};

use crate::http2::both_programs_agree;
use crate::http2_calls::{bodies_that_are_given_up, trailers};
use crate::http2_crowd::{Doors, gatherings};
use crate::http2_site::Http2Site;
use crate::log::Log;
use crate::play::Stage;
use crate::server::Server;
use crate::trials;
use crate::world::World;

/// The trials of this server.
pub(crate) fn of(server: &Server, world: &World, stage: &Stage) -> Vec<Trial> {
    let ports: Vec<_> = server.ports().collect();
    let port = |name| {
        let own = ports.iter().find(|(own, _)| *own == name);
        own.map(|(_, port)| *port)
    };
    let site = Http2Site {
        name: server.name(),
        plain: port("H2C"),
        secure: port("H2"),
        leaving: port("LEAVING"),
        windows: port("STREAM").zip(port("CONNECTION")),
        limited: port("LIMITED"),
        uploads: world.uploads.clone(),
    };
    let is_nghttpd = site.name.starts_with("nghttpd");
    let said = server.folder().join("said.log");
    let stage = Stage {
        log: log(server).filter(|_| !is_nghttpd).map(|file| Log { file }),
        frames: is_nghttpd.then(|| said.clone()),
        ..stage.clone()
    };
    let mut all = trials(site.name, site.cases(), &stage);
    let doors = Doors {
        plain: site.plain,
        secure: site.secure,
        narrow: port("NARROW"),
    };
    for gathering in gatherings(site.name, &doors, stage.authority.clone()) {
        all.push(trial(&site, gathering.name, move || gathering.hold()));
    }
    match (site.name, site.plain) {
        ("go" | "node", Some(port)) => {
            all.push(trial(&site, "an_upload_with_trailers", move || {
                trailers(port)
            }));
        }
        ("nghttpd-plain", Some(port)) => {
            let (nghttp, log, file) = (stage.nghttp, said.clone(), site.uploads[1].0.clone());
            if let Some(nghttp) = nghttp {
                let agree = move || both_programs_agree(&nghttp, port, &log, &file);
                all.push(trial(&site, "nghttp_gives_the_same_account", agree));
            }
            all.push(trial(
                &site,
                "bodies_that_are_given_up_leave_the_connection_to_the_others",
                move || bodies_that_are_given_up(port, &said),
            ));
        }
        _ => {}
    }
    all
}

/// Where the server writes a line for each request.
fn log(server: &Server) -> Option<PathBuf> {
    let files = ["access.log", "said.log"].map(|name| server.folder().join(name));
    files.into_iter().find(|file| file.is_file())
}

fn trial(
    site: &Http2Site,
    name: &str,
    run: impl FnOnce() -> Result<(), String> + Send + 'static,
) -> Trial {
    let name = format!("{}::{name}", site.name);
    Trial::test(name, || run().map_err(Failed::from))
}
