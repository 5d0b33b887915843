//! What the server of the tour answers to which path in HTTP/1.1.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::sleep;

use super::HOST;

/// How long an ordinary answer is thought about.
pub(super) const THINK: Duration = Duration::from_millis(40);

/// The size of `/big`.
const BIG: usize = 8_000_000;

/// The head of a request, as far as the script needs it.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) path: String,
    pub(super) content_length: u64,
}

impl Request {
    pub(super) fn parse(head: &str) -> Option<Self> {
        let (line, fields) = head.split_once("\r\n")?;
        let mut lengths = fields.lines().filter_map(|field| {
            let (name, value) = field.split_once(':')?;
            let is_length = name.eq_ignore_ascii_case("content-length");
            is_length.then(|| value.trim().parse().ok()).flatten()
        });
        Some(Self {
            path: line.split(' ').nth(1)?.to_owned(),
            content_length: lengths.next().unwrap_or(0),
        })
    }
}

/// What becomes of the connection.
pub(super) enum Next {
    KeepAlive,
    Close,
}

/// Answers one request. `served` counts those before it on the same connection.
pub(super) async fn answer(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    request: &Request,
    served: usize,
    https_port: u16,
) -> io::Result<Next> {
    match request.path.as_str() {
        "/old" => redirect(stream, https_port).await?,
        "/hints" => early_hints(stream).await?,
        "/slow" => slow(stream).await?,
        // As if the server had just decided that the connection was idle for long enough.
        "/stale" if served > 0 => return Ok(Next::Close),
        "/big" => big(stream).await?,
        "/upload" => upload(stream, request.content_length).await?,
        "/ask" => asked(stream, request.content_length).await?,
        _ => page(stream).await?,
    }
    Ok(Next::KeepAlive)
}

async fn page(stream: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    sleep(THINK).await;
    respond(stream, "200 OK", "content-type: text/html\r\n", PAGE).await
}

pub(super) const PAGE: &[u8] =
    b"<!doctype html><title>demo</title><p>You have traced a request.</p>\n";

async fn redirect(stream: &mut (impl AsyncWrite + Unpin), https_port: u16) -> io::Result<()> {
    sleep(THINK / 4).await;
    let location = format!("location: https://{HOST}:{https_port}/new\r\n");
    respond(stream, "301 Moved Permanently", &location, b"").await
}

async fn early_hints(stream: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    sleep(THINK / 2).await;
    let hints = b"HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload; as=style\r\n\r\n";
    write(stream, hints).await?;
    sleep(3 * THINK).await;
    respond(stream, "200 OK", "content-type: text/html\r\n", PAGE).await
}

/// Thinks for long, then sends a chunk now and then.
async fn slow(stream: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    sleep(Duration::from_millis(250)).await;
    write(
        stream,
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
    )
    .await?;
    for _ in 0..5 {
        sleep(Duration::from_millis(25)).await;
        write(stream, b"10\r\nslowly does it.\n\r\n").await?;
    }
    write(stream, b"0\r\n\r\n").await
}

async fn big(stream: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    sleep(THINK / 4).await;
    respond(stream, "200 OK", "", &vec![b'.'; BIG]).await
}

/// Is slow to read what is sent to it.
async fn upload(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    mut left: u64,
) -> io::Result<()> {
    let mut piece = vec![0; 400_000];
    while left > 0 {
        sleep(Duration::from_millis(10)).await;
        let most = usize::try_from(left).map_or(piece.len(), |left| left.min(piece.len()));
        stream.read_exact(&mut piece[..most]).await?;
        left -= most as u64;
    }
    sleep(THINK / 2).await;
    respond(stream, "204 No Content", "", b"").await
}

/// Thinks about whether it wants the upload, and does.
async fn asked(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), length: u64) -> io::Result<()> {
    sleep(2 * THINK).await;
    write(stream, b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    upload(stream, length).await
}

async fn respond(
    stream: &mut (impl AsyncWrite + Unpin),
    status: &str,
    fields: &str,
    body: &[u8],
) -> io::Result<()> {
    // RFC 9110 section 8.6: no Content-Length in a 204.
    let length = match status.starts_with("204") {
        true => String::new(),
        false => format!("content-length: {}\r\n", body.len()),
    };
    let head = format!("HTTP/1.1 {status}\r\n{fields}{length}\r\n");
    stream.write_all(head.as_bytes()).await?;
    write(stream, body).await
}

async fn write(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes).await?;
    stream.flush().await
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn answered(path: &str, served: usize, body: &[u8]) -> (String, bool) {
        let request = Request {
            path: path.to_owned(),
            content_length: body.len() as u64,
        };
        let (mut near, mut far) = tokio::io::duplex(BIG + 1024);
        far.write_all(body).await.unwrap();
        let next = answer(&mut near, &request, served, 8443).await.unwrap();
        drop(near);
        let mut written = Vec::new();
        far.read_to_end(&mut written).await.unwrap();
        let keeps = matches!(next, Next::KeepAlive);
        (String::from_utf8(written).unwrap(), keeps)
    }

    #[tokio::test]
    async fn the_old_page_leads_to_https() {
        let (text, _) = answered("/old", 0, b"").await;
        assert!(text.starts_with("HTTP/1.1 301 "), "{text}");
        assert!(
            text.contains("\r\nlocation: https://demo.test:8443/new\r\n"),
            "{text}"
        );
    }

    #[tokio::test]
    async fn hints_come_before_the_answer() {
        let (text, _) = answered("/hints", 0, b"").await;
        assert!(
            text.starts_with("HTTP/1.1 103 Early Hints\r\nlink: "),
            "{text}"
        );
        assert!(text.contains("\r\n\r\nHTTP/1.1 200 OK\r\n"), "{text}");
    }

    #[tokio::test]
    async fn a_connection_is_stale_only_if_it_was_used_before() {
        assert_eq!(answered("/stale", 1, b"").await, (String::new(), false));
        let (text, keeps) = answered("/stale", 0, b"").await;
        assert!(text.starts_with("HTTP/1.1 200 OK"), "{text}");
        assert!(keeps);
    }

    #[tokio::test]
    async fn an_upload_is_read_to_its_end_and_has_no_content_in_return() {
        let (text, keeps) = answered("/upload", 0, &[b'x'; 300_000]).await;
        assert_eq!(text, "HTTP/1.1 204 No Content\r\n\r\n");
        assert!(keeps);
    }

    #[tokio::test]
    async fn an_upload_that_asks_is_told_to_continue_before_its_answer() {
        let (text, keeps) = answered("/ask", 0, b"body").await;
        let both = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
        assert_eq!(text, both);
        assert!(keeps);
    }

    #[tokio::test]
    async fn the_big_body_is_as_long_as_announced() {
        let (text, _) = answered("/big", 0, b"").await;
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.ends_with(&format!("content-length: {BIG}")), "{head}");
        assert_eq!(body.len(), BIG);
    }
}
