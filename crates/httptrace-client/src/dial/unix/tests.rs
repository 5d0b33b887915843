use httptrace::ErrorKind;
use httptrace::info::Address;
use tokio::net::UnixListener;

use super::super::rig::{Authority, Seen, echo, target};
use super::super::{DialConfig, Dialer, TlsConfig};
use super::*;

/// A free path, which goes with its folder.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn socket(&self) -> PathBuf {
        self.0.path().join("socket")
    }
}

fn dialer(socket: UnixSocket) -> Dialer {
    Dialer::new(DialConfig {
        unix_socket: Some(socket),
        tls: TlsConfig {
            accept_invalid_certs: true,
            ..TlsConfig::default()
        },
        ..DialConfig::default()
    })
}

async fn failure(path: &Path) -> Error {
    let seen = Seen::default();
    let dialer = dialer(UnixSocket::at(path));
    let (target, emitter) = (target(false, "a.test", 80), seen.emitter());
    let dialed = dialer.dial(&target, &emitter).await;
    let error = dialed.err().expect("a failed connect");
    assert_eq!(error.phase(), Some(Phase::Connect));
    assert!(error.to_string().contains(&path.display().to_string()));
    assert_eq!(seen.names(), ["connect_start", "connect_done"]);
    let done = &seen.connects_done()[0];
    assert_eq!(done.error.as_ref().unwrap().kind(), error.kind());
    error
}

/// Echoes what one connection says.
fn echo_once(listener: UnixListener) {
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (mut read, mut write) = stream.split();
        let _ = tokio::io::copy(&mut read, &mut write).await;
    });
}

#[tokio::test]
async fn a_dial_leads_to_the_socket_and_looks_up_no_name() {
    let place = Place::new();
    echo_once(UnixListener::bind(place.socket()).unwrap());
    let seen = Seen::default();
    let target = target(false, "no.such.host.test", 80);
    let dialer = dialer(UnixSocket::at(&place.socket()));
    let mut dialed = dialer.dial(&target, &seen.emitter()).await.unwrap();
    echo(&mut dialed.stream).await;
    assert_eq!(seen.names(), ["connect_start", "connect_done"]);
    let address = Address::Unix(place.socket().into());
    assert_eq!(seen.connects_done()[0].addr, address);
    assert_eq!(dialed.remote, Some(address));
    assert_eq!(dialed.local, None);
    assert!(dialed.probe.is_some());
}

#[tokio::test]
async fn tls_goes_on_top_for_https() {
    let place = Place::new();
    let listener = UnixListener::bind(place.socket()).unwrap();
    let server = Authority::new().server(&["a.test"]);
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(server));
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let stream = acceptor.accept(stream).await.unwrap();
        let (mut read, mut write) = tokio::io::split(stream);
        let _ = tokio::io::copy(&mut read, &mut write).await;
    });
    let seen = Seen::default();
    let target = target(true, "a.test", 443);
    let dialer = dialer(UnixSocket::at(&place.socket()));
    let mut dialed = dialer.dial(&target, &seen.emitter()).await.unwrap();
    echo(&mut dialed.stream).await;
    assert_eq!(
        seen.names(),
        [
            "connect_start",
            "connect_done",
            "tls_handshake_start",
            "tls_handshake_done"
        ]
    );
    assert_eq!(seen.tls_done().server_name.as_deref(), Some("a.test"));
}

#[tokio::test]
async fn a_socket_that_is_not_there_says_so() {
    let place = Place::new();
    let error = failure(&place.socket()).await;
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.to_string().contains("no such socket"), "{error}");
}

#[tokio::test]
async fn a_socket_on_which_nobody_listens_says_so() {
    let place = Place::new();
    drop(UnixListener::bind(place.socket()).unwrap());
    let error = failure(&place.socket()).await;
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.to_string().contains("nobody listens"), "{error}");
}

#[tokio::test]
async fn a_file_that_is_no_socket_is_refused() {
    let place = Place::new();
    std::fs::write(place.socket(), "text").unwrap();
    let error = failure(&place.socket()).await;
    assert!(error.to_string().contains("be no socket") || !cfg!(target_os = "linux"));
}

#[tokio::test]
async fn a_path_that_is_too_long_says_so() {
    let path = PathBuf::from(format!("/tmp/{}", "x".repeat(200)));
    let error = failure(&path).await;
    assert!(error.to_string().contains("hundred bytes"), "{error}");
}

#[test]
fn what_the_system_does_not_allow_is_told_with_what_it_takes() {
    let socket = UnixSocket::at(Path::new("/run/a"));
    for (kind, told) in [
        (io::ErrorKind::PermissionDenied, "the right to write"),
        (io::ErrorKind::WouldBlock, "queue of connections is full"),
    ] {
        let error = explain(&socket, &Arc::new(kind.into()));
        assert!(error.to_string().contains(told), "{error}");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_abstract_socket_is_shown_with_an_at_sign() {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixListener as StdListener};

    let name = format!("httptrace-{}-abstract", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let listener = StdListener::bind_addr(&address).unwrap();
    listener.set_nonblocking(true).unwrap();
    echo_once(UnixListener::from_std(listener).unwrap());
    let dialer = dialer(UnixSocket::abstract_named(name.as_bytes()));
    let target = target(false, "a.test", 80);
    let mut dialed = dialer.dial(&target, &Emitter::none()).await.unwrap();
    echo(&mut dialed.stream).await;
    assert_eq!(dialed.remote.unwrap().to_string(), format!("@{name}"));
}
