//! A recording: what happened, by request and side, and by connection.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value};
use tokio::sync::watch;

/// One event with its fields, `event` among them.
pub(crate) type Line = Map<String, Value>;

/// Which sequence: of a request's side, or of a connection.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// The request's label, or the connection's name.
    pub(crate) of: String,
    pub(crate) side: String,
}

pub(crate) type Recording = BTreeMap<Place, Vec<Line>>;

/// The side of what a peer saw.
pub(crate) const WIRE: &str = "wire";

/// Collects a recording. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Recorder {
    state: Arc<Mutex<State>>,
    changed: watch::Sender<()>,
}

#[derive(Default)]
struct State {
    /// Connections go by the client's address here.
    sequences: Recording,
    frozen: bool,
    /// Labels in the order in which the requests were started.
    started: Vec<String>,
    /// Client's address and peer's name of each connection, in the order of acceptance.
    accepted: Vec<(String, String)>,
    /// Name and port of each peer.
    ports: Vec<(String, u16)>,
}

impl Recorder {
    pub(crate) fn add(&self, of: &str, side: &str, line: Line) {
        let mut state = self.state();
        if state.frozen {
            return;
        }
        let place = Place {
            of: of.to_owned(),
            side: side.to_owned(),
        };
        state.sequences.entry(place).or_default().push(line);
        drop(state);
        self.changed.send_replace(());
    }

    pub(crate) fn started(&self, label: &str) {
        self.state().started.push(label.to_owned());
    }

    pub(crate) fn accepted(&self, client: &str, peer: &str) {
        let pair = (client.to_owned(), peer.to_owned());
        self.state().accepted.push(pair);
    }

    pub(crate) fn listens(&self, peer: &str, port: u16) {
        self.state().ports.push((peer.to_owned(), port));
    }

    /// Waits until a request has had that many of an event, on whatever side.
    pub(crate) async fn wait_for(&self, label: &str, event: &str, count: usize) {
        let mut changed = self.changed.subscribe();
        while self.count(label, event) < count {
            // An error would mean that the sender is gone, but it is our own.
            let _ = changed.changed().await;
        }
    }

    fn count(&self, label: &str, event: &str) -> usize {
        let state = self.state();
        let of_label = state
            .sequences
            .iter()
            .filter(|(place, _)| place.of == label);
        let lines = of_label.flat_map(|(_, lines)| lines);
        lines.filter(|line| line["event"] == event).count()
    }

    /// Puts ports in the place of `${peer}`.
    pub(crate) fn filled(&self, text: &str) -> String {
        let state = self.state();
        let ports = state.ports.iter();
        ports.fold(text.to_owned(), |text, (name, port)| {
            text.replace(&format!("${{{name}}}"), &port.to_string())
        })
    }

    /// Closes the recording and returns it: connections numbered, ports named.
    pub(crate) fn freeze(&self) -> Recording {
        let mut state = self.state();
        state.frozen = true;
        let names = connection_names(&state);
        let mut recording = Recording::new();
        for (place, lines) in &state.sequences {
            let mut place = place.clone();
            if place.side == WIRE {
                place.of.clone_from(&names[&place.of]);
            }
            let lines = lines.iter().map(|line| {
                let mut line = line.clone();
                if let Some(Value::String(connection)) = line.get_mut("connection") {
                    let name = names.get(connection.as_str()).cloned();
                    *connection = name.unwrap_or_else(|| "never accepted".to_owned());
                }
                line.values_mut()
                    .for_each(|value| name_ports(value, &state.ports));
                line
            });
            recording.insert(place, lines.collect());
        }
        recording
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Numbers each peer's connections in the order in which the requests, as started, got them; those that no request got
/// follow in the order of acceptance.
fn connection_names(state: &State) -> BTreeMap<String, String> {
    let callers = state.started.iter().filter_map(|label| {
        let place = Place {
            of: label.clone(),
            side: "caller".to_owned(),
        };
        state.sequences.get(&place)
    });
    let got = callers
        .flatten()
        .filter_map(|line| line.get("connection")?.as_str());
    let accepted = state.accepted.iter().map(|(client, _)| client.as_str());
    let mut names = BTreeMap::new();
    let mut counts = BTreeMap::<&str, usize>::new();
    for client in got.chain(accepted) {
        let known = state.accepted.iter().find(|(known, _)| known == client);
        let Some((_, peer)) = known.filter(|_| !names.contains_key(client)) else {
            continue;
        };
        let count = counts.entry(peer).or_default();
        *count += 1;
        names.insert(client.to_owned(), format!("{peer}#{count}"));
    }
    names
}

/// Puts peers' names in the place of their ports, which differ from run to run.
fn name_ports(value: &mut Value, ports: &[(String, u16)]) {
    match value {
        Value::String(text) => {
            for (name, port) in ports {
                *text = text.replace(&format!(":{port}"), &format!(":{{{name}}}"));
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| name_ports(value, ports)),
        Value::Object(fields) => fields
            .values_mut()
            .for_each(|value| name_ports(value, ports)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A line with this event and these fields.
macro_rules! line {
    ($event:literal $(, $key:literal: $value:expr)* $(,)?) => {{
        let mut line = $crate::recording::Line::new();
        line.insert("event".to_owned(), $event.into());
        $(line.insert($key.to_owned(), serde_json::json!($value));)*
        line
    }};
}
pub(crate) use line;
