//! A socket that blocks, a clock that is read right before and after each system call, and nothing else: what is left of the
//! distance here belongs to the kernel and the machine.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use super::{BODY, Claim, Place, Step, plan};
use crate::clock::Clocks;
use crate::compare::Told;
use crate::moment::Moment;

/// Follows the plan over HTTP/1.1.
pub(crate) fn bare(server: SocketAddr, requests: usize) -> io::Result<Told> {
    let mut seen = Vec::with_capacity(requests * 8);
    let running = Clocks::start();
    let steps: Vec<Step> = plan(requests).collect();
    for steps in steps.chunks(2) {
        converse(server, steps, &mut seen)?;
    }
    let clocks = running.end();
    let claims = seen.into_iter().map(|(port, exchange, moment, at)| Claim {
        place: Place::Port(port),
        exchange,
        moment,
        at: clocks.wall(at),
    });
    Ok(Told {
        claims: claims.collect(),
        uncertainty: clocks.uncertainty(),
    })
}

type Seen = Vec<(u16, usize, Moment, Instant)>;

/// The requests of one connection.
fn converse(server: SocketAddr, steps: &[Step], seen: &mut Seen) -> io::Result<()> {
    let start = Instant::now();
    let mut socket = TcpStream::connect(server)?;
    let connected = Instant::now();
    socket.set_nodelay(true)?;
    let port = socket.local_addr()?.port();
    seen.push((port, 0, Moment::ConnectStart, start));
    seen.push((port, 0, Moment::ConnectDone, connected));
    let mut buffer = [0; 4_096];
    for (exchange, step) in steps.iter().enumerate() {
        let request = request(*step);
        socket.write_all(&request)?;
        let wrote = Instant::now();
        // The answer is short, and written at once.
        let read = socket.read(&mut buffer)?;
        let got = Instant::now();
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        seen.push((port, exchange, Moment::WroteHeaders, wrote));
        seen.push((port, exchange, Moment::WroteRequest, wrote));
        seen.push((port, exchange, Moment::GotFirstResponseByte, got));
    }
    drop(socket);
    seen.push((port, 0, Moment::ConnClosed, Instant::now()));
    Ok(())
}

fn request(step: Step) -> Vec<u8> {
    let connection = if step.is_last {
        "Connection: close\r\n"
    } else {
        ""
    };
    let (method, length) = if step.has_body {
        ("POST", BODY)
    } else {
        ("GET", 0)
    };
    let head = format!(
        "{method} / HTTP/1.1\r\nHost: localhost\r\n{connection}Content-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), &vec![b'x'; length]].concat()
}
