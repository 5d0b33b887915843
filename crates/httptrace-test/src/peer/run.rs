//! Playing a script on a connection.

use std::io;
use std::sync::Arc;

use rustls::ServerConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use super::http2::{self, End};
use super::record::{ClientEnd, Head, Io, TlsReport};
use super::script::{Script, Step};
use super::stage::{Progress, Stage, now};
use super::wire::Wire;

/// Plays a script to its end and tells the stage how it went.
pub(super) async fn play(wire: Box<dyn Wire>, script: Script, stage: Arc<Stage>, index: usize) {
    let mut player = Player {
        wire: Some(wire),
        unread: Vec::new(),
        may_leave: false,
        stage: stage.clone(),
        index,
    };
    let ended = match player.steps(&script).await {
        Ok(()) => player.hold_open().await,
        Err(stop) => Err(stop),
    };
    let progress = match ended {
        Ok(()) | Err(Stop::Closed) => Progress::Settled,
        Err(Stop::ClientLeft(_)) if player.may_leave => Progress::Settled,
        Err(Stop::ClientLeft(why) | Stop::Failed(why)) => Progress::Failed(why),
    };
    drop(player);
    stage.set_progress(index, progress);
}

/// Why a script goes no further.
pub(super) enum Stop {
    /// The script itself closed the connection.
    Closed,
    /// The client went away while the script wanted something of it.
    ClientLeft(String),
    /// The client did something else than the script says.
    Failed(String),
}

struct Player {
    /// Absent once it is closed.
    wire: Option<Box<dyn Wire>>,
    /// Read from the wire but not yet asked for by a step.
    unread: Vec<u8>,
    may_leave: bool,
    stage: Arc<Stage>,
    index: usize,
}

impl Player {
    async fn steps(&mut self, script: &Script) -> Result<(), Stop> {
        for (number, step) in script.steps.iter().enumerate() {
            let of = script.steps.len();
            let place = format!("step {} of {of}, {step:?}", number + 1);
            let progress = Progress::At(place.clone());
            self.stage.set_progress(self.index, progress);
            let taken = Box::pin(self.step(step)).await;
            taken.map_err(|stop| match stop {
                Stop::Closed => Stop::Closed,
                Stop::ClientLeft(why) => Stop::ClientLeft(format!("{place}: {why}")),
                Stop::Failed(why) => Stop::Failed(format!("{place}: {why}")),
            })?;
        }
        Ok(())
    }

    async fn step(&mut self, step: &Step) -> Result<(), Stop> {
        match step {
            Step::ExpectHead => self.expect_head().await,
            Step::ExpectBody(bytes) => {
                let body = self.take(*bytes).await?;
                self.record_body(body);
                Ok(())
            }
            Step::ExpectChunkedBody => self.expect_chunked_body().await,
            Step::ExpectBytes(bytes) => self.expect_bytes(bytes).await,
            Step::Send { pieces, pause } => {
                for (number, piece) in pieces.iter().enumerate() {
                    if number > 0 && !pause.is_zero() {
                        tokio::time::sleep(*pause).await;
                    }
                    self.send(piece).await?;
                }
                Ok(())
            }
            Step::Delay(delay) => {
                tokio::time::sleep(*delay).await;
                Ok(())
            }
            Step::WaitFor(signal) => {
                self.stage.signals.wait_for(signal).await;
                Ok(())
            }
            Step::Raise(signal) => {
                self.stage.signals.raise(signal);
                Ok(())
            }
            Step::StartTls(config) => self.start_tls(config.clone()).await,
            Step::HalfClose => self.shut_down().await,
            Step::Close => {
                self.shut_down().await?;
                Err(self.closed())
            }
            Step::Cut => Err(self.closed()),
            Step::Reset => {
                self.wire().close_by_reset();
                Err(self.closed())
            }
            Step::HoldOpen => {
                self.hold_open().await?;
                Err(self.closed())
            }
            Step::Swallow => self.swallow().await,
            Step::ClientMayLeave => {
                self.may_leave = true;
                Ok(())
            }
            Step::Repeat(round) => self.repeat(round).await,
            Step::Http2(script) => self.http2(script).await,
            Step::ServeHttp2(service) => self.serve_http2(service).await,
        }
    }

