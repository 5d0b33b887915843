//! Redirects by Go's rules (go-semantics 8.2; RFC 9110 section 15.4).

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;

use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, header,
};
use http_body::Body as _;
use httptrace::{BoxError, ErrorKind};
use url::{Position, Url};

use super::userinfo::without_userinfo;
use super::{Body, ReplayBody};
use crate::error::Error;

/// Which redirects a client follows. The default makes up to ten requests for a call, as Go does.
#[derive(Clone)]
pub struct RedirectPolicy(Policy);

#[derive(Clone)]
enum Policy {
    None,
    Limited(usize),
    Custom(Arc<dyn Fn(&RedirectStep<'_>) -> RedirectAction + Send + Sync>),
}

/// A redirect that a [`RedirectPolicy`] decides about (Go's `CheckRedirect`).
#[derive(Debug)]
#[non_exhaustive]
pub struct RedirectStep<'a> {
    /// The response's status.
    pub status: StatusCode,
    /// Where the response came from.
    pub from: &'a Uri,
    /// Where it leads.
    pub to: &'a Uri,
    /// How many requests this call has made so far.
    pub requests: usize,
}

/// What to do about a redirect.
#[derive(Debug)]
#[non_exhaustive]
pub enum RedirectAction {
    /// Go there.
    Follow,
    /// Return the redirect itself to the caller, its body unread (Go's `ErrUseLastResponse`).
    Stop,
    /// Fail the call with this error as its source.
    Fail(BoxError),
}

impl RedirectPolicy {
    /// Follows none: the caller gets the redirect itself.
    pub fn none() -> Self {
        Self(Policy::None)
    }

    /// Follows so many; one more fails the call.
    pub fn limited(redirects: usize) -> Self {
        Self(Policy::Limited(redirects))
    }

    /// Asks a function each time. It has to end loops itself.
    pub fn custom(
        policy: impl Fn(&RedirectStep<'_>) -> RedirectAction + Send + Sync + 'static,
    ) -> Self {
        Self(Policy::Custom(Arc::new(policy)))
    }

    fn decide(&self, step: &RedirectStep<'_>) -> RedirectAction {
        match &self.0 {
            Policy::None => RedirectAction::Stop,
            Policy::Limited(max) if step.requests <= *max => RedirectAction::Follow,
            Policy::Limited(max) => {
                RedirectAction::Fail(format!("stopped after {max} redirects").into())
            }
            Policy::Custom(policy) => policy(step),
        }
    }
}

impl Default for RedirectPolicy {
    fn default() -> Self {
        Self::limited(9)
    }
}

impl fmt::Debug for RedirectPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Policy::None => f.write_str("RedirectPolicy::none()"),
            Policy::Limited(max) => write!(f, "RedirectPolicy::limited({max})"),
            Policy::Custom(_) => f.write_str("RedirectPolicy::custom(..)"),
        }
    }
}

/// What to do with a response.
pub(super) enum Decision {
    Return,
    Follow(Follow),
    Fail(Error),
}

/// A redirect to follow.
#[derive(Debug)]
pub(super) struct Follow {
    pub(super) from: Uri,
    pub(super) to: Uri,
    method: Method,
    keeps_body: bool,
    /// The `Location` named no host.
    relative: bool,
}

/// Follows one call from hop to hop.
pub(super) struct Redirector<'a> {
    policy: &'a RedirectPolicy,
    /// The request as it was handed to the client, which each hop starts from.
    first: Box<Request<()>>,
    /// The latest redirect's; none before the first.
    followed: Option<Box<Request<()>>>,
    /// The current hop's as it is sent, where that is another: its URI had userinfo.
    bare: Option<Box<Request<()>>>,
    requests: usize,
    body: Replay,
    /// Another site was visited: sensitive fields stay behind from then on.
    left_site: bool,
    /// The body's description went with the body.
    dropped_body: bool,
}

