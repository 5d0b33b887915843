use clap::Parser;

use super::*;
use crate::cli::Cli;

fn options(line: &[&str]) -> Result<Options, UsageError> {
    let words = ["httptrace"].iter().chain(line);
    let cli = Cli::try_parse_from(words).expect("clap accepts it");
    Options::new(cli.trace)
}

fn refused(line: &[&str]) -> String {
    match options(line) {
        Ok(options) => panic!("{line:?} was accepted: {options:?}"),
        Err(error) => error.message,
    }
}

#[test]
fn a_bare_url_is_a_get_that_follows_nothing_and_drops_the_body() {
    let options = options(&["example.com"]).unwrap();
    assert_eq!(options.targets.len(), 1);
    assert_eq!(options.targets[0].uri, "http://example.com/");
    assert_eq!(options.targets[0].output, None);
    assert_eq!(options.request.method, Method::GET);
    assert_eq!(options.request.body, None);
    assert!(options.request.headers.fields.is_empty());
    assert_eq!(options.client.redirects, None);
    assert_eq!(options.client.max_time, None);
    assert_eq!(options.client.user_agent, UserAgent::Default);
    assert_eq!(options.client.family, Family::Any);
    assert_eq!(options.client.protocol, Protocol::Agreed);
    assert_eq!(options.pause, Duration::ZERO);
    assert_eq!(options.format, Format::Waterfall);
}

#[test]
fn data_makes_a_form_post() {
    let options = options(&["-d", "a=1", "-d", "b=2", "u"]).unwrap();
    assert_eq!(options.request.method, Method::POST);
    assert_eq!(options.request.body.unwrap(), "a=1&b=2");
    let content_type = &options.request.headers.fields[CONTENT_TYPE];
    assert_eq!(content_type, "application/x-www-form-urlencoded");
}

#[test]
fn content_type_and_method_of_data_can_be_chosen() {
    let line = [
        "-d",
        "{}",
        "-H",
        "Content-Type: application/json",
        "-X",
        "PUT",
        "u",
    ];
    let options = options(&line).unwrap();
    assert_eq!(options.request.method, Method::PUT);
    assert_eq!(
        options.request.headers.fields[CONTENT_TYPE],
        "application/json"
    );
}

#[test]
fn content_type_of_data_can_be_removed() {
    let options = options(&["-d", "x", "-H", "Content-Type:", "u"]).unwrap();
    assert!(!options.request.headers.fields.contains_key(CONTENT_TYPE));
}

#[test]
fn head_asks_for_the_head() {
    assert_eq!(options(&["-I", "u"]).unwrap().request.method, Method::HEAD);
}

