//! What is asked of servers that speak HTTP/2.

use std::time::Duration;

use crate::http2::Http2;
use crate::origin::{DELAY, LARGE, SMALL};
use crate::play::{Case, Delay};

/// Our exit code, and curl's (`CURLE_HTTP2_STREAM`), for a stream that was reset.
const RESET: (i32, i32) = (4, 92);

/// How long a field is that fills more than one frame.
const LONG: usize = 40_000;

/// A file to upload, and its size.
pub(crate) type Upload = (String, u64);

/// A server, and its ports. What a server does not have is absent.
pub(crate) struct Http2Site {
    pub(crate) name: &'static str,
    /// HTTP/2 from the first byte on.
    pub(crate) plain: Option<u16>,
    /// With TLS.
    pub(crate) secure: Option<u16>,
    /// Where the server says GOAWAY: nginx at the second request, Go at the request for `/leave`.
    pub(crate) leaving: Option<u16>,
    /// Where the window of a stream is 64 KiB, and where that of the connection is, and the other one larger.
    pub(crate) windows: Option<(u16, u16)>,
    /// Where the server's settings are not the usual ones.
    pub(crate) limited: Option<u16>,
    /// A small one, one of 1 MiB, and a larger one.
    pub(crate) uploads: [Upload; 3],
}

impl Http2Site {
    /// Everything that is asked of the server.
    pub(crate) fn cases(&self) -> Vec<Case> {
        let mut cases = Vec::new();
        let ports = [("http", self.plain), ("https", self.secure)];
        for (scheme, port) in ports
            .into_iter()
            .filter_map(|(scheme, port)| Some((scheme, port?)))
        {
            let asked = Asked {
                site: self,
                scheme,
                port,
            };
            cases.extend(asked.connections());
            cases.extend(asked.uploads());
        }
        let Some(port) = self.plain else { return cases };
        let asked = Asked {
            site: self,
            scheme: "http",
            port,
        };
        cases.extend(asked.responses());
        cases.extend(asked.expectations());
        cases.extend(asked.refusals());
        cases.extend(asked.resets());
        cases.extend(self.farewells());
        cases.extend(self.windows());
        cases
    }

    fn is_one_of(&self, names: &[&str]) -> bool {
        names.contains(&self.name)
    }

    /// Servers that say that they take no more requests.
    fn farewells(&self) -> Vec<Case> {
        let asked = |port| Asked {
            site: self,
            scheme: "http",
            port,
        };
        let (Some(plain), leaving) = (self.plain, self.leaving) else {
            return Vec::new();
        };
        let farewell = |case: Case, count: usize, asks| Case {
            urls: vec![case.urls[0].clone(); count],
            statuses: vec![200; count],
            connections: 2,
            http2: Some(Http2 {
                leaves: true,
                curl_may_fail: count > 2,
                asks,
                nghttp: Some(Vec::new()),
                ..Http2::default()
            }),
            ..case
        };
        match (self.name, leaving) {
            ("nginx-http2", Some(leaving)) => {
                let case = asked(leaving).get("it_takes_no_more_than_two_requests", "/small");
                vec![farewell(case, 3, Some(2))]
            }
            ("go", Some(leaving)) => vec![
                farewell(
                    asked(plain).get("it_closes_after_the_response", "/close"),
                    2,
                    Some(1),
                ),
                farewell(
                    asked(leaving).get("it_shuts_down_while_it_answers", "/leave"),
                    2,
                    Some(1),
                ),
            ],
            ("node", _) => vec![farewell(
                asked(plain).get("it_says_goaway_before_it_answers", "/goaway"),
                2,
                Some(1),
            )],
            _ => Vec::new(),
        }
    }

    /// Uploads that the server's windows hold up.
    fn windows(&self) -> Vec<Case> {
        let waits = |name, port, window, held: Option<Duration>, path: &str| {
            let asked = Asked {
                site: self,
                scheme: "http",
                port,
            };
            let case = asked.post(name, path, &self.uploads[2]);
            Case {
                http2: case.http2.map(|http2| Http2 {
                    window: Some(window),
                    held,
                    ..http2
                }),
                ..case
            }
        };
        let mut cases = Vec::new();
        if let Some((stream, connection)) = self.windows {
            cases.extend([
                waits(
                    "the_window_of_a_stream_holds_the_upload_up",
                    stream,
                    "stream",
                    Some(DELAY),
                    "/late",
                ),
                waits(
                    "the_window_of_the_connection_holds_the_upload_up",
                    connection,
                    "connection",
                    Some(DELAY),
                    "/late",
                ),
            ]);
        }
        if let Some(limited) = self.limited {
            cases.push(waits(
                "unusual_settings",
                limited,
                "stream",
                Some(DELAY),
                "/late",
            ));
        }
        cases
    }
}

