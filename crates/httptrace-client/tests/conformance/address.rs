//! A peer's addresses: listened on, refusing, or stalling; all on one port.

use std::io;
use std::net::{IpAddr, SocketAddr};

use socket2::{Domain, SockAddr, Socket, Type};
use tokio::net::TcpListener;

use crate::scenario::{Conduct, PeerSpec};

/// The sockets of a peer, which keep its port taken.
pub(crate) struct Addresses {
    pub(crate) port: u16,
    listeners: Vec<TcpListener>,
    silent: Vec<Socket>,
}

impl Addresses {
    /// Takes one port on all addresses.
    pub(crate) fn take(spec: &PeerSpec) -> io::Result<Self> {
        // The port that the first address gives may be taken on a later one: then another is tried.
        let mut last = Self::try_take(spec);
        for _ in 0..20 {
            if last.is_ok() {
                break;
            }
            last = Self::try_take(spec);
        }
        last
    }

    /// The listeners, and the sockets that have only to be there.
    pub(crate) fn split(self) -> (Vec<TcpListener>, Vec<Socket>) {
        (self.listeners, self.silent)
    }

    fn try_take(spec: &PeerSpec) -> io::Result<Self> {
        let mut taken = Self {
            port: 0,
            listeners: Vec::new(),
            silent: Vec::new(),
        };
        for (address, conduct) in &spec.at {
            let ip: IpAddr = bare(address).parse().map_err(io::Error::other)?;
            let address = SocketAddr::new(ip, taken.port);
            let address = match conduct {
                Conduct::Serve => {
                    let listener = std::net::TcpListener::bind(address)?;
                    listener.set_nonblocking(true)?;
                    let listener = TcpListener::from_std(listener)?;
                    let address = listener.local_addr()?;
                    taken.listeners.push(listener);
                    address
                }
                Conduct::Refuse => taken.refuse(address)?,
                Conduct::Stall => taken.stall(address)?,
            };
            taken.port = address.port();
        }
        Ok(taken)
    }

    /// A port that is bound, and not listened on.
    fn refuse(&mut self, address: SocketAddr) -> io::Result<SocketAddr> {
        let socket = stream(address)?;
        socket.bind(&address.into())?;
        let address = local(&socket)?;
        self.silent.push(socket);
        Ok(address)
    }

    /// A listener whose backlog is full, so that no SYN is answered (Linux).
    fn stall(&mut self, address: SocketAddr) -> io::Result<SocketAddr> {
        let address = self.refuse(address)?;
        self.silent[self.silent.len() - 1].listen(0)?;
        for _ in 0..3 {
            let filler = stream(address)?;
            filler.set_nonblocking(true)?;
            // "In progress" is what is wanted.
            let _ = filler.connect(&SockAddr::from(address));
            self.silent.push(filler);
        }
        Ok(address)
    }
}

fn stream(address: SocketAddr) -> io::Result<Socket> {
    Socket::new(Domain::for_address(address), Type::STREAM, None)
}

fn local(socket: &Socket) -> io::Result<SocketAddr> {
    let address = socket.local_addr()?.as_socket();
    address.ok_or_else(|| io::Error::other("not an IP address"))
}

/// An address without the brackets of IPv6.
pub(crate) fn bare(address: &str) -> &str {
    address.trim_start_matches('[').trim_end_matches(']')
}
