use std::net::{IpAddr, Ipv4Addr, TcpListener};

use super::*;

fn options() -> Options {
    Options {
        local_end: LocalEnd::default(),
        nodelay: true,
        keepalive: Some(Duration::from_secs(15)),
    }
}

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let addr = listener.local_addr().unwrap();
    (listener, addr)
}

#[tokio::test]
async fn the_options_are_set_on_the_socket() {
    let (_listener, addr) = listener();
    let stream = connect(addr, options()).await.unwrap();
    options().set_on(&stream);
    assert!(stream.nodelay().unwrap());
    let socket = SockRef::from(&stream);
    assert!(socket.keepalive().unwrap());

    let plain = Options {
        nodelay: false,
        keepalive: None,
        ..options()
    };
    let stream = connect(addr, plain.clone()).await.unwrap();
    plain.set_on(&stream);
    assert!(!stream.nodelay().unwrap());
    assert!(!SockRef::from(&stream).keepalive().unwrap());
}

fn from_address(address: IpAddr) -> Options {
    Options {
        local_end: LocalEnd {
            address: Some(address),
            ..LocalEnd::default()
        },
        ..options()
    }
}

#[tokio::test]
async fn the_local_address_is_the_one_asked_for() {
    let (_listener, addr) = listener();
    // The whole of 127.0.0.0/8 is ours on Linux; elsewhere only the first address is.
    let last = if cfg!(target_os = "linux") { 9 } else { 1 };
    let local = IpAddr::V4(Ipv4Addr::new(127, 0, 0, last));
    let stream = connect(addr, from_address(local)).await.unwrap();
    assert_eq!(stream.local_addr().unwrap().ip(), local);
}

#[tokio::test]
async fn a_local_address_of_the_other_family_fails_the_connect_with_a_reason() {
    let (_listener, addr) = listener();
    let options = from_address("::1".parse().unwrap());
    let error = connect(addr, options).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the local address ::1 is of another IP family"
    );
}

#[tokio::test]
async fn a_local_address_of_another_machine_fails_the_connect_with_a_reason() {
    let (_listener, addr) = listener();
    // An address for documentation (RFC 5737).
    let options = from_address("192.0.2.1".parse().unwrap());
    let error = connect(addr, options).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrNotAvailable);
    assert_eq!(
        error.to_string(),
        "the local address 192.0.2.1 is none of this machine's"
    );
    let refused = error.get_ref().unwrap();
    let source = refused.source().unwrap().to_string();
    assert!(source.contains("os error"), "{source}");
}

#[cfg(target_os = "linux")]
fn through(interface: &str) -> Options {
    Options {
        local_end: LocalEnd {
            interface: Some(interface.into()),
            ..LocalEnd::default()
        },
        ..options()
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_connection_is_bound_to_the_interface_asked_for() {
    let (_listener, addr) = listener();
    let stream = match connect(addr, through("lo")).await {
        // A kernel before 5.7, or a sandbox: the error is clear, and there is nothing more to see.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            assert!(error.to_string().contains("CAP_NET_RAW"), "{error}");
            return;
        }
        connected => connected.unwrap(),
    };
    let device = SockRef::from(&stream).device().unwrap();
    assert_eq!(device.as_deref(), Some(&b"lo"[..]));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_interface_that_does_not_exist_fails_the_connect_with_its_name() {
    let (_listener, addr) = listener();
    for name in ["nowhere0", "much-too-long-for-an-interface"] {
        let error = connect(addr, through(name)).await.unwrap_err();
        let message = error.to_string();
        assert!(message.contains(&format!("{name:?}")), "{message}");
        let known = message.contains("ip link") || message.contains("CAP_NET_RAW");
        assert!(known, "{message}");
    }
}
