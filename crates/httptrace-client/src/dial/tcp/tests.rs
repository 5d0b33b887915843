use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::task::Waker;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

const OPTIONS: Options = Options {
    local_address: None,
    nodelay: true,
    keepalive: Some(Duration::from_secs(15)),
};

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let addr = listener.local_addr().unwrap();
    (listener, addr)
}

fn poll_read(io: &mut TcpIo) -> Poll<io::Result<Vec<u8>>> {
    let mut bytes = [0; 16];
    let mut buf = ReadBuf::new(&mut bytes);
    let mut cx = Context::from_waker(Waker::noop());
    Pin::new(io)
        .poll_read(&mut cx, &mut buf)
        .map_ok(|()| buf.filled().to_vec())
}

/// One thread, and no await between the peer's act and the look at it: the runtime cannot have noticed anything.
#[tokio::test]
async fn a_forced_read_sees_a_fin_that_the_runtime_has_not_noticed() {
    let (listener, addr) = listener();
    let (mut io, probe) = TcpIo::new(connect(addr, OPTIONS).await.unwrap());
    let (peer, _) = listener.accept().unwrap();
    assert!(poll_read(&mut io).is_pending());
    drop(peer);
    assert!(poll_read(&mut io).is_pending(), "nothing to test");
    probe.force(true);
    assert!(matches!(poll_read(&mut io), Poll::Ready(Ok(read)) if read.is_empty()));
}

#[tokio::test]
async fn a_forced_read_is_pending_while_the_connection_is_quiet_and_normal_reads_go_on_after_it() {
    let (listener, addr) = listener();
    let (mut io, probe) = TcpIo::new(connect(addr, OPTIONS).await.unwrap());
    let (mut peer, _) = listener.accept().unwrap();
    probe.force(true);
    assert!(poll_read(&mut io).is_pending());
    probe.force(false);
    peer.write_all(b"later").unwrap();
    let mut bytes = [0; 5];
    io.read_exact(&mut bytes).await.unwrap();
    assert_eq!(&bytes, b"later");
}

#[tokio::test]
async fn a_forced_read_takes_bytes_that_are_there() {
    let (listener, addr) = listener();
    let (mut io, probe) = TcpIo::new(connect(addr, OPTIONS).await.unwrap());
    let (mut peer, _) = listener.accept().unwrap();
    peer.write_all(b"unasked").unwrap();
    probe.force(true);
    assert!(matches!(poll_read(&mut io), Poll::Ready(Ok(read)) if read == b"unasked"));
}

#[tokio::test]
async fn the_options_are_set_on_the_socket() {
    let (_listener, addr) = listener();
    let stream = connect(addr, OPTIONS).await.unwrap();
    assert!(stream.nodelay().unwrap());
    let socket = SockRef::from(&stream);
    assert!(socket.keepalive().unwrap());

    let plain = Options {
        nodelay: false,
        keepalive: None,
        ..OPTIONS
    };
    let stream = connect(addr, plain).await.unwrap();
    assert!(!stream.nodelay().unwrap());
    assert!(!SockRef::from(&stream).keepalive().unwrap());
}

#[tokio::test]
async fn the_local_address_is_the_one_asked_for() {
    let (_listener, addr) = listener();
    // The whole of 127.0.0.0/8 is ours on Linux; elsewhere only the first address is.
    let last = if cfg!(target_os = "linux") { 9 } else { 1 };
    let local = IpAddr::V4(Ipv4Addr::new(127, 0, 0, last));
    let options = Options {
        local_address: Some(local),
        ..OPTIONS
    };
    let stream = connect(addr, options).await.unwrap();
    assert_eq!(stream.local_addr().unwrap().ip(), local);
}

#[tokio::test]
async fn a_local_address_of_the_other_family_fails_the_connect_with_a_reason() {
    let (_listener, addr) = listener();
    let options = Options {
        local_address: Some("::1".parse().unwrap()),
        ..OPTIONS
    };
    let error = connect(addr, options).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the local address ::1 is of another IP family"
    );
}

#[tokio::test]
async fn vectored_writes_arrive_whole_and_a_shutdown_ends_them() {
    let (listener, addr) = listener();
    let (mut io, _probe) = TcpIo::new(connect(addr, OPTIONS).await.unwrap());
    assert!(io.is_write_vectored());
    let (mut peer, _) = listener.accept().unwrap();
    let bufs = [IoSlice::new(b"head"), IoSlice::new(b"body")];
    assert_eq!(io.write_vectored(&bufs).await.unwrap(), 8);
    io.shutdown().await.unwrap();
    let mut received = String::new();
    peer.read_to_string(&mut received).unwrap();
    assert_eq!(received, "headbody");
}