/// How the body can be had again.
enum Replay {
    Copy(Body),
    Factory(ReplayBody),
    Impossible,
}

/// How much of a redirect's own body is read, so that its connection can be used again.
const MAX_DRAIN: u64 = 2 * 1024;

const SENSITIVE: [HeaderName; 4] = [
    header::AUTHORIZATION,
    header::COOKIE,
    header::PROXY_AUTHORIZATION,
    header::WWW_AUTHENTICATE,
];

impl<'a> Redirector<'a> {
    /// `first` without its body, of which no more is kept than is needed to send it again.
    pub(super) fn new(policy: &'a RedirectPolicy, first: Box<Request<()>>, body: &Body) -> Self {
        let body = match (body.try_clone(), first.extensions().get::<ReplayBody>()) {
            (Some(copy), _) => Replay::Copy(copy),
            (None, Some(factory)) => Replay::Factory(factory.clone()),
            (None, None) => Replay::Impossible,
        };
        Self {
            policy,
            first,
            followed: None,
            bare: None,
            requests: 0,
            body,
            left_site: false,
            dropped_body: false,
        }
    }

    /// The next request to send: userinfo becomes Basic auth (RFC 7617), unless there is an `Authorization`.
    pub(super) fn prepare(&mut self) -> Result<&Request<()>, Error> {
        self.requests += 1;
        self.bare = without_userinfo(self.current())?;
        Ok(self.bare.as_deref().unwrap_or(self.current()))
    }

    /// The current hop's request as its `Location`, or the user, has it.
    fn current(&self) -> &Request<()> {
        self.followed.as_deref().unwrap_or(&self.first)
    }

    /// Decides about a response.
    pub(super) fn decide<B>(&self, response: &Response<B>) -> Decision {
        let status = response.status();
        if !matches!(status.as_u16(), 301..=303 | 307 | 308) {
            return Decision::Return;
        }
        let location = response.headers().get(header::LOCATION);
        // An empty one leads nowhere, as in Go, rather than back to where we are.
        let Some(location) = location.filter(|location| !location.is_empty()) else {
            return Decision::Return;
        };
        let current = self.current();
        let keeps_method = match status.as_u16() {
            307 | 308 => true,
            _ => matches!(*current.method(), Method::GET | Method::HEAD),
        };
        let keeps_body = matches!(status.as_u16(), 307 | 308) && !self.dropped_body;
        if keeps_body && matches!(self.body, Replay::Impossible) {
            return Decision::Return;
        }
        let (to, relative) = match self.resolve(location) {
            Ok(resolved) => resolved,
            Err(error) => return Decision::Fail(error),
        };
        let step = RedirectStep {
            status,
            from: current.uri(),
            to: &to,
            requests: self.requests,
        };
        match self.policy.decide(&step) {
            RedirectAction::Stop => Decision::Return,
            RedirectAction::Fail(error) => {
                let message = format!("the redirect was not followed: {error}");
                Decision::Fail(Error::outside(ErrorKind::Redirect, message).with_source(error))
            }
            RedirectAction::Follow => Decision::Follow(Follow {
                from: current.uri().clone(),
                to,
                method: match keeps_method {
                    true => current.method().clone(),
                    false => Method::GET,
                },
                keeps_body,
                relative,
            }),
        }
    }

