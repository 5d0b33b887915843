//! The floor: a socket, the bytes of a request, and as many bytes as an answer has.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Job, Lane, Peer};
use crate::Error;

/// What is written at a time of a large body: more than a socket takes.
static OCTETS: [u8; 512 * 1024] = [0; 512 * 1024];

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
        let job = self.job.clone();
        let length = match job.load.upload() {
            Some(length) => format!("content-length: {length}\r\n"),
            None => String::new(),
        };
        let request = format!(
            "{} /hello HTTP/1.1\r\nuser-agent: bench/1.0\r\naccept: */*\r\nhost: {}\r\n{length}\r\n",
            job.method(),
            job.authority
        );
        let buffer = match job.load.download() {
            Some(_) => 256 * 1024,
            None => 4 * 1024,
        };
        let mut calls = Calls {
            stream: None,
            request: request.into_bytes(),
            buffer: vec![0; buffer],
            answer: None,
            job,
        };
        if !calls.job.load.is_cold() {
            calls.connect().await?;
        }
        Ok(calls)
    }
}

pub(crate) struct Calls {
    stream: Option<TcpStream>,
    request: Vec<u8>,
    buffer: Vec<u8>,
    /// How long an answer is, head and body, once one has been seen.
    answer: Option<u64>,
    job: Arc<Job>,
}

impl Calls {
    async fn connect(&mut self) -> Result<(), Error> {
        let stream = TcpStream::connect(self.job.address).await?;
        stream.set_nodelay(true)?;
        self.stream = Some(stream);
        Ok(())
    }
}

impl Lane for Calls {
    async fn call(&mut self) -> Result<(), Error> {
        if self.job.load.is_cold() {
            self.connect().await?;
        }
        let stream = self.stream.as_mut().ok_or("there is no connection")?;
        stream.write_all(&self.request).await?;
        let mut left = self.job.load.upload().unwrap_or(0);
        while left > 0 {
            let now = left.min(OCTETS.len() as u64);
            stream.write_all(&OCTETS[..now as usize]).await?;
            left -= now;
        }
        let mut length = 0;
        while self.answer.is_none_or(|answer| length < answer) {
            let read = stream.read(&mut self.buffer).await?;
            if read == 0 {
                return Err("the server has closed the connection".into());
            }
            if length == 0 {
                // The server writes a head at once, and no socket of loopback tears it apart.
                let head = &self.buffer[..read];
                if !head.starts_with(b"HTTP/1.1 200 OK\r\n") {
                    return Err("the answer was not 200".into());
                }
                if self.answer.is_none() {
                    self.answer = Some(head_length(head)? + self.job.answer);
                }
            }
            length += read as u64;
        }
        Ok(())
    }
}

fn head_length(answer: &[u8]) -> Result<u64, Error> {
    let end = answer.windows(4).position(|at| at == b"\r\n\r\n");
    Ok(end.ok_or("the answer's head was torn apart")? as u64 + 4)
}
