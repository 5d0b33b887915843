//! What the tour shows, in which order, and what it says about it.

use bytes::Bytes;
use http::header::EXPECT;
use http::{Method, Request, Uri};
use httptrace_client::Body;

use super::{HOST, RACE_HOST};

/// What is said before the first picture.
pub(crate) const WELCOME: &str = "\
A tour of what httptrace shows. The server is built in and listens on this
machine only; it takes its time where a distant one would. All requests go
over one client, so that they find the connections of those before them.
";

/// What is said after the last picture.
pub(crate) const FAREWELL: &[(&str, &str)] = &[
    (
        "httptrace https://example.com",
        "the same for a real server",
    ),
    ("httptrace -L example.com", "what do its redirects cost?"),
    (
        "httptrace --pause 5 URL URL",
        "is the connection kept for 5 seconds?",
    ),
    (
        "httptrace --format events URL",
        "every event as JSON, as it happens",
    ),
    ("httptrace --export json=FILE URL", "keep the timeline"),
    ("httptrace --help", "everything else"),
];

/// One request of the tour.
pub(crate) struct Scene {
    pub(crate) title: &'static str,
    pub(crate) text: &'static str,
    to: To,
    path: &'static str,
    upload: Option<Upload>,
}

/// A body of so many bytes.
#[derive(Clone, Copy)]
enum Upload {
    AtOnce(usize),
    /// Held back until the server says that it wants it.
    Asking(usize),
}

/// Where a request of the tour goes.
#[derive(Clone, Copy)]
enum To {
    Http,
    Https,
    /// The name that has an address nobody answers at.
    Race,
}

/// The tour. The order matters: each scene finds the connections that those before it have left.
pub(crate) const SCENES: &[Scene] = &[
    Scene {
        title: "A cold request",
        text: "\
The first request to a host pays for everything: finding the address,
connecting, shaking hands over TLS. Only then can it ask.
",
        to: To::Https,
        path: "/",
        upload: None,
    },
    Scene {
        title: "The same again",
        text: "\
The connection was kept, so there is nothing left but to ask and to wait.
",
        to: To::Https,
        path: "/",
        upload: None,
    },
    Scene {
        title: "A redirect",
        text: "\
http:// answers 301 and sends us to https://. Two round trips on two
connections; for the second one there is an open connection already.
",
        to: To::Http,
        path: "/old",
        upload: None,
    },
    Scene {
        title: "Early hints",
        text: "\
While the answer is still being made, a 103 says what the page will need.
",
        to: To::Https,
        path: "/hints",
        upload: None,
    },
    Scene {
        title: "A slow answer",
        text: "\
Who is slow? Up to the first byte it is the server, thinking. After it, it is
the body, trickling in.
",
        to: To::Https,
        path: "/slow",
        upload: None,
    },
    Scene {
        title: "A retry",
        text: "\
The server hangs up just as we use the kept connection again. Nothing was
answered, so the request may be repeated, on a new connection.
",
        to: To::Https,
        path: "/stale",
        upload: None,
    },
    Scene {
        title: "A lost race",
        text: "\
This name has two addresses, as most have today. The first cannot be reached,
and the second takes over.
",
        to: To::Race,
        path: "/",
        upload: None,
    },
    Scene {
        title: "A big body",
        text: "\
Eight megabytes: now it is the transfer that counts.
",
        to: To::Https,
        path: "/big",
        upload: None,
    },
    Scene {
        title: "An upload",
        text: "\
The same the other way, to a server that is slow to read. What the kernel has
taken counts as sent; how long the rest takes to arrive is in the wait.
",
        to: To::Https,
        path: "/upload",
        upload: Some(Upload::AtOnce(8_000_000)),
    },
    Scene {
        title: "An upload that asks first",
        text: "\
Expect: 100-continue. The body is held until the server wants it, so that a
server that does not is spared the upload.
",
        to: To::Https,
        path: "/ask",
        upload: Some(Upload::Asking(2_000_000)),
    },
];

impl Scene {
    /// The request; `http` and `https` are the server's ports.
    pub(crate) fn request(&self, http: u16, https: u16) -> Result<Request<Body>, http::Error> {
        let (scheme, host, port) = match self.to {
            To::Http => ("http", HOST, http),
            To::Https => ("https", HOST, https),
            To::Race => ("https", RACE_HOST, https),
        };
        let uri = Uri::builder()
            .scheme(scheme)
            .authority(format!("{host}:{port}"))
            .path_and_query(self.path)
            .build()?;
        let request = Request::builder().uri(uri);
        let (request, size) = match self.upload {
            None => return request.body(Body::empty()),
            Some(Upload::AtOnce(size)) => (request, size),
            Some(Upload::Asking(size)) => (request.header(EXPECT, "100-continue"), size),
        };
        let body = Bytes::from(vec![b'.'; size]);
        request.method(Method::PUT).body(Body::from(body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scene_has_a_request() {
        for scene in SCENES {
            let request = scene.request(8080, 8443).unwrap();
            assert_eq!(request.uri().path(), scene.path, "{}", scene.title);
        }
    }

    #[test]
    fn what_is_said_fits_into_80_columns() {
        let said = SCENES.iter().map(|scene| scene.text).chain([WELCOME]);
        for text in said {
            assert!(text.ends_with('\n'), "{text}");
            assert!(text.lines().all(|line| line.chars().count() < 80), "{text}");
        }
    }
}
