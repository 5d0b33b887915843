//! What the command line comes to: checked and read in full, before anything is sent.

mod data;
mod error;
mod header;
mod resolve;
mod seconds;
mod url;

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderValue, Method, Uri};

use crate::cli::{ConnectionArgs, FormatArg, OutputArgs, RequestArgs, TraceArgs};

pub(crate) use error::UsageError;
pub(crate) use header::HeaderOptions;
pub(crate) use resolve::Resolve;

/// Everything `httptrace URL...` shall do.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) targets: Vec<Target>,
    pub(crate) request: RequestOptions,
    pub(crate) client: ClientOptions,
    /// How long to wait between two targets.
    pub(crate) pause: Duration,
    pub(crate) format: Format,
    pub(crate) exports: Vec<Export>,
}

/// One URL, and what becomes of the body of its response.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) uri: Uri,
    /// Absent: it is read and dropped.
    pub(crate) output: Option<BodyOutput>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BodyOutput {
    Stdout,
    File(PathBuf),
}

/// What each request looks like.
#[derive(Debug)]
pub(crate) struct RequestOptions {
    pub(crate) method: Method,
    pub(crate) headers: HeaderOptions,
    pub(crate) body: Option<Bytes>,
    /// Whether the body is sent without its length.
    pub(crate) chunked: bool,
}

/// What the client that sends them is like.
#[derive(Debug)]
pub(crate) struct ClientOptions {
    /// How many redirects are followed; absent: none is.
    pub(crate) redirects: Option<usize>,
    pub(crate) max_time: Option<Duration>,
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) resolve: Vec<Resolve>,
    pub(crate) family: Family,
    pub(crate) ca: Option<CaFile>,
    pub(crate) insecure: bool,
    pub(crate) user_agent: UserAgent,
}

/// `--cacert`, read but not yet understood.
#[derive(Debug)]
pub(crate) struct CaFile {
    pub(crate) path: PathBuf,
    pub(crate) pem: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Any,
    V4,
    V6,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum UserAgent {
    Default,
    Custom(HeaderValue),
    None,
}

/// What is printed while or after a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Waterfall,
    Events,
    Json,
}

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

impl Options {
    /// Checks the arguments and reads the files they name.
    pub(crate) fn new(args: TraceArgs) -> Result<Self, UsageError> {
        let TraceArgs {
            urls,
            request,
            connection,
            output,
        } = args;
        let pause = match &connection.pause {
            Some(text) => seconds::parse("--pause", text)?,
            None => Duration::ZERO,
        };
        let user_agent = UserAgent::new(request.user_agent.clone())?;
        let redirects = redirects(request.location, request.max_redirs)?;
        let request = RequestOptions::new(request)?;
        let user_agent = match request.headers.removed.contains(&USER_AGENT) {
            true => UserAgent::None,
            false => user_agent,
        };
        let targets = targets(&urls, &output.output)?;
        let exports = exports(&output)?;
        check_files(&targets, &exports)?;
        Ok(Self {
            targets,
            format: format(output.format),
            exports,
            request,
            client: ClientOptions::new(connection, redirects, user_agent)?,
            pause,
        })
    }

    /// Whether stdout belongs to the body of a response.
    pub(crate) fn body_on_stdout(&self) -> bool {
        let outputs = self.targets.iter().map(|target| &target.output);
        outputs.flatten().any(|out| *out == BodyOutput::Stdout)
    }
}

fn targets(urls: &[String], outputs: &[PathBuf]) -> Result<Vec<Target>, UsageError> {
    if outputs.len() > urls.len() {
        return Err(UsageError::new(
            format!("{} outputs for {} URLs", outputs.len(), urls.len()),
            "the first --output belongs to the first URL, and so on",
        ));
    }
    let outputs = outputs.iter().map(Some).chain(std::iter::repeat(None));
    let pairs = urls.iter().zip(outputs);
    pairs
        .map(|(typed, output)| {
            Ok(Target {
                uri: url::parse(typed)?,
                output: output.map(|path| body_output(path)),
            })
        })
        .collect()
}

fn body_output(path: &Path) -> BodyOutput {
    match path == Path::new("-") {
        true => BodyOutput::Stdout,
        false => BodyOutput::File(path.to_owned()),
    }
}

fn redirects(follow: bool, limit: i64) -> Result<Option<usize>, UsageError> {
    let limit = match limit {
        -1 => usize::MAX,
        limit => usize::try_from(limit).map_err(|_| {
            UsageError::new(
                format!("--max-redirs {limit} is not a number of redirects"),
                "-1 means no limit",
            )
        })?,
    };
    Ok(follow.then_some(limit))
}

fn format(format: FormatArg) -> Format {
    match format {
        FormatArg::Waterfall => Format::Waterfall,
        FormatArg::Events => Format::Events,
        FormatArg::Json => Format::Json,
    }
}

