//! Compares our recording with Go's, sequence by sequence, both in one form.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use crate::recording::{Line, Place, Recording, WIRE};
use crate::scenario::{Differs, Scenario};

/// Reads one of Go's recordings.
pub(crate) fn load(path: &Path) -> Result<Recording, String> {
    let text =
        std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut recording = Recording::new();
    for line in text.lines() {
        let mut line: Line =
            serde_json::from_str(line).map_err(|error| format!("{}: {error}", path.display()))?;
        let side = taken(&mut line, "side")?;
        let of = taken(&mut line, if side == WIRE { "connection" } else { "label" })?;
        let place = Place { of, side };
        recording.entry(place).or_default().push(line);
    }
    Ok(recording)
}

fn taken(line: &mut Line, key: &str) -> Result<String, String> {
    match line.remove(key) {
        Some(Value::String(text)) => Ok(text),
        other => Err(format!("{key} is {other:?} in {line:?}")),
    }
}

/// What is not as it should be; nothing, if the recordings agree.
pub(crate) fn differences(scenario: &Scenario, go: &Recording, ours: &Recording) -> Vec<String> {
    let form = Form {
        resume: scenario.client.resume,
        compression: scenario.client.compression,
        http2: scenario.client.http2.is_some(),
        urls: scenario
            .requests()
            .map(|request| (request.label.clone(), !request.untraced))
            .collect(),
    };
    let mut found = Vec::new();
    let on_purpose = on_purpose(&scenario.differs, &mut found);
    let places: BTreeSet<&Place> = go
        .keys()
        .chain(ours.keys())
        .chain(on_purpose.keys())
        .collect();
    for place in places {
        let none = Vec::new();
        let go = form.of_go(place, go.get(place).unwrap_or(&none));
        let ours = form.of(place, ours.get(place).unwrap_or(&none));
        let Some(differs) = on_purpose.get(place) else {
            if !agree(&go, &ours) {
                found.push(shown(place, "Go", &go, &ours));
            }
            continue;
        };
        let expected: Vec<Line> = differs
            .expect
            .iter()
            .filter_map(Value::as_object)
            .cloned()
            .collect();
        let expected = form.of(place, &expected);
        if expected == go {
            let number = differs.difference;
            found.push(format!(
                "difference {number} expects what Go does: {place:?}"
            ));
        }
        if expected != ours {
            let what = format!("difference {} ({})", differs.difference, differs.why);
            found.push(shown(place, &what, &expected, &ours));
        }
    }
    found
}

fn on_purpose<'a>(differs: &'a [Differs], found: &mut Vec<String>) -> BTreeMap<Place, &'a Differs> {
    let mut places = BTreeMap::new();
    for entry in differs {
        let of = entry.label.as_ref().or(entry.connection.as_ref());
        let place = Place {
            of: of.cloned().unwrap_or_default(),
            side: entry.side.clone(),
        };
        let about_wire = entry.connection.is_some() && entry.label.is_none();
        if about_wire != (place.side == WIRE) || entry.expect.iter().any(|line| !line.is_object()) {
            found.push(format!("a difference is not well-formed: {entry:?}"));
        }
        if let Some(twice) = places.insert(place, entry) {
            found.push(format!("two differences are about one sequence: {twice:?}"));
        }
    }
    places
}

/// Classes of errors that are the same in other words: Go's, and ours.
const SAME_CLASS: [(&str, &str); 4] = [
    ("closed", "reset"),
    ("usage", "redirect"),
    ("proxy", "refused"),
    ("proxy", "unreachable"),
];

/// Same events, same order, same fields, but for [`SAME_CLASS`].
fn agree(go: &[Line], ours: &[Line]) -> bool {
    go.len() == ours.len()
        && go.iter().zip(ours).all(|(go, ours)| {
            let says = |line: &Line, class: &str| line.get("error").is_some_and(|e| e == class);
            let mut same = SAME_CLASS.iter();
            match same.find(|(theirs, own)| says(go, theirs) && says(ours, own)) {
                Some((theirs, _)) => {
                    let mut ours = ours.clone();
                    ours.insert("error".to_owned(), (*theirs).into());
                    *go == ours
                }
                None => go == ours,
            }
        })
}

/// The form in which recordings are compared.
struct Form {
    resume: bool,
    compression: bool,
    http2: bool,
    /// By label: whether a request's final URL is known.
    urls: BTreeMap<String, bool>,
}

impl Form {
    /// Each of Go's two layers may fire `get_conn` for one attempt, where HTTP/2 may be spoken.
    fn of_go(&self, place: &Place, lines: &[Line]) -> Vec<Line> {
        let mut lines = self.of(place, lines);
        lines.dedup_by(|next, one| self.http2 && one["event"] == "get_conn" && next == one);
        lines
    }

    fn of(&self, place: &Place, lines: &[Line]) -> Vec<Line> {
        let mut lines: Vec<Line> = lines.iter().map(|line| self.line(place, line)).collect();
        let is_field = |line: &Line| line["event"] == "wrote_header_field";
        for run in lines.chunk_by_mut(|one, next| is_field(one) && is_field(next)) {
            run.sort_by_key(|line| line.get("name").map(ToString::to_string));
        }
        lines.dedup_by(|next, one| is_field(next) && is_field(one) && merge(one, next));
        lines
    }

