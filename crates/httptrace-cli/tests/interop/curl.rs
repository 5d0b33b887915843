//! curl's view of the same exchange: what `--write-out '%{json}'` and `--dump-header` tell.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::ours::finish;
use crate::seen::{Call, Field, Head};

/// curl's run.
pub(crate) struct Curl {
    pub(crate) calls: Vec<Call>,
    /// The lengths of the status lines of all responses.
    pub(crate) status_lines: Vec<usize>,
    pub(crate) code: Option<i32>,
    pub(crate) stderr: String,
    pub(crate) told: Vec<Value>,
}

/// Runs curl with these arguments; `dump` is a file it may write to.
pub(crate) fn run(program: &Path, arguments: &[String], dump: &Path) -> Result<Curl, String> {
    let mut command = Command::new(program);
    command
        .args(["--disable", "--silent", "--show-error", "--http1.1"])
        .args(["--write-out", "%{json}\\n", "--dump-header"])
        .arg(dump)
        .args(arguments);
    let output = finish(command)?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let parse = |line: &str| serde_json::from_str(line).map_err(|error| format!("{error}: {line}"));
    let told: Vec<Value> = text.lines().map(parse).collect::<Result<_, _>>()?;
    let dumped = fs::read(dump).unwrap_or_default();
    let dumped = String::from_utf8_lossy(&dumped);
    let blocks: Vec<&str> = dumped
        .split("\r\n\r\n")
        .filter(|block| !block.is_empty())
        .collect();
    let mut heads = blocks.iter().filter_map(|block| head(block));
    Ok(Curl {
        calls: told.iter().map(|told| call(told, &mut heads)).collect(),
        status_lines: blocks
            .iter()
            .filter_map(|block| status_line(block))
            .collect(),
        code: output.status.code(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        told,
    })
}

fn call(told: &Value, heads: &mut impl Iterator<Item = Head>) -> Call {
    let number = |name: &str| told[name].as_u64().unwrap_or_default();
    let at = |name: &str| Duration::from_secs_f64(told[name].as_f64().unwrap_or_default());
    let status = Some(number("response_code")).filter(|status| *status != 0);
    let redirects = number("num_redirects");
    Call {
        status,
        version: told["http_version"].as_str().map(version),
        new_connections: number("num_connects"),
        redirects,
        downloaded: number("size_download"),
        decompressed: None,
        uploaded: number("size_upload"),
        // The path of a Unix socket it tells as far as 45 bytes go.
        remote: told["remote_ip"]
            .as_str()
            .filter(|ip| !ip.starts_with('/'))
            .map(|ip| format!("{ip}:{}", number("remote_port"))),
        heads: own(heads, redirects),
        tunnels: Some(number("http_connect"))
            .filter(|status| *status != 0)
            .map(Some)
            .into_iter()
            .collect(),
        waited: Some(at("time_starttransfer").saturating_sub(at("time_pretransfer"))),
        total: at("time_total"),
        error: told["errormsg"].as_str().map(str::to_owned),
    }
}

/// curl calls HTTP/1.0 `1`, and HTTP/2.0 `2`.
fn version(told: &str) -> String {
    let told = match told {
        "1" => "1.0",
        "2" => "2.0",
        told => told,
    };
    format!("HTTP/{told}")
}

/// The heads of one URL's responses: up to and with the final one after all redirects.
fn own(heads: &mut impl Iterator<Item = Head>, redirects: u64) -> Vec<Head> {
    let (mut own, mut finals) = (Vec::new(), 0);
    while finals <= redirects {
        let Some(head) = heads.next() else { break };
        finals += u64::from(head.status >= 200);
        own.push(head);
    }
    own
}

fn head(block: &str) -> Option<Head> {
    let mut lines = block.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let fields: Option<Vec<Field>> = lines
        .map(|line| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_lowercase(), value.trim().to_owned()))
        })
        .collect();
    Some(Head::new(status, fields?))
}

fn status_line(block: &str) -> Option<usize> {
    let line = block.split("\r\n").next()?;
    line.starts_with("HTTP/")
        .then_some(line.len() + "\r\n".len())
}