    async fn http2(&mut self, script: &http2::Script) -> Result<(), Stop> {
        // unwrap is ok because a step only runs on an open connection.
        let wire = self.wire.take().unwrap();
        let unread = std::mem::take(&mut self.unread);
        let ended = http2::play(wire, unread, script, self.stage.clone(), self.index).await?;
        let Some((wire, end)) = ended else {
            return Err(self.closed());
        };
        self.wire = Some(wire);
        match end {
            End::Close => self.shut_down().await?,
            End::Cut => {}
            End::Reset => self.wire().close_by_reset(),
        }
        Err(self.closed())
    }

    async fn serve_http2(&mut self, service: &http2::Service) -> Result<(), Stop> {
        self.stage.set_progress(self.index, Progress::Settled);
        // unwrap is ok because a step only runs on an open connection.
        let wire = self.wire.take().unwrap();
        let served = http2::serve(wire, service, self.stage.clone(), self.index).await;
        served.map_err(Stop::ClientLeft)?;
        Err(self.closed())
    }

    async fn expect_head(&mut self) -> Result<(), Stop> {
        let end = loop {
            match find(&self.unread, b"\r\n\r\n") {
                Some(start) => break start + 4,
                None => self.need_more().await?,
            }
        };
        let head: Vec<u8> = self.unread.drain(..end).collect();
        let text = String::from_utf8_lossy(&head).into_owned();
        let head = Head { at: now(), text };
        self.record(|report| report.heads.push(head));
        Ok(())
    }

    async fn expect_bytes(&mut self, expected: &[u8]) -> Result<(), Stop> {
        let found = self.take(expected.len()).await?;
        if found == expected {
            return Ok(());
        }
        let found = found.escape_ascii();
        Err(Stop::Failed(format!("the client sent \"{found}\"")))
    }

