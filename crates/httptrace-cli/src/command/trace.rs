//! `httptrace URL...`: the URLs in turn on one client.

use std::future::Future;
use std::pin::Pin;
use std::time::Instant;

use httptrace::timeline::Timeline;
use httptrace::{Recorder, RequestExt};
use httptrace_client::Client;

use super::body::BodySink;
use super::call::{self, CallError};
use super::export::{self, Exports};
use super::picture::picture;
use super::{client, request};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::options::{Format, Options, Target};
use crate::output::{self, Output};

/// Traces what the options ask for. `epoch` is when the program started.
pub(crate) async fn trace(options: Options, epoch: Instant) -> Result<Exit, Failure> {
    let mut session = Session::open(&options, epoch)?;
    let output = session.output.clone();
    let exit = tokio::select! {
        exit = session.run(&options) => exit,
        // Whoever reads our output has gone, so nobody needs the rest.
        failure = output.failed() => failure.exit(),
    };
    let exports = session.close();
    let failures = [output.failure(), exports.failure()];
    for failure in failures.into_iter().flatten() {
        if let output::Failure::Other(message) = failure {
            return Err(Failure::of_output(message));
        }
    }
    Ok(exit)
}

/// What is open while the URLs are traced.
struct Session {
    client: Client,
    /// The bodies of the targets, in their order.
    sinks: Vec<BodySink>,
    /// Where the trace goes.
    output: Output,
    stderr: Output,
    exports: Exports,
    /// One for each call that was begun.
    recorders: Vec<Recorder>,
}

/// How a call ended, apart from its errors.
enum Ended {
    Done(Result<(), CallError>),
    BySignal(Exit),
}

/// Ready with how to exit when a signal asks for it.
type Signal = Pin<Box<dyn Future<Output = Exit>>>;

impl Session {
    fn open(options: &Options, epoch: Instant) -> Result<Self, Failure> {
        let outputs = options.targets.iter().map(|target| target.output.as_ref());
        let sinks = outputs.map(BodySink::open).collect::<Result<_, _>>()?;
        let exports = Exports::open(&options.exports)?;
        let output = match options.body_on_stdout() {
            true => Output::stderr(),
            false => Output::stdout(),
        };
        let mut event_outputs: Vec<Output> = exports.events().collect();
        if options.format == Format::Events {
            event_outputs.push(output.clone());
        }
        let trace = export::event_lines(event_outputs, epoch);
        Ok(Self {
            client: client::build(&options.client, trace)?,
            sinks,
            output,
            stderr: Output::stderr(),
            exports,
            recorders: Vec::new(),
        })
    }

    /// All URLs, one after the other, failures notwithstanding.
    async fn run(&mut self, options: &Options) -> Exit {
        let mut signal: Signal = Box::pin(signal());
        let mut exit = Exit::Done;
        for (index, target) in options.targets.iter().enumerate() {
            if index > 0 && !options.pause.is_zero() {
                tokio::select! {
                    () = tokio::time::sleep(options.pause) => {}
                    exit = &mut signal => return self.by_signal(exit),
                }
            }
            let next = self.target(index, target, options, &mut signal).await;
            exit = exit.then(next);
            if exit.is_by_signal() {
                break;
            }
        }
        exit
    }

    async fn target(
        &mut self,
        index: usize,
        target: &Target,
        options: &Options,
        signal: &mut Signal,
    ) -> Exit {
        let recorder = Recorder::new();
        self.recorders.push(recorder.clone());
        let request = request::build(&options.request, &target.uri).trace(recorder.trace());
        let sink = &mut self.sinks[index];
        let ended = tokio::select! {
            // The signal first, or else a request could be underway before anybody listens for it.
            biased;
            exit = signal => Ended::BySignal(exit),
            result = call::perform(&self.client, request, sink) => Ended::Done(result),
        };
        let timeline = recorder.timeline();
        if let Some(timeline) = &timeline {
            self.show(timeline, index, options.format);
        }
        match ended {
            Ended::Done(Ok(())) => Exit::Done,
            Ended::Done(Err(error)) => self.failed(error, index, target, timeline.as_ref()),
            Ended::BySignal(exit) => self.by_signal(exit),
        }
    }

    /// Prints what a call came to.
    fn show(&self, timeline: &Timeline, index: usize, format: Format) {
        match format {
            // They were printed as they happened.
            Format::Events => {}
            Format::Json => self.output.print(&export::json(timeline)),
            Format::Waterfall => {
                let gap = if index > 0 { "\n" } else { "" };
                let picture = picture(timeline, &self.output);
                self.output.print(&format!("{gap}{picture}"));
            }
        }
    }

    fn failed(
        &self,
        error: CallError,
        index: usize,
        target: &Target,
        timeline: Option<&Timeline>,
    ) -> Exit {
        let failure = match error {
            CallError::Client(error) => Failure::of_call(&error, &target.uri, timeline),
            CallError::Sink(error) => {
                let name = self.sinks[index].name();
                if error.kind() == std::io::ErrorKind::BrokenPipe {
                    return output::Failure::BrokenPipe.exit();
                }
                Failure::of_output(format!("cannot write the body to {name}: {error}"))
            }
        };
        self.stderr.print(&failure.render());
        failure.exit
    }

    fn by_signal(&self, exit: Exit) -> Exit {
        let failure = Failure::by_signal(exit);
        self.stderr.print(&failure.render());
        failure.exit
    }

    /// Closes the client, so that its last events are out, and writes the files that want timelines.
    fn close(self) -> Exports {
        drop(self.client);
        let timelines = self.recorders.iter().filter_map(Recorder::timeline);
        self.exports.write(&timelines.collect::<Vec<_>>());
        self.exports
    }
}

/// Waits for Ctrl-C, or for `SIGTERM` where there is such a thing. Where that cannot be waited for, it ends the program as
/// ever.
async fn signal() -> Exit {
    tokio::select! {
        () = interrupted() => Exit::Interrupted,
        exit = terminated() => exit,
    }
}

async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

#[cfg(unix)]
async fn terminated() -> Exit {
    use tokio::signal::unix::{SignalKind, signal};
    let came = match signal(SignalKind::terminate()) {
        Ok(mut signal) => signal.recv().await.is_some(),
        Err(_) => false,
    };
    match came {
        true => Exit::Terminated,
        false => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn terminated() -> Exit {
    std::future::pending().await
}
