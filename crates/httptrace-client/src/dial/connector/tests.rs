use std::error::Error as _;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use httptrace::ErrorKind;
use tokio::io::{AsyncReadExt, DuplexStream};
use tokio_rustls::TlsAcceptor;

use super::super::rig::{Authority, Seen, echo, target};
use super::super::{DialConfig, Dialer, TlsConfig};
use super::*;

/// Hands over one end of a pipe, and keeps what it was asked.
#[derive(Default)]
struct Pipe {
    ours: Mutex<Option<DuplexStream>>,
    asked: Mutex<Vec<(String, u16, bool)>>,
}

impl Pipe {
    fn new() -> (Arc<Self>, DuplexStream) {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let pipe = Self {
            ours: Mutex::new(Some(ours)),
            asked: Mutex::default(),
        };
        (Arc::new(pipe), theirs)
    }
}

impl Connect for Pipe {
    fn connect(&self, target: &ConnectTarget<'_>, emitter: &Emitter) -> Connecting {
        let asked = (target.host().to_owned(), target.port(), target.https());
        self.asked.lock().unwrap().push(asked);
        let ours = self.ours.lock().unwrap().take();
        let emitter = emitter.clone();
        Box::pin(async move {
            let remote = Address::Unix(Arc::from(Path::new("/run/peer.sock")));
            let guard = emitter.connect_start(&remote, 0);
            let Some(ours) = ours else {
                let error = io::Error::new(io::ErrorKind::ConnectionRefused, "no pipe is left");
                return Err(error);
            };
            guard.done(|done| done);
            Ok(Connected::new(ours).with_remote(remote))
        })
    }
}

fn dialer(connector: Arc<dyn Connect>, roots: Option<&Authority>) -> Dialer {
    Dialer::new(DialConfig {
        connector: Some(connector),
        tls: TlsConfig {
            roots: roots.map(Authority::root).into_iter().collect(),
            ..TlsConfig::default()
        },
        ..DialConfig::default()
    })
}

#[tokio::test]
async fn a_connector_replaces_lookup_and_tcp_and_its_events_are_its_own() {
    let (pipe, mut theirs) = Pipe::new();
    let seen = Seen::default();
    let dialer = dialer(Arc::clone(&pipe) as _, None);
    let target = target(false, "example.test", 80);
    let mut dialed = dialer.dial(&target, &seen.emitter()).await.unwrap();
    let asked = pipe.asked.lock().unwrap().clone();
    assert_eq!(asked, [("example.test".to_owned(), 80, false)]);
    assert_eq!(seen.names(), ["connect_start", "connect_done"]);
    assert_eq!(dialed.remote.unwrap().to_string(), "/run/peer.sock");
    assert!(dialed.local.is_none() && dialed.probe.is_none());

    let answer = async {
        let mut bytes = [0; 5];
        theirs.read_exact(&mut bytes).await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut theirs, &bytes)
            .await
            .unwrap();
    };
    tokio::join!(echo(&mut dialed.stream), answer);
}

#[tokio::test]
async fn tls_goes_on_top_of_what_the_connector_made() {
    let authority = Authority::new();
    let (pipe, theirs) = Pipe::new();
    let acceptor = TlsAcceptor::from(Arc::new(authority.server(&["example.test"])));
    tokio::spawn(async move {
        let stream = acceptor.accept(theirs).await.unwrap();
        let (mut read, mut write) = tokio::io::split(stream);
        let _ = tokio::io::copy(&mut read, &mut write).await;
    });
    let seen = Seen::default();
    let dialer = dialer(pipe, Some(&authority));
    let target = target(true, "example.test", 443);
    let mut dialed = dialer.dial(&target, &seen.emitter()).await.unwrap();
    echo(&mut dialed.stream).await;
    assert!(matches!(dialed.stream, Stream::TlsOverCustom(_)));
    assert_eq!(
        seen.names(),
        [
            "connect_start",
            "connect_done",
            "tls_handshake_start",
            "tls_handshake_done"
        ]
    );
}

#[tokio::test]
async fn a_connectors_error_is_the_source_of_the_dials() {
    let dialer = dialer(Arc::new(Pipe::default()), None);
    let seen = Seen::default();
    let target = target(false, "example.test", 80);
    let result = dialer.dial(&target, &seen.emitter()).await;
    let error = result.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert_eq!(error.phase(), Some(Phase::Connect));
    assert_eq!(
        error.to_string(),
        "the connector could not connect to example.test:80: no pipe is left"
    );
    let source = error.source().unwrap().downcast_ref::<io::Error>().unwrap();
    assert_eq!(source.kind(), io::ErrorKind::ConnectionRefused);
}

/// Begins to connect, and never ends.
struct Endless;

impl Connect for Endless {
    fn connect(&self, _target: &ConnectTarget<'_>, emitter: &Emitter) -> Connecting {
        let guard = emitter.connect_start(&Address::Other("nowhere".into()), 0);
        Box::pin(async move {
            let _guard = guard;
            std::future::pending().await
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_connector_that_hangs_runs_into_the_connect_timeout_and_is_dropped() {
    let dialer = dialer(Arc::new(Endless), None);
    let seen = Seen::default();
    let target = target(false, "example.test", 80);
    let begin = tokio::time::Instant::now();
    let error = dialer.dial(&target, &seen.emitter()).await.err().unwrap();
    assert_eq!(begin.elapsed(), Duration::from_secs(30));
    assert!(error.is_timeout());
    assert_eq!(
        error.to_string(),
        "connecting to example.test:80 timed out after 30s"
    );
    let done = seen.connects_done();
    assert_eq!(done[0].error.as_ref().unwrap().kind(), ErrorKind::Canceled);
}