/// A port of a server, and how it is asked.
struct Asked<'a> {
    site: &'a Http2Site,
    scheme: &'static str,
    port: u16,
}

impl Asked<'_> {
    /// One request, which all three clients can make.
    fn get(&self, name: &'static str, path: &str) -> Case {
        let flag = match self.scheme {
            "http" => "--http2-prior-knowledge",
            _ => "--http2",
        };
        Case {
            name,
            urls: vec![format!("{}://127.0.0.1:{}{path}", self.scheme, self.port)],
            arguments: vec![flag.to_owned()],
            statuses: vec![200],
            connections: 1,
            tls: (self.scheme == "https").then(|| ("TLSv1.3", vec![false])),
            http2: Some(Http2 {
                nghttp: Some(Vec::new()),
                ..Http2::default()
            }),
            ..Case::default()
        }
    }

    /// With arguments for curl and us, and others for nghttp.
    fn with(case: Case, arguments: &[&str], nghttp: &[&str]) -> Case {
        let words = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        let http2 = case.http2.unwrap_or_default();
        Case {
            arguments: [case.arguments, words(arguments)].concat(),
            http2: Some(Http2 {
                nghttp: http2.nghttp.map(|before| [before, words(nghttp)].concat()),
                ..http2
            }),
            ..case
        }
    }

    fn post(&self, name: &'static str, path: &str, (file, size): &Upload) -> Case {
        let data = format!("@{file}");
        let case = Self::with(
            self.get(name, path),
            &["--data-binary", &data],
            &["-d", file],
        );
        Case {
            upload: Some(*size),
            ..case
        }
    }

    fn connections(&self) -> Vec<Case> {
        let (three, large) = match self.scheme {
            "http" => ("three_requests_share_a_connection", "a_large_body"),
            _ => (
                "three_requests_share_a_connection_over_tls",
                "a_large_body_over_tls",
            ),
        };
        let shared = self.get(three, "/small");
        let body = |case, size: usize| Case {
            body: Some(size as u64),
            ..case
        };
        vec![
            Case {
                urls: vec![shared.urls[0].clone(); 3],
                statuses: vec![200; 3],
                http2: shared.http2.clone().map(|http2| Http2 {
                    curl_may_fail: self.scheme == "http",
                    ..http2
                }),
                ..body(shared, SMALL)
            },
            body(self.get(large, "/large"), LARGE),
        ]
    }

    fn uploads(&self) -> Vec<Case> {
        let [small, medium, large] = &self.site.uploads;
        if self.scheme == "https" {
            return vec![self.post("a_larger_upload_over_tls", "/upload", large)];
        }
        vec![
            self.post("a_small_upload", "/upload", small),
            self.post("an_upload_of_1_mib", "/upload", medium),
            self.post("an_upload_larger_than_any_window", "/upload", large),
        ]
    }

    fn responses(&self) -> Vec<Case> {
        let status = |case: Case, status| Case {
            statuses: vec![status],
            body: Some(0).filter(|_| status == 204),
            ..case
        };
        let missing = self.get("what_is_not_there_is_404", "/missing");
        let head = self.get("a_head_request_has_no_body", "/small");
        let mut cases = vec![
            status(missing, 404),
            Case {
                body: Some(0),
                ..Self::with(head, &["-I"], &["-H", ":method: HEAD"])
            },
        ];
        if !self.site.name.starts_with("nghttpd") {
            cases.push(status(self.get("no_content", "/empty"), 204));
        }
        if !self.site.name.starts_with("nghttpd") {
            let case = self.get("it_answers_pings_while_it_works", "/slow");
            cases.push(Case {
                ours: vec!["--http2-ping", "0.05"],
                delay: Some(Delay::BeforeHead(DELAY)),
                http2: case.http2.map(|http2| Http2 {
                    pings: true,
                    ..http2
                }),
                ..case
            });
        }
        if self.site.is_one_of(&["go", "node"]) {
            let informed = self.get("early_hints", "/hints");
            cases.push(Case {
                informational: vec![103, 103],
                ..informed
            });
            // As HPACK has it that is 30 KB, in two frames each.
            let long = format!("x-large: {}", "0123456789abcdef".repeat(LONG / 16));
            let fields = self.get("fields_longer_than_a_frame", "/fields");
            cases.push(Self::with(fields, &["-H", &long], &["-H", &long]));
        }
        if self.site.is_one_of(&["go", "node", "nghttpd-plain"]) {
            let path = if self.site.name == "nghttpd-plain" {
                "/small"
            } else {
                "/trailers"
            };
            let case = self.get("trailers", path);
            let trailers = vec![("x-checksum".to_owned(), "of all".to_owned())];
            cases.push(Case {
                http2: case.http2.map(|http2| Http2 { trailers, ..http2 }),
                ..case
            });
        }
        cases
    }

    /// Uploads that ask first.
    fn expectations(&self) -> Vec<Case> {
        let asks = |case: Case| {
            Self::with(
                case,
                &["-H", "Expect: 100-continue"],
                &["--expect-continue"],
            )
        };
        let large = &self.site.uploads[2];
        // What nghttp does then depends on when it learns it.
        let alone = |case: Case| Case {
            http2: Some(Http2 {
                curl_may_fail: true,
                ..Http2::default()
            }),
            ..case
        };
        match self.site.name {
            "go" | "node" => vec![
                Case {
                    informational: vec![100],
                    ..asks(self.post("an_upload_that_asks_first_is_welcome", "/upload", large))
                },
                alone(Case {
                    statuses: vec![413],
                    upload: Some(0),
                    ..asks(self.post(
                        "an_upload_that_asks_first_is_not_sent_if_refused",
                        "/refuse",
                        large,
                    ))
                }),
            ],
            "nginx-http2" => vec![asks(self.post(
                "an_upload_that_asks_first_and_hears_nothing_is_sent_all_the_same",
                "/upload",
                large,
            ))],
            _ => Vec::new(),
        }
    }

    /// An upload that is answered before it is read.
    fn refusals(&self) -> Option<Case> {
        let refusers = ["nginx-http2", "haproxy-http2", "node", "go"];
        if !self.site.is_one_of(&refusers) {
            return None;
        }
        let case = self.post(
            "an_upload_that_is_refused_at_once",
            "/refuse",
            &self.site.uploads[2],
        );
        Some(Case {
            statuses: vec![413],
            upload: None,
            is_early: true,
            http2: Some(Http2 {
                curl_may_fail: true,
                // HAProxy cancels the stream where the others say that all is well.
                resets: match self.site.name {
                    "haproxy-http2" => vec![8],
                    _ => Vec::new(),
                },
                ..Http2::default()
            }),
            ..case
        })
    }

    fn resets(&self) -> Vec<Case> {
        let reset = |case: Case, code: u64| Case {
            statuses: Vec::new(),
            codes: RESET,
            http2: case.http2.map(|http2| Http2 {
                resets: vec![code],
                ..http2
            }),
            ..case
        };
        let coded = |name, code: u64| {
            let field = format!("x-code: {code}");
            let case = self.get(name, "/reset");
            reset(Self::with(case, &["-H", &field], &["-H", &field]), code)
        };
        match self.site.name {
            "go" => vec![
                reset(
                    self.get("a_handler_that_gives_up_resets_the_stream", "/abort"),
                    2,
                ),
                reset(
                    self.get(
                        "a_handler_that_gives_up_within_the_body_resets_the_stream",
                        "/abort-body",
                    ),
                    2,
                ),
            ],
            "node" => vec![
                coded("a_stream_that_is_canceled", 8),
                coded("a_stream_that_is_reset_because_it_is_too_much", 11),
                reset(
                    self.get("a_stream_that_is_reset_within_the_body", "/reset-body"),
                    2,
                ),
                Case {
                    http2: Some(Http2 {
                        resets: vec![7],
                        retries: 1,
                        ..Http2::default()
                    }),
                    ..self.get(
                        "a_stream_that_is_refused_is_asked_for_again",
                        "/refuse-once",
                    )
                },
            ],
            _ => Vec::new(),
        }
    }
}
