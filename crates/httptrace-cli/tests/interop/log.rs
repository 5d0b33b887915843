//! The server's view: its log, to which all servers write lines of the same JSON.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::ours::text as words;
use crate::seen::{Entry, Tls};

/// Servers write a line after they have answered, Apache for example only when it has read on.
const PATIENCE: Duration = Duration::from_secs(10);

/// A server's log.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    pub(crate) file: PathBuf,
}

impl Log {
    /// The entries of this user agent, as soon as there are this many. Fewer, if no more come.
    pub(crate) fn entries(&self, agent: &str, count: usize) -> Result<Vec<Entry>, String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = entries(&self.file, agent)?;
            if found.len() >= count || Instant::now() > deadline {
                return Ok(found);
            }
            sleep(Duration::from_millis(10));
        }
    }
}

fn entries(file: &Path, agent: &str) -> Result<Vec<Entry>, String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    // The last line may be half written; and servers say other things, too.
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let lines = whole.lines().filter(|line| line.starts_with('{'));
    let mut found = Vec::new();
    for line in lines {
        let value: Value =
            serde_json::from_str(line).map_err(|error| format!("{error}: {line}"))?;
        if value["agent"] == agent {
            found.push(entry(&value));
        }
    }
    Ok(found)
}

fn entry(line: &Value) -> Entry {
    let number = |name: &str| {
        let text = || line[name].as_str()?.parse().ok();
        line[name].as_u64().or_else(text)
    };
    let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
    let fields = |all: &[Value]| {
        let field = |field: &Value| (words(&field[0]), words(&field[1]));
        all.iter().map(field).collect()
    };
    let seconds = |name: &str| line[name].as_f64().map(Duration::from_secs_f64);
    let millis = number("took_ms").map(Duration::from_millis);
    let micros = number("took_us").map(Duration::from_micros);
    let took = seconds("took_s").or(millis).or(micros);
    // What is not there, servers write as nothing or a hyphen.
    let tls = Some(text("tls")).filter(|version| !matches!(version.as_str(), "" | "-"));
    Entry {
        method: text("method"),
        target: text("target"),
        status: number("status").unwrap_or_default(),
        port: number("port").unwrap_or_default(),
        // Apache counts the requests that came before on the connection.
        nth: number("nth").or(number("kept").map(|kept| kept + 1)),
        version: line["protocol"].as_str().map(str::to_owned),
        stream: number("stream"),
        fields: line["fields"].as_array().map(|all| fields(all)),
        received: number("received"),
        peeks: number("kept").is_some(),
        sent: number("sent"),
        took: took.unwrap_or_default(),
        tls: tls.map(|version| Tls {
            version,
            cipher: text("cipher"),
            // nginx, Apache, HAProxy
            is_resumed: matches!(text("resumed").as_str(), "r" | "Resumed" | "1"),
        }),
    }
}
