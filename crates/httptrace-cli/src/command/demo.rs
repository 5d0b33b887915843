//! `httptrace demo`: the tour.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use httptrace::{Recorder, RequestExt};

use super::body::BodySink;
use super::call::{self, CallError};
use super::picture::picture;
use crate::demo::{FAREWELL, SCENES, Stage, WELCOME};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{self, Output};

const TITLE: Style = AnsiColor::Cyan.on_default().bold();
const COMMAND: Style = Style::new().bold();
const REMARK: Style = Style::new().dimmed();

/// Shows the tour.
pub(crate) async fn demo() -> Result<Exit, Failure> {
    let output = Output::stdout();
    let shown = tokio::select! {
        shown = show(&output) => shown.map(|()| Exit::Done),
        failure = output.failed() => Ok(failure.exit()),
    };
    match output.failure() {
        Some(output::Failure::Other(message)) => Err(Failure::of_output(message)),
        _ => shown,
    }
}

async fn show(output: &Output) -> Result<(), Failure> {
    let stage = Stage::set().map_err(|error| Failure::of_start(&*error))?;
    output.print(&format!("{WELCOME}\n"));
    for (index, scene) in SCENES.iter().enumerate() {
        let heading = format!("{TITLE}{}. {}{TITLE:#}", index + 1, scene.title);
        output.print(&format!("{heading}\n{}\n", scene.text));
        let recorder = Recorder::new();
        let request = scene
            .request(stage.http_port, stage.https_port)
            .map_err(|error| Failure::of_start(&error))?
            .trace(recorder.trace());
        let uri = request.uri().clone();
        let result = call::perform(&stage.client, request, &mut BodySink::Dropped).await;
        let timeline = recorder.timeline();
        if let Some(timeline) = &timeline {
            output.print(&format!("{}\n", picture(timeline, output)));
        }
        match result {
            Ok(()) => {}
            Err(CallError::Client(error)) => {
                return Err(Failure::of_call(&error, &uri, timeline.as_ref()));
            }
            // Nothing is written anywhere, so that this does not happen.
            Err(CallError::Sink(error)) => return Err(Failure::of_output(error.to_string())),
        }
    }
    output.print(&farewell());
    Ok(())
}

fn farewell() -> String {
    let mut text = format!("{TITLE}What to try next{TITLE:#}\n");
    let commands = FAREWELL.iter().map(|(command, _)| command.len());
    let width = commands.max().unwrap_or(0);
    for (command, remark) in FAREWELL {
        let _ = writeln!(
            text,
            "  {COMMAND}{command:width$}{COMMAND:#}  {REMARK}{remark}{REMARK:#}"
        );
    }
    text
}
