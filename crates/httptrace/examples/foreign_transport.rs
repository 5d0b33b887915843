//! A transport that has nothing to do with `httptrace-client` fires the same hooks: a blocking HTTP/1.0 client on the
//! standard library's sockets, in a hundred lines.
//!
//! ```console
//! $ cargo run -p httptrace --example foreign_transport -- http://example.com/
//! ```
//!
//! Without a URL it asks a small server of its own.
//!
//! What any client has to do: begin a [`Call`] when it is handed the request and an [`Attempt`] for each round trip,
//! and tell their emitter what happens when it happens. Acts that take time have guards: whatever way the function is
//! left, each start gets its end.

#![allow(clippy::print_stdout)] // examples print

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::thread;

use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Version};
use httptrace::info::{
    BodyDone, BodyEnd, CloseReason, ConnClosed, DnsSource, GetConn, GotConn, GotFirstResponseByte,
    GotResponseHeaders, WriteOutcome, WroteHeaders, WroteRequest,
};
use httptrace::{
    Attempt, BoxError, Call, ClientTrace, ConnectionId, Emitter, EventError, Recorder, RequestExt,
};

fn main() -> Result<(), BoxError> {
    let url = match std::env::args().nth(1) {
        Some(url) => url,
        None => format!("http://localhost:{}/", start_server()?),
    };
    let recorder = Recorder::new();
    let trace = ClientTrace::new().on_event(|event| println!("{}", event.name()));
    let request = Request::get(url)
        .trace(trace)
        .trace(recorder.trace())
        .body(())?;
    let response = send(request)?;
    println!("{} with {} bytes", response.status(), response.body().len());
    if let Some(timeline) = recorder.timeline() {
        for (phase, time) in timeline.breakdown().phases() {
            println!("{phase:>8} {time:?}");
        }
    }
    Ok(())
}

/// The client: one call, which is one attempt since it follows no redirects.
fn send(mut request: Request<()>) -> Result<Response<Vec<u8>>, BoxError> {
    let call = Call::start(&mut request);
    let attempt = Attempt::start(&request);
    let result = round_trip(&request, attempt.emitter());
    match &result {
        Ok(response) => {
            let (status, bytes) = (response.status(), response.body().len() as u64);
            attempt.done(|end| end.with_status(status));
            call.done(|end| end.with_status(status).with_bytes(bytes));
        }
        Err(error) => {
            attempt.done(|end| end.with_error(event_error(error)));
            call.done(|end| end.with_error(event_error(error)));
        }
    }
    Ok(result?)
}

fn round_trip(request: &Request<()>, emitter: &Emitter) -> io::Result<Response<Vec<u8>>> {
    let host = request.uri().host().unwrap_or_default();
    let port = request.uri().port_u16().unwrap_or(80);
    emitter.emit(|| GetConn::new(format!("{host}:{port}")));
    // The connection has its id from the beginning of its making, so that all of it can be told apart.
    let emitter = emitter.clone().with_connection(ConnectionId::next());
    let addrs = resolve(host, port, &emitter)?;
    let mut stream = connect(&addrs, &emitter)?;
    emitter.emit(|| {
        let got = GotConn::new(false, false);
        match (stream.local_addr(), stream.peer_addr()) {
            (Ok(local), Ok(remote)) => got.with_local_addr(local).with_remote_addr(remote),
            _ => got,
        }
    });

    let wrote = write_request(request, host, &mut stream, &emitter);
    emitter.emit(|| match &wrote {
        Ok(()) => WroteRequest::new(WriteOutcome::Sent),
        Err(error) => WroteRequest::new(WriteOutcome::Failed(event_error(error))),
    });
    let response = wrote.and_then(|()| read_response(&stream, &emitter));
    drop(stream);
    emitter.emit(|| match &response {
        Ok(_) => ConnClosed::new(CloseReason::BodyUntilEof),
        Err(error) => ConnClosed::new(CloseReason::Failed).with_error(event_error(error)),
    });
    response
}

fn resolve(host: &str, port: u16, emitter: &Emitter) -> io::Result<Vec<SocketAddr>> {
    // An address needs no lookup, and is told of as none.
    if let Ok(ip) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    let lookup = emitter.dns_start(host);
    let result = (host, port).to_socket_addrs();
    let result = result.map(|addrs| addrs.collect::<Vec<_>>());
    lookup.done(|done| {
        let done = done.with_source(DnsSource::System);
        match &result {
            Ok(addrs) => {
                let ips = addrs.iter().map(SocketAddr::ip);
                done.with_addrs(ips.collect::<Arc<[IpAddr]>>())
            }
            Err(error) => done.with_error(event_error(error)),
        }
    });
    result
}

/// Tries one address after the other.
fn connect(addrs: &[SocketAddr], emitter: &Emitter) -> io::Result<TcpStream> {
    let mut result = Err(io::Error::new(io::ErrorKind::NotFound, "no address"));
    for (number, addr) in (0..).zip(addrs) {
        let connecting = emitter.connect_start(&(*addr).into(), number);
        result = TcpStream::connect(addr);
        connecting.done(|done| match &result {
            Ok(_) => done,
            Err(error) => done.with_error(event_error(error)),
        });
        if result.is_ok() {
            break;
        }
    }
    result
}

fn write_request(
    request: &Request<()>,
    host: &str,
    stream: &mut TcpStream,
    emitter: &Emitter,
) -> io::Result<()> {
    let path = request
        .uri()
        .path_and_query()
        .map_or("/", |path| path.as_str());
    write!(
        stream,
        "{} {path} HTTP/1.0\r\nHost: {host}\r\n\r\n",
        request.method()
    )?;
    emitter.emit(WroteHeaders::new);
    Ok(())
}

/// Reads a response whose body ends with the connection.
fn read_response(stream: &TcpStream, emitter: &Emitter) -> io::Result<Response<Vec<u8>>> {
    let mut reader = BufReader::new(stream);
    if !reader.fill_buf()?.is_empty() {
        emitter.emit(GotFirstResponseByte::new);
    }
    let (status, headers) = read_head(&mut reader)?;
    emitter.emit(|| GotResponseHeaders::new(status, Version::HTTP_10, headers.clone()));
    let mut body = Vec::new();
    let read = reader.read_to_end(&mut body);
    emitter.emit(|| {
        let end = match &read {
            Ok(_) => BodyEnd::End,
            Err(error) => BodyEnd::Error(event_error(error)),
        };
        BodyDone::new(end).with_wire_bytes(body.len() as u64)
    });
    read?;
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

fn read_head(reader: &mut impl BufRead) -> io::Result<(StatusCode, HeaderMap)> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.ok_or_else(|| io::Error::other("no status line"))?;
    let mut headers = HeaderMap::new();
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            return Ok((status, headers));
        };
        let name = HeaderName::try_from(name).map_err(io::Error::other)?;
        let value = HeaderValue::try_from(value.trim()).map_err(io::Error::other)?;
        headers.append(name, value);
    }
}

/// An event may outlive the error it tells of, and an `io::Error` cannot be cloned.
fn event_error(error: &io::Error) -> EventError {
    EventError::io(io::Error::new(error.kind(), error.to_string()))
}

/// A server for one request. Returns its port.
fn start_server() -> io::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || -> io::Result<()> {
        let (mut stream, _) = listener.accept()?;
        let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
        lines.find(String::is_empty);
        stream.write_all(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nHello!\n")
    });
    Ok(port)
}
