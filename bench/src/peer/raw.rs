//! The floor: a socket, the bytes of a request, and as many bytes as an answer has.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Job, Lane, Peer};
use crate::Error;

pub(crate) struct Raw {
    job: Arc<Job>,
}

impl Raw {
    pub(crate) fn new(job: Arc<Job>) -> Self {
        Self { job }
    }
}

impl Peer for Raw {
    type Lane = Calls;

    async fn lane(&self) -> Result<Calls, Error> {
        let stream = TcpStream::connect(&self.job.authority).await?;
        stream.set_nodelay(true)?;
        let request = format!(
            "{} /hello HTTP/1.1\r\nuser-agent: bench/1.0\r\naccept: */*\r\nhost: {}\r\n\r\n",
            self.job.method(),
            self.job.authority
        );
        Ok(Calls {
            stream,
            request: request.into_bytes(),
            buffer: vec![0; 4096],
            answer: None,
        })
    }
}

pub(crate) struct Calls {
    stream: TcpStream,
    request: Vec<u8>,
    buffer: Vec<u8>,
    /// How long an answer is, head and body, once one has been seen.
    answer: Option<usize>,
}

impl Lane for Calls {
    async fn call(&mut self) -> Result<(), Error> {
        self.stream.write_all(&self.request).await?;
        let mut length = 0;
        loop {
            let read = self.stream.read(&mut self.buffer[length..]).await?;
            if read == 0 {
                return Err("the server has closed the connection".into());
            }
            length += read;
            if self.answer.is_none() {
                self.answer = answer_length(&self.buffer[..length])?;
            }
            if self.answer.is_some_and(|answer| length >= answer) {
                break;
            }
        }
        if !self.buffer.starts_with(b"HTTP/1.1 200 OK\r\n") {
            return Err("the answer was not 200".into());
        }
        Ok(())
    }
}

/// What our server's `content-length` says, and the head; as soon as the head is there.
fn answer_length(bytes: &[u8]) -> Result<Option<usize>, Error> {
    let text = std::str::from_utf8(bytes)?;
    let Some((head, _)) = text.split_once("\r\n\r\n") else {
        return Ok(None);
    };
    let mut lines = head.lines();
    let length = lines.find_map(|line| line.strip_prefix("content-length: "));
    let body: usize = length.ok_or("an answer without its length")?.parse()?;
    Ok(Some(head.len() + 4 + body))
}
