//! What was measured of one load, for people.

use std::fmt;

use super::Figure;
use super::stats::Spread;
use crate::load::Load;
use crate::peer::Client;

/// A figure of a load, for each client.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) load: Load,
    pub(crate) figure: Figure,
    pub(crate) threads: usize,
    pub(crate) rows: Vec<Row>,
}

/// What was measured of a client, round by round.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) client: Client,
    pub(crate) values: Vec<f64>,
}

impl Row {
    pub(crate) fn new(client: Client) -> Self {
        Self {
            client,
            values: Vec::new(),
        }
    }
}

impl Table {
    pub(crate) fn new(load: Load, figure: Figure, threads: usize) -> Self {
        Self {
            load,
            figure,
            threads,
            rows: Vec::new(),
        }
    }

    fn row(&self, client: Client) -> Option<&Row> {
        self.rows.iter().find(|row| row.client == client)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (load, figure) = (self.load.name(), self.figure.name());
        writeln!(f, "\n{load} {figure}, {} thread(s)", self.threads)?;
        writeln!(f, "{:14} {:>12}   to hyper_util", "", "per call")?;
        for row in &self.rows {
            let Some(spread) = Spread::of(&row.values) else {
                continue;
            };
            write!(f, "{:14} {:12.2}", row.client.name(), spread.median)?;
            let base = self.row(Client::HyperUtil);
            let ratio = base.and_then(|base| Spread::of_ratios(&row.values, &base.values));
            if let Some(ratio) = ratio {
                write!(f, "   {:.3}", ratio.median)?;
                if row.values.len() > 1 {
                    write!(f, " ({:.3} to {:.3})", ratio.low, ratio.high)?;
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
