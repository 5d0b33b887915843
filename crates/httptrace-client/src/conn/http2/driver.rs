//! The task that drives a connection: reads and writes, asks whether the peer is there, and tells how it ended.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use h2::client::Connection;
use h2::{Ping, PingPong};
use httptrace::info::{CloseReason, Http2Code};
use httptrace::{ErrorKind, EventError};
use tokio::time::{Sleep, sleep_until};

use super::keep_alive::{KeepAlive, Step};
use super::{Http2, Settings, failure};
use crate::clock;
use crate::conn::{self, Dead};
use crate::wire::http2::Tap;

/// How long the peer is given to take our farewell.
const FAREWELL: Duration = Duration::from_secs(1);

/// Spawns the task, on the current runtime.
pub(super) fn spawn(mut connection: Connection<Tap, Bytes>, http2: Http2, settings: &Settings) {
    let pinger = settings.keep_alive_interval.and_then(|interval| {
        let keep_alive = KeepAlive::new(interval, settings.keep_alive_timeout, clock::now());
        let ping_pong = connection.ping_pong()?;
        Some(Pinger {
            keep_alive,
            ping_pong,
            sleep: Box::pin(sleep_until(clock::now().into())),
        })
    });
    let driver = Driver {
        connection: Some(connection),
        http2,
        pinger,
        farewell: None,
    };
    tokio::spawn(driver.run());
}

/// A connection that is being driven. Dropping it, with its runtime, ends the connection.
struct Driver {
    connection: Option<Connection<Tap, Bytes>>,
    http2: Http2,
    pinger: Option<Pinger>,
    /// Begins when nothing but our farewell, and the resets of streams that nobody asks for, are left to be written.
    farewell: Option<Pin<Box<Sleep>>>,
}

impl Driver {
    async fn run(mut self) {
        let dead = poll_fn(|cx| self.poll(cx)).await;
        self.end(dead);
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Dead> {
        let Some(connection) = &mut self.connection else {
            return Poll::Ready(Dead::because(CloseReason::Canceled));
        };
        let driven = Pin::new(connection).poll(cx);
        let turn = self.http2.0.watch.settle(cx);
        if turn.is_freed {
            self.http2.tell_pool();
        }
        if let Poll::Ready(ended) = driven {
            return Poll::Ready(self.dead(ended));
        }
        if turn.is_deaf {
            // What the codec still has to write cannot be answered.
            return Poll::Ready(self.dead(Ok(())));
        }
        if let Some(pinger) = &mut self.pinger {
            if pinger.poll(turn.is_heard, cx).is_ready() {
                return Poll::Ready(unanswered(pinger.keep_alive.timeout()));
            }
        }
        if turn.is_leaving {
            let farewell = self
                .farewell
                .get_or_insert_with(|| Box::pin(sleep_until((clock::now() + FAREWELL).into())));
            return farewell.as_mut().poll(cx).map(|()| self.dead(Ok(())));
        }
        Poll::Pending
    }

    /// Why the connection ended.
    fn dead(&self, ended: Result<(), h2::Error>) -> Dead {
        let shared = &self.http2.0;
        let retired = shared.retired.get();
        if let Some((reason, _)) = retired.filter(|_| shared.watch.is_unused()) {
            return Dead::because(*reason);
        }
        if let Err(error) = ended {
            return failure::dead(shared, &error);
        }
        if let Some(dead) = shared.lost.get() {
            return dead.clone();
        }
        match shared.watch.go_away() {
            Some(said) if said.code != Http2Code::NO_ERROR => Dead {
                reason: CloseReason::GoAway,
                error: Some(failure::go_away(&said).to_event()),
            },
            Some(_) => Dead::because(CloseReason::GoAway),
            None => Dead::because(CloseReason::PeerClosed),
        }
    }

    /// The connection is over: closes it, tells so, and lets its place be taken.
    fn end(&mut self, dead: Dead) {
        let shared = &self.http2.0;
        drop(self.connection.take());
        drop(self.http2.lock_sender().take());
        let retired = shared.retired.get();
        let noticed = retired.filter(|(reason, _)| *reason == dead.reason);
        let noticed = noticed.and_then(|(_, noticed)| *noticed);
        for emitter in shared.watch.end() {
            conn::tell_closed(&emitter, shared.id, dead.clone(), noticed);
        }
        shared.watch.ended();
        if let Some(pool) = shared.pool.upgrade() {
            pool.http2_retired(&self.http2);
            pool.http2_closed(&shared.key, shared.id);
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if self.connection.is_some() {
            let retired = self.http2.0.retired.get();
            let reason = retired.map_or(CloseReason::Canceled, |(reason, _)| *reason);
            self.end(Dead::because(reason));
        }
    }
}

/// Asks the peer from time to time whether it is there.
struct Pinger {
    keep_alive: KeepAlive,
    ping_pong: PingPong,
    sleep: Pin<Box<Sleep>>,
}

impl Pinger {
    /// Ready when the peer is given up.
    fn poll(&mut self, heard: bool, cx: &mut Context<'_>) -> Poll<()> {
        if heard {
            self.keep_alive.heard(clock::now());
        }
        // An answer counts as heard. What matters of it, the tap tells.
        let _ = self.ping_pong.poll_pong(cx);
        loop {
            match self.keep_alive.step(clock::now()) {
                Step::GiveUp => return Poll::Ready(()),
                Step::Ask => {
                    // Refused while the last one is unanswered, which then has its time.
                    let _ = self.ping_pong.send_ping(Ping::opaque());
                    self.keep_alive.asked(clock::now());
                }
                Step::Wait(None) => return Poll::Pending,
                Step::Wait(Some(until)) => {
                    self.sleep.as_mut().reset(until.into());
                    if self.sleep.as_mut().poll(cx).is_pending() {
                        return Poll::Pending;
                    }
                }
            }
        }
    }
}

fn unanswered(limit: Duration) -> Dead {
    let message = format!("the server did not answer a PING within {limit:?}");
    Dead {
        reason: CloseReason::PingTimeout,
        error: Some(EventError::new(ErrorKind::Timeout, message)),
    }
}
