//! The race over real sockets.

use std::fmt::Write as _;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use httptrace::info::{Address, ConnectDone};
use httptrace::{Emitter, ErrorKind, EventError, Phase, StartGuard};
use tokio::net::TcpStream;

use super::connect::{self, event_error, kind_of};
use super::deadline::Deadline;
use super::happy_eyeballs::{HappyEyeballs, Step};
use super::socket::SocketIo;
use super::tcp;
use super::{DialConfig, Dialed, Stream, Target};
use crate::clock;
use crate::error::Error;

/// Connects to whichever of the addresses answers first.
pub(super) async fn connect(
    config: &DialConfig,
    target: &Target,
    addrs: &[SocketAddr],
    deadline: Deadline,
    emitter: &Emitter,
) -> Result<Dialed, Error> {
    let mut race = Race {
        options: tcp::Options::of(config),
        emitter,
        machine: HappyEyeballs::new(addrs, config.happy_eyeballs_delay),
        running: Vec::new(),
        started: 0,
        failures: Vec::new(),
    };
    match deadline.bound(race.run()).await {
        Ok(Some(stream)) => Ok(dialed(stream)),
        Ok(None) => Err(race.all_failed(target)),
        Err(_) => Err(race.timed_out(target, deadline)),
    }
}

struct Race<'a> {
    options: tcp::Options,
    emitter: &'a Emitter,
    machine: HappyEyeballs,
    running: Vec<Attempt>,
    started: u32,
    /// In the order in which they came.
    failures: Vec<Failure>,
}

/// A connect under way.
struct Attempt {
    addr: SocketAddr,
    number: u32,
    guard: StartGuard<ConnectDone>,
    connecting: Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send>>,
}

struct Failure {
    addr: SocketAddr,
    number: u32,
    error: Arc<io::Error>,
}

impl Race<'_> {
    /// Runs until one address has answered, or all have failed. The losers are dropped, which ends them as canceled.
    async fn run(&mut self) -> Option<TcpStream> {
        loop {
            match self.machine.next(clock::now()) {
                Step::Start(addr) => self.start(addr),
                Step::Wait(until) => {
                    if let Some((attempt, outcome)) = self.next_outcome(until).await {
                        if let Some(stream) = self.finish(attempt, outcome) {
                            self.running.clear();
                            return Some(stream);
                        }
                    }
                }
                Step::Done => return None,
            }
        }
    }

    fn start(&mut self, addr: SocketAddr) {
        let number = self.started;
        self.started += 1;
        self.running.push(Attempt {
            addr,
            number,
            guard: connect::start(self.emitter, &Address::Tcp(addr), number),
            connecting: Box::pin(tcp::connect(addr, self.options.clone())),
        });
    }

    /// Waits for the next connect to end; absent if `until` came first.
    async fn next_outcome(
        &mut self,
        until: Option<Instant>,
    ) -> Option<(Attempt, io::Result<TcpStream>)> {
        let outcome = poll_fn(|cx| self.poll_running(cx));
        match until {
            Some(until) => tokio::time::timeout_at(until.into(), outcome).await.ok(),
            None => Some(outcome.await),
        }
    }

    fn poll_running(&mut self, cx: &mut Context<'_>) -> Poll<(Attempt, io::Result<TcpStream>)> {
        for index in 0..self.running.len() {
            if let Poll::Ready(outcome) = self.running[index].connecting.as_mut().poll(cx) {
                return Poll::Ready((self.running.remove(index), outcome));
            }
        }
        Poll::Pending
    }

    fn finish(&mut self, attempt: Attempt, outcome: io::Result<TcpStream>) -> Option<TcpStream> {
        match outcome {
            Ok(stream) => {
                self.machine.succeeded();
                attempt.guard.done(|done| done);
                // Only now: the connection is made without them, and `ConnectDone` is to be close to its packet.
                self.options.set_on(&stream);
                Some(stream)
            }
            Err(error) => {
                self.machine.failed();
                let error = Arc::new(error);
                attempt
                    .guard
                    .done(|done| done.with_error(event_error(&error)));
                self.failures.push(Failure {
                    addr: attempt.addr,
                    number: attempt.number,
                    error,
                });
                None
            }
        }
    }

    /// The error of the address that was tried first, with what was tried as its message.
    fn all_failed(mut self, target: &Target) -> Error {
        self.failures.sort_by_key(|failure| failure.number);
        let mut message = format!("could not connect to {target}: ");
        match &self.failures[..] {
            // The address is the target, which is named already.
            [only] if only.addr.to_string() == target.host_port() => {
                message += &only.error.to_string();
            }
            _ => self.tell_failures(&mut message),
        }
        match self.failures.first() {
            Some(first) => Error::new(Phase::Connect, kind_of(&first.error), message)
                .with_shared_source(Arc::clone(&first.error) as _),
            None => Error::new(
                Phase::Connect,
                ErrorKind::Other,
                message + "no address to try",
            ),
        }
    }

    fn timed_out(mut self, target: &Target, deadline: Deadline) -> Error {
        let mut message = format!(
            "connecting to {target} timed out after {:?}: ",
            deadline.limit
        );
        self.failures.sort_by_key(|failure| failure.number);
        self.tell_failures(&mut message);
        for attempt in self.running {
            let separator = if message.ends_with(": ") { "" } else { ", " };
            // Writing to a string does not fail.
            let _ = write!(message, "{separator}{} (no answer)", attempt.addr);
            attempt.guard.done(|done| {
                let message = format!(
                    "no answer within the connect timeout of {:?}",
                    deadline.limit
                );
                done.with_error(EventError::new(ErrorKind::Timeout, message))
            });
        }
        Error::new(Phase::Connect, ErrorKind::Timeout, message)
    }

    fn tell_failures(&self, message: &mut String) {
        for (index, Failure { addr, error, .. }) in self.failures.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            // Writing to a string does not fail.
            let _ = write!(message, "{separator}{addr} ({error})");
        }
    }
}

fn dialed(stream: TcpStream) -> Dialed {
    let local = stream.local_addr().ok().map(Address::Tcp);
    let remote = stream.peer_addr().ok().map(Address::Tcp);
    let (io, probe) = SocketIo::new(stream);
    Dialed {
        stream: Stream::Tcp(io),
        probe: Some(probe),
        local,
        remote,
        alpn: None,
    }
}

#[cfg(test)]
mod tests;
