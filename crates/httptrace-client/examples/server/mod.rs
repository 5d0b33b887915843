//! A tiny HTTP/1.1 server, so that the examples run offline. It has nothing to do with tracing.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// The URL to use: the program's first argument, or a path of a server started here, which lasts as long as the program.
///
/// `/` says hello after 20 ms, `/hops/N` redirects N times before it does. Every third hop closes its connection.
/// `host` is the name to ask for it by, which must lead to 127.0.0.1.
pub(crate) fn url_or_local(host: &str, path: &str) -> String {
    match std::env::args().nth(1) {
        Some(url) => url,
        None => format!("http://{host}:{}{path}", start()),
    }
}

/// Starts the server. Returns its port.
fn start() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port on loopback is free");
    let address = listener.local_addr().expect("a listener has an address");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || serve(&stream));
        }
    });
    address.port()
}

/// Answers the requests of one connection, until it is closed.
fn serve(stream: &TcpStream) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    while let Some(request_line) = lines.next() {
        // The rest of the head. The examples send no bodies.
        lines.by_ref().find(String::is_empty);
        let path = request_line.split(' ').nth(1).unwrap_or("/");
        let (response, stays_open) = respond(path);
        let mut stream = stream;
        if stream.write_all(response.as_bytes()).is_err() || !stays_open {
            return;
        }
    }
}

/// The response to a path, and whether the connection stays open.
fn respond(path: &str) -> (String, bool) {
    let hops_left = path
        .strip_prefix("/hops/")
        .and_then(|left| left.parse().ok());
    match hops_left {
        None | Some(0_u32) => {
            thread::sleep(Duration::from_millis(20));
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 7\r\n\r\n";
            (format!("{head}Hello!\n"), true)
        }
        Some(left) => {
            let (next, stays_open) = (left - 1, left % 3 != 1);
            let close = if stays_open {
                ""
            } else {
                "Connection: close\r\n"
            };
            let head = format!("HTTP/1.1 302 Found\r\nLocation: /hops/{next}\r\n{close}");
            (format!("{head}Content-Length: 0\r\n\r\n"), stays_open)
        }
    }
}
