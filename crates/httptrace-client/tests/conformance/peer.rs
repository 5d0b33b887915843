//! A scripted peer: on each connection, in the order of their acceptance, it does what a script says.

use std::future::pending;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::address::Addresses;
use crate::authority::Certificates;
use crate::events::text;
use crate::http2::{self, Gone, H2Handshake, Session};
use crate::proxy;
use crate::recording::{Line, Recorder, WIRE, line};
use crate::scenario::{PeerOp, PeerSpec};
use crate::signals::Signals;
use crate::wire::{self, Ending, Wire};

/// What all peers of a scenario share.
#[derive(Clone)]
pub(crate) struct Stage {
    pub(crate) recorder: Recorder,
    pub(crate) signals: Signals,
    pub(crate) certificates: Arc<Certificates>,
}

/// Starts a peer. It serves until its runtime is shut down.
pub(crate) fn serve(name: &str, spec: &PeerSpec, stage: &Stage) -> io::Result<()> {
    let addresses = Addresses::take(spec)?;
    stage.recorder.listens(name, addresses.port);
    let accepted = Arc::new(AtomicUsize::new(0));
    let scripts: Arc<[Vec<PeerOp>]> = spec.connections.iter().cloned().collect();
    let name: Arc<str> = name.into();
    let (listeners, silent) = addresses.split();
    tokio::spawn(async move {
        let _silent = silent;
        pending::<()>().await;
    });
    for listener in listeners {
        let (name, scripts) = (Arc::clone(&name), Arc::clone(&scripts));
        let (accepted, stage) = (Arc::clone(&accepted), stage.clone());
        tokio::spawn(accept(listener, name, scripts, accepted, stage));
    }
    Ok(())
}

async fn accept(
    listener: TcpListener,
    name: Arc<str>,
    scripts: Arc<[Vec<PeerOp>]>,
    accepted: Arc<AtomicUsize>,
    stage: Stage,
) {
    loop {
        let Ok((stream, client)) = listener.accept().await else {
            continue;
        };
        let number = accepted.fetch_add(1, Ordering::Relaxed);
        let client = client.to_string();
        stage.recorder.accepted(&client, &name);
        let Some(script) = scripts.get(number).cloned() else {
            stage
                .recorder
                .add(&client, WIRE, line!("unscripted_connection"));
            continue;
        };
        // Each write is a segment of its own, as the script says.
        let _ = stream.set_nodelay(true);
        let connection = Connection {
            stage: stage.clone(),
            client,
            wire: wire::plain(stream),
            http2: None,
            head: Head::default(),
        };
        tokio::spawn(connection.play(script));
    }
}

/// One accepted connection, and where its script stands.
struct Connection {
    stage: Stage,
    /// The client's address, under which the recorder knows it.
    client: String,
    /// `None` once it is closed, or HTTP/2 is spoken over it.
    wire: Wire,
    http2: Option<Session>,
    /// Of the request that was read last.
    head: Head,
}

/// The part of a request head that decides how its body is framed.
#[derive(Default)]
struct Head {
    length: u64,
    chunked: bool,
}

/// The client went away or the wire broke: the script goes no further.
struct Broken;

impl Connection {
    async fn play(mut self, script: Vec<PeerOp>) {
        match self.run(&script).await {
            // After its script a connection stays open, reads, and says nothing.
            Ok(()) if self.http2.is_some() => pending().await,
            Ok(()) if self.wire.is_some() => {
                let _ = self.discard().await;
                pending::<()>().await;
            }
            Ok(()) => {}
            // What is left of it is kept until the scenario is over.
            Err(Broken) => pending().await,
        }
    }

    async fn run(&mut self, script: &[PeerOp]) -> Result<(), Broken> {
        for op in script {
            Box::pin(self.step(op)).await?;
        }
        Ok(())
    }

    async fn step(&mut self, op: &PeerOp) -> Result<(), Broken> {
        match op {
            PeerOp::Request => {
                self.read_head().await?;
                self.read_body().await?;
            }
            PeerOp::Head => self.read_head().await?,
            PeerOp::Body => self.read_body().await?,
            PeerOp::Bytes(count) => {
                let read = self.take(*count).await;
                self.still("bytes", read)?;
            }
            PeerOp::Eof => {
                // A reset is as good a close as any.
                match &self.http2 {
                    Some(session) => session.gone().await,
                    None => drop(self.discard().await),
                }
                self.record(line!("client_closed"));
            }
            PeerOp::Send(text) => {
                let bytes = text.written_out(|text| self.stage.recorder.filled(text));
                self.send(bytes).await?;
            }
            PeerOp::Tls(tls) => {
                let config = self.stage.certificates.server(tls.certificate());
                let alpn = tls.alpn();
                match wire::start_tls(self.wire.take(), config, alpn).await {
                    Ok(session) => self.wire = session,
                    Err(_) => {
                        self.record(line!("handshake_failed"));
                        return Err(Broken);
                    }
                }
            }
            PeerOp::Tunnel(peer) => {
                let port = self.stage.recorder.filled(&format!("${{{peer}}}"));
                let port = port.parse().expect("a tunnel leads to a peer");
                proxy::tunnel(self.wire.take(), port).await;
            }
            PeerOp::SocksGreeting => {
                let read = proxy::socks_greeting(&mut self.wire).await;
                self.record(self.still("socks_greeting", read)?);
            }
            PeerOp::SocksLogin => {
                let read = proxy::socks_login(&mut self.wire).await;
                self.record(self.still("socks_login", read)?);
            }
            PeerOp::SocksRequest => {
                let read = proxy::socks_request(&mut self.wire).await;
                self.record(self.still("socks_request", read)?);
            }
            PeerOp::Wait(signal) => self.stage.signals.wait(signal).await,
            PeerOp::Set(signal) => self.stage.signals.set(signal),
            PeerOp::DelayMs(ms) => tokio::time::sleep(Duration::from_millis(*ms)).await,
            PeerOp::Times(times) => {
                for _ in 0..times.count {
                    self.run(&times.r#do).await?;
                }
            }
            PeerOp::H2 => self.start_http2(&H2Handshake::default()).await?,
            PeerOp::H2Handshake(spec) => self.start_http2(spec).await?,
            PeerOp::HalfClose => self.end(Ending::HalfClose).await,
            PeerOp::Close => self.end(Ending::Close).await,
            PeerOp::Cut => self.end(Ending::Cut).await,
            PeerOp::Reset => self.end(Ending::Reset).await,
            PeerOp::Http2(op) => {
                let session = self.http2.as_ref();
                let session = session.expect("a scenario speaks HTTP/2 after h2");
                match http2::step(session, op, &self.stage.recorder).await {
                    Ok(told) => told.into_iter().for_each(|line| self.record(line)),
                    Err(Gone) => {
                        return op
                            .awaited()
                            .map_or(Err(Broken), |what| self.left_during(what));
                    }
                }
            }
        }
        Ok(())
    }

    /// Reads a request head and records it as it came over the wire.
    async fn read_head(&mut self) -> Result<(), Broken> {
        let line = self.line("head").await?;
        let headers = self.fields("head").await?;
        self.head = Head::default();
        for header in &headers {
            let (name, value) = header.split_once(':').unwrap_or((header, ""));
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "content-length" => self.head.length = value.parse().unwrap_or(0),
                "transfer-encoding" => self.head.chunked = value.eq_ignore_ascii_case("chunked"),
                _ => {}
            }
        }
        self.record(line!("request_head", "line": line, "headers": headers));
        Ok(())
    }

