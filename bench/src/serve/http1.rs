//! HTTP/1.1: heads are found, not read.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::gate::Gate;
use crate::Error;
use crate::load::{DATE, HELLO, Load};

/// Enough for a request; there may be 10,000 connections.
const SMALL_BUFFER: usize = 4 * 1024;
/// For what is uploaded.
const LARGE_BUFFER: usize = 256 * 1024;

/// Answers the requests of one connection, until the client leaves.
pub(super) async fn serve<S>(mut stream: S, load: Load, gate: &Gate) -> Result<(), Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let answer = Answer::to(load);
    let mut requests = Requests::default();
    let mut buffer = vec![0; load.upload().map_or(SMALL_BUFFER, |_| LARGE_BUFFER)];
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
    next: Next,
    /// The beginning of a head, or of a chunk's size, whose end has not come.
    line: Vec<u8>,
}

/// What comes next.
#[derive(Clone, Copy, Debug, Default)]
enum Next {
    #[default]
    Head,
    ChunkSize,
    /// So many octets, and the size of the next chunk behind them.
    Chunk(u64),
    /// So many octets, with which the request ends.
    Rest(u64),
}

const CRLF: &[u8] = b"\r\n";
const END_OF_HEAD: &[u8] = b"\r\n\r\n";
const CONTENT_LENGTH: &[u8] = b"\r\ncontent-length:";

impl Requests {
    /// How many requests these bytes bring to their end.
    fn ended_by(&mut self, mut bytes: &[u8]) -> Result<usize, Error> {
        let mut ended = 0;
        while !bytes.is_empty() {
            self.next = match self.next {
                Next::Head => match self.line_from(&mut bytes, END_OF_HEAD) {
                    Some(head) => behind_head(&head)?,
                    None => Next::Head,
                },
                Next::ChunkSize => match self.line_from(&mut bytes, CRLF) {
                    Some(line) => behind_size(&line)?,
                    None => Next::ChunkSize,
                },
                Next::Chunk(left) => match skip(&mut bytes, left) {
                    0 => Next::ChunkSize,
                    left => Next::Chunk(left),
                },
                Next::Rest(left) => Next::Rest(skip(&mut bytes, left)),
            };
            if let Next::Rest(0) = self.next {
                ended += 1;
                self.next = Next::Head;
            }
        }
        Ok(ended)
    }

    /// What is in front of such an end, with it; nothing as long as it has not come.
    fn line_from(&mut self, bytes: &mut &[u8], end: &[u8]) -> Option<Vec<u8>> {
        let before = self.line.len();
        self.line.extend_from_slice(bytes);
        let from = before.saturating_sub(end.len() - 1);
        let Some(at) = find(&self.line[from..], end) else {
            *bytes = &[];
            return None;
        };
        let length = from + at + end.len();
        *bytes = &bytes[length - before..];
        self.line.truncate(length);
        Some(std::mem::take(&mut self.line))
    }
}

fn skip(bytes: &mut &[u8], left: u64) -> u64 {
    let here = left.min(bytes.len() as u64);
    *bytes = &bytes[here as usize..];
    left - here
}

fn behind_head(head: &[u8]) -> Result<Next, Error> {
    if head.starts_with(b"GET ") {
        return Ok(Next::Rest(0));
    }
    let lowercase = head.to_ascii_lowercase();
    let Some(at) = find(&lowercase, CONTENT_LENGTH) else {
        return Ok(Next::ChunkSize);
    };
    let value = &lowercase[at + CONTENT_LENGTH.len()..];
    let end = find(value, CRLF).unwrap_or(value.len());
    let length = std::str::from_utf8(&value[..end])?.trim().parse()?;
    Ok(Next::Rest(length))
}

/// A chunk ends with a line's end, and so does the body behind its last chunk, which is empty.
fn behind_size(line: &[u8]) -> Result<Next, Error> {
    let size = u64::from_str_radix(std::str::from_utf8(line)?.trim(), 16)?;
    let octets = size + CRLF.len() as u64;
    Ok(if size == 0 {
        Next::Rest(octets)
    } else {
        Next::Chunk(octets)
    })
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
    fn a_body_may_come_in_chunks() {
        let mut requests = Requests::default();
        let head = b"POST / HTTP/1.1\r\n\r\n5\r\nhello\r\nA\r\n0123456";
        assert_eq!(requests.ended_by(head).unwrap(), 0);
        assert_eq!(requests.ended_by(b"789\r\n0\r\n\r").unwrap(), 0);
        assert_eq!(requests.ended_by(b"\nGET / HTTP/1.1\r\n\r\n").unwrap(), 2);
        assert!(
            requests
                .ended_by(b"POST / HTTP/1.1\r\n\r\nhello\r\n")
                .is_err()
        );
    }
}
