//! A figure of a load, for each client.

use std::fmt;

use super::stats::Spread;
use crate::client::Client;
use crate::figure::Figure;
use crate::load::Load;

/// What was measured of a load.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) load: Load,
    pub(crate) figure: Figure,
    pub(crate) threads: usize,
    pub(crate) rows: Vec<Row>,
}

/// What was measured of a client, round by round.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) client: Client,
    pub(crate) values: Vec<f64>,
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

    /// One more round of a client.
    pub(crate) fn push(&mut self, client: Client, value: f64) {
        match self.rows.iter_mut().find(|row| row.client == client) {
            Some(row) => row.values.push(value),
            None => self.rows.push(Row {
                client,
                values: vec![value],
            }),
        }
    }

    pub(super) fn rounds(&self) -> usize {
        let rounds = self.rows.iter().map(|row| row.values.len());
        rounds.max().unwrap_or(0)
    }

    fn values(&self, client: Client) -> Option<&[f64]> {
        let row = self.rows.iter().find(|row| row.client == client)?;
        Some(&row.values)
    }

    pub(super) fn spread(&self, client: Client) -> Option<Spread> {
        Spread::of(self.values(client)?)
    }

    pub(super) fn ratio(&self, client: Client, to: Client) -> Option<Spread> {
        let (values, bases) = (self.values(client)?, self.values(to)?);
        // Nothing is so many times nothing.
        let has_bases = bases.iter().all(|base| *base > 0.0);
        match has_bases {
            true => Spread::of_ratios(values, bases),
            false => None,
        }
    }

    /// This half of a load and the other, as the whole. What is about memory is not added up: the larger counts.
    pub(crate) fn with(&self, other: &Self, whole: Load) -> Self {
        let mut table = Self::new(whole, self.figure, self.threads);
        for row in &self.rows {
            let others = other.values(row.client).unwrap_or_default();
            for (a, b) in row.values.iter().zip(others) {
                let value = match self.figure {
                    Figure::MemoryBytes => a.max(*b),
                    _ => a + b,
                };
                table.push(row.client, value);
            }
        }
        table
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (load, figure) = (self.load.name(), self.figure.name());
        let (threads, rounds) = (self.threads, self.rounds());
        writeln!(
            f,
            "\n{load} {figure} (threads: {threads}, rounds: {rounds})"
        )?;
        let compared = if self.figure.is_compared() {
            "to hyper_util"
        } else {
            ""
        };
        writeln!(f, "{:14} {:>12}   {compared}", "", "median")?;
        for row in &self.rows {
            let Some(spread) = Spread::of(&row.values) else {
                continue;
            };
            let digits = self.figure.digits();
            write!(f, "{:14} {:12.digits$}", row.client.name(), spread.median)?;
            let ratio = self.ratio(row.client, Client::HyperUtil);
            if self.figure.is_compared()
                && let Some(ratio) = ratio
            {
                write!(f, "   {ratio}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_added_round_by_round() {
        let mut down = Table::new(Load::H1BodyDownload, Figure::CpuUs, 1);
        let mut up = Table::new(Load::H1BodyUpload, Figure::CpuUs, 1);
        for (a, b) in [(1.0, 10.0), (2.0, 20.0)] {
            down.push(Client::Raw, a);
            up.push(Client::Raw, b);
        }
        let both = down.with(&up, Load::H1Body);
        assert_eq!(both.values(Client::Raw), Some(&[11.0, 22.0][..]));
    }
}
