//! The origin behind the servers that pass requests on: HTTP/1.1, one request a connection, and slow where a test
//! needs it to be.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use crate::crowd::page;

/// How long `/slow-start` waits before its head, and `/slow-body` all in all within its body.
pub(crate) const DELAY: Duration = Duration::from_millis(300);

pub(crate) const SMALL: usize = 1024;
pub(crate) const MEDIUM: usize = 64 * 1024;
pub(crate) const LARGE: usize = 8 * 1024 * 1024;

const TAG: &str = "\"interop\"";

/// Serves in the background for as long as the program runs; gives its port.
pub(crate) fn serve() -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A peer that goes away in between is none of the origin's business.
            thread::spawn(move || exchange(&stream));
        }
    });
    Ok(port)
}

/// Text of this length, which compresses, but not to nothing.
pub(crate) fn text(length: usize) -> Vec<u8> {
    let lines = (0_u64..).flat_map(|n| format!("{:x}\n", n.wrapping_mul(0x9e37_79b9)).into_bytes());
    lines.take(length).collect()
}

struct Request {
    path: String,
    has_tag: bool,
    is_head: bool,
    body: usize,
}

fn exchange(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let request = read(stream)?;
    let mut stream = stream;
    match request.path.trim_start_matches("/origin") {
        "/small" if request.has_tag => {
            let head = format!("HTTP/1.1 304 Not Modified\r\nETag: {TAG}\r\n{CLOSE}\r\n");
            stream.write_all(head.as_bytes())
        }
        "/small" | "/close" | "/guarded" | "/hints" => whole(&request, stream, SMALL),
        "/medium" | "/compressed" => whole(&request, stream, MEDIUM),
        "/large" => whole(&request, stream, LARGE),
        "/chunked" => chunked(stream),
        path if path.starts_with("/crowd/") => numbered(path, stream),
        "/slow-start" => {
            thread::sleep(DELAY);
            whole(&request, stream, SMALL)
        }
        "/slow-body" => slow_body(stream),
        "/upload" => {
            let answer = format!("{} bytes\n", request.body);
            let length = answer.len();
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n{CLOSE}\r\n");
            stream.write_all((head + &answer).as_bytes())
        }
        "/early-hints" => {
            for link in ["</a.css>", "</b.js>"] {
                let head = format!("HTTP/1.1 103 Early Hints\r\nLink: {link}; rel=preload\r\n\r\n");
                stream.write_all(head.as_bytes())?;
                // HAProxy 2.6 loses its way, now and then, where informational responses come in one piece with what follows.
                thread::sleep(DELAY / 3);
            }
            whole(&request, stream, SMALL)
        }
        _ => {
            let head = format!("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n{CLOSE}\r\n");
            stream.write_all(head.as_bytes())
        }
    }
}

const CLOSE: &str = "Connection: close\r\n";

/// Reads the request to its end.
fn read(stream: &TcpStream) -> io::Result<Request> {
    let mut reader = BufReader::new(stream);
    let first = line(&mut reader)?;
    let mut words = first.split(' ');
    let is_head = words.next() == Some("HEAD");
    let path = words.next().unwrap_or_default().to_owned();
    let mut request = Request {
        path,
        has_tag: false,
        is_head,
        body: 0,
    };
    let (mut length, mut is_chunked) = (0, false);
    loop {
        let field = line(&mut reader)?.to_ascii_lowercase();
        match field
            .split_once(':')
            .map(|(name, value)| (name, value.trim()))
        {
            Some(("content-length", value)) => length = value.parse().unwrap_or(0),
            Some(("transfer-encoding", value)) => is_chunked = value == "chunked",
            Some(("if-none-match", value)) => request.has_tag = value == TAG,
            Some(("expect", _)) => (&*stream).write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?,
            Some(_) => {}
            None => break,
        }
    }
    request.body = match is_chunked {
        true => read_chunks(&mut reader)?,
        false => skip(&mut reader, length)?,
    };
    Ok(request)
}

fn read_chunks(reader: &mut impl BufRead) -> io::Result<usize> {
    let mut body = 0;
    loop {
        let size = line(reader)?;
        let size = usize::from_str_radix(&size, 16).map_err(io::Error::other)?;
        body += skip(reader, size)?;
        line(reader)?;
        if size == 0 {
            return Ok(body);
        }
    }
}

fn skip(reader: &mut impl BufRead, length: usize) -> io::Result<usize> {
    let skipped = io::copy(&mut reader.take(length as u64), &mut io::sink())?;
    Ok(usize::try_from(skipped).unwrap_or(usize::MAX))
}

fn line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}

fn whole(request: &Request, mut stream: &TcpStream, length: usize) -> io::Result<()> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nETag: {TAG}\r\nContent-Length: {length}\r\n{CLOSE}\r\n"
    );
    stream.write_all(head.as_bytes())?;
    if request.is_head {
        return Ok(());
    }
    stream.write_all(&text(length))
}

fn numbered(path: &str, mut stream: &TcpStream) -> io::Result<()> {
    let number = path.trim_start_matches("/crowd/").parse();
    let page = page(number.map_err(io::Error::other)?);
    let length = page.len();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n{CLOSE}\r\n");
    stream.write_all((head + &page).as_bytes())
}

fn chunked(mut stream: &TcpStream) -> io::Result<()> {
    stream.write_all(
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n{CLOSE}\r\n").as_bytes(),
    )?;
    for chunk in text(MEDIUM).chunks(5000) {
        stream.write_all(format!("{:x}\r\n", chunk.len()).as_bytes())?;
        stream.write_all(chunk)?;
        stream.write_all(b"\r\n")?;
    }
    stream.write_all(b"0\r\n\r\n")
}

fn slow_body(mut stream: &TcpStream) -> io::Result<()> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {MEDIUM}\r\n{CLOSE}\r\n");
    stream.write_all(head.as_bytes())?;
    let parts = 4;
    for part in text(MEDIUM).chunks(MEDIUM / parts) {
        stream.write_all(part)?;
        thread::sleep(DELAY / 3);
    }
    Ok(())
}
