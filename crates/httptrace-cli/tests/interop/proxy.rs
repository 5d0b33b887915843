//! Proxies, and what is asked of a site through each.

use crate::http2::Http2;
use crate::origin::{LARGE, SMALL};
use crate::play::Case;

/// Where the requests go in the end.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// Without TLS.
    pub(crate) http: u16,
    /// With TLS, on a port to which HTTP proxies tunnel.
    pub(crate) open: u16,
    /// With TLS and HTTP/2, on another such port, if there is one.
    pub(crate) http2: Option<u16>,
    /// With TLS, on a port to which they do not.
    pub(crate) barred: u16,
    /// A port at which nobody listens.
    pub(crate) dead: u16,
    /// A file to upload, and its size.
    pub(crate) upload: (String, u64),
}

/// A proxy as a client names it.
#[derive(Clone, Debug)]
pub(crate) struct Proxy {
    /// `http`, `https` or `socks5h`
    pub(crate) scheme: &'static str,
    pub(crate) port: u16,
    /// Whether it wants to be told who asks: `tester`, with the password `secret`.
    pub(crate) is_guarded: bool,
    /// Whether it keeps a client's connection for another request.
    pub(crate) keeps: bool,
    /// What it says to wrong credentials: 407, but for tinyproxy.
    pub(crate) rejects: u64,
}

/// The exit codes of a failure on the way to a connection: ours, and curl's for what a SOCKS proxy (`CURLE_PROXY`)
/// and an HTTP proxy (`CURLE_RECV_ERROR`) refuse.
const SOCKS_REFUSED: (i32, i32) = (3, 97);
const TUNNEL_REFUSED: (i32, i32) = (3, 56);

impl Proxy {
    /// Everything that is asked through it.
    pub(crate) fn cases(&self, target: &Target) -> Vec<Case> {
        match (self.is_guarded, self.scheme) {
            (false, "socks5h") => [self.served(target), self.socks_failures(target)].concat(),
            (false, _) => [self.served(target), self.barred(target)].concat(),
            (true, "socks5h") => [self.served(target), self.socks_strangers(target)].concat(),
            (true, _) => [self.served(target), self.strangers(target)].concat(),
        }
    }

    /// The arguments with which both programs use it, as this user.
    fn arguments(&self, user: Option<&str>) -> Vec<String> {
        let url = format!("{}://127.0.0.1:{}", self.scheme, self.port);
        let mut arguments = vec!["-x".to_owned(), url];
        if let Some(user) = user {
            arguments.extend(["-U", user].map(str::to_owned));
        }
        arguments
    }

