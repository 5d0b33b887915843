//! What the command line comes to: checked and read in full, before anything is sent.

mod client;
mod data;
mod error;
mod export;
mod header;
mod interface;
mod protocol;
mod proxy;
mod resolve;
mod seconds;
mod tls;
mod url;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderValue, Method, Uri};

use crate::cli::{FormatArg, RequestArgs, TraceArgs};

pub(crate) use client::{ClientOptions, Family};
pub(crate) use error::UsageError;
pub(crate) use export::{Export, ExportFormat};
pub(crate) use header::HeaderOptions;
pub(crate) use protocol::Protocol;
pub(crate) use resolve::Resolve;
pub(crate) use tls::{ClientCertificate, TlsOptions};

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

impl Options {
    /// Checks the arguments and reads the files they name.
    pub(crate) fn new(args: TraceArgs) -> Result<Self, UsageError> {
        let TraceArgs {
            urls,
            request,
            connection,
            proxy,
            tls,
            output,
        } = args;
        let pause = match &connection.pause {
            Some(text) => seconds::parse("--pause", text)?,
            None => Duration::ZERO,
        };
        let user_agent = UserAgent::new(request.user_agent.clone())?;
        let redirects = redirects(request.location, request.max_redirs)?;
        let compressed = request.compressed;
        let request = RequestOptions::new(request)?;
        let user_agent = match request.headers.removed.contains(&USER_AGENT) {
            true => UserAgent::None,
            false => user_agent,
        };
        let targets = targets(&urls, &output.output)?;
        let exports = export::exports(&output)?;
        check_files(&targets, &exports)?;
        Ok(Self {
            targets,
            format: format(output.format),
            exports,
            request,
            client: ClientOptions::new(connection, &proxy, tls, redirects, user_agent, compressed)?,
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
            "CONNECT asks a proxy for a tunnel, and is no request by itself",
            "with --proxy and an https URL the proxy is asked for a tunnel",
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
    user_and_password("--user", user)?;
    let credentials = format!("Basic {}", BASE64_STANDARD.encode(user));
    // unwrap_or is not reached: base64 is visible ASCII.
    let mut value = HeaderValue::try_from(credentials).unwrap_or(HeaderValue::from_static("Basic"));
    value.set_sensitive(true);
    Ok(value)
}

/// Takes `USER:PASSWORD` apart. `option` is what it was given to.
fn user_and_password<'a>(option: &str, text: &'a str) -> Result<(&'a str, &'a str), UsageError> {
    text.split_once(':').ok_or_else(|| {
        UsageError::new(
            format!("{option} has no password"),
            "write USER:PASSWORD, or 'USER:' for an empty one",
        )
    })
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
