//! `httptrace demo`: what a newcomer sees first.

use std::process::Stdio;

use crate::program::{command, finish, httptrace};

#[tokio::test]
async fn the_tour_shows_what_it_promises_within_80_columns() {
    let run = httptrace(&["demo"]).await;
    run.expect(0);
    assert!(run.stderr.is_empty(), "{run:#?}");
    let told = [
        "1. A cold request",
        "2. The same again",
        "3. A redirect",
        "4. Early hints",
        "5. A slow answer",
        "6. A retry",
        "7. A lost race",
        "8. A big body",
        "9. An upload",
        "10. An upload that asks first",
        "11. HTTP/2: a cold start together",
        "12. HTTP/2: side by side",
        "13. HTTP/2: a refused stream",
        "14. HTTP/2: an upload that waits for its window",
        "15. HTTP/2: a server that leaves",
        "What to try next",
    ];
    let mut rest = run.stdout.as_str();
    for title in told {
        let (_, after) = rest
            .split_once(title)
            .unwrap_or_else(|| panic!("no {title}: {run:#?}"));
        rest = after;
    }
    // What only a true trace of each scene shows.
    for fact in [
        "TLSv1.3",
        "reused",
        "301",
        "103",
        "retry",
        "[::1]",
        "127.0.0.1",
        "204",
        "body held until 100 Continue",
        "HTTP/2 stream 1",
        "waited for another request's dial",
        "stream 5",
        "REFUSED_STREAM",
        "held by the stream's window",
        "goaway",
    ] {
        run.shows(fact);
    }
    for line in run.stdout.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    assert!(!run.stdout.contains('\x1b'));
}

#[tokio::test]
async fn the_tour_has_colour_where_it_is_wanted() {
    let mut program = command(&["demo"]);
    program.env("CLICOLOR_FORCE", "1");
    assert!(finish(program).await.expect(0).stdout.contains('\x1b'));
}

#[tokio::test]
async fn a_reader_that_leaves_the_tour_is_no_failure() {
    let mut child = command(&["demo"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
}