    /// Reads what little a redirect says in its body, so that its connection can be used again.
    pub(super) async fn drain(&self, mut body: Body) {
        if body.size_hint().lower() > MAX_DRAIN {
            return;
        }
        let mut rest = MAX_DRAIN;
        while let Some(Ok(frame)) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
            match rest.checked_sub(bytes) {
                Some(left) => rest = left,
                None => return,
            }
        }
    }

    /// Goes on with the next hop; its body.
    pub(super) fn follow(&mut self, follow: Follow) -> Body {
        let initial_host = host(self.first.uri());
        self.left_site |= !is_same_site(&host(&follow.to), &initial_host);
        self.dropped_body |= !follow.keeps_body;
        let mut request = Box::new(Request::new(()));
        *request.headers_mut() = self.headers_for(&follow);
        *request.extensions_mut() = self.first.extensions().clone();
        *request.method_mut() = follow.method;
        *request.uri_mut() = follow.to;
        self.followed = Some(request);
        match (&self.body, self.dropped_body) {
            (Replay::Copy(body), false) => body.try_clone().unwrap_or_default(),
            (Replay::Factory(factory), false) => factory.make(),
            _ => Body::empty(),
        }
    }

    fn headers_for(&self, follow: &Follow) -> HeaderMap {
        let mut headers = self.first.headers().clone();
        if self.left_site {
            for name in SENSITIVE {
                headers.remove(name);
            }
            headers.remove("cookie2");
            headers.remove("proxy-authenticate");
        }
        if self.dropped_body {
            for name in [
                header::CONTENT_ENCODING,
                header::CONTENT_LANGUAGE,
                header::CONTENT_LENGTH,
                header::CONTENT_LOCATION,
                header::CONTENT_TYPE,
                header::EXPECT,
                header::TRAILER,
                header::TRANSFER_ENCODING,
            ] {
                headers.remove(name);
            }
        }
        if !follow.relative {
            headers.remove(header::HOST);
        }
        if !headers.contains_key(header::REFERER) {
            if let Some(referer) = referer(&follow.from, &follow.to) {
                headers.insert(header::REFERER, referer);
            }
        }
        headers
    }

    /// Where a `Location` leads (RFC 3986 section 5), and whether it named no host.
    fn resolve(&self, location: &HeaderValue) -> Result<(Uri, bool), Error> {
        let text = String::from_utf8_lossy(location.as_bytes());
        let failed = |why: &dyn fmt::Display| {
            let location = shortened(&text);
            let message = format!("the redirect's Location {location:?} cannot be followed: {why}");
            Error::outside(ErrorKind::Redirect, message)
        };
        let current = self.current().uri();
        let base = Url::parse(&current.to_string()).map_err(|error| failed(&error))?;
        let to = base.join(&text).map_err(|error| failed(&error))?;
        if !matches!(to.scheme(), "http" | "https") {
            let why = format!("the scheme `{}` is not supported", to.scheme());
            return Err(failed(&why));
        }
        let relative = Url::parse(&text).is_err() && !text.starts_with("//");
        let target = &to[Position::BeforePath..Position::AfterQuery];
        let uri = match current.authority().filter(|_| relative) {
            // The authority stays as it was written, with its userinfo.
            Some(authority) => format!("{}://{authority}{target}", to.scheme()),
            None => to[..Position::AfterQuery].to_owned(),
        };
        Ok((uri.parse().map_err(|error| failed(&error))?, relative))
    }
}

/// As much of what a server sent as a message has room for.
fn shortened(text: &str) -> String {
    const ROOM: usize = 200;
    match text.char_indices().nth(ROOM) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The host in lower case, without port and userinfo.
fn host(uri: &Uri) -> String {
    uri.host().unwrap_or_default().to_ascii_lowercase()
}

/// Whether a host is the initial one or below it.
fn is_same_site(host: &str, initial: &str) -> bool {
    let is_address = initial.starts_with('[') || initial.parse::<std::net::Ipv4Addr>().is_ok();
    host == initial
        || (!is_address
            && host
                .strip_suffix(initial)
                .is_some_and(|prefix| prefix.ends_with('.')))
}

/// The `Referer` of the next hop: where we come from, without userinfo, and not from https to http.
fn referer(from: &Uri, to: &Uri) -> Option<HeaderValue> {
    if from.scheme_str() == Some("https") && to.scheme_str() == Some("http") {
        return None;
    }
    let mut url = Url::parse(&from.to_string()).ok()?;
    let _ = url.set_username("");
    let _ = url.set_password(None);
    HeaderValue::from_str(url.as_str()).ok()
}

#[cfg(test)]
mod tests;