    fn line(&self, place: &Place, line: &Line) -> Line {
        let mut line = line.clone();
        line.remove("text");
        line.remove("network");
        if !self.resume {
            line.remove("resumed");
        }
        if let Some(Value::String(name)) = line.get_mut("name") {
            *name = name.to_ascii_lowercase();
            let name = name.clone();
            if let Some(Value::Array(values)) = line.get_mut("values") {
                self.field_values(&name, values);
                if self.http2 && name == COOKIE {
                    one_cookie(values);
                }
            }
        }
        let is_connect = line.get("line").and_then(Value::as_str);
        let is_connect = is_connect.is_some_and(|line| line.starts_with("CONNECT "));
        for (key, sorted) in [("headers", true), ("trailers", false)] {
            if let Some(Value::Array(fields)) = line.get_mut(key) {
                let mut pairs: Vec<_> =
                    fields.iter().filter_map(Value::as_str).map(field).collect();
                pairs.retain(|(name, _)| !(is_connect && name == "user-agent"));
                for (_, value) in pairs.iter_mut().filter(|(name, _)| name == ACCEPT_ENCODING) {
                    if self.compression {
                        *value = accepted(value);
                    }
                }
                if sorted {
                    pairs.sort_by(|one, other| one.0.cmp(&other.0));
                    pairs.dedup_by(|next, one| {
                        let crumbs = next.0 == COOKIE && one.0 == COOKIE;
                        if crumbs && self.http2 {
                            one.1 = format!("{}; {}", one.1, next.1);
                        }
                        crumbs && self.http2
                    });
                }
                let texts = pairs
                    .iter()
                    .map(|(name, value)| format!("{name}: {value}").into());
                *fields = texts.collect();
            }
        }
        let known = self.urls.get(&place.of).copied().unwrap_or(true);
        if let Some(url) = line.remove("url").filter(|_| known) {
            let plain = url.as_str().map(plain_url);
            line.insert("url".to_owned(), plain.map_or(url, Value::from));
        }
        line
    }

    fn field_values(&self, name: &str, values: &mut Vec<Value>) {
        let texts = values.iter().filter_map(Value::as_str);
        if is_list(name) {
            let all: Vec<_> = texts.collect();
            *values = vec![joined(&all.join(",")).into()];
        } else if self.compression && name == ACCEPT_ENCODING {
            *values = texts.map(|value| accepted(value).into()).collect();
        }
    }
}

/// A header line in its parts, the name in lower case.
fn field(line: &str) -> (String, String) {
    // HTTP/2's own fields begin with a colon.
    let colon = line.match_indices(':').find(|(at, _)| *at > 0);
    let (name, value) = colon.map_or((line, ""), |(at, _)| (&line[..at], &line[at + 1..]));
    let (name, value) = (name.to_ascii_lowercase(), value.trim());
    let value = match is_list(&name) {
        true => joined(value),
        false => value.to_owned(),
    };
    (name, value)
}

/// Makes one of two fields, if they have one name: over HTTP/2, Go tells of each line, and parts cookies into lines.
fn merge(one: &mut Line, next: &Line) -> bool {
    if one.get("name") != next.get("name") {
        return false;
    }
    let is_cookie = one.get("name").is_some_and(|name| name == COOKIE);
    let values = next.get("values").and_then(Value::as_array);
    let (Some(Value::Array(all)), Some(values)) = (one.get_mut("values"), values) else {
        return false;
    };
    all.extend(values.iter().cloned());
    if is_cookie {
        one_cookie(all);
    }
    true
}

fn one_cookie(values: &mut Vec<Value>) {
    let crumbs: Vec<_> = values.iter().filter_map(Value::as_str).collect();
    *values = vec![crumbs.join("; ").into()];
}

const COOKIE: &str = "cookie";
const ACCEPT_ENCODING: &str = "accept-encoding";

/// Of a list of codings what Go can decode, too; the list as it is, if that is not in it.
fn accepted(codings: &str) -> String {
    let mut each = codings.split(',').map(str::trim);
    match each.any(|coding| coding == "gzip") {
        true => "gzip".to_owned(),
        false => codings.to_owned(),
    }
}

/// Whether Go reports a field that is one list as several values.
fn is_list(name: &str) -> bool {
    name == "trailer"
}

fn joined(list: &str) -> String {
    let parts: Vec<_> = list.split(',').map(str::trim).collect();
    parts.join(", ")
}

/// A URL as an `http::Uri` without userinfo has it: no fragment, a path, the host in lower case and punycode.
fn plain_url(text: &str) -> String {
    let text = text.split('#').next().unwrap_or_default();
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    let path_at = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(path_at);
    let host_port = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    // An IPv6 address has colons of its own.
    let port_at = host_port.rfind(':').filter(|_| !host_port.ends_with(']'));
    let (host, port) = host_port.split_at(port_at.unwrap_or(host_port.len()));
    let host = url::Host::parse(host).map_or(host.to_owned(), |host| host.to_string());
    let slash = if path.starts_with('/') { "" } else { "/" };
    format!("{scheme}://{host}{port}{slash}{path}")
}

/// Both sequences, with a mark where they part.
fn shown(place: &Place, what: &str, expected: &[Line], ours: &[Line]) -> String {
    let mut text = format!("{} of {:?}\n", place.side, place.of);
    for (title, lines, others) in [(what, expected, ours), ("ours", ours, expected)] {
        text += &format!("  {title}:\n");
        if lines.is_empty() {
            text += "      (nothing)\n";
        }
        for (at, line) in lines.iter().enumerate() {
            let mark = if others.get(at) == Some(line) {
                ' '
            } else {
                '>'
            };
            text += &format!("    {mark} {}\n", worded(line));
        }
    }
    text
}

fn worded(line: &Line) -> String {
    let event = line.get("event").and_then(Value::as_str).unwrap_or("?");
    let fields = line.iter().filter(|(key, _)| *key != "event");
    let fields: Vec<_> = fields
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    format!("{event} {}", fields.join(" "))
}