    /// Reads what the last head announced; a request without a body records nothing.
    async fn read_body(&mut self) -> Result<(), Broken> {
        let mut body = Vec::new();
        let mut trailers = Vec::new();
        if self.head.chunked {
            loop {
                let size = self.line("body").await?;
                let length = u64::from_str_radix(&size, 16).unwrap_or(0);
                if length == 0 {
                    break;
                }
                let chunk = self.take(length).await;
                body.extend(self.still("body", chunk)?);
                self.line("body").await?;
            }
            trailers = self.fields("head").await?;
        } else if self.head.length > 0 {
            let read = self.take(self.head.length).await;
            body = self.still("body", read)?;
        } else {
            return Ok(());
        }
        let mut line = line!("request_body", "trailers": trailers);
        line.extend(content(&body));
        self.record(line);
        Ok(())
    }

    async fn fields(&mut self, during: &str) -> Result<Vec<String>, Broken> {
        let mut fields = Vec::new();
        loop {
            let line = self.line(during).await?;
            if line.is_empty() {
                return Ok(fields);
            }
            fields.push(line);
        }
    }

    /// A line without its end.
    async fn line(&mut self, during: &str) -> Result<String, Broken> {
        let mut line = Vec::new();
        let read = match &mut self.wire {
            Some(stream) => stream.read_until(b'\n', &mut line).await,
            None => Err(io::ErrorKind::NotConnected.into()),
        };
        let read = read.and_then(|_| match line.ends_with(b"\n") {
            true => Ok(()),
            false => Err(io::ErrorKind::UnexpectedEof.into()),
        });
        self.still(during, read)?;
        Ok(text(&line).trim_end_matches(['\r', '\n']).to_owned())
    }

    async fn take(&mut self, count: u64) -> io::Result<Vec<u8>> {
        let stream = self.wire.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        let mut bytes = Vec::new();
        let read = stream.take(count).read_to_end(&mut bytes).await?;
        match read as u64 == count {
            true => Ok(bytes),
            false => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    async fn discard(&mut self) -> io::Result<()> {
        let stream = self.wire.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        tokio::io::copy_buf(stream, &mut tokio::io::sink()).await?;
        Ok(())
    }

    async fn send(&mut self, bytes: Vec<u8>) -> Result<(), Broken> {
        if let Some(session) = &self.http2 {
            return session.write(bytes).await.map_err(|Gone| Broken);
        }
        let stream = self.wire.as_mut().ok_or(Broken)?;
        let written = stream.write_all(&bytes).await;
        written.map_err(|_| Broken)?;
        stream.flush().await.map_err(|_| Broken)
    }

    async fn start_http2(&mut self, spec: &H2Handshake) -> Result<(), Broken> {
        match http2::start(self.wire.take(), spec).await {
            Ok(session) => self.http2 = Some(session),
            Err(Gone) => return self.left_during("h2"),
        }
        Ok(())
    }

    async fn end(&mut self, how: Ending) {
        match &self.http2 {
            Some(session) => session.end(how).await,
            None => wire::end(&mut self.wire, how).await,
        }
    }

    /// Notes a client that went away while the script wanted more of it.
    fn still<T>(&self, during: &str, read: io::Result<T>) -> Result<T, Broken> {
        read.or_else(|_| self.left_during(during))
    }

    fn left_during<T>(&self, during: &str) -> Result<T, Broken> {
        self.record(line!("client_closed", "during": during));
        Err(Broken)
    }

    fn record(&self, line: Line) {
        self.stage.recorder.add(&self.client, WIRE, line);
    }
}

/// Describes a body: its length, and itself when it is short.
pub(crate) fn content(body: &[u8]) -> Vec<(String, Value)> {
    let mut fields = vec![("bytes".to_owned(), body.len().into())];
    if body.len() <= 64 {
        fields.push(("body".to_owned(), text(body).into()));
    }
    fields
}
