//! Hooks that send requests of their own: on the connection whose events they are told, while they are told.

mod rig;

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;

use http::Request;
use httptrace::{ClientTrace, EventName, EventSet};
use httptrace_client::{Body, Client};
use httptrace_test::http2::{Response, Service};
use httptrace_test::{Checker, DuplexPeer, Leaks};
use rig::http2::{get, post};
use rig::{fetch, in_memory, soon};

/// The events of a connection that its own task tells, or the call's.
const EVENTS: [EventName; 16] = [
    EventName::GetConn,
    EventName::ConnectStart,
    EventName::ConnectDone,
    EventName::GotConn,
    EventName::SettingsReceived,
    EventName::StreamOpened,
    EventName::WroteHeaderField,
    EventName::WroteHeaders,
    EventName::FlowControlWaitStart,
    EventName::FlowControlWaitDone,
    EventName::WroteBody,
    EventName::WroteRequest,
    EventName::GotFirstResponseByte,
    EventName::GotResponseHeaders,
    EventName::BodyDone,
    EventName::AttemptEnd,
];

type Sending = Pin<Box<dyn Future<Output = String> + Send>>;

/// How a hook sends a request.
#[derive(Clone, Copy)]
enum How {
    /// In a task of its own.
    Spawned,
    /// It is polled once within the hook, and then by somebody else.
    Begun,
    /// It is polled once within the hook, and dropped there.
    Dropped,
}

/// What the hooks and the test share: the client that the hook uses once, and what it has sent.
#[derive(Clone, Default)]
struct Shared {
    client: Arc<Mutex<Option<Client>>>,
    sent: Arc<Mutex<Vec<Sending>>>,
}

impl Shared {
    /// A trace that sends a request from within the hook of an event, once.
    fn sends_within(&self, name: EventName, how: How) -> ClientTrace {
        let shared = self.clone();
        ClientTrace::new().on_events(EventSet::from_iter([name]), move |_| {
            let Some(client) = shared.client.lock().unwrap().take() else {
                return;
            };
            let sending = async move { fetch(&client, get("/within")).await.unwrap() };
            let mut sending: Sending = Box::pin(sending);
            match how {
                How::Spawned => {
                    let task = tokio::spawn(sending);
                    sending = Box::pin(async move { task.await.unwrap() });
                }
                How::Begun | How::Dropped => {
                    let mut cx = Context::from_waker(Waker::noop());
                    assert!(sending.as_mut().poll(&mut cx).is_pending());
                }
            }
            if !matches!(how, How::Dropped) {
                shared.sent.lock().unwrap().push(sending);
            }
        })
    }

    fn lend(&self, client: &Client) {
        *self.client.lock().unwrap() = Some(client.clone());
    }

    /// Whether the hook ran; waits for what it has sent.
    async fn settled(&self) -> bool {
        let sent = std::mem::take(&mut *self.sent.lock().unwrap());
        for sending in sent {
            assert_eq!(soon(sending).await, "hello");
        }
        self.client.lock().unwrap().take().is_none()
    }
}

/// Has a client fetch something from a peer while one of its hooks sends a request of its own.
async fn sends_within(name: EventName, how: How, peer: DuplexPeer, request: Request<Body>) {
    let peer = Arc::new(peer);
    let (checker, leaks, shared) = (Checker::new(), Leaks::watch(&*peer), Shared::default());
    let trace = shared.sends_within(name, how).compose(&checker.trace());
    let client = in_memory(&peer).http2_prior_knowledge();
    let client = client.trace(trace).build();
    shared.lend(&client);
    let response = soon(client.send(request)).await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    if let Ok(response) = response {
        // Whether it is whole is not the question here.
        let _ = soon(response.into_body().text()).await;
    }
    assert!(shared.settled().await, "{name} was not told");
    drop(client);
    leaks.assert_none().await;
    let events = checker.finish().await;
    let ends = events.iter().filter(|e| e.name() == EventName::CallEnd);
    assert_eq!(ends.count(), 2, "{name}");
}

fn hello() -> Service {
    Service::new(|_| Response::new(200).body("hello"))
}

async fn from_within_each_event(how: How) {
    for name in EVENTS {
        let service = hello().initial_window_size(10);
        let peer = DuplexPeer::new().every_conn(|c| c.client_may_leave().serve_http2(service));
        let request = post("/", "more than the window has room for");
        sends_within(name, how, peer, request).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_hook_may_spawn_another_request_on_the_connection() {
    from_within_each_event(How::Spawned).await;
}

#[tokio::test(start_paused = true)]
async fn a_hook_may_begin_another_request_on_the_connection_itself() {
    from_within_each_event(How::Begun).await;
}

#[tokio::test(start_paused = true)]
async fn a_hook_may_begin_another_request_on_the_connection_and_drop_it() {
    from_within_each_event(How::Dropped).await;
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_hears_that_a_connection_is_lost_may_ask_again() {
    let names = [
        EventName::StreamReset,
        EventName::GoAway,
        EventName::ConnClosed,
    ];
    for name in names {
        for how in [How::Spawned, How::Begun, How::Dropped] {
            let lost = DuplexPeer::new().conn(|c| {
                c.http2(|h| {
                    let h = h.handshake().expect_request(1).send_head(1, 200);
                    h.send_reset(1, 2).send_go_away(1, 0, "").close()
                })
            });
            let peer = lost.every_conn(|c| c.client_may_leave().serve_http2(hello()));
            sends_within(name, how, peer, get("/")).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_panics_in_the_connections_own_task_harms_nobody() {
    let panics = [
        EventName::WroteHeaders,
        EventName::GotFirstResponseByte,
        EventName::SettingsReceived,
        EventName::ConnClosed,
    ];
    for name in panics {
        let peer = DuplexPeer::new().conn(|c| c.client_may_leave().serve_http2(hello()));
        let peer = Arc::new(peer);
        let (checker, leaks) = (Checker::new(), Leaks::watch(&*peer));
        let trace = ClientTrace::new().on_events(EventSet::from_iter([name]), |_| {
            std::panic::resume_unwind(Box::new("it"))
        });
        let client = in_memory(&peer).http2_prior_knowledge();
        let client = client.trace(trace.compose(&checker.trace())).build();
        for _ in 0..2 {
            assert_eq!(soon(fetch(&client, get("/"))).await.unwrap(), "hello");
        }
        drop(client);
        leaks.assert_none().await;
        let events = checker.finish().await;
        let panicked = events
            .iter()
            .filter(|e| e.name() == EventName::HookPanicked);
        assert!(panicked.count() > 0, "{name} was not told");
        let closed = events.iter().filter(|e| e.name() == EventName::ConnClosed);
        assert_eq!(closed.count(), 1);
    }
}
