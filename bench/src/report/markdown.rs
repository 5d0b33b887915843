//! The page that BENCHMARKS.md shows.

use std::fmt::Write;

use super::{OURS, Table, machine, peers};
use crate::client::Client;
use crate::figure::Figure;

/// All of it.
pub(super) fn page(clients: &[Client], tables: &[Table]) -> String {
    let mut page = String::new();
    // Writing to a string cannot fail.
    let _ = write_page(&mut page, clients, tables);
    page
}

fn write_page(page: &mut String, clients: &[Client], tables: &[Table]) -> std::fmt::Result {
    writeln!(page, "Measured by `{}`", machine::command())?;
    if let Some(commit) = machine::commit() {
        writeln!(page, "at commit {commit}")?;
    }
    writeln!(page, "on {}.\n", machine::describe())?;
    writeln!(page, "{}", peers::markdown(clients))?;
    for figure in Figure::all() {
        let of_figure: Vec<&Table> = tables
            .iter()
            .filter(|table| table.figure == figure)
            .collect();
        if of_figure.is_empty() {
            continue;
        }
        writeln!(page, "### {}\n", figure.name())?;
        medians(page, clients, &of_figure)?;
        if figure.is_compared() {
            ratios(page, &of_figure)?;
        }
    }
    writeln!(page, "### Where we are behind\n")?;
    behind(page, tables)
}

fn medians(page: &mut String, clients: &[Client], tables: &[&Table]) -> std::fmt::Result {
    let names: Vec<String> = clients
        .iter()
        .map(|client| format!("`{}`", client.name()))
        .collect();
    writeln!(page, "| load | {} |", names.join(" | "))?;
    writeln!(page, "|---|{}", "---:|".repeat(clients.len()))?;
    for table in tables {
        write!(page, "| {} |", name(table))?;
        for client in clients {
            match table.spread(*client) {
                Some(spread) => {
                    let digits = table.figure.digits();
                    write!(page, " {:.digits$} |", spread.median)?;
                }
                None => write!(page, " – |")?,
            }
        }
        writeln!(page)?;
    }
    writeln!(page)
}

/// What is compared, and with whom.
const RATIOS: [(Client, Client); 6] = [
    (Client::OursNone, Client::HyperUtil),
    (Client::OursEmpty, Client::HyperUtil),
    (Client::OursRecorded, Client::HyperUtil),
    (Client::OursRecorded, Client::Reqwest),
    (Client::OursRecorded, Client::GoHooks),
    (Client::OursRecorded, Client::Raw),
];

fn ratios(page: &mut String, tables: &[&Table]) -> std::fmt::Result {
    write!(page, "| ratio, and its quartiles | rounds |")?;
    for (ours, base) in RATIOS {
        write!(page, " `{}` / `{}` |", ours.name(), base.name())?;
    }
    writeln!(page, "\n|---|---:|{}", "---:|".repeat(RATIOS.len()))?;
    for table in tables {
        write!(page, "| {} | {} |", name(table), table.rounds())?;
        for (ours, base) in RATIOS {
            match table.ratio(ours, base) {
                Some(ratio) => write!(page, " {ratio} |")?,
                None => write!(page, " – |")?,
            }
        }
        writeln!(page)?;
    }
    writeln!(page)
}

/// Each figure in which one of ours is above hyper-util's client.
fn behind(page: &mut String, tables: &[Table]) -> std::fmt::Result {
    let mut is_behind = false;
    for table in tables.iter().filter(|table| table.figure.is_compared()) {
        let mut above = Vec::new();
        for ours in OURS {
            if let Some(ratio) = table.ratio(ours, Client::HyperUtil)
                && ratio.median > 1.0
            {
                above.push(format!("`{}` {:.2}", ours.name(), ratio.median));
            }
        }
        if !above.is_empty() {
            is_behind = true;
            writeln!(
                page,
                "* {} of {}, to `hyper_util`: {}",
                table.figure.name(),
                name(table),
                above.join(", ")
            )?;
        }
    }
    if !is_behind {
        writeln!(
            page,
            "Nowhere, of what was measured here and next to `hyper_util`."
        )?;
    }
    Ok(())
}

fn name(table: &Table) -> String {
    let load = table.load.name();
    match table.threads {
        1 => format!("`{load}`"),
        threads => format!("`{load}`, {threads} threads"),
    }
}
