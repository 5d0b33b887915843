use super::*;

fn request(
    method: Method,
    uri: &str,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> Request<Body> {
    let mut builder = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(body.into()).unwrap()
}

fn response(status: u16, location: &str) -> Response<()> {
    let builder = Response::builder().status(status);
    builder.header("location", location).body(()).unwrap()
}

const POLICY: RedirectPolicy = RedirectPolicy(Policy::Limited(9));

fn redirector(first: Request<Body>) -> Redirector<'static> {
    let (parts, body) = first.into_parts();
    Redirector::new(&POLICY, Box::new(Request::from_parts(parts, ())), &body)
}

/// Follows a redirect; the next hop's request with its body.
fn next_hop(redirector: &mut Redirector<'_>, follow: Follow) -> Request<Body> {
    let body = redirector.follow(follow);
    redirector.current().clone().map(|()| body)
}

/// Sends a request through one redirect.
fn follow(first: Request<Body>, status: u16, location: &str) -> Option<Request<Body>> {
    let mut redirector = redirector(first);
    redirector.prepare().unwrap();
    match redirector.decide(&response(status, location)) {
        Decision::Follow(follow) => Some(next_hop(&mut redirector, follow)),
        Decision::Return => None,
        Decision::Fail(error) => panic!("{error}"),
    }
}

#[test]
fn nine_redirects_are_the_default() {
    let default = RedirectPolicy::default();
    assert_eq!(format!("{default:?}"), format!("{POLICY:?}"));
}

#[test]
fn a_post_becomes_a_get_without_body_and_its_description_on_301_302_303() {
    for status in [301, 302, 303] {
        let first = request(
            Method::POST,
            "http://h/a",
            &[("content-type", "text/plain"), ("x-a", "1")],
            "body",
        );
        let next = follow(first, status, "/b").unwrap();
        assert_eq!(
            (next.method(), next.uri().to_string()),
            (&Method::GET, "http://h/b".into())
        );
        assert_eq!(next.body().size_hint().exact(), Some(0));
        assert!(!next.headers().contains_key("content-type"));
        assert_eq!(next.headers()["x-a"], "1");
    }
}

#[test]
fn method_and_body_are_kept_on_307_and_308() {
    for status in [307, 308] {
        let next = follow(
            request(Method::PUT, "http://h/a", &[], "body"),
            status,
            "/b",
        )
        .unwrap();
        assert_eq!(next.method(), Method::PUT);
        assert_eq!(next.body().size_hint().exact(), Some(4));
    }
}

#[test]
fn a_body_that_cannot_be_had_again_leaves_the_307_to_the_caller() {
    let first = request(Method::PUT, "http://h/a", &[], "").map(|_| Body::wrap(Never));
    assert!(follow(first, 307, "/b").is_none());
}

struct Never;

impl http_body::Body for Never {
    type Data = bytes::Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<bytes::Bytes>, Self::Error>>> {
        std::task::Poll::Pending
    }
}

#[test]
fn secrets_stay_on_their_site_and_below_it() {
    let secrets = [
        ("authorization", "Bearer x"),
        ("cookie", "a=b"),
        ("x-plain", "1"),
    ];
    let first = || request(Method::GET, "http://example.com/", &secrets, "");
    let below = follow(first(), 302, "http://api.example.com:81/").unwrap();
    assert_eq!(below.headers()["authorization"], "Bearer x");
    let other = follow(first(), 302, "http://evil-example.com/").unwrap();
    assert!(
        !other.headers().contains_key("authorization") && !other.headers().contains_key("cookie")
    );
    assert_eq!(other.headers()["x-plain"], "1");
}

#[test]
fn secrets_that_were_left_behind_do_not_come_back() {
    let first = request(Method::GET, "http://a.test/", &[("authorization", "x")], "");
    let mut redirector = redirector(first);
    redirector.prepare().unwrap();
    for (location, has_secret) in [("http://b.test/", false), ("http://a.test/", false)] {
        let Decision::Follow(follow) = redirector.decide(&response(302, location)) else {
            panic!("not followed");
        };
        let next = next_hop(&mut redirector, follow);
        assert_eq!(next.headers().contains_key("authorization"), has_secret);
    }
}

#[test]
fn the_referer_is_where_we_come_from_but_not_from_https_to_http() {
    let next = follow(request(Method::GET, "http://u:p@h/a?q", &[], ""), 302, "/b").unwrap();
    assert_eq!(next.headers()["referer"], "http://h/a?q");
    let next = follow(
        request(Method::GET, "https://h/a", &[], ""),
        302,
        "http://h/b",
    )
    .unwrap();
    assert!(!next.headers().contains_key("referer"));
}

#[test]
fn the_eleventh_request_is_not_made() {
    let mut redirector = redirector(request(Method::GET, "http://h/", &[], ""));
    for _ in 0..9 {
        redirector.prepare().unwrap();
        let Decision::Follow(follow) = redirector.decide(&response(302, "/")) else {
            panic!("not followed");
        };
        let _ = redirector.follow(follow);
    }
    redirector.prepare().unwrap();
    let Decision::Fail(error) = redirector.decide(&response(302, "/")) else {
        panic!("followed once too often");
    };
    assert!(error.is_redirect() && error.to_string().contains("stopped after 9 redirects"));
}

#[test]
fn userinfo_becomes_basic_auth_unless_there_is_one() {
    let mut with = redirector(request(Method::GET, "http://us%65r:pass@h/", &[], ""));
    let sent = with.prepare().unwrap();
    assert_eq!(sent.headers()["authorization"], "Basic dXNlcjpwYXNz");
    assert_eq!(sent.uri().to_string(), "http://h/");
    let mut own = redirector(request(
        Method::GET,
        "http://u:p@h/",
        &[("authorization", "Bearer x")],
        "",
    ));
    let sent = own.prepare().unwrap();
    assert_eq!(sent.headers()["authorization"], "Bearer x");
}

#[test]
fn a_redirect_without_a_location_is_returned_and_one_to_nowhere_fails() {
    let redirector = redirector(request(Method::GET, "http://h/", &[], ""));
    let bare = Response::builder().status(302).body(()).unwrap();
    assert!(matches!(redirector.decide(&bare), Decision::Return));
    let empty = redirector.decide(&response(302, ""));
    assert!(matches!(empty, Decision::Return));
    assert!(matches!(
        redirector.decide(&response(302, "http://[bad/")),
        Decision::Fail(_)
    ));
}

#[test]
fn a_location_of_any_length_makes_a_message_of_readable_length() {
    let redirector = redirector(request(Method::GET, "http://h/", &[], ""));
    let long = format!("/{}", "a".repeat(70_000));
    let Decision::Fail(error) = redirector.decide(&response(302, &long)) else {
        panic!("a URI of 70,000 bytes was accepted");
    };
    let message = error.to_string();
    assert!(message.len() < 400, "{} bytes", message.len());
    assert!(message.contains("aaa…"), "{message}");
}

#[test]
fn a_host_of_the_users_own_is_kept_on_relative_redirects_alone() {
    let first = || request(Method::GET, "http://h/", &[("host", "virtual")], "");
    assert_eq!(
        follow(first(), 302, "/b").unwrap().headers()["host"],
        "virtual"
    );
    assert!(
        !follow(first(), 302, "http://h/b")
            .unwrap()
            .headers()
            .contains_key("host")
    );
}
