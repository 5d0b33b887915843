//! `httptrace demo`: the tour.

use std::fmt::Write;
use std::future::poll_fn;
use std::task::Poll;

use anstyle::{AnsiColor, Style};
use http::{Request, Uri};
use httptrace::timeline::Timeline;
use httptrace::{Recorder, RequestExt};
use httptrace_client::{Body, Client};

use super::body::BodySink;
use super::call::{self, CallError};
use super::picture::picture;
use crate::demo::{FAREWELL, Order, SCENES, Stage, WELCOME};
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
        let requests = scene
            .requests(stage.http_port, stage.https_port)
            .map_err(|error| Failure::of_start(&error))?;
        let calls = requests
            .into_iter()
            .map(|request| Call::new(&stage, request));
        match scene.order {
            Order::InTurn => {
                for call in calls {
                    call.perform().await.show(output)?;
                }
            }
            Order::Together => {
                for call in together(calls.map(Call::perform)).await {
                    call.show(output)?;
                }
            }
        }
    }
    output.print(&farewell());
    Ok(())
}

/// A request to be sent.
struct Call {
    client: Client,
    request: Request<Body>,
}

/// What became of it.
struct Performed {
    uri: Uri,
    timeline: Option<Timeline>,
    result: Result<(), CallError>,
}

impl Call {
    fn new(stage: &Stage, request: Request<Body>) -> Self {
        Self {
            client: stage.client.clone(),
            request,
        }
    }

    async fn perform(self) -> Performed {
        let recorder = Recorder::new();
        let request = self.request.trace(recorder.trace());
        let uri = request.uri().clone();
        let result = call::perform(&self.client, request, &mut BodySink::Dropped).await;
        Performed {
            uri,
            timeline: recorder.timeline(),
            result,
        }
    }
}

impl Performed {
    fn show(self, output: &Output) -> Result<(), Failure> {
        let timeline = self.timeline.as_ref();
        if let Some(timeline) = timeline {
            output.print(&format!("{}\n", picture(timeline, output)));
        }
        self.result.map_err(|error| match error {
            CallError::Client(error) => Failure::of_call(&error, &self.uri, timeline),
            // Nothing is written anywhere, so that this does not happen.
            CallError::Sink(error) => Failure::of_output(error.to_string()),
        })
    }
}

/// Waits for all of them, begun in their order.
async fn together<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut running: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    poll_fn(|cx| {
        for (future, output) in &mut running {
            if output.is_none()
                && let Poll::Ready(done) = future.as_mut().poll(cx)
            {
                *output = Some(done);
            }
        }
        match running.iter().all(|(_, output)| output.is_some()) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
    let outputs = running.into_iter().map(|(_, output)| output);
    outputs.flatten().collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_done_together_is_begun_in_order_and_none_waits_for_another() {
        let met = &tokio::sync::Barrier::new(3);
        let began = std::sync::Mutex::new(Vec::new());
        let began = &began;
        let each = (0..3).map(|number| async move {
            began.lock().unwrap().push(number);
            met.wait().await;
            number
        });
        assert_eq!(together(each).await, [0, 1, 2]);
        assert_eq!(*began.lock().unwrap(), [0, 1, 2]);
    }
}