    /// Whom there are handshakes with, on one connection to a URL of this scheme.
    fn legs(&self, scheme: &str) -> Vec<&'static str> {
        let proxy = (self.scheme == "https").then_some("proxy");
        let origin = (scheme == "https").then_some("target");
        proxy.into_iter().chain(origin).collect()
    }

    /// What succeeds, with credentials where they are wanted.
    fn served(&self, target: &Target) -> Vec<Case> {
        let is_socks = self.scheme == "socks5h";
        let through = |name, scheme, port, path, count| Case {
            name,
            urls: vec![format!("{scheme}://127.0.0.1:{port}{path}"); count],
            arguments: self.arguments(self.is_guarded.then_some("tester:secret")),
            statuses: vec![200; count],
            connections: 1,
            legs: self.legs(scheme),
            tunnels: match (is_socks, scheme) {
                (true, _) => vec![None],
                (false, "https") => vec![Some(200)],
                (false, _) => Vec::new(),
            },
            ..Case::default()
        };
        let plain = |name, path, count| through(name, "http", target.http, path, count);
        let secure = |name, path, count| through(name, "https", target.open, path, count);
        let mut upload = secure("an_upload_over_tls", "/origin/upload", 1);
        let (file, size) = &target.upload;
        upload
            .arguments
            .extend(["--data-binary".to_owned(), format!("@{file}")]);
        let multiplexed = target.http2.map(|port| Case {
            body: Some(SMALL as u64),
            http2: Some(Http2::default()),
            arguments: [secure("", "", 1).arguments, vec!["--http2".to_owned()]].concat(),
            ..through(
                "two_requests_over_http2_share_a_tunnel",
                "https",
                port,
                "/small",
                2,
            )
        });
        let mut cases = vec![
            Case {
                connections: if self.keeps || is_socks { 1 } else { 2 },
                body: Some(SMALL as u64),
                ..plain("two_requests", "/small", 2)
            },
            Case {
                statuses: vec![404],
                ..plain("what_is_not_there_is_404", "/missing", 1)
            },
            Case {
                body: Some(SMALL as u64),
                ..secure("two_requests_over_tls_share_a_tunnel", "/small", 2)
            },
            Case {
                body: Some(LARGE as u64),
                ..secure("a_large_body_over_tls", "/large", 1)
            },
            Case {
                curl: vec!["-H", "Expect:"],
                upload: Some(*size),
                ..upload
            },
        ];
        cases.extend(multiplexed);
        cases
    }

    /// A tunnel to a port that is not for tunnels, and a host that is to be asked directly.
    fn barred(&self, target: &Target) -> Vec<Case> {
        let mut direct = self.arguments(None);
        direct.extend(["--noproxy", "127.0.0.1"].map(str::to_owned));
        let direct = Case {
            name: "a_host_that_needs_no_proxy_is_asked_directly",
            urls: vec![format!("https://127.0.0.1:{}/small", target.barred)],
            arguments: direct,
            statuses: vec![200],
            legs: vec!["target"],
            connections: 1,
            ..Case::default()
        };
        let refused = Case {
            name: "a_tunnel_to_a_barred_port_is_refused",
            urls: vec![format!("https://127.0.0.1:{}/small", target.barred)],
            arguments: self.arguments(None),
            legs: self.legs("http"),
            tunnels: vec![Some(403)],
            codes: TUNNEL_REFUSED,
            connections: 1,
            ..Case::default()
        };
        vec![refused, direct]
    }

    /// Without credentials, and with wrong ones.
    fn strangers(&self, target: &Target) -> Vec<Case> {
        let plain = |name, user, status| Case {
            name,
            urls: vec![format!("http://127.0.0.1:{}/small", target.http)],
            arguments: self.arguments(user),
            statuses: vec![status],
            connections: 1,
            ..Case::default()
        };
        let secure = |name, user, status| Case {
            urls: vec![format!("https://127.0.0.1:{}/small", target.open)],
            statuses: Vec::new(),
            tunnels: vec![Some(status)],
            codes: TUNNEL_REFUSED,
            ..plain(name, user, status)
        };
        let (wrong, rejects) = (Some("tester:wrong"), self.rejects);
        vec![
            plain("without_credentials_it_is_407", None, 407),
            plain("wrong_credentials_are_rejected", wrong, rejects),
            secure("without_credentials_there_is_no_tunnel", None, 407),
            secure("with_wrong_credentials_there_is_no_tunnel", wrong, rejects),
        ]
    }

    fn socks_strangers(&self, target: &Target) -> Vec<Case> {
        let refused = |name, user| Case {
            name,
            urls: vec![format!("http://127.0.0.1:{}/small", target.http)],
            arguments: self.arguments(user),
            tunnels: vec![None],
            codes: SOCKS_REFUSED,
            connections: 1,
            ..Case::default()
        };
        vec![
            refused("without_credentials_it_is_refused", None),
            refused("with_wrong_credentials_it_is_refused", Some("tester:wrong")),
        ]
    }

    fn socks_failures(&self, target: &Target) -> Vec<Case> {
        vec![Case {
            name: "nobody_listens_behind_it",
            urls: vec![format!("http://127.0.0.1:{}/", target.dead)],
            arguments: self.arguments(None),
            tunnels: vec![None],
            codes: SOCKS_REFUSED,
            connections: 1,
            ..Case::default()
        }]
    }
}
