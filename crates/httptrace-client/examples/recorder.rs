//! Records a call and prints where its time went: attempt by attempt, with a bar per phase.
//!
//! ```console
//! $ cargo run -p httptrace-client --example recorder -- http://example.com
//! ```
//!
//! Without a URL it follows the redirects of a small server of its own. The `httptrace` command draws the same timeline
//! in full; this is what a program of one's own can do in a few lines.

#![allow(clippy::print_stdout)] // examples print

mod server;

use std::time::Duration;

use httptrace::timeline::{AttemptTimeline, Breakdown};
use httptrace::{BoxError, Recorder, RequestExt};
use httptrace_client::{Body, Client};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let url = server::url_or_local("localhost", "/hops/2");
    let recorder = Recorder::new();
    let request = http::Request::get(url)
        .trace(recorder.trace())
        .body(Body::empty())?;
    let response = Client::new().send(request).await?;
    // The call ends with the body, and so does the timeline.
    response.into_body().bytes().await?;

    for timeline in recorder.timelines() {
        for attempt in &timeline.attempts {
            print_attempt(attempt);
        }
        println!("in all");
        print_bars(&timeline.breakdown());
        println!("{:>8} {:>9.3?}", "total", timeline.total());
    }
    Ok(())
}

fn print_attempt(attempt: &AttemptTimeline) {
    let uri = attempt.uri.as_ref().map(ToString::to_string);
    let status = attempt.status().map(|status| status.as_u16().to_string());
    let reused = match &attempt.got_conn {
        Some(got) if got.info.reused => "a reused connection",
        Some(_) => "a new connection",
        None => "no connection",
    };
    let known = |text: Option<String>| text.unwrap_or_else(|| "?".to_owned());
    println!("{} {} on {reused}", known(status), known(uri));
    print_bars(&attempt.breakdown());
}

fn print_bars(breakdown: &Breakdown) {
    for (phase, time) in breakdown.phases() {
        println!(
            "{:>8} {time:>9.3?} {}",
            phase.as_str(),
            bar(time, breakdown.total())
        );
    }
}

/// A bar of at most forty characters.
fn bar(time: Duration, total: Duration) -> String {
    let share = time.as_secs_f64() / total.as_secs_f64().max(f64::MIN_POSITIVE);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // between 0 and 40
    let width = (share * 40.0).round() as usize;
    "#".repeat(width)
}
