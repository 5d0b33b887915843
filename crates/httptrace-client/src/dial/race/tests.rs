use std::error::Error as _;
use std::time::Duration;

use super::super::rig::{Refusing, Seen, plain_echo, target};
use super::*;

fn never() -> Deadline {
    Deadline::start(None)
}

fn config(delay: Duration) -> DialConfig {
    DialConfig {
        happy_eyeballs_delay: delay,
        ..DialConfig::default()
    }
}

async fn run(
    addrs: &[SocketAddr],
    delay: Duration,
    deadline: Deadline,
    seen: &Seen,
) -> Result<Dialed, Error> {
    let target = target(false, "example.test", 80);
    connect(&config(delay), &target, addrs, deadline, &seen.emitter()).await
}

/// An address that neither answers nor refuses: its queue of unaccepted connections is full, and Linux then drops what
/// arrives. Silent for as long as it is kept.
#[cfg(target_os = "linux")]
struct Silent {
    addr: SocketAddr,
    _listener: socket2::Socket,
    _queued: Vec<std::net::TcpStream>,
}

#[cfg(target_os = "linux")]
impl Silent {
    fn new() -> Self {
        use socket2::{Domain, Socket, Type};
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let any: SocketAddr = ([127, 0, 0, 1], 0).into();
        listener.bind(&any.into()).unwrap();
        listener.listen(0).unwrap();
        let addr = listener.local_addr().unwrap().as_socket().unwrap();
        let mut queued = Vec::new();
        let patience = Duration::from_millis(50);
        while let Ok(stream) = std::net::TcpStream::connect_timeout(&addr, patience) {
            queued.push(stream);
        }
        Self {
            addr,
            _listener: listener,
            _queued: queued,
        }
    }
}

#[tokio::test]
async fn after_a_refusal_the_next_address_is_connected_to_without_delay() {
    let (refusing, answering) = (Refusing::new(), plain_echo().await);
    let seen = Seen::default();
    // With a delay that would outlast the test run.
    let hour = Duration::from_secs(3_600);
    let dialed = run(&[refusing.addr, answering], hour, never(), &seen)
        .await
        .unwrap();
    assert_eq!(dialed.remote, Some(Address::Tcp(answering)));
    let names = seen.names();
    assert_eq!(
        names,
        [
            "connect_start",
            "connect_done",
            "connect_start",
            "connect_done"
        ]
    );
    let done = seen.connects_done();
    assert_eq!((done[0].number, done[1].number), (0, 1));
    assert_eq!(done[0].error.as_ref().unwrap().kind(), ErrorKind::Refused);
    assert!(done[1].error.is_none());
}

#[tokio::test]
async fn when_all_refuse_the_error_is_the_firsts_and_names_each() {
    let (one, two) = (Refusing::new(), Refusing::new());
    let seen = Seen::default();
    let error = run(
        &[one.addr, two.addr],
        Duration::from_millis(250),
        never(),
        &seen,
    )
    .await
    .err()
    .unwrap();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert_eq!(error.phase(), Some(Phase::Connect));
    let message = error.to_string();
    assert!(message.starts_with("could not connect to example.test:80: "));
    assert!(message.contains(&format!("{} (", one.addr)), "{message}");
    assert!(message.contains(&format!("{} (", two.addr)), "{message}");
    let source = error.source().unwrap().downcast_ref::<io::Error>().unwrap();
    assert_eq!(source.kind(), io::ErrorKind::ConnectionRefused);
    assert_eq!(seen.connects_done().len(), 2);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_silent_address_is_overtaken_and_ends_as_canceled_after_the_winner() {
    let (silent, answering) = (Silent::new(), plain_echo().await);
    let seen = Seen::default();
    let delay = Duration::from_millis(20);
    let begin = clock::now();
    let dialed = run(&[silent.addr, answering], delay, never(), &seen)
        .await
        .unwrap();
    assert!(begin.elapsed() >= delay);
    assert_eq!(dialed.remote, Some(Address::Tcp(answering)));
    assert_eq!(
        seen.names(),
        [
            "connect_start",
            "connect_start",
            "connect_done",
            "connect_done"
        ]
    );
    let done = seen.connects_done();
    assert_eq!(done[0].addr, Address::Tcp(answering));
    assert!(done[0].error.is_none());
    assert_eq!(done[1].addr, Address::Tcp(silent.addr));
    assert_eq!(done[1].error.as_ref().unwrap().kind(), ErrorKind::Canceled);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn at_the_deadline_open_connects_end_with_a_timeout_and_the_error_tells_what_was_tried() {
    let (refusing, silent) = (Refusing::new(), Silent::new());
    let seen = Seen::default();
    let limit = Duration::from_millis(100);
    let deadline = Deadline::start(Some(limit));
    let error = run(&[refusing.addr, silent.addr], limit, deadline, &seen)
        .await
        .err()
        .unwrap();
    assert!(error.is_timeout());
    assert_eq!(error.phase(), Some(Phase::Connect));
    let message = error.to_string();
    assert!(
        message.starts_with("connecting to example.test:80 timed out after 100ms: "),
        "{message}"
    );
    assert!(message.ends_with(&format!("), {} (no answer)", silent.addr)));
    let done = seen.connects_done();
    assert_eq!(done[1].error.as_ref().unwrap().kind(), ErrorKind::Timeout);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_dropped_race_ends_its_connects_as_canceled() {
    let silent = Silent::new();
    let seen = Seen::default();
    let addrs = [silent.addr];
    let racing = run(&addrs, Duration::from_secs(1), never(), &seen);
    let patience = Duration::from_millis(10);
    assert!(tokio::time::timeout(patience, racing).await.is_err());
    assert_eq!(seen.names(), ["connect_start", "connect_done"]);
    let done = seen.connects_done();
    assert_eq!(done[0].error.as_ref().unwrap().kind(), ErrorKind::Canceled);
}