    async fn expect_chunked_body(&mut self) -> Result<(), Stop> {
        let mut body = Vec::new();
        loop {
            let line = self.take_line().await?;
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16)
                .map_err(|_| Stop::Failed(format!("{line:?} is no chunk size")))?;
            if size == 0 {
                break;
            }
            body.extend(self.take(size).await?);
            let end = self.take(2).await?;
            if end != b"\r\n" {
                let end = end.escape_ascii();
                return Err(Stop::Failed(format!("a chunk ends in \"{end}\"")));
            }
        }
        // Trailer fields, to the empty line.
        while !self.take_line().await?.is_empty() {}
        self.record_body(body);
        Ok(())
    }

    async fn start_tls(&mut self, config: Arc<ServerConfig>) -> Result<(), Stop> {
        if !self.unread.is_empty() {
            let unread = self.unread.escape_ascii();
            return Err(Stop::Failed(format!("unexpected before TLS: \"{unread}\"")));
        }
        // unwrap is ok because a step only runs on an open connection.
        let inner = self.wire.take().unwrap();
        let begun = now();
        let accepted = TlsAcceptor::from(config).accept(inner).await;
        let stream = accepted.map_err(|error| Stop::ClientLeft(error.to_string()))?;
        let session = stream.get_ref().1;
        let alpn = session.alpn_protocol();
        let report = TlsReport {
            begun,
            at: now(),
            server_name: session.server_name().map(str::to_owned),
            alpn: alpn.map(|name| String::from_utf8_lossy(name).into_owned()),
            client_certificates: session.peer_certificates().map_or(0, <[_]>::len),
        };
        self.record(|conn| conn.tls.push(report));
        self.wire = Some(Box::new(stream));
        Ok(())
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        let begun = now();
        let wire = self.wire();
        let sent = match wire.write_all(bytes).await {
            Ok(()) => wire.flush().await,
            Err(error) => Err(error),
        };
        sent.map_err(|error| Stop::ClientLeft(format!("could not send: {error}")))?;
        let at = now();
        let bytes = bytes.to_vec();
        self.record(|report| report.writes.push(Io { begun, at, bytes }));
        Ok(())
    }

    async fn shut_down(&mut self) -> Result<(), Stop> {
        match self.wire().shutdown().await {
            Ok(()) => Ok(()),
            // The client was faster: closed is closed.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            Err(error) => Err(Stop::ClientLeft(format!("could not close: {error}"))),
        }
    }

    /// Waits for the client to close, which it may do at any time or never.
    async fn hold_open(&mut self) -> Result<(), Stop> {
        self.stage.set_progress(self.index, Progress::Settled);
        if self.unread.is_empty() && self.read_more().await == 0 {
            return Ok(());
        }
        let unread = self.unread.escape_ascii();
        Err(Stop::Failed(format!(
            "unexpected from the client: \"{unread}\""
        )))
    }

    async fn swallow(&mut self) -> Result<(), Stop> {
        self.stage.set_progress(self.index, Progress::Settled);
        while self.read_more().await > 0 {}
        Err(self.closed())
    }

    async fn repeat(&mut self, round: &Script) -> Result<(), Stop> {
        loop {
            self.stage.set_progress(self.index, Progress::Settled);
            if self.unread.is_empty() && self.read_more().await == 0 {
                return Err(self.closed());
            }
            self.steps(round).await?;
        }
    }

    async fn take(&mut self, bytes: usize) -> Result<Vec<u8>, Stop> {
        while self.unread.len() < bytes {
            self.need_more().await?;
        }
        Ok(self.unread.drain(..bytes).collect())
    }

    /// A line without its CRLF.
    async fn take_line(&mut self) -> Result<String, Stop> {
        let end = loop {
            match find(&self.unread, b"\r\n") {
                Some(end) => break end,
                None => self.need_more().await?,
            }
        };
        let line: Vec<u8> = self.unread.drain(..end + 2).collect();
        Ok(String::from_utf8_lossy(&line[..end]).into_owned())
    }

    async fn need_more(&mut self) -> Result<(), Stop> {
        if self.read_more().await > 0 {
            return Ok(());
        }
        let so_far = self.unread.escape_ascii();
        Err(Stop::ClientLeft(format!(
            "the client closed after \"{so_far}\""
        )))
    }

    /// Reads once. 0 means that the client has ended the connection, which is recorded.
    async fn read_more(&mut self) -> usize {
        let mut buffer = vec![0; 16 * 1024];
        let begun = now();
        let read = self.wire().read(&mut buffer).await;
        let at = now();
        let end = match read {
            Ok(0) => ClientEnd::Fin,
            Ok(count) => {
                buffer.truncate(count);
                self.unread.extend_from_slice(&buffer);
                let bytes = buffer;
                self.record(|report| report.reads.push(Io { begun, at, bytes }));
                return count;
            }
            Err(_) => ClientEnd::Reset,
        };
        self.record(|report| {
            report.client_end.get_or_insert((at, end));
        });
        0
    }

    fn record_body(&self, body: Vec<u8>) {
        self.record(|report| report.bodies.push(body));
    }

    fn record(&self, note: impl FnOnce(&mut super::record::ConnReport)) {
        self.stage.record(self.index, note);
    }

    fn closed(&mut self) -> Stop {
        self.wire = None;
        let at = now();
        self.record(|report| {
            if report.client_end.is_none() {
                report.closed_at = Some(at);
            }
        });
        Stop::Closed
    }

    /// The wire. A script's steps end when it is closed.
    fn wire(&mut self) -> &mut Box<dyn Wire> {
        // unwrap is ok because every step that takes it away ends the script.
        self.wire.as_mut().unwrap()
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
