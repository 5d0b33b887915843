//! HTTP/2 with prior knowledge, on one connection at a time.

mod frame;
mod framer;

use std::io;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::Error;
use crate::load::Load;
use framer::Framer;

/// What is written at a time of a large body.
const CHUNK: usize = 256 * 1024;

/// Answers the requests of one connection, until the client leaves.
pub(super) async fn serve(mut stream: TcpStream, load: Load) -> Result<(), Error> {
    let mut framer = Framer::new(load.download());
    let mut buffer = vec![0; CHUNK];
    let mut out = Vec::with_capacity(CHUNK);
    framer.greet(&mut out);
    loop {
        framer.send_data(&mut out, CHUNK);
        if out.is_empty() {
            stream.readable().await?;
        } else {
            stream.write_all(&out).await?;
            out.clear();
        }
        match stream.try_read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => framer.receive(&buffer[..read], &mut out)?,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
    }
}
