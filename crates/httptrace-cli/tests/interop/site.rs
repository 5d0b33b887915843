//! The pages that nginx, Apache and HAProxy all have, and what is asked of each.

use std::time::Duration;

use crate::origin::{DELAY, LARGE, MEDIUM, SMALL};
use crate::play::{Case, Delay};

/// Our exit code, and curl's (`CURLE_SSL_CONNECT_ERROR`).
const HANDSHAKE_FAILED: (i32, i32) = (3, 35);

/// A server with the pages.
pub(crate) struct Site {
    pub(crate) name: &'static str,
    pub(crate) http: u16,
    pub(crate) tls12: u16,
    pub(crate) tls13: u16,
    /// What nginx has beside, and the others have not.
    pub(crate) nginx: Option<Nginx>,
    /// A file to upload, and its size.
    pub(crate) upload: (String, u64),
    /// The entity tag of `/small`.
    pub(crate) tag: String,
}

/// More ways to nginx.
pub(crate) struct Nginx {
    /// A Unix socket.
    pub(crate) socket: String,
    /// A port, with TLS, for those who show a certificate.
    pub(crate) mutual: u16,
    /// Such a certificate, and its key.
    pub(crate) identity: (String, String),
}

impl Site {
    fn http(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.http)
    }

    fn tls12(&self, path: &str) -> String {
        format!("https://127.0.0.1:{}{path}", self.tls12)
    }

    fn tls13(&self, path: &str) -> String {
        format!("https://127.0.0.1:{}{path}", self.tls13)
    }

    /// Everything that is asked of the server.
    pub(crate) fn cases(&self) -> Vec<Case> {
        let mut cases = self.connections();
        cases.extend(self.nginx.iter().flat_map(Nginx::cases));
        cases.extend(self.handshakes());
        cases.extend(self.responses());
        cases.extend(self.bodies());
        cases.extend(self.uploads());
        cases.extend(self.expectations());
        cases.extend(self.informational());
        cases
    }

    fn connections(&self) -> Vec<Case> {
        let mut cases = vec![
            Case {
                name: "three_requests_share_a_connection",
                urls: vec![self.http("/small"); 3],
                statuses: vec![200; 3],
                connections: 1,
                body: Some(SMALL as u64),
                ..Case::default()
            },
            Case {
                name: "each_request_has_its_own_connection_if_the_server_closes",
                urls: vec![self.http("/close"); 2],
                statuses: vec![200; 2],
                connections: 2,
                body: Some(SMALL as u64),
                ..Case::default()
            },
        ];
        if self.name == "nginx" {
            cases.push(Case {
                name: "a_connection_that_the_server_closed_while_it_was_idle_is_not_used_again",
                urls: vec![self.http("/impatient"); 2],
                // As long as nginx waits, several times over.
                ours: vec!["--pause", "0.8"],
                curl: vec!["--rate", "75/m"],
                statuses: vec![200; 2],
                connections: 2,
                ..Case::default()
            });
        }
        cases
    }

    fn handshakes(&self) -> Vec<Case> {
        let shared = |name, url: String, version| Case {
            name,
            urls: vec![url; 2],
            statuses: vec![200; 2],
            connections: 1,
            tls: Some((version, vec![false])),
            ..Case::default()
        };
        let resumed = |name, url: String, version| Case {
            connections: 2,
            tls: Some((version, vec![false, true])),
            ..shared(name, url, version)
        };
        let failed = |name, url: String, limit: &[&str]| Case {
            name,
            urls: vec![url],
            arguments: limit.iter().map(ToString::to_string).collect(),
            codes: HANDSHAKE_FAILED,
            ..Case::default()
        };
        let (old, new) = (["--tls-max", "1.2"], ["--tlsv1.3"]);
        vec![
            failed("tls_1_3_is_too_new", self.tls13("/small"), &old),
            failed("tls_1_2_is_too_old", self.tls12("/small"), &new),
            shared("tls_1_3", self.tls13("/small"), "TLSv1.3"),
            shared("tls_1_2", self.tls12("/small"), "TLSv1.2"),
            resumed("tls_1_3_is_resumed", self.tls13("/close"), "TLSv1.3"),
            resumed("tls_1_2_is_resumed", self.tls12("/close"), "TLSv1.2"),
        ]
    }

    fn responses(&self) -> Vec<Case> {
        let one = |name, path: &str, status, arguments: &[&str]| Case {
            name,
            urls: vec![self.http(path)],
            arguments: arguments.iter().map(ToString::to_string).collect(),
            statuses: vec![status],
            connections: 1,
            ..Case::default()
        };
        let tag = format!("If-None-Match: {}", self.tag);
        let empty = |case| Case {
            body: Some(0),
            ..case
        };
        vec![
            one(
                "redirects_are_followed_on_one_connection",
                "/redirect/3",
                200,
                &["-L"],
            ),
            one(
                "a_redirect_is_a_response_like_any_other",
                "/redirect/3",
                302,
                &[],
            ),
            empty(one("a_head_request_has_no_body", "/small", 200, &["-I"])),
            empty(one(
                "what_has_not_changed_has_no_body",
                "/small",
                304,
                &["-H", &tag],
            )),
            one("what_is_not_there_is_404", "/missing", 404, &[]),
            one("without_credentials_it_is_401", "/guarded", 401, &[]),
            one(
                "with_wrong_credentials_it_is_401",
                "/guarded",
                401,
                &["-u", "tester:wrong"],
            ),
            one(
                "with_credentials_it_is_200",
                "/guarded",
                200,
                &["-u", "tester:secret"],
            ),
        ]
    }

    fn bodies(&self) -> Vec<Case> {
        let one = |name, path: &str, body: usize, delay| Case {
            name,
            urls: vec![self.http(path)],
            statuses: vec![200],
            connections: 1,
            body: Some(body as u64),
            delay,
            ..Case::default()
        };
        let (before, within) = (Delay::BeforeHead(DELAY), Delay::WithinBody(self.slowness()));
        let slow_body = match self.name {
            "haproxy" => "/origin/slow-body",
            _ => "/slow-body",
        };
        let mut compressed = one("a_compressed_body", "/compressed", 0, None);
        (compressed.body, compressed.decompressed) = (None, Some(MEDIUM as u64));
        compressed.arguments.push("--compressed".to_owned());
        let over_tls = Case {
            urls: vec![self.tls13("/large")],
            ..one("a_large_body_over_tls", "/large", LARGE, None)
        };
        let mut cases = vec![
            one("a_large_body", "/large", LARGE, None),
            over_tls,
            one("a_chunked_body", "/origin/chunked", MEDIUM, None),
            one(
                "a_response_that_is_late",
                "/origin/slow-start",
                SMALL,
                Some(before),
            ),
            one("a_body_that_comes_slowly", slow_body, MEDIUM, Some(within)),
        ];
        // HAProxy compresses what has arrived, piece by piece, so that no two sizes need be the same.
        if self.name != "haproxy" {
            cases.push(compressed);
        }
        cases
    }

    /// The least that `/slow-body` takes, by the server's configuration.
    fn slowness(&self) -> Duration {
        match self.name {
            "nginx" => Duration::from_millis(750),
            // 64 KiB at 128 KiB a second, the last part at once.
            "apache" => Duration::from_millis(390),
            _ => DELAY,
        }
    }

    fn uploads(&self) -> Vec<Case> {
        let (file, size) = &self.upload;
        let file = format!("@{file}");
        let one = |name, path: &str, status| Case {
            name,
            urls: vec![self.http(path)],
            arguments: ["--data-binary", &file].map(str::to_owned).into(),
            // curl asks before it uploads as much as this.
            curl: vec!["-H", "Expect:"],
            statuses: vec![status],
            connections: 1,
            ..Case::default()
        };
        let whole = |case| Case {
            upload: Some(*size),
            ..case
        };
        let plain = whole(one("an_upload", "/origin/upload", 200));
        let chunked = whole(one("an_upload_in_chunks", "/origin/upload", 200));
        vec![
            Case {
                urls: vec![self.http("/origin/upload"); 2],
                statuses: vec![200; 2],
                name: "two_uploads_share_a_connection",
                ..plain.clone()
            },
            Case {
                urls: vec![self.tls13("/origin/upload")],
                name: "an_upload_over_tls",
                ..plain.clone()
            },
            plain,
            Case {
                ours: vec!["--chunked"],
                curl: vec!["-H", "Expect:", "-H", "Transfer-Encoding: chunked"],
                ..chunked
            },
            // nginx and Apache linger; HAProxy closes at once, with most of the upload unread.
            Case {
                is_early: true,
                ..one("an_upload_that_is_refused_at_once", "/refuse", 413)
            },
            Case {
                urls: vec![self.tls13("/refuse")],
                is_early: true,
                ..one("an_upload_over_tls_that_is_refused_at_once", "/refuse", 413)
            },
        ]
    }

    /// Uploads that ask first.
    fn expectations(&self) -> Vec<Case> {
        let (file, size) = &self.upload;
        let one = |name, path: &str, status| Case {
            name,
            urls: vec![self.http(path)],
            arguments: vec![
                "-H".into(),
                "Expect: 100-continue".into(),
                "--data-binary".into(),
                format!("@{file}"),
            ],
            statuses: vec![status],
            connections: 1,
            ..Case::default()
        };
        vec![
            Case {
                upload: Some(*size),
                informational: vec![100],
                ..one(
                    "an_upload_that_asks_first_is_welcome",
                    "/origin/upload",
                    200,
                )
            },
            Case {
                upload: Some(0),
                ..one(
                    "an_upload_that_asks_first_is_not_sent_if_refused",
                    "/refuse",
                    413,
                )
            },
        ]
    }

    fn informational(&self) -> Vec<Case> {
        let hints = |name, path: &str, informational: &[u64]| Case {
            name,
            urls: vec![self.http(path)],
            statuses: vec![200],
            connections: 1,
            informational: informational.into(),
            ..Case::default()
        };
        match self.name {
            "haproxy" => vec![
                hints("early_hints_of_its_own", "/hints", &[103]),
                hints(
                    "early_hints_of_its_origin",
                    "/origin/early-hints",
                    &[103, 103],
                ),
            ],
            _ => Vec::new(),
        }
    }
}

impl Nginx {
    fn cases(&self) -> Vec<Case> {
        let (certificate, key) = &self.identity;
        let mutual = |name, status, arguments: &[&str]| Case {
            name,
            urls: vec![format!("https://127.0.0.1:{}/small", self.mutual)],
            arguments: arguments.iter().map(ToString::to_string).collect(),
            statuses: vec![status],
            connections: 1,
            ..Case::default()
        };
        vec![
            Case {
                name: "a_unix_socket",
                urls: vec!["http://some.test/small".to_owned(); 2],
                arguments: ["--unix-socket", &self.socket].map(str::to_owned).into(),
                statuses: vec![200; 2],
                connections: 1,
                ..Case::default()
            },
            mutual("without_a_certificate_it_is_400", 400, &[]),
            mutual(
                "with_a_certificate_it_is_200",
                200,
                &["--cert", certificate, "--key", key],
            ),
        ]
    }
}
