//! HTTP/1.1: heads are found, not read.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::gate::Gate;
use crate::Error;
use crate::load::{DATE, HELLO, Load};

/// Answers the requests of one connection, until the client leaves.
pub(super) async fn serve<S>(mut stream: S, load: Load, gate: &Gate) -> Result<(), Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let answer = Answer::to(load);
    let mut requests = Requests::default();
    let mut buffer = vec![0; load.server_buffer()];
    loop {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        for _ in 0..requests.ended_by(&buffer[..read])? {
            if load.is_slow() {
                gate.pass().await;
            }
            answer.write(&mut stream).await?;
            if answer.is_last {
                stream.shutdown().await?;
                return Ok(());
            }
        }
    }
}

struct Answer {
    bytes: Vec<u8>,
    /// Zeros that follow.
    zeros: u64,
    /// The connection is closed behind it.
    is_last: bool,
}

impl Answer {
    fn to(load: Load) -> Self {
        let zeros = load.download();
        let is_last = load.is_cold();
        let length = zeros.unwrap_or(HELLO.len() as u64);
        let close = if is_last { "connection: close\r\n" } else { "" };
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\ncontent-type: text/plain\r\ndate: {DATE}\r\n{close}\r\n"
        );
        let mut bytes = head.into_bytes();
        if zeros.is_none() {
            bytes.extend_from_slice(HELLO);
        }
        Self {
            bytes,
            zeros: zeros.unwrap_or(0),
            is_last,
        }
    }

    async fn write(&self, stream: &mut (impl AsyncWrite + Unpin)) -> Result<(), Error> {
        stream.write_all(&self.bytes).await?;
        let zeros = [0; 64 * 1024];
        let mut left = self.zeros;
        while left > 0 {
            let now = left.min(zeros.len() as u64);
            stream.write_all(&zeros[..now as usize]).await?;
            left -= now;
        }
        Ok(())
    }
}

/// Finds where requests end.
#[derive(Debug, Default)]
struct Requests {
    /// The beginning of a head whose end has not come.
    head: Vec<u8>,
    /// What has not come of a body.
    body: u64,
}

const END_OF_HEAD: &[u8] = b"\r\n\r\n";
const CONTENT_LENGTH: &[u8] = b"\r\ncontent-length:";

impl Requests {
    /// How many requests these bytes bring to their end.
    fn ended_by(&mut self, mut bytes: &[u8]) -> Result<usize, Error> {
        let mut ended = 0;
        while !bytes.is_empty() {
            if self.body > 0 {
                let here = self.body.min(bytes.len() as u64);
                self.body -= here;
                bytes = &bytes[here as usize..];
            } else {
                let before = self.head.len();
                self.head.extend_from_slice(bytes);
                let from = before.saturating_sub(END_OF_HEAD.len() - 1);
                let Some(at) = find(&self.head[from..], END_OF_HEAD) else {
                    return Ok(ended);
                };
                let end = from + at + END_OF_HEAD.len();
                bytes = &bytes[end - before..];
                self.body = body_length(&self.head[..end])?;
                self.head.clear();
            }
            if self.body == 0 {
                ended += 1;
            }
        }
        Ok(ended)
    }
}

fn body_length(head: &[u8]) -> Result<u64, Error> {
    if head.starts_with(b"GET ") {
        return Ok(0);
    }
    let lowercase = head.to_ascii_lowercase();
    let Some(at) = find(&lowercase, CONTENT_LENGTH) else {
        return Err("a body without a content-length".into());
    };
    let value = &lowercase[at + CONTENT_LENGTH.len()..];
    let end = find(value, b"\r\n").unwrap_or(value.len());
    Ok(std::str::from_utf8(&value[..end])?.trim().parse()?)
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|at| at == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_may_come_in_pieces() {
        let mut requests = Requests::default();
        assert_eq!(
            requests.ended_by(b"GET / HTTP/1.1\r\nhost: a\r").unwrap(),
            0
        );
        assert_eq!(requests.ended_by(b"\n\r").unwrap(), 0);
        assert_eq!(requests.ended_by(b"\nGET / HTTP/1.1\r\n\r\n").unwrap(), 2);
    }

    #[test]
    fn a_body_belongs_to_its_request() {
        let mut requests = Requests::default();
        let head = b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhel";
        assert_eq!(requests.ended_by(head).unwrap(), 0);
        assert_eq!(requests.ended_by(b"loGET / HTTP/1.1\r\n\r\n").unwrap(), 2);
    }

    #[test]
    fn a_body_without_a_length_is_refused() {
        let mut requests = Requests::default();
        assert!(requests.ended_by(b"POST / HTTP/1.1\r\n\r\n").is_err());
    }
}