#[test]
fn user_becomes_a_sensitive_basic_authorization() {
    let options = options(&["-u", "Aladdin:open sesame", "u"]).unwrap();
    let value = &options.request.headers.fields[AUTHORIZATION];
    // The example of RFC 7617 section 2.
    assert_eq!(value, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    assert!(value.is_sensitive());
}

#[test]
fn a_header_beats_user() {
    let options = options(&["-u", "a:b", "-H", "Authorization: Bearer t", "u"]).unwrap();
    let values: Vec<_> = options
        .request
        .headers
        .fields
        .get_all(AUTHORIZATION)
        .iter()
        .collect();
    assert_eq!(values, ["Bearer t"]);
}

#[test]
fn redirects_are_followed_for_ten_requests_unless_told_otherwise() {
    let table: [(&[&str], Option<usize>); 5] = [
        (&["u"], None),
        (&["--max-redirs", "3", "u"], None),
        (&["-L", "u"], Some(9)),
        (&["-L", "--max-redirs", "0", "u"], Some(0)),
        (&["-L", "--max-redirs", "-1", "u"], Some(usize::MAX)),
    ];
    for (line, expected) in table {
        assert_eq!(
            options(line).unwrap().client.redirects,
            expected,
            "{line:?}"
        );
    }
}

#[test]
fn outputs_belong_to_urls_in_order() {
    let options = options(&["-o", "a", "-o", "-", "u", "v", "w"]).unwrap();
    let outputs: Vec<_> = options.targets.iter().map(|t| t.output.clone()).collect();
    let a = BodyOutput::File("a".into());
    assert_eq!(outputs, [Some(a), Some(BodyOutput::Stdout), None]);
    assert!(options.body_on_stdout());
}

#[test]
fn deadlines_take_fractions() {
    let line = [
        "-m",
        "1.5",
        "--connect-timeout",
        "0.25",
        "--expect100-timeout",
        "0",
        "--pause",
        "2",
        "u",
    ];
    let options = options(&line).unwrap();
    // For this one, 0 is no time, and not no limit.
    let no_time = Some(Duration::ZERO);
    assert_eq!(options.client.expect_continue_timeout, no_time);
    assert_eq!(options.client.max_time, Some(Duration::from_millis(1500)));
    assert_eq!(
        options.client.connect_timeout,
        Some(Duration::from_millis(250))
    );
    assert_eq!(options.pause, Duration::from_secs(2));
}

#[test]
fn exports_name_their_format_and_file() {
    let options = options(&["--export", "json=a=b", "--export", "events=e", "u"]).unwrap();
    let exports: Vec<_> = options
        .exports
        .iter()
        .map(|e| (e.format, e.path.to_str()))
        .collect();
    assert_eq!(
        exports,
        [
            (ExportFormat::Json, Some("a=b")),
            (ExportFormat::Events, Some("e"))
        ]
    );
}

#[test]
fn user_agent_can_be_changed_and_left_out() {
    let removed = options(&["-H", "User-Agent:", "u"]).unwrap();
    assert_eq!(removed.client.user_agent, UserAgent::None);
    let custom = UserAgent::Custom(HeaderValue::from_static("me"));
    assert_eq!(
        options(&["-A", "me", "u"]).unwrap().client.user_agent,
        custom
    );
    assert_eq!(
        options(&["-A", "", "u"]).unwrap().client.user_agent,
        UserAgent::None
    );
}

#[test]
fn what_cannot_be_carried_out_is_refused_by_name() {
    let table: [(&[&str], &str); 14] = [
        (&["ftp://u"], "'ftp'"),
        (&["u", "http://["], "'http://['"),
        (&["-X", "G T", "u"], "'G T' is not a method"),
        (&["-H", "nonsense", "u"], "'nonsense'"),
        (&["-u", "me", "u"], "no password"),
        (&["--chunked", "u"], "--chunked without a body"),
        (&["-d", "@no/such", "u"], "'no/such'"),
        (&["--cacert", "no/such", "u"], "'no/such'"),
        (&["-m", "soon", "u"], "--max-time 'soon'"),
        (&["--resolve", "a:b", "u"], "--resolve 'a:b'"),
        (&["--max-redirs", "-2", "u"], "--max-redirs -2"),
        (&["-o", "a", "-o", "b", "u"], "2 outputs for 1 URLs"),
        (&["--export", "har=x", "u"], "--export 'har=x'"),
        (&["--export", "json=-", "u"], "names no file"),
    ];
    for (line, expected) in table {
        let message = refused(line);
        assert!(message.contains(expected), "{line:?}: {message}");
    }
}

#[test]
fn a_file_is_written_by_one_output_or_export_only() {
    for line in [
        ["-o", "f", "-o", "f", "u", "u"],
        ["--export", "json=f", "--export", "events=f", "u", "u"],
        ["-o", "f", "--export", "json=f", "u", "u"],
    ] {
        assert!(refused(&line).contains("'f' is to be written twice"));
    }
    let null = ["-o", "/dev/null", "-o", "/dev/null", "u", "u"];
    assert!(options(&null).is_ok());
}

#[test]
fn connect_is_no_request_to_a_server() {
    assert!(refused(&["-X", "CONNECT", "u"]).starts_with("CONNECT asks a proxy"));
}

#[test]
fn negative_durations_are_refused_as_such() {
    for option in ["--max-time", "--connect-timeout", "--pause"] {
        let message = refused(&[option, "-1", "u"]);
        assert_eq!(message, format!("{option} '-1' is not a number of seconds"));
    }
}

#[test]
fn of_the_versions_of_http_the_last_counts() {
    let (one, two, known) = ("--http1.1", "--http2", "--http2-prior-knowledge");
    let table: &[(&[&str], Protocol)] = &[
        (&[one], Protocol::Http1),
        (&[two], Protocol::Agreed),
        (&[known], Protocol::Http2),
        (&[one, two], Protocol::Agreed),
        (&[two, one], Protocol::Http1),
        (&[one, known], Protocol::Http2),
        (&[known, one], Protocol::Http1),
        (&[known, two], Protocol::Agreed),
        (&[one, known, two, one, one], Protocol::Http1),
        (&[two, two], Protocol::Agreed),
    ];
    for (flags, expected) in table {
        let options = options(&[flags, &["u"][..]].concat()).unwrap();
        assert_eq!(options.client.protocol, *expected, "{flags:?}");
    }
}

#[test]
fn versions_of_http_that_are_not_spoken_are_told() {
    let table = [
        ("--http0.9", "HTTP/0.9 is not spoken"),
        ("--http1.0", "HTTP/1.0 is not spoken"),
        ("-0", "HTTP/1.0 is not spoken"),
        ("--http3", "HTTP/3 is not spoken"),
        ("--http3-only", "HTTP/3 is not spoken"),
    ];
    for (flag, expected) in table {
        assert_eq!(refused(&[flag, "u"]), expected);
    }
}
