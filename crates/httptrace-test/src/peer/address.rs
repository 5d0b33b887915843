//! Addresses where nobody answers.

use std::net::SocketAddr;
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket, Type};

/// An address that refuses connections: a port that is bound, so that nobody else gets it, but not listened on. Lasts
/// as long as this value.
#[derive(Debug)]
pub struct RefusingAddr {
    _bound: Socket,
    addr: SocketAddr,
}

impl RefusingAddr {
    /// A port of 127.0.0.1.
    pub fn loopback() -> Self {
        Self::at("127.0.0.1:0")
    }

    /// An address to bind, with port 0 for any.
    ///
    /// # Panics
    ///
    /// If it is no address, or cannot be bound.
    pub fn at(addr: &str) -> Self {
        let bound = bound(addr);
        let addr = local(&bound);
        Self {
            _bound: bound,
            addr,
        }
    }

    /// The address.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}

/// An address where connecting neither succeeds nor fails: a listener that accepts nothing and whose backlog is full,
/// so that the kernel drops each SYN. Lasts as long as this value.
///
/// This is how Linux behaves; elsewhere a full backlog may refuse instead.
#[derive(Debug)]
pub struct StallingAddr {
    _listener: Socket,
    _backlog: Vec<Socket>,
    addr: SocketAddr,
}

impl StallingAddr {
    /// A port of 127.0.0.1.
    pub fn loopback() -> Self {
        Self::at("127.0.0.1:0")
    }

    /// An address to bind, with port 0 for any.
    ///
    /// # Panics
    ///
    /// If it is no address, cannot be bound, or its backlog does not get full.
    pub fn at(addr: &str) -> Self {
        let listener = bound(addr);
        listener.listen(0).expect("listen");
        let addr = local(&listener);
        let mut backlog = Vec::new();
        // Linux keeps one connection more than it is told; the limit only guards against systems that never get full.
        while backlog.len() < 64 {
            let filler = stream(addr);
            match filler.connect_timeout(&SockAddr::from(addr), Duration::from_millis(100)) {
                Ok(()) => backlog.push(filler),
                Err(_) => {
                    return Self {
                        _listener: listener,
                        _backlog: backlog,
                        addr,
                    };
                }
            }
        }
        panic!("the backlog of {addr} does not get full");
    }

    /// The address.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}

fn bound(addr: &str) -> Socket {
    let addr: SocketAddr = addr.parse().expect("an address with a port");
    let socket = stream(addr);
    socket.bind(&addr.into()).expect("bind");
    socket
}

fn stream(addr: SocketAddr) -> Socket {
    Socket::new(Domain::for_address(addr), Type::STREAM, None).expect("a socket")
}

fn local(socket: &Socket) -> SocketAddr {
    let addr = socket.local_addr().expect("a bound socket has an address");
    addr.as_socket().expect("an IP address")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::ErrorKind;
    use std::net::TcpStream;

    #[test]
    fn a_refusing_address_refuses() {
        let refusing = RefusingAddr::loopback();
        let error = TcpStream::connect(refusing.addr()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_stalling_address_neither_accepts_nor_refuses() {
        let stalling = StallingAddr::loopback();
        let wait = Duration::from_millis(200);
        let error = TcpStream::connect_timeout(&stalling.addr(), wait).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }
}
