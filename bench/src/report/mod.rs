//! What was measured, for people and for programs.

mod machine;
mod markdown;
mod peers;
mod stats;
mod table;

use clap::ValueEnum;
use serde_json::{Map, Value, json};

use crate::client::Client;
use stats::Spread;

pub(crate) use table::{Row, Table};

/// How it is printed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Format {
    /// Tables for a terminal, each as soon as it is complete.
    Text,
    /// One object a line, each as soon as it is complete.
    Json,
    /// A page, at the end.
    Markdown,
}

/// What has been measured so far.
#[derive(Debug)]
pub(crate) struct Report {
    format: Format,
    clients: Vec<Client>,
    tables: Vec<Table>,
}

/// Whom ours are compared with.
const BASES: [Client; 4] = [
    Client::HyperUtil,
    Client::Reqwest,
    Client::GoHooks,
    Client::Raw,
];

const OURS: [Client; 3] = [Client::OursNone, Client::OursEmpty, Client::OursRecorded];

impl Report {
    pub(crate) fn new(format: Format, clients: Vec<Client>) -> Self {
        if format == Format::Text {
            print!("{}", peers::text(&clients));
        }
        Self {
            format,
            clients,
            tables: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, table: Table) {
        match self.format {
            Format::Text => print!("{table}"),
            Format::Json => println!("{}", object(&table)),
            Format::Markdown => self.tables.push(table),
        }
    }

    pub(crate) fn finish(self) {
        if self.format == Format::Markdown {
            print!("{}", markdown::page(&self.clients, &self.tables));
        }
    }
}

/// Medians of all clients, null where there is none, and what the ratios of ours to others are.
fn object(table: &Table) -> Value {
    let mut object = Map::new();
    object.insert("load".into(), json!(table.load.name()));
    object.insert("figure".into(), json!(table.figure.name()));
    object.insert("threads".into(), json!(table.threads));
    object.insert("rounds".into(), json!(table.rounds()));
    for client in Client::value_variants() {
        let spread = table.spread(*client);
        object.insert(client.name(), json!(spread.map(|spread| spread.median)));
    }
    if table.figure.is_compared() {
        let mut ratios = Map::new();
        for base in BASES {
            for ours in OURS {
                if let Some(ratio) = table.ratio(ours, base) {
                    let name = format!("{}/{}", ours.name(), base.name());
                    ratios.insert(name, quartiles(ratio));
                }
            }
        }
        object.insert("ratios".into(), Value::Object(ratios));
    }
    Value::Object(object)
}

fn quartiles(spread: Spread) -> Value {
    json!({ "median": spread.median, "low": spread.low, "high": spread.high })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::Figure;
    use crate::load::Load;

    #[test]
    fn an_object_names_all_clients_and_what_ours_are_to_them() {
        let mut table = Table::new(Load::H1Get64, Figure::CpuUs, 1);
        for value in [1.0, 3.0, 2.0] {
            table.push(Client::OursRecorded, value);
            table.push(Client::HyperUtil, value * 2.0);
        }
        let object = object(&table);
        assert_eq!(object["load"], "h1_get_64");
        assert_eq!(object["figure"], "cpu_us");
        assert_eq!(object["rounds"], 3);
        assert_eq!(object["ours_recorded"], 2.0);
        assert_eq!(object["openwire"], Value::Null);
        assert!(object.as_object().unwrap().contains_key("go_hooks"));
        let ratio = &object["ratios"]["ours_recorded/hyper_util"];
        assert_eq!(*ratio, json!({ "median": 0.5, "low": 0.5, "high": 0.5 }));
    }
}
