//! Tower: layers between the client and its transport, and the client itself as a service.

mod rig;

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use http::{Request, Response};
use httptrace::info::{AttemptReason, RetryReason};
use httptrace::{ClientTrace, EventKind, EventName, RequestExt};
use httptrace_client::{Body, Client, Error, Transport};
use httptrace_test::{Checker, DuplexPeer, Leaks};
use rig::{HELLO, Pieces, get_url, in_memory, request_to, soon};
use tower_layer::{Layer, layer_fn};
use tower_service::Service;

const URL: &str = "http://example.com/";
const MOVED: &str = "HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n";
const BUSY: &str = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy";

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Notes every request that goes through, by its name.
#[derive(Clone)]
struct Noting<S> {
    inner: S,
    name: &'static str,
    log: Arc<Mutex<Vec<String>>>,
}

impl<S> Service<Request<Body>> for Noting<S>
where
    S: Service<Request<Body>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> S::Future {
        let line = format!("{} {}", self.name, request.uri().path());
        self.log.lock().unwrap().push(line);
        self.inner.call(request)
    }
}

fn noting<S>(
    name: &'static str,
    log: &Arc<Mutex<Vec<String>>>,
) -> impl Layer<S, Service = Noting<S>> {
    let log = Arc::clone(log);
    layer_fn(move |inner| Noting {
        inner,
        name,
        log: Arc::clone(&log),
    })
}

/// Sends a request again, with its extensions, until the answer is not 503.
#[derive(Clone)]
struct Insisting(Transport);

impl Service<Request<Body>> for Insisting {
    type Response = Response<Body>;
    type Error = Error;
    type Future = Boxed<Result<Response<Body>, Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Service::<Request<Body>>::poll_ready(&mut self.0, cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let mut transport = self.0.clone();
        let (parts, _) = request.into_parts();
        Box::pin(async move {
            loop {
                let again = Request::from_parts(parts.clone(), Body::empty());
                let response = transport.call(again).await?;
                if response.status() != 503 {
                    return Ok(response);
                }
                response.into_body().bytes().await?;
            }
        })
    }
}

fn reasons(checker: &Checker) -> Vec<AttemptReason> {
    checker.pick(|kind| match kind {
        EventKind::AttemptStart(start) => Some(start.reason),
        _ => None,
    })
}