fn exports(output: &OutputArgs) -> Result<Vec<Export>, UsageError> {
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

/// Each file is written by itself from its beginning on: what goes to the same one would be garbled.
fn check_files(targets: &[Target], exports: &[Export]) -> Result<(), UsageError> {
    let bodies = targets.iter().filter_map(|target| match &target.output {
        Some(BodyOutput::File(path)) => Some(path),
        _ => None,
    });
    let mut seen = HashSet::new();
    for path in bodies.chain(exports.iter().map(|export| &export.path)) {
        // Devices take what they are given one after the other.
        if !path.starts_with("/dev") && !seen.insert(path) {
            return Err(UsageError::new(
                format!("'{}' is to be written twice", path.display()),
                "give each --output and --export a file of its own",
            ));
        }
    }
    Ok(())
}

impl RequestOptions {
    fn new(args: RequestArgs) -> Result<Self, UsageError> {
        let form = data::read(&args.data, false)?;
        let body = match form {
            Some(form) => Some(form),
            None => data::read(&args.data_binary, true)?,
        };
        if args.chunked && body.is_none() {
            return Err(UsageError::new(
                "--chunked without a body",
                "give one with --data, for example -d @FILE",
            ));
        }
        let mut headers = HeaderOptions::parse(&args.header)?;
        if body.is_some() && !headers.settle(&CONTENT_TYPE) {
            let form = HeaderValue::from_static("application/x-www-form-urlencoded");
            headers.fields.insert(CONTENT_TYPE, form);
        }
        if let Some(user) = args.user.filter(|_| !headers.settle(&AUTHORIZATION)) {
            headers.fields.insert(AUTHORIZATION, basic(&user)?);
        }
        Ok(Self {
            method: method(args.request.as_deref(), args.head, body.is_some())?,
            headers,
            body,
            chunked: args.chunked,
        })
    }
}

fn method(explicit: Option<&str>, head: bool, has_body: bool) -> Result<Method, UsageError> {
    match explicit {
        Some("CONNECT") => Err(UsageError::new(
            "CONNECT asks a proxy for a tunnel, which httptrace does not do",
            "to ask the server itself use another method",
        )),
        Some(method) => Method::from_bytes(method.as_bytes()).map_err(|_| {
            UsageError::new(
                format!("'{method}' is not a method"),
                "methods are single words: GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS …",
            )
        }),
        None if head => Ok(Method::HEAD),
        None if has_body => Ok(Method::POST),
        None => Ok(Method::GET),
    }
}

/// RFC 7617.
fn basic(user: &str) -> Result<HeaderValue, UsageError> {
    if !user.contains(':') {
        return Err(UsageError::new(
            "--user has no password",
            "write USER:PASSWORD, or 'USER:' for an empty one",
        ));
    }
    let credentials = format!("Basic {}", BASE64_STANDARD.encode(user));
    // unwrap_or is not reached: base64 is visible ASCII.
    let mut value = HeaderValue::try_from(credentials).unwrap_or(HeaderValue::from_static("Basic"));
    value.set_sensitive(true);
    Ok(value)
}

impl ClientOptions {
    fn new(
        args: ConnectionArgs,
        redirects: Option<usize>,
        user_agent: UserAgent,
    ) -> Result<Self, UsageError> {
        let family = match (args.ipv4, args.ipv6) {
            (true, _) => Family::V4,
            (_, true) => Family::V6,
            _ => Family::Any,
        };
        let table = args.resolve.iter().map(|text| resolve::parse(text));
        Ok(Self {
            redirects,
            max_time: seconds::deadline("--max-time", args.max_time.as_ref())?,
            connect_timeout: seconds::deadline("--connect-timeout", args.connect_timeout.as_ref())?,
            resolve: table.collect::<Result<_, _>>()?,
            family,
            ca: args.cacert.map(CaFile::read).transpose()?,
            insecure: args.insecure,
            user_agent,
        })
    }
}

impl CaFile {
    fn read(path: PathBuf) -> Result<Self, UsageError> {
        match fs::read(&path) {
            Ok(pem) => Ok(Self { path, pem }),
            Err(error) => Err(UsageError::new(
                format!("cannot read --cacert '{}': {error}", path.display()),
                "it takes a file of certificates in PEM",
            )),
        }
    }
}

impl UserAgent {
    fn new(name: Option<String>) -> Result<Self, UsageError> {
        match name {
            None => Ok(Self::Default),
            Some(name) if name.is_empty() => Ok(Self::None),
            Some(name) => match HeaderValue::from_bytes(name.as_bytes()) {
                Ok(value) => Ok(Self::Custom(value)),
                Err(_) => Err(UsageError::new(
                    "--user-agent holds a control character",
                    "header values are one line of text",
                )),
            },
        }
    }
}

#[cfg(test)]
mod tests;
