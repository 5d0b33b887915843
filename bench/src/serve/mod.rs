//! The server: a minimal fixed responder, so that it can outrun every client.
//!
//! It is told the load, and does for each request what that load needs, without looking at more of it than where it
//! ends. It ends when its standard input does, which is when the driver ends, however that comes about.

mod gate;
mod http1;
mod http2;
mod tls;

use std::io::{Read, Write};
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::Error;
use crate::load::{Load, Protocol};
use crate::usage;
use gate::Gate;

/// Serves until the driver ends; prints the port first.
pub(crate) fn run(load: Load, core: Option<usize>) -> Result<(), Error> {
    if let Some(core) = core {
        usage::pin(&[core])?;
    }
    usage::open_many_files()?;
    std::thread::spawn(end_with_stdin);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(serve(load))
}

fn end_with_stdin() {
    // An error is as much of an end.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    std::process::exit(0);
}

async fn serve(load: Load) -> Result<(), Error> {
    let listener = listen()?;
    let responder = Arc::new(Responder {
        load,
        gate: Gate::default(),
        tls: load.tls().map(tls::acceptor).transpose()?,
    });
    let port = listener.local_addr()?.port();
    println!("{port}");
    std::io::stdout().flush()?;
    if load.is_slow() {
        let responder = responder.clone();
        tokio::spawn(async move { responder.gate.open_when_quiet().await });
    }
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let responder = responder.clone();
        tokio::spawn(async move {
            // A client that goes away in the middle is how some loads end, and one that fails says so itself.
            let _ = responder.answer(stream).await;
        });
    }
}

fn listen() -> Result<TcpListener, Error> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    socket.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
    // Thousands of clients come at once.
    socket.listen(16_384)?;
    socket.set_nonblocking(true)?;
    Ok(TcpListener::from_std(socket.into())?)
}

struct Responder {
    load: Load,
    gate: Gate,
    tls: Option<TlsAcceptor>,
}

impl Responder {
    async fn answer(&self, stream: TcpStream) -> Result<(), Error> {
        if let Some(tls) = &self.tls {
            let stream = tls.accept(stream).await?;
            return http1::serve(stream, self.load, &self.gate).await;
        }
        match self.load.protocol() {
            Protocol::Http1 => http1::serve(stream, self.load, &self.gate).await,
            Protocol::Http2 => http2::serve(stream, self.load).await,
        }
    }
}
