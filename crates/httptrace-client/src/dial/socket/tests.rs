use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::task::Waker;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let addr = listener.local_addr().unwrap();
    (listener, addr)
}

fn poll_read(io: &mut SocketIo<TcpStream>) -> Poll<io::Result<Vec<u8>>> {
    let mut bytes = [0; 16];
    let mut buf = ReadBuf::new(&mut bytes);
    let mut cx = Context::from_waker(Waker::noop());
    Pin::new(io)
        .poll_read(&mut cx, &mut buf)
        .map_ok(|()| buf.filled().to_vec())
}

#[tokio::test]
async fn a_forced_read_sees_a_fin_that_the_runtime_has_not_noticed() {
    let (listener, addr) = listener();
    let (mut io, probe) = SocketIo::new(TcpStream::connect(addr).await.unwrap());
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
    let (mut io, probe) = SocketIo::new(TcpStream::connect(addr).await.unwrap());
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
    let (mut io, probe) = SocketIo::new(TcpStream::connect(addr).await.unwrap());
    let (mut peer, _) = listener.accept().unwrap();
    peer.write_all(b"unasked").unwrap();
    probe.force(true);
    assert!(matches!(poll_read(&mut io), Poll::Ready(Ok(read)) if read == b"unasked"));
}

#[tokio::test]
async fn vectored_writes_arrive_whole_and_a_shutdown_ends_them() {
    let (listener, addr) = listener();
    let (mut io, _probe) = SocketIo::new(TcpStream::connect(addr).await.unwrap());
    assert!(io.is_write_vectored());
    let (mut peer, _) = listener.accept().unwrap();
    let bufs = [IoSlice::new(b"head"), IoSlice::new(b"body")];
    assert_eq!(io.write_vectored(&bufs).await.unwrap(), 8);
    io.shutdown().await.unwrap();
    let mut received = String::new();
    peer.read_to_string(&mut received).unwrap();
    assert_eq!(received, "headbody");
}
