//! `--export FORMAT=FILE`.

use std::path::PathBuf;

use super::UsageError;
use crate::cli::OutputArgs;

/// A file that is written besides.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Export {
    pub(crate) format: ExportFormat,
    pub(crate) path: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExportFormat {
    Json,
    Ndjson,
    Events,
}

pub(super) fn exports(output: &OutputArgs) -> Result<Vec<Export>, UsageError> {
    output.export.iter().map(|text| export(text)).collect()
}

fn export(text: &str) -> Result<Export, UsageError> {
    let malformed = || {
        UsageError::new(
            format!("--export '{text}' is not FORMAT=FILE"),
            "formats: json, ndjson, events; for example --export json=trace.json",
        )
    };
    let (format, path) = text.split_once('=').ok_or_else(malformed)?;
    let format = match format {
        "json" => ExportFormat::Json,
        "ndjson" => ExportFormat::Ndjson,
        "events" => ExportFormat::Events,
        _ => return Err(malformed()),
    };
    if path.is_empty() || path == "-" {
        return Err(UsageError::new(
            format!("--export '{text}' names no file"),
            "to print it on stdout use --format",
        ));
    }
    Ok(Export {
        format,
        path: path.into(),
    })
}
