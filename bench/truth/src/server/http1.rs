//! HTTP/1.1, as much as our clients need.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::{BODY, pause_for};

/// Answers until the client says that a request is the last one, and ends the connection then.
pub(super) async fn converse(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    pause: Duration,
) -> io::Result<()> {
    let mut unread = Vec::new();
    loop {
        let Some(request) = read(&mut stream, &mut unread).await? else {
            return Ok(());
        };
        pause_for(pause);
        stream.write_all(&answer(request.is_last)).await?;
        stream.flush().await?;
        if request.is_last {
            stream.shutdown().await?;
            // Until the client has closed as well, so that it is never reset.
            return tokio::io::copy(&mut stream, &mut tokio::io::sink())
                .await
                .map(drop);
        }
    }
}

struct Request {
    is_last: bool,
}

/// Reads a request to its end; absent is one that does not begin.
async fn read(
    stream: &mut (impl AsyncRead + Unpin),
    unread: &mut Vec<u8>,
) -> io::Result<Option<Request>> {
    let head_end = loop {
        match unread.windows(4).position(|four| four == b"\r\n\r\n") {
            Some(end) => break end + 4,
            None if stream.read_buf(unread).await? == 0 => return Ok(None),
            None => {}
        }
    };
    let head = String::from_utf8_lossy(&unread[..head_end]).to_ascii_lowercase();
    let field = |name: &str| {
        let mut lines = head.lines();
        lines
            .find_map(|line| line.strip_prefix(name))
            .map(str::trim)
    };
    let length: usize = field("content-length:")
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    let is_last = field("connection:") == Some("close");
    let end = head_end + length;
    while unread.len() < end {
        if stream.read_buf(unread).await? == 0 {
            return Ok(None);
        }
    }
    unread.drain(..end);
    Ok(Some(Request { is_last }))
}

fn answer(is_last: bool) -> Vec<u8> {
    let connection = if is_last { "Connection: close\r\n" } else { "" };
    let length = BODY.len();
    let head = format!("HTTP/1.1 200 OK\r\n{connection}Content-Length: {length}\r\n\r\n");
    [head.as_bytes(), BODY].concat()
}
