//! Who was measured: versions and features.

use std::fmt::Write;

use crate::client::Client;
use crate::drive;

/// What the bench was built with.
const LOCK: &str = include_str!("../../../Cargo.lock");

/// A line for each client.
pub(super) fn text(clients: &[Client]) -> String {
    let mut text = String::new();
    for client in clients {
        let (name, version) = (client.name(), version(*client));
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name:14} {version:28} {}", client.features());
    }
    text
}

/// A table of the clients.
pub(super) fn markdown(clients: &[Client]) -> String {
    let mut text =
        String::from("| client | version | what it does, and is built with |\n|---|---|---|\n");
    for client in clients {
        let (name, version) = (client.name(), version(*client));
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| `{name}` | {version} | {} |", client.features());
    }
    text
}

fn version(client: Client) -> String {
    let of = |packages: &[&str]| {
        let versions = packages
            .iter()
            .filter_map(|package| Some(format!("{package} {}", locked(LOCK, package)?)));
        versions.collect::<Vec<_>>().join(", ")
    };
    match client {
        Client::OursNone | Client::OursEmpty | Client::OursRecorded => of(&["httptrace-client"]),
        Client::Hyper => of(&["hyper", "h2"]),
        Client::HyperUtil => of(&["hyper-util", "hyper-rustls"]),
        Client::Reqwest => of(&["reqwest"]),
        Client::Openwire => of(&["openwire"]),
        Client::Raw => of(&["tokio"]),
        Client::GoHooks | Client::GoNone => match drive::go_version() {
            Some(version) => format!("Go {version}"),
            None => "absent".to_owned(),
        },
    }
}

/// The version of a package in a lock file.
fn locked<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    let version = lines.nth(1)?.strip_prefix("version = \"")?;
    version.strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_found_in_a_lock_file() {
        let lock = "[[package]]\nname = \"a-b\"\nversion = \"1.2.3\"\n\n[[package]]\nname = \"a\"\nversion = \"4.5.6\"\n";
        assert_eq!(locked(lock, "a"), Some("4.5.6"));
        assert_eq!(locked(lock, "b"), None);
    }
}
