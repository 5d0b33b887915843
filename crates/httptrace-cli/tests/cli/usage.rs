//! Wrong usage, and help.

use httptrace_test::Peer;

use crate::program::httptrace;

#[tokio::test]
async fn wrong_usage_says_what_is_wrong_and_what_to_do_and_sends_nothing() {
    let peer = Peer::loopback();
    let url = peer.url("/");
    let url = url.as_str();
    let table: &[(&[&str], &str)] = &[
        (&["http://["], "'http://[' is not a URL"),
        (&["ftp://a/"], "the scheme 'ftp' is not supported"),
        (
            &[url, "gopher://a/"],
            "the scheme 'gopher' is not supported",
        ),
        (&["-H", "nonsense", url], "'nonsense' is not a header field"),
        (&["-X", "NO WAY", url], "'NO WAY' is not a method"),
        (&["-d", "@no/such/file", url], "'no/such/file'"),
        (&["-o", "no/such/dir/file", url], "'no/such/dir/file'"),
        (&["--export", "json=no/such/dir/f", url], "'no/such/dir/f'"),
        (&["--export", "xml=f", url], "--export 'xml=f'"),
        (&["--cacert", "no/such/file", url], "'no/such/file'"),
        (&["--cacert", "Cargo.toml", url], "--cacert 'Cargo.toml'"),
        (&["--resolve", "a:80", url], "--resolve 'a:80'"),
        (&["-m", "soon", url], "--max-time 'soon'"),
        (&["--http2-ping", "often", url], "--http2-ping 'often'"),
        (&["-u", "me", url], "--user has no password"),
        (&["--chunked", url], "--chunked without a body"),
        (
            &["--interface", "host!a.test", url],
            "--interface 'host!a.test'",
        ),
    ];
    for (args, complaint) in table {
        let run = httptrace(args).await;
        run.expect(2)
            .says("httptrace: ")
            .says(complaint)
            .says("\n  hint: ");
        assert!(run.stdout.is_empty(), "{args:?}: {run:#?}");
    }
    assert_eq!(peer.accepted(), 0);
}

#[tokio::test]
async fn options_that_do_not_exist_or_do_not_go_together_are_wrong_usage() {
    let table: &[&[&str]] = &[
        &["--no-such-option", "a"],
        &["-4", "-6", "a"],
        &["-I", "-d", "x", "a"],
        &["--format", "pie-chart", "a"],
        &["--format", "json"],
    ];
    for args in table {
        let run = httptrace(args).await;
        run.expect(2).says("error: ");
    }
}

#[tokio::test]
async fn without_arguments_there_is_help_that_starts_with_three_examples() {
    let run = httptrace(&[]).await;
    run.expect(2);
    let lines: Vec<&str> = run.stderr.lines().take(5).collect();
    assert_eq!(lines[0], "Examples:", "{run:#?}");
    for line in &lines[1..4] {
        assert!(line.starts_with("  httptrace "), "{line}");
    }
    assert!(!lines[4].starts_with("  httptrace "), "{}", lines[4]);
}

#[tokio::test]
async fn help_and_version_are_what_was_asked_for() {
    let help = httptrace(&["--help"]).await;
    help.expect(0)
        .shows("Examples:")
        .shows("--max-redirs")
        .shows("Exit codes:");
    let version = httptrace(&["--version"]).await;
    let expected = format!("httptrace {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(version.expect(0).stdout, expected);
}
