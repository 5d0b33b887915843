//! What the tour shows, in which order, and what it says about it.

use bytes::Bytes;
use http::header::EXPECT;
use http::{Method, Request, Uri};
use httptrace_client::Body;

use super::{HOST, HTTP2_HOST, RACE_HOST};

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
    (
        "httptrace --http1.1 URL",
        "what would it be without HTTP/2?",
    ),
    ("httptrace --export json=FILE URL", "keep the timeline"),
    ("httptrace --help", "everything else"),
];

/// A stop of the tour.
pub(crate) struct Scene {
    pub(crate) title: &'static str,
    pub(crate) text: &'static str,
    pub(crate) order: Order,
    asks: &'static [Ask],
}

/// How the requests of a stop are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// All at once.
    Together,
    /// Each when the one before it has been answered.
    InTurn,
}

/// One request.
struct Ask {
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
    /// The name that has HTTP/2.
    Http2,
}

/// The tour. The order matters: each scene finds the connections that those before it have left.
pub(crate) const SCENES: &[Scene] = &[
    Scene {
        title: "A cold request",
        text: "\
The first request to a host pays for everything: finding the address,
connecting, shaking hands over TLS. Only then can it ask.
",
        order: Order::InTurn,
        asks: &[get(To::Https, "/")],
    },
    Scene {
        title: "The same again",
        text: "\
The connection was kept, so there is nothing left but to ask and to wait.
",
        order: Order::InTurn,
        asks: &[get(To::Https, "/")],
    },
    Scene {
        title: "A redirect",
        text: "\
http:// answers 301 and sends us to https://. Two round trips on two
connections; for the second one there is an open connection already.
",
        order: Order::InTurn,
        asks: &[get(To::Http, "/old")],
    },
    Scene {
        title: "Early hints",
        text: "\
While the answer is still being made, a 103 says what the page will need.
",
        order: Order::InTurn,
        asks: &[get(To::Https, "/hints")],
    },
    Scene {
        title: "A slow answer",
        text: "\
Who is slow? Up to the first byte it is the server, thinking. After it, it is
the body, trickling in.
",
        order: Order::InTurn,
        asks: &[get(To::Https, "/slow")],
    },
    Scene {
        title: "A retry",
        text: "\
The server hangs up just as we use the kept connection again. Nothing was
answered, so the request may be repeated, on a new connection.
",
        order: Order::InTurn,
        asks: &[get(To::Https, "/stale")],
    },
    Scene {
        title: "A lost race",
        text: "\
This name has two addresses, as most have today. The first cannot be reached,
and the second takes over.
",
        order: Order::InTurn,
        asks: &[get(To::Race, "/")],
    },
    Scene {
        title: "A big body",
        text: "\
Eight megabytes: now it is the transfer that counts.
",
        order: Order::InTurn,
        asks: &[get(To::Https, "/big")],
    },
    Scene {
        title: "An upload",
        text: "\
The same the other way, to a server that is slow to read. What the kernel has
taken counts as sent; how long the rest takes to arrive is in the wait.
",
        order: Order::InTurn,
        asks: &[put(To::Https, "/upload", Upload::AtOnce(8_000_000))],
    },
    Scene {
        title: "An upload that asks first",
        text: "\
Expect: 100-continue. The body is held until the server wants it, so that a
server that does not is spared the upload.
",
        order: Order::InTurn,
        asks: &[put(To::Https, "/ask", Upload::Asking(2_000_000))],
    },
    Scene {
        title: "HTTP/2: a cold start together",
        text: "\
From here on HTTP/2, which both sides agree on in the handshake. Of three
requests at once one makes a connection, and the others wait for the same.
",
        order: Order::Together,
        asks: &[
            get(To::Http2, "/"),
            get(To::Http2, "/style.css"),
            get(To::Http2, "/logo.svg"),
        ],
    },
    Scene {
        title: "HTTP/2: side by side",
        text: "\
Three at once on that connection, each on a stream of its own: a slow answer
holds up nobody, and hints belong to the request that they are for.
",
        order: Order::Together,
        asks: &[
            get(To::Http2, "/slow"),
            get(To::Http2, "/hints"),
            get(To::Http2, "/"),
        ],
    },
    Scene {
        title: "HTTP/2: a refused stream",
        text: "\
The server resets the stream before it has looked at the request. So it may be
repeated, whatever it is, and the connection is as good as before.
",
        order: Order::InTurn,
        asks: &[get(To::Http2, "/refused")],
    },
    Scene {
        title: "HTTP/2: an upload that waits for its window",
        text: "\
A server says how much it will take. When that is used up, the body waits
until the server asks for more.
",
        order: Order::InTurn,
        asks: &[put(To::Http2, "/upload", Upload::AtOnce(400_000))],
    },
    Scene {
        title: "HTTP/2: a server that leaves",
        text: "\
GOAWAY: what has begun is answered, and the connection takes nothing more. The
next request has to make one of its own.
",
        order: Order::InTurn,
        asks: &[get(To::Http2, "/leave"), get(To::Http2, "/")],
    },
];

const fn get(to: To, path: &'static str) -> Ask {
    Ask {
        to,
        path,
        upload: None,
    }
}

const fn put(to: To, path: &'static str, upload: Upload) -> Ask {
    Ask {
        to,
        path,
        upload: Some(upload),
    }
}

impl Scene {
    /// Its requests; `http` and `https` are the server's ports.
    pub(crate) fn requests(
        &self,
        http: u16,
        https: u16,
    ) -> Result<Vec<Request<Body>>, http::Error> {
        let asks = self.asks.iter();
        asks.map(|ask| ask.request(http, https)).collect()
    }
}

impl Ask {
    fn request(&self, http: u16, https: u16) -> Result<Request<Body>, http::Error> {
        let (scheme, host, port) = match self.to {
            To::Http => ("http", HOST, http),
            To::Https => ("https", HOST, https),
            To::Race => ("https", RACE_HOST, https),
            To::Http2 => ("https", HTTP2_HOST, https),
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
    fn every_scene_has_its_requests() {
        for scene in SCENES {
            let requests = scene.requests(8080, 8443).unwrap();
            let paths: Vec<_> = requests
                .iter()
                .map(|request| request.uri().path())
                .collect();
            let expected: Vec<_> = scene.asks.iter().map(|ask| ask.path).collect();
            assert!(!paths.is_empty(), "{}", scene.title);
            assert_eq!(paths, expected, "{}", scene.title);
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