async fn text(response: Response<Body>) -> String {
    soon(response.into_body().text()).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_layer_sees_every_hop_and_the_later_layer_is_the_outer_one() {
    let peer =
        Arc::new(DuplexPeer::new().conn(|c| c.exchange(MOVED).exchange(HELLO).client_may_leave()));
    let log = Arc::default();
    let client = in_memory(&peer)
        .layer(noting("inner", &log))
        .layer(noting("outer", &log))
        .build();
    let checker = Checker::new();
    let response = client.send(get_url(URL, &checker)).await.unwrap();
    assert_eq!(text(response).await, "hello");
    let seen = log.lock().unwrap().clone();
    assert_eq!(seen, ["outer /", "inner /", "outer /x", "inner /x"]);
    assert_eq!(
        reasons(&checker),
        [AttemptReason::First, AttemptReason::Redirect]
    );
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_layer_sends_again_is_an_attempt_of_the_same_call() {
    let peer = Arc::new(DuplexPeer::new().conn(|c| {
        let busy = c.exchange(BUSY).exchange(BUSY).exchange(MOVED);
        busy.exchange(HELLO).client_may_leave()
    }));
    let client = in_memory(&peer).layer(layer_fn(Insisting)).build();
    let checker = Checker::new();
    let response = client.send(get_url(URL, &checker)).await.unwrap();
    assert_eq!(text(response).await, "hello");
    let again = AttemptReason::Retry(RetryReason::Layer);
    let expected = [AttemptReason::First, again, again, AttemptReason::Redirect];
    assert_eq!(reasons(&checker), expected);
    assert_eq!(checker.count(EventName::CallStart), 1);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_layers_error_is_the_callers_with_its_source() {
    #[derive(Clone)]
    struct Refusing;
    impl Service<Request<Body>> for Refusing {
        type Response = Response<Body>;
        type Error = std::io::Error;
        type Future = Boxed<Result<Response<Body>, std::io::Error>>;

        fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), std::io::Error>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _request: Request<Body>) -> Self::Future {
            Box::pin(async { Err(std::io::Error::other("not today")) })
        }
    }
    let client = Client::builder()
        .layer(layer_fn(|_: Transport| Refusing))
        .build();
    let checker = Checker::new();
    let error = client.send(get_url(URL, &checker)).await.unwrap_err();
    assert_eq!(error.to_string(), "not today");
    let source = std::error::Error::source(&error).unwrap();
    assert!(source.downcast_ref::<std::io::Error>().is_some());
    assert_eq!(rig::words(&checker), "call_start call_end");
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn hooks_that_a_layer_attaches_are_called_too() {
    let peer =
        Arc::new(DuplexPeer::new().conn(|c| c.exchange(MOVED).exchange(HELLO).client_may_leave()));
    let count = Arc::new(Mutex::new(0));
    let hook = ClientTrace::new().on_got_conn({
        let count = Arc::clone(&count);
        move |_| *count.lock().unwrap() += 1
    });
    #[derive(Clone)]
    struct Attaching(Transport, ClientTrace);
    impl Service<Request<Body>> for Attaching {
        type Response = Response<Body>;
        type Error = Error;
        type Future = Boxed<Result<Response<Body>, Error>>;

        fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, request: Request<Body>) -> Self::Future {
            self.0.call(request.trace(self.1.clone()))
        }
    }
    let layer = layer_fn(|transport| Attaching(transport, hook.clone()));
    let client = in_memory(&peer).layer(layer).build();
    let checker = Checker::new();
    let response = client.send(get_url(URL, &checker)).await.unwrap();
    assert_eq!(text(response).await, "hello");
    assert_eq!(*count.lock().unwrap(), 2);
    assert_eq!(checker.count(EventName::GotConn), 2);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_body_that_a_layer_wraps_still_ends_the_call_after_its_attempt() {
    /// Passes a body on, in a type of its own.
    #[derive(Clone)]
    struct Wrapping(Transport);
    impl Service<Request<Body>> for Wrapping {
        type Response = Response<http_body_util::combinators::BoxBody<bytes::Bytes, Error>>;
        type Error = Error;
        type Future = Boxed<Result<Self::Response, Error>>;

        fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, request: Request<Body>) -> Self::Future {
            let sent = self.0.call(request);
            Box::pin(async { Ok(sent.await?.map(http_body_util::combinators::BoxBody::new)) })
        }
    }
    let peer = Arc::new(DuplexPeer::new().conn(|c| c.client_may_leave().repeat_exchange(HELLO)));
    let client = in_memory(&peer).layer(layer_fn(Wrapping)).build();
    let (read, dropped) = (Checker::new(), Checker::new());
    let response = client.send(get_url(URL, &read)).await.unwrap();
    assert_eq!(text(response).await, "hello");
    drop(client.send(get_url(URL, &dropped)).await.unwrap());
    for checker in [read, dropped] {
        let names = checker.names();
        assert_eq!(names[names.len() - 2..], ["attempt_end", "call_end"]);
        checker.finish().await;
    }
}

/// What `tower::ServiceExt::oneshot` does: the service is dropped as soon as it has been called.
async fn oneshot<S: Service<Request<Body>>>(
    mut service: S,
    request: Request<Body>,
) -> Result<S::Response, S::Error> {
    poll_fn(|cx| service.poll_ready(cx)).await?;
    let future = service.call(request);
    drop(service);
    future.await
}

#[tokio::test(start_paused = true)]
async fn a_service_may_be_dropped_when_it_has_been_called() {
    let peer = Arc::new(DuplexPeer::new().every_conn(|c| c.client_may_leave().exchange(HELLO)));
    let leaks = Leaks::watch(&*peer);
    let checker = Checker::new();
    let response = oneshot(in_memory(&peer).build(), get_url(URL, &checker))
        .await
        .unwrap();
    assert_eq!(text(response).await, "hello");
    leaks.assert_none().await;
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_never_polled_is_canceled() {
    let peer = Arc::new(DuplexPeer::new());
    let mut client = in_memory(&peer).build();
    let checker = Checker::new();
    drop(client.call(get_url(URL, &checker)));
    assert_eq!(rig::words(&checker), "call_start call_end");
    assert_eq!(rig::call_error(&checker).unwrap().0, "canceled");
    assert_eq!(peer.accepted(), 0);
    checker.finish().await;
}

#[tokio::test(start_paused = true)]
async fn any_body_may_be_sent_by_a_service() {
    let peer = Arc::new(DuplexPeer::new().every_conn(|c| {
        let script = c.client_may_leave();
        script.repeat(|c| c.expect_head().expect_body(3).send(HELLO))
    }));
    let client = in_memory(&peer).build();
    let checker = Checker::new();
    let full = http_body_util::Full::new(bytes::Bytes::from("abc"));
    let request = request_to("PUT", URL, &checker, Body::empty()).map(|_| full);
    assert_eq!(
        text(soon(client.clone().call(request)).await.unwrap()).await,
        "hello"
    );
    let request = request_to("PUT", URL, &checker, Body::empty()).map(|_| "abc".to_owned());
    assert_eq!(
        text(soon(client.clone().call(request)).await.unwrap()).await,
        "hello"
    );
    let pieces = Pieces::new().data("a").turn().data("bc").exactly(3);
    let request = request_to("PUT", URL, &checker, Body::empty()).map(|_| pieces);
    assert_eq!(
        text(soon(client.clone().call(request)).await.unwrap()).await,
        "hello"
    );
    checker.finish().await;
}
