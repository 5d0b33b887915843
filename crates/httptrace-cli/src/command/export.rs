//! What is written as calls go: events as they happen, timelines when they are over.

use std::time::Instant;

use httptrace::timeline::Timeline;
use httptrace::{ClientTrace, Event, Observer};
use httptrace_export::{Redaction, event_json, timeline_json_pretty, timelines_ndjson};

use crate::options::{Export, ExportFormat, UsageError};
use crate::output::{Failure, Output};

/// The files of `--export`.
pub(super) struct Exports(Vec<(ExportFormat, Output)>);

impl Exports {
    /// Begins the files, before anything is sent.
    pub(super) fn open(exports: &[Export]) -> Result<Self, UsageError> {
        let files = exports.iter().map(|Export { format, path }| {
            let file = Output::file(path).map_err(|error| {
                UsageError::new(
                    format!("cannot write --export '{}': {error}", path.display()),
                    "choose a file in a directory that exists and is yours to write to",
                )
            })?;
            Ok((*format, file))
        });
        files.collect::<Result<_, _>>().map(Self)
    }

    /// The files that want events.
    pub(super) fn events(&self) -> impl Iterator<Item = Output> {
        let events = self
            .0
            .iter()
            .filter(|(format, _)| *format == ExportFormat::Events);
        events.map(|(_, file)| file.clone())
    }

    /// Writes the files that want timelines.
    pub(super) fn write(&self, timelines: &[Timeline]) {
        for (format, file) in &self.0 {
            match format {
                ExportFormat::Json => {
                    for timeline in timelines {
                        file.print(&json(timeline));
                    }
                }
                ExportFormat::Ndjson => file.print(&timelines_ndjson(timelines, Redaction::On)),
                ExportFormat::Events => {}
            }
        }
    }

    /// The first failure of any of the files.
    pub(super) fn failure(&self) -> Option<Failure> {
        self.0.iter().find_map(|(_, file)| file.failure())
    }
}

/// A timeline for people and programs, with a line feed at its end.
pub(super) fn json(timeline: &Timeline) -> String {
    let mut text = timeline_json_pretty(timeline, Redaction::On);
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// A trace that prints each event as one line, in the order in which they happen, whatever task they happen on.
pub(super) fn event_lines(outputs: Vec<Output>, epoch: Instant) -> ClientTrace {
    if outputs.is_empty() {
        return ClientTrace::new();
    }
    ClientTrace::new().observe(EventLines { outputs, epoch })
}

struct EventLines {
    outputs: Vec<Output>,
    epoch: Instant,
}

impl Observer for EventLines {
    fn on_event(&self, event: &Event) {
        let mut line = event_json(event, self.epoch, Redaction::On);
        line.push('\n');
        for output in &self.outputs {
            output.print(&line);
        }
    }
}
